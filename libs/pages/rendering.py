"""Turns a template and its facts into a page: language, frame, links between the sites, problem pages."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import yaml
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PackageLoader, PrefixLoader
from markupsafe import Markup
from starlette.requests import Request

from libs.pages import drawings, formats
from libs.pages.departments import Departments
from libs.pages.doors import StaticFiles, page_headers
from libs.pages.prefix import html_below
from libs.pages.words import DEFAULT, HTML_LANG, LANGUAGES, Words, mark

HERE = Path(__file__).parent
LANGUAGE_COOKIE = "ow_lang"
_COOKIE_S = 365 * 24 * 3600


@dataclass(frozen=True)
class Nav:
    """One entry of the main navigation: ``section`` marks the current one, ``site`` is a service's name."""

    section: str
    label: str
    site: str
    path: str


PUBLIC_NAV = (
    Nav("services", mark("办事"), "disclosure", "/"),
    Nav("cases", mark("我的办件"), "intake", "/cases"),
    Nav("records", mark("公开"), "disclosure", "/records"),
    Nav("supervision", mark("监督"), "supervision", "/"),
)


class Pages:
    """The pages of one service: its own templates and words on top of the kit's."""

    def __init__(self, service: str, templates_dir: Path, *, nav: Sequence[Nav] = PUBLIC_NAV) -> None:
        self.service = service
        self.nav = tuple(nav)
        self.departments = Departments()
        self._problems = _read_problems(templates_dir)
        folders = [HERE, templates_dir.parent, templates_dir]
        self._environments = {
            language: self._environment(Words(language, folders), templates_dir) for language in LANGUAGES
        }

    def _environment(self, words: Words, templates_dir: Path) -> Environment:
        language = words.language
        environment = Environment(
            loader=ChoiceLoader([
                FileSystemLoader([templates_dir, HERE / "templates"]),
                PrefixLoader({"govuk_frontend_jinja": PackageLoader("govuk_frontend_jinja")}),
            ]),
            autoescape=True, trim_blocks=True, lstrip_blocks=True,
        )  # fmt: skip
        environment.filters.update(formats.filters(language))
        environment.filters["department"] = lambda code: formats.local(language, self.departments.name(code))
        environment.filters["agency"] = lambda code: formats.local(language, self.departments.agency(code))
        environment.globals.update(
            t=words.t, _=words.t, lang=language, html_lang=HTML_LANG[language], static=static_url,
            client_key=lambda: uuid.uuid4().hex, drawings=drawings, Markup=Markup,
            problem_title=lambda problem: self._problem_words(language, problem, "title"),
            problem_do=lambda problem: self._problem_words(language, problem, "do"),
        )  # fmt: skip
        return environment

    def install(self, app: FastAPI) -> None:
        """Serve the kit's style sheets at /static and set the headers every page has."""
        app.mount("/static", StaticFiles(HERE / "static"), name="static")
        page_headers(app)

    def language(self, request: Request) -> str:
        """?lang=, then the cookie, then what the browser prefers, then Chinese."""
        for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
            if wanted in LANGUAGES:
                return str(wanted)
        return preferred(request.headers.get("accept-language", ""))

    def render(
        self, request: Request, template: str, *, person: Any = None, status: int = 200, **context: Any
    ) -> HTMLResponse:
        """The page as a response. ``section`` in the context names the current navigation entry."""
        language = self.language(request)
        page = self._environments[language].get_template(template)
        frame = {**self._frame(request, language, person), **context}
        html = html_below(request.scope.get("root_path", ""), page.render(frame))
        response = HTMLResponse(html, status)
        if request.query_params.get("lang") in LANGUAGES:
            response.set_cookie(LANGUAGE_COOKIE, language, _COOKIE_S, httponly=True, samesite="lax")
        response.headers["Content-Language"] = HTML_LANG[language]
        response.headers["Vary"] = "Cookie, Accept-Language"
        if person is not None:
            response.headers["Cache-Control"] = "no-store"
        return response

    def problem(self, request: Request, problem: Mapping[str, Any]) -> HTMLResponse:
        """The page of a problem document: what happened, what to do, code, time, trace."""
        return self.render(request, "problem.html", status=int(problem["status"]), problem=problem)

    def text(self, request: Request, text: str, **values: Any) -> str:
        """``t`` for Python code that needs a finished text in the request's language."""
        translated: str = self._environments[self.language(request)].globals["t"](text, **values)  # type: ignore[operator]
        return translated

    def _frame(self, request: Request, language: str, person: Any) -> dict[str, Any]:
        state = request.app.state
        settings = getattr(state, "settings", None)
        sites: Mapping[str, Any] = getattr(settings, "sites", None) or {}
        clock = getattr(state, "clock", None)
        other = next(each for each in LANGUAGES if each != language)
        query = [(key, value) for key, value in request.query_params.multi_items() if key != "lang"]

        def site(name: str, path: str = "/") -> str:
            if name == self.service:
                return path
            at = sites.get(name)
            return at.rstrip("/") + path if isinstance(at, str) else path

        return {
            "request": request, "person": person, "site": site, "service": self.service, "nav": self.nav,
            "sites": sites, "section": None, "other_language": other,
            "other_address": f"{quote(request.url.path)}?{urlencode([*query, ('lang', other)])}",
            "can_log_in": bool(getattr(settings, "oidc_issuer", None)),
            "here": quote(request.url.path),
            "now": clock.now() if clock is not None else None,
            "rate": float(getattr(clock, "rate", 1) or 1) if clock is not None else 1.0,
            "demonstration": bool(getattr(settings, "clock_file", None)),
        }  # fmt: skip

    def _problem_words(self, language: str, problem: Mapping[str, Any], part: str) -> str:
        status = f"status_{problem.get('status', 500)}"
        for key in (str(problem.get("code", "")), status, f"{status[:8]}xx"):
            words = self._problems.get(key, {}).get(part)
            if words:
                return formats.local(language, words)
        return str(problem.get("title", "")) if part == "title" else ""


def preferred(header: str) -> str:
    """The first of our languages that an Accept-Language header prefers; Chinese if none."""
    ranked: list[tuple[float, int, str]] = []
    for place, part in enumerate(header.split(",")):
        tag, _, weight = part.strip().partition(";q=")
        try:
            ranked.append((-float(weight or 1), place, tag[:2].lower()))
        except ValueError:
            continue
    return next((tag for _, _, tag in sorted(ranked) if tag in LANGUAGES), DEFAULT)


@lru_cache
def static_url(name: str) -> str:
    """The address of a static file, with its content's hash so that it may be cached for ever."""
    digest = hashlib.sha256((HERE / "static" / name).read_bytes()).hexdigest()[:12]
    return f"/static/{name}?v={digest}"


def _read_problems(templates_dir: Path) -> dict[str, dict[str, Any]]:
    """Words for problem codes: the kit's problems.yaml, and a service's own beside its templates."""
    found: dict[str, dict[str, Any]] = {}
    for folder in (HERE, templates_dir.parent, templates_dir):
        path = folder / "problems.yaml"
        if path.is_file():
            found.update(yaml.safe_load(path.read_text("utf-8")) or {})
    return found
