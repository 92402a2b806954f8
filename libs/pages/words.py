"""Knows the words of the pages: Chinese is written in place, English stands beside it in words.en.po.

``t("{n} 个工作日", n=2)`` gives "2 个工作日" or "2 working days". The Chinese text is the key, so that a
template reads as it will look. ``python -m libs.pages services/intake/pages`` brings that folder's
words.en.po up to date.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract
from markupsafe import Markup

DEFAULT = "zh"
LANGUAGES = ("zh", "en")
HTML_LANG = {"zh": "zh-CN", "en": "en"}
FILE = "words.en.po"
KEYWORDS = {"t": None, "mark": None}
_OPTIONS = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}


def mark(text: str) -> str:
    """The text itself, marked so that Python code may name words which a template will put through ``t``."""
    return text


class Words:
    """The words of one language: several files, the later one winning."""

    def __init__(self, language: str, folders: list[Path]) -> None:
        self.language = language
        self._texts: dict[str, tuple[str, str]] = {}
        if language != DEFAULT:
            for folder in folders:
                self._texts.update(_read(folder / FILE))

    def t(self, text: str, **values: Any) -> str:
        """``text`` in this language with ``{name}`` filled in; ``n`` chooses singular or plural.

        A value that is Markup stays markup, every other value is escaped then. A text without a translation
        is shown as it is written.
        """
        one, many = self._texts.get(text, (text, text))
        chosen = one if values.get("n") == 1 else many
        if not values:
            return chosen
        if any(hasattr(value, "__html__") for value in values.values()):
            return Markup(chosen).format(**values)
        return chosen.format(**values)


def _read(path: Path) -> Iterator[tuple[str, tuple[str, str]]]:
    if not path.exists():
        return
    with path.open("rb") as file:
        for message in read_po(file, locale="en"):
            if not message.id or not message.string:
                continue
            key = message.id[0] if isinstance(message.id, tuple | list) else message.id
            both = message.string if isinstance(message.string, tuple | list) else (message.string,) * 2
            if both[0]:
                yield key, (both[0], both[-1] or both[0])


def _in_template(file: BinaryIO, keywords: Any, tags: Any, options: Mapping[str, str]) -> Any:
    return babel_extract(file, keywords, tags, {**_OPTIONS, **options})


def texts_of(folder: Path) -> dict[str, list[str]]:
    """Every text that a folder's templates and Python files put through ``t`` or ``mark``: text → places."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".html", ".py") or not path.is_file():
            continue
        method: Any = "python" if path.suffix == ".py" else _in_template
        with path.open("rb") as file:
            found_here = extract(method, file, keywords=KEYWORDS, options={"encoding": "utf-8"})
            for line, message, _, _ in found_here:
                text = message[0] if isinstance(message, tuple) else message
                if text:
                    found.setdefault(text, []).append(f"{path.relative_to(folder)}:{line}")
    return found


def missing(folder: Path) -> list[str]:
    """Texts of the folder that have no English yet."""
    known = dict(_read(folder / FILE))
    kit = dict(_read(Path(__file__).parent / FILE))
    return [text for text in texts_of(folder) if text not in known and text not in kit]


def sync(folder: Path) -> list[str]:
    """Write the folder's words file anew, keeping translations; returns the texts that have none."""
    path = folder / FILE
    old = Catalog(locale="en")
    if path.exists():
        with path.open("rb") as file:
            old = read_po(file, locale="en")
    own = Path(__file__).parent
    kit = set() if folder.resolve() == own else set(dict(_read(own / FILE)))
    fresh = Catalog(locale="en", charset="utf-8", fuzzy=False)
    for text in texts_of(folder):
        before = old.get(text)
        if text in kit and not (before and before.string):
            continue
        counted = before is not None and isinstance(before.id, tuple | list)
        key = before.id if before is not None and counted else ((text, text) if "{n}" in text else text)
        fresh.add(key, before.string if before is not None and before.string else None)
    with path.open("wb") as file:
        write_po(file, fresh, width=0, omit_header=True, sort_output=False)
    return missing(folder)
