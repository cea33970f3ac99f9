"""Renders the pages of one service: server-side, escaped, in two languages, without scripts inline.

A page is a template and a context. Chinese stands in the templates; `_()` gives the other language.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import uuid4

import structlog
from fastapi import APIRouter, FastAPI
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Match

from services.domain.calendar import ZONE
from services.runtime.settings import ServiceSettings
from services.runtime.web.problems import FORBIDDEN, NOT_FOUND, Problem
from services.runtime.web.site import menu, signing_in, words
from services.runtime.web.site.assets import PATH, Assets, AssetsMissingError
from services.runtime.web.site.languages import (
    COOKIE,
    COOKIE_SECONDS,
    PARAMETER,
    Language,
    language_of,
    translate,
)
from services.runtime.web.site.menu import Entry
from services.runtime.web.site.session import (
    API,
    SAFE,
    LoginNeededError,
    Session,
    local_path,
    on_login_needed,
    sessions_of,
    visit_of,
)

HERE = Path(__file__).parent
OWN = {path.name: path for path in sorted((HERE / "static").iterdir())}
NOTE_SECONDS = 60
Handler = Callable[[Request, Exception], Awaitable[Response]]
_log = structlog.get_logger(__name__)


class Site:
    """The pages of one service."""

    def __init__(
        self,
        *,
        name: str,
        templates: Path,
        settings: ServiceSettings,
        menu: Sequence[Entry],
        own: Sequence[Entry] = (),
    ) -> None:
        """Read templates and assets.

        Args:
            name: of the site, in Chinese (a message).
            templates: the service's own folder; the shared ones are found after them.
            settings: where npm installed what pages load, who logs people in, whether it is a demo.
            menu: of the navigation; an entry with roles is shown to whoever has one of them.
            own: likewise, what stands before it for whoever is logged in.

        Raises:
            AssetsMissingError: npm has installed nothing there.
        """
        self.assets = Assets(OWN, settings.http.assets)
        self._name = name
        self._menu, self._own = tuple(menu), tuple(own)
        self._demo = settings.clock.demo
        self._login = settings.oidc.client_secret is not None
        self._policy = policy(settings.oidc.issuer)
        self._environment = Environment(
            loader=FileSystemLoader([templates, HERE / "templates"]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def install(self, app: FastAPI) -> None:
        """Let an application answer for the assets and logins, and with pages where people ask."""
        app.state.site = self
        app.add_route(f"{PATH}/{{name:path}}", self.assets.answer, include_in_schema=False)
        app.add_exception_handler(LoginNeededError, on_login_needed)
        app.add_exception_handler(HTTPStatus.METHOD_NOT_ALLOWED, self._leads_back(app))
        app.include_router(signing_in.router)
        if self._demo:
            app.add_route("/styleguide", self._styleguide, include_in_schema=False)

    def _leads_back(self, app: FastAPI) -> Handler:
        """Return what answers where a form is sent to and nothing is read: the page above it.

        A form with faults is shown anew at that address; the other language, a login and a reload
        by hand ask for it with GET.
        """
        otherwise = app.exception_handlers[HTTPException]

        async def answer(request: Request, error: Exception) -> Response:
            if request.method not in SAFE or not self.wants(request):
                found = otherwise(request, error)
                return found if isinstance(found, Response) else await found
            query = f"?{request.url.query}" if request.url.query else ""
            return RedirectResponse(quote(_above(request)) + query, status_code=303)

        return answer

    async def _styleguide(self, request: Request) -> Response:
        """Show all shared components, where nobody works in earnest."""
        now = datetime.now(UTC)
        return self.page(request, "styleguide.html", now=now, today=now.astimezone(ZONE).date())

    def page(
        self,
        request: Request,
        template: str,
        *,
        status: int = 200,
        session: Session | None = None,
        **context: Any,
    ) -> Response:
        """Return a page; with `?lang=` the choice is remembered, and a note is shown once."""
        language = language_of(request)
        note = self._note(request)
        frame = self._frame(request, language, session)
        text = self._environment.get_template(template).render(**frame, note=note, **context)
        response = HTMLResponse(text, status_code=status, headers=self._headers(frame))
        if request.query_params.get(PARAMETER) == language:
            response.set_cookie(
                COOKIE, language, max_age=COOKIE_SECONDS, samesite="lax", httponly=True
            )
        if note is not None:
            self._keep_note(request, response)
        return response

    def fragment(
        self, request: Request, template: str, *, session: Session | None = None, **context: Any
    ) -> str:
        """Return a part of a page, for a live stream or an answer to htmx."""
        frame = self._frame(request, language_of(request), session)
        return self._environment.get_template(template).render(**frame, note=None, **context)

    def part(
        self, request: Request, template: str, *, session: Session | None = None, **context: Any
    ) -> Response:
        """Return the answer to htmx that holds a part of a page."""
        frame = self._frame(request, language_of(request), session)
        text = self._environment.get_template(template).render(**frame, note=None, **context)
        return HTMLResponse(text, headers=self._headers(frame))

    def flash(self, request: Request, response: Response, message: str, *, ok: bool = True) -> None:
        """Let the next page of this browser show a message, once."""
        inside = {"message": message, "kind": "ok" if ok else "bad"}
        self._keep_note(request, response, inside)

    def problem(self, request: Request, problem: Problem) -> Response:
        """Return a page that says what is wrong, for people."""
        response = self.page(
            request,
            "problem.html",
            status=problem.kind.status,
            forbidden=problem.kind == FORBIDDEN,
            **self.told(request, problem),
        )
        response.headers.update(problem.headers)
        return response

    def told(self, request: Request, problem: Problem) -> dict[str, Any]:
        """Return a problem in the reader's language: title, detail, faults."""
        language = "en" if language_of(request) is Language.ENGLISH else "zh-CN"
        return {
            "title": problem.kind.title.in_language(language),
            "detail": problem.detail.in_language(language) if problem.detail else None,
            "faults": [fault.message.in_language(language) for fault in problem.errors],
        }

    def say(self, request: Request, message: str, **values: object) -> str:
        """Return a message in the language of a request."""
        return translate(language_of(request), message, **values)

    def wants(self, request: Request) -> bool:
        """Whether a request should be answered with a page."""
        path = str(request.scope["path"])
        return not path.startswith(API) and "text/html" in request.headers.get("accept", "")

    def _note(self, request: Request) -> dict[str, str] | None:
        sessions = sessions_of(request.app)
        if sessions is None:
            return None
        found = sessions.sealer.open("note", request.cookies.get(f"{sessions.cookie}-note"))
        if found is None:
            return None
        return {"kind": found["kind"], "text": self.say(request, found["message"])}

    def _keep_note(
        self, request: Request, response: Response, note: Mapping[str, str] | None = None
    ) -> None:
        """Set the note's cookie, or take it away."""
        sessions = sessions_of(request.app)
        if sessions is not None:
            seconds = NOTE_SECONDS if note else 0
            sealed = sessions.sealer.seal("note", note, seconds) if note else ""
            sessions.keep(response, f"{sessions.cookie}-note", sealed, seconds)

    def _frame(
        self, request: Request, language: Language, session: Session | None
    ) -> Mapping[str, Any]:
        def say(message: str, **values: object) -> str:
            return translate(language, message, **values)

        sessions = sessions_of(request.app)
        session = session or visit_of(request)
        visit = session or (sessions.kept(request.scope) if sessions is not None else None)
        return {
            "_": say,
            "lang": language,
            "site": say(self._name),
            "menu": menu.shown(
                (*self._own, *self._menu) if visit else self._menu,
                session.principal if session is not None else None,
                say,
            ),
            "menu_counts": menu.counts_of(request),
            "here": request.scope["path"],
            "static": self.assets.url,
            "other": {
                "lang": language.other,
                "url": _with(request, {PARAMETER: language.other}),
            },
            "words": words.Words(language, say),
            "demo": self._demo,
            "visit": visit,
            "login": _login(request) if self._login else None,
            "new_key": lambda: uuid4().hex,
        }

    def _headers(self, frame: Mapping[str, Any]) -> dict[str, str]:
        return {
            "content-language": frame["lang"],
            "content-security-policy": self._policy,
            # What somebody saw who was logged in, nobody sees after him at the same window.
            "cache-control": "no-store" if frame["visit"] else "no-cache",
            "vary": "accept-language, cookie",
        }


