"""Who is at the browser: a session in a sealed cookie, and the guards of every act on a page.

A session holds the access token of its login and ends with it. Nothing on a page is changed
without the two checks here: where the request comes from (Sec-Fetch-Site, or Origin), and the
token of this person's own forms. The API never looks at these cookies.
"""

import hashlib
import hmac
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

import structlog
from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response
from starlette.types import Scope

from services.contracts.vocabulary import Role
from services.runtime.auth import Authenticator, Principal
from services.runtime.web.login_problems import FORGED, TOKEN_TOO_LARGE, WRONG_ACCOUNT
from services.runtime.web.problems import FORBIDDEN, UNAVAILABLE, Problem
from services.runtime.web.site.sealing import Sealer

API = "/v1/"
SAFE = frozenset({"GET", "HEAD"})
FIELD, HEADER = "csrf", "x-csrf-token"
_SESSION = "session"
_SCOPE_KEY, _VISIT_KEY = "lianshen.session", "lianshen.visit"
_MOST_BYTES = 4000
_WHO_DIGITS = 12
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """Somebody who is logged in: whom the token speaks for, the name shown, the forms' token."""

    principal: Principal
    name: str
    csrf: str = field(repr=False)

    @property
    def who(self) -> str:
        """A mark of the person, for what his browser keeps of him; it says nothing of him."""
        return _who(self.csrf)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """What the cookie holds."""

    token: str = field(repr=False)
    name: str
    csrf: str = field(repr=False)

    @property
    def who(self) -> str:
        """As `Session.who`."""
        return _who(self.csrf)


def _who(csrf: str) -> str:
    return hashlib.sha256(csrf.encode()).hexdigest()[:_WHO_DIGITS]


class LoginNeededError(Exception):
    """The page is for people who are logged in."""


class Sessions:
    """The session cookies of one service."""

    def __init__(self, sealer: Sealer, service: str) -> None:
        """Cookies of the three services have different names: a port does not separate them."""
        self.sealer = sealer
        self.cookie = f"__Host-lianshen-{service}"

    def begin(
        self, response: Response, *, token: str, subject: str, name: str, seconds: float
    ) -> None:
        """Log in whoever gets this answer, for so many seconds.

        The forms' token belongs to the subject, not to the login: who logs in again, as in another
        tab, can still send what is open. Raises Problem 503 for more than a browser keeps.
        """
        inside = {"token": token, "name": name, "csrf": self.sealer.mark("forms", subject)}
        sealed = self.sealer.seal(_SESSION, inside, seconds)
        if len(self.cookie) + len(sealed) > _MOST_BYTES:
            _log.warning("session_larger_than_a_cookie", size=len(sealed))
            raise Problem(UNAVAILABLE, TOKEN_TOO_LARGE)
        self.keep(response, self.cookie, sealed, int(seconds))

    def end(self, response: Response) -> None:
        """Log out whoever gets this answer."""
        self.keep(response, self.cookie, "", 0)

    def keep(self, response: Response, name: str, value: str, seconds: int) -> None:
        """Set a cookie that only this site reads, and only over a safe way (RFC 6265bis)."""
        response.set_cookie(
            name, value, max_age=seconds, path="/", secure=True, httponly=True, samesite="lax"
        )

    def kept(self, scope: Scope) -> Kept | None:
        """Return what the cookie of a request for a page holds; None without a good one."""
        if _SCOPE_KEY not in scope:
            scope[_SCOPE_KEY] = self._open(scope)
        found: Kept | None = scope[_SCOPE_KEY]
        return found

    def token(self, scope: Scope) -> str | None:
        """Return the access token of the session, for pages alone: the API takes no cookie."""
        found = None if str(scope["path"]).startswith(API) else self.kept(scope)
        return found.token if found is not None else None

    async def lasts(self, request: Request) -> bool:
        """Whether the session of a request that began a while ago still lasts."""
        kept = self._open(request.scope)
        return kept is not None and await _principal(request, kept.token) is not None

    def _open(self, scope: Scope) -> Kept | None:
        inside = self.sealer.open(_SESSION, cookies_of(scope).get(self.cookie))
        return None if inside is None else Kept(**inside)


