"""The walls as functions: each looks at a tree and names what breaks it, and how many files it looked at."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

SERVICES = ("intake", "review", "fee", "disclosure", "supervision")
ROOMS = (
    "domain",
    "messages",
    "handlers",
    "api",
    "consumers",
    "timers",
    "pages",
    "storage",
    "settings",
    "app",
)
FORBIDDEN_NAMES = frozenset(
    {"utils", "common", "core", "base", "helpers", "manager", "misc", "shared", "service"}
)
MOST_LINES, MOST_FUNCTION_LINES = 300, 40
OUTSIDE = frozenset(
    {
        ".venv",
        ".run",
        ".compose",
        ".git",
        "node_modules",
        "__pycache__",
        ".mypy_cache",
        ".ruff_cache",
        ".hypothesis",
    }
)
# What a pure rule may not touch: databases, brokers, HTTP, files of its own, clocks, tasks.
IMPURE = ("sqlalchemy", "fastapi", "starlette", "faststream", "aio_pika", "httpx", "asyncpg", "asyncio", "libs.work",
          "libs.http", "libs.records", "libs.clock", "libs.database")  # fmt: skip
# The watcher shares no code with the watched; the audit shares none with anybody.
WATCHERS = {
    "services/supervision": ("libs.deadlines", "services.fee", "services.intake", "services.review"),
    "deploy/audit": ("libs.deadlines", "libs.money", "libs.work", "services"),
}
COMMITS_AND_PUBLISHES = frozenset({"commit", "rollback", "publish", "begin", "basic_publish"})
MACHINE = re.compile(r"(?<![\w.])/(?:work|home|root|Users)/|https?://[^\s\"')]+/(?:simple|packages)/")


@dataclass
class Found:
    """What a wall saw: how many files, and what breaks it."""

    files: int = 0
    breaches: list[str] = field(default_factory=list)


Wall = Callable[[Path], Found]


def python_files(root: Path, *below: str) -> Iterator[Path]:
    """Python files below these folders (all of them for none given), environments left out."""
    for start in [root / each for each in below] or [root]:
        for path in sorted(start.rglob("*.py")) if start.is_dir() else []:
            if not OUTSIDE & set(path.relative_to(root).parts):
                yield path


def _tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> set[str]:
    """Every module a file names in an import, `from x import y` as both x and x.y."""
    found: set[str] = set()
    for node in ast.walk(_tree(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _reaches(imported: set[str], forbidden: str) -> bool:
    return any(name == forbidden or name.startswith(f"{forbidden}.") for name in imported)


def _each(root: Path, paths: Iterator[Path], judge: Callable[[Path], list[str]]) -> Found:
    found = Found()
    for path in paths:
        found.files += 1
        found.breaches += [f"{path.relative_to(root)}: {why}" for why in judge(path)]
    return found


def same_rooms(root: Path) -> Found:
    """Every service has the same rooms, as a module or a package, and a first migration."""
    found = Found()
    for service in SERVICES:
        house = root / "services" / service
        found.files += 1
        for room in ROOMS:
            if not (house / f"{room}.py").exists() and not (house / room / "__init__.py").exists():
                found.breaches.append(f"services/{service} has no {room}")
        if not list((house / "migrations" / "versions").glob("0001_*.py")):
            found.breaches.append(f"services/{service} has no first migration")
    return found


def no_neighbours(root: Path) -> Found:
    """No service imports another; libs import no service and nothing of deploy; services nothing of deploy."""

    def judge(path: Path) -> list[str]:
        parts = path.relative_to(root).parts
        imported = imports(path)
        foreign = [f"services.{name}" for name in SERVICES if parts[0] == "libs" or name != parts[1]]
        return [f"imports {name}" for name in [*foreign, "deploy", "tests"] if _reaches(imported, name)]

    return _each(root, python_files(root, "libs", "services"), judge)


def watchers_apart(root: Path) -> Found:
    """Supervision and the audit recompute with code of their own."""
    found = Found()
    for place, forbidden in WATCHERS.items():

        def judge(path: Path, forbidden: tuple[str, ...] = forbidden) -> list[str]:
            return [f"imports {name}" for name in forbidden if _reaches(imports(path), name)]

        part = _each(root, python_files(root, place), judge)
        found.files += part.files
        found.breaches += part.breaches
    return found


def pure_domain(root: Path) -> Found:
    """Rules are pure: a domain imports no database, broker, HTTP, task or clock."""
    places = [f"services/{service}/domain" for service in SERVICES]
    modules = [root / "services" / service / "domain.py" for service in SERVICES]
    paths = iter([*python_files(root, *places), *(path for path in modules if path.exists())])
    return _each(
        root, paths, lambda path: [f"imports {name}" for name in IMPURE if _reaches(imports(path), name)]
    )


def _in_room(root: Path, room: str) -> Iterator[Path]:
    for path in python_files(root, "services"):
        parts = path.relative_to(root).parts
        if len(parts) > 2 and parts[2].removesuffix(".py") == room:
            yield path


def handlers_only_stage(root: Path) -> Found:
    """Handlers change records and say events; they never commit, publish or call HTTP."""

    def judge(path: Path) -> list[str]:
        calls = {
            node.func.attr
            for node in ast.walk(_tree(path))
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        called = [f"calls {name}()" for name in sorted(calls & COMMITS_AND_PUBLISHES)]
        return called + [
            f"imports {name}" for name in ("httpx", "faststream", "aio_pika") if _reaches(imports(path), name)
        ]

    return _each(root, _in_room(root, "handlers"), judge)


def sql_in_storage(root: Path) -> Found:
    """SQL is written in storage and migrations only."""

    def judge(path: Path) -> list[str]:
        parts = path.relative_to(root).parts
        if parts[2].removesuffix(".py") in ("storage", "migrations"):
            return []
        text = path.read_text(encoding="utf-8")
        shouted = re.findall(
            r"\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\s+[\w*(]+.*\b(?:FROM|SET|VALUES|WHERE)\b", text
        )
        return [f"SQL: {line[:60]}" for line in shouted]

    paths = (path for path in python_files(root, "services") if len(path.relative_to(root).parts) > 2)
    return _each(root, paths, judge)


def sizes(root: Path) -> Found:
    """A file past 300 lines or a function past 40 asks to be split by behaviour (tests are counted apart)."""

    def judge(path: Path) -> list[str]:
        lines = path.read_text(encoding="utf-8").count("\n")
        long_file = [f"{lines} lines"] if lines > MOST_LINES else []
        functions = [
            f"{node.name} has {size} lines"
            for node in ast.walk(_tree(path))
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and (size := (node.end_lineno or node.lineno) - node.lineno + 1) > MOST_FUNCTION_LINES
        ]
        return long_file + functions

    return _each(root, python_files(root, "libs", "services", "deploy"), judge)


def names_with_a_subject(root: Path) -> Found:
    """No file or folder is called utils, common, core, base, helpers, manager, misc, shared or service."""

    def judge(path: Path) -> list[str]:
        own = {part.removesuffix(".py") for part in path.relative_to(root).parts}
        return [f"is called {name}" for name in sorted(own & FORBIDDEN_NAMES)]

    return _each(root, python_files(root, "libs", "services", "deploy", "tests"), judge)


def docstrings(root: Path) -> Found:
    """Every module says what it knows or does; every public function and class of libs says what it is."""

    def judge(path: Path) -> list[str]:
        tree = _tree(path)
        missing = (
            []
            if ast.get_docstring(tree) or not path.read_text(encoding="utf-8").strip()
            else ["no docstring"]
        )
        if path.relative_to(root).parts[0] == "libs":
            missing += [
                f"{node.name} has no docstring"
                for node in tree.body
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
                and not node.name.startswith("_")
                and not ast.get_docstring(node)
            ]
        return missing

    return _each(root, python_files(root, "libs", "services", "deploy"), judge)


def nothing_of_this_machine(root: Path) -> Found:
    """No path of a machine and no address of a package registry stands in the code or its data."""
    endings = ("*.py", "*.yaml", "*.yml", "*.toml", "*.lock", "*.md", "*.sh", "*.json", "*.html", "Makefile")
    paths = (
        path
        for ending in endings
        for path in sorted(root.rglob(ending))
        if not OUTSIDE & set(path.relative_to(root).parts) and path.name != "rules.py"
    )

    def judge(path: Path) -> list[str]:
        found = MACHINE.search(path.read_text(encoding="utf-8"))
        return [f"names {found.group()}"] if found else []

    return _each(root, paths, judge)


def no_sleep_in_tests(root: Path) -> Found:
    """Tests retry until; a bare sleep outside a retry loop hides a race."""

    def judge(path: Path) -> list[str]:
        tree = _tree(path)
        in_loops = {
            id(call)
            for loop in ast.walk(tree)
            if isinstance(loop, ast.While | ast.For | ast.AsyncFor)
            for call in ast.walk(loop)
        }
        return [
            f"sleeps in line {node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "sleep"
            and id(node) not in in_loops
        ]

    return _each(root, python_files(root, "tests"), judge)


def tasks_with_a_number(root: Path) -> Found:
    """An unfinished thought names its issue, or is not in the code."""
    naked = re.compile(r"\b(?:TODO|FIXME|XXX)\b(?!\(#\d+\))")

    def judge(path: Path) -> list[str]:
        found = naked.search(path.read_text(encoding="utf-8"))
        return [found.group()] if found and path.name not in ("rules.py", "test_walls.py") else []

    return _each(root, python_files(root, "libs", "services", "deploy", "tests"), judge)