def install(
    app: FastAPI,
    settings: ServiceSettings,
    *,
    name: str,
    templates: Path,
    menu: Sequence[Entry],
    routers: Sequence[APIRouter],
    own: Sequence[Entry] = (),
) -> None:
    """Add pages to a service; without what npm installs for them it has its API alone."""
    try:
        site = Site(name=name, templates=templates, settings=settings, menu=menu, own=own)
    except AssetsMissingError as missing:
        _log.warning("no pages", reason=str(missing))
        return
    site.install(app)
    for router in routers:
        app.include_router(router)


def site_of(request: Request) -> Site:
    """FastAPI dependency: the site. Raises Problem 404 for a process without pages."""
    found: Site | None = getattr(request.app.state, "site", None)
    if found is None:
        raise Problem(NOT_FOUND)
    return found


def policy(issuer: str) -> str:
    """Return what a page may load: from this site alone.

    A form may end at the provider: logging out does, and an act after the session's end does.
    """
    parts = urlsplit(issuer)
    return (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        "font-src 'self'; connect-src 'self'; frame-src 'self'; object-src 'self'; "
        f"form-action 'self' {parts.scheme}://{parts.netloc}; base-uri 'none'; "
        "frame-ancestors 'none'"
    )


def _above(request: Request) -> str:
    """Return the nearest path above a request's that can be read; the first page if none can."""
    path = str(request.scope["path"])
    while path := path.rpartition("/")[0]:
        asked = {**request.scope, "path": path, "method": "GET"}
        if any(route.matches(asked)[0] is Match.FULL for route in request.app.routes):
            return local_path(path)
    return "/"


def _login(request: Request) -> str:
    path = str(request.scope["path"])
    query = f"?{request.url.query}" if request.url.query else ""
    return f"/login?next={quote(path + query, safe='')}"


def _with(request: Request, more: Mapping[str, str]) -> str:
    """Return the address of this page with other parameters."""
    kept = [(k, v) for k, v in request.query_params.multi_items() if k not in more]
    path = "/" + str(request.scope["path"]).lstrip("/")
    return f"{quote(path)}?{urlencode([*kept, *more.items()])}"