def cookies_of(scope: Scope) -> Mapping[str, str]:
    """Return the cookies of a request; none where they cannot be read."""
    found: SimpleCookie = SimpleCookie()
    for name, value in scope["headers"]:
        if name == b"cookie":
            try:
                found.load(value.decode("latin-1"))
            except CookieError:
                return {}
    return {name: one.value for name, one in found.items()}


def sessions_of(app: Any) -> Sessions | None:
    """Return the sessions of an application; None where it has no pages."""
    found: Sessions | None = getattr(app.state, "sessions", None)
    return found


async def signed_in(request: Request) -> Session:
    """FastAPI dependency: whoever is logged in.

    Raises LoginNeededError, and Problem 403 for an act that did not come from a page of ours.
    """
    sessions = sessions_of(request.app)
    kept = sessions.kept(request.scope) if sessions is not None else None
    if kept is None:
        raise LoginNeededError
    principal = await _principal(request, kept.token)
    if principal is None:
        raise LoginNeededError
    if request.method not in SAFE:
        await _check_origin(request, kept.csrf)
    session = Session(principal=principal, name=kept.name, csrf=kept.csrf)
    request.scope[_VISIT_KEY] = session
    return session


async def _principal(request: Request, token: str) -> Principal | None:
    """Return whom a token speaks for; None when it has had its time. Raises Problem 503."""
    authenticator: Authenticator = request.app.state.authenticator
    try:
        return await authenticator.principal(token)
    except Problem as problem:
        if problem.kind.status == HTTPStatus.UNAUTHORIZED:
            return None
        raise


async def visitor(request: Request) -> Principal | None:
    """Return whom the session speaks for, on any page; None where nobody does or nobody can say."""
    sessions = sessions_of(request.app)
    kept = sessions.kept(request.scope) if sessions is not None else None
    try:
        return None if kept is None else await _principal(request, kept.token)
    except Problem:  # the provider's keys cannot be had: a public page is shown all the same
        return None


def visit_of(request: Request) -> Session | None:
    """Return who is at the browser, where the request was let in as somebody's."""
    found: Session | None = request.scope.get(_VISIT_KEY)
    return found


def signed_in_as(*roles: Role) -> Callable[..., Awaitable[Session]]:
    """Return a FastAPI dependency: whoever is logged in, with one of the roles, else 403."""

    async def allowed(session: Annotated[Session, Depends(signed_in)]) -> Session:
        if not session.principal.has(*roles):
            raise Problem(FORBIDDEN, WRONG_ACCOUNT)
        return session

    return allowed


async def _check_origin(request: Request, expected: str) -> None:
    """Raise Problem 403 unless a request came from a page of ours, with the session's token."""
    check_same_origin(request)
    given: Any = request.headers.get(HEADER)
    if given is None:
        given = (await request.form()).get(FIELD)
    if not isinstance(given, str) or not hmac.compare_digest(given.encode(), expected.encode()):
        raise Problem(FORGED)


def check_same_origin(request: Request) -> None:
    """Raise Problem 403 unless a request came from a page of ours."""
    if not _same_origin(request):
        raise Problem(FORGED)


def _same_origin(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin") or request.headers.get("referer")
    return origin is not None and urlsplit(origin).netloc == request.headers.get("host")


def local_path(text: str | None) -> str:
    """Return a path on this site to go on to; anything else is the first page."""
    if not text or not text.startswith("/") or text.startswith(("//", "/\\")):
        return "/"
    return text if text.isprintable() and "\\" not in text else "/"


async def on_login_needed(request: Request, _: Exception) -> Response:
    """Send somebody through the login and back to where he was."""
    address = f"/login?next={quote(_way_back(request), safe='')}"
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"hx-redirect": address})
    if request.headers.get("accept") == "text/event-stream":
        return Response(status_code=401)
    return RedirectResponse(address, status_code=303)


def _way_back(request: Request) -> str:
    url = urlsplit(str(request.url))
    if request.method not in SAFE or "hx-request" in request.headers:
        url = urlsplit(request.headers.get("hx-current-url") or request.headers.get("referer", ""))
        if url.netloc != request.headers.get("host"):
            return "/"
    return local_path(url.path + (f"?{url.query}" if url.query else ""))
