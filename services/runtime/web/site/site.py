"""Renders the pages of one service: server-side, escaped, in two languages, without scripts inline.

A page is a template and a context. Chinese stands in the templates; `_()` gives the other language.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from services.runtime.web.problems import Problem
from services.runtime.web.site import words
from services.runtime.web.site.assets import PATH, Assets
from services.runtime.web.site.languages import (
    COOKIE,
    COOKIE_SECONDS,
    PARAMETER,
    Language,
    language_of,
    translate,
)

HERE = Path(__file__).parent
OWN = {"house.css": HERE / "static" / "house.css", "icon.svg": HERE / "static" / "icon.svg"}
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
API = "/v1/"


class Site:
    """The pages of one service."""

    def __init__(
        self, *, name: str, templates: Path, vendor: Path, menu: Sequence[tuple[str, str]]
    ) -> None:
        """Read templates and assets.

        Args:
            name: of the site, in Chinese (a message).
            templates: the service's own folder; the shared ones are found after them.
            vendor: where npm installed what pages load.
            menu: (path, label) of the navigation; labels are messages.

        Raises:
            AssetsMissingError: npm has installed nothing there.
        """
        self.assets = Assets(OWN, vendor)
        self._name = name
        self._menu = tuple(menu)
        self._environment = Environment(
            loader=FileSystemLoader([templates, HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def install(self, app: FastAPI) -> None:
        """Let an application answer for the assets, and with pages where people ask."""
        app.state.site = self
        app.add_route(f"{PATH}/{{name:path}}", self.assets.answer, include_in_schema=False)

    def page(
        self, request: Request, template: str, *, status: int = 200, **context: Any
    ) -> Response:
        """Return a page; with `?lang=` the choice is remembered."""
        language = language_of(request)
        text = self._environment.get_template(template).render(
            **self._frame(request, language), **context
        )
        response = HTMLResponse(text, status_code=status, headers=_headers(language))
        if request.query_params.get(PARAMETER) == language:
            response.set_cookie(
                COOKIE, language, max_age=COOKIE_SECONDS, samesite="lax", httponly=True
            )
        return response

    def problem(self, request: Request, problem: Problem) -> Response:
        """Return a page that says what is wrong, for people."""
        language = "en" if language_of(request) is Language.ENGLISH else "zh-CN"
        response = self.page(
            request,
            "problem.html",
            status=problem.kind.status,
            title=problem.kind.title.in_language(language),
            detail=problem.detail.in_language(language) if problem.detail else None,
            faults=[fault.message.in_language(language) for fault in problem.errors],
        )
        response.headers.update(problem.headers)
        return response

    def say(self, request: Request, message: str, **values: object) -> str:
        """Return a message in the language of a request."""
        return translate(language_of(request), message, **values)

    def wants(self, request: Request) -> bool:
        """Whether a request should be answered with a page."""
        path = str(request.scope["path"])
        return not path.startswith(API) and "text/html" in request.headers.get("accept", "")

    def _frame(self, request: Request, language: Language) -> Mapping[str, Any]:
        def say(message: str, **values: object) -> str:
            return translate(language, message, **values)

        return {
            "_": say,
            "lang": language,
            "site": say(self._name),
            "menu": [(path, say(label)) for path, label in self._menu],
            "here": request.scope["path"],
            "static": self.assets.url,
            "other": {
                "lang": language.other,
                "url": _with(request, {PARAMETER: language.other}),
            },
            "words": words.Words(language, say),
        }


def _headers(language: Language) -> dict[str, str]:
    return {
        "content-language": language,
        "content-security-policy": POLICY,
        "cache-control": "no-cache",
        "vary": "accept-language, cookie",
    }


def _with(request: Request, more: Mapping[str, str]) -> str:
    """Return the address of this page with other parameters."""
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in more]
    path = "/" + str(request.scope["path"]).lstrip("/")
    return f"{quote(path)}?{urlencode([*kept, *more.items()])}"
