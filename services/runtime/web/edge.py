"""The outermost layer of every service, in one ASGI middleware: it runs for each request.

In this order: whoever asks too often is told when to come back (429), and too many requests at once
are turned away (503), both before their bodies are read; an address that no text can hold is
refused (422); a body that is too large is refused by its declared length, or cut while it streams
(413); a large body is read only from somebody with a valid token (401); the request gets its span;
the answer gets the trace id and the security headers; an unexpected error becomes a problem without
its internals.
"""

import re
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl

import structlog
from fastapi.exceptions import ValidationException
from opentelemetry import trace
from opentelemetry.trace import Span
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.contracts.events import NUMBER_PATTERN
from services.runtime import telemetry
from services.runtime.auth import PRINCIPAL_KEY, Authenticator, bearer_problem
from services.runtime.web.problems import (
    BODY_TOO_LARGE,
    INTERNAL,
    INVALID,
    NO_NUL,
    OVERLOADED,
    TOO_MANY_REQUESTS,
    Fault,
    Problem,
    Words,
    answer,
)
from services.runtime.web.rates import Buckets, Rate, client_at
from services.runtime.web.site.session import on_login_needed

SMALL_BODY_BYTES = 65_536
UNTRACED = frozenset({"/healthz", "/readyz"})
_SECURITY_HEADERS: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"strict-transport-security", b"max-age=31536000"),
)
_API_POLICY = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
_NUMBER = re.compile(NUMBER_PATTERN)
_NO_STORE = (b"cache-control", b"no-store")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What one process takes: requests at a time, and bytes of a body (forms carry files).

    `rate` is what one client may ask for; None: as often as it likes.
    """

    concurrent_requests: int
    body_bytes: int
    form_bytes: int
    rate: Rate | None = None


class Edge:
    """See the module."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        limits: Limits,
        authenticator: Callable[[], Authenticator | None],
        tally: Counter[str],
        session: Callable[[Scope], str | None] = lambda _: None,
    ) -> None:
        """Wrap `app`; `authenticator` is asked for when a large body arrives.

        `tally` counts answers by the class of their status. `session` finds the token of somebody
        who is logged in to a page.
        """
        self._app = app
        self._limits = limits
        self._authenticator = authenticator
        self._running = 0
        self._tally = tally
        self._session = session
        self._buckets = None if limits.rate is None else Buckets(limits.rate)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
        elif scope["path"] in UNTRACED:
            await self._guarded(scope, receive, _Answer(send, None))
        else:
            await self._traced(scope, receive, send)

    async def _traced(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = _header(scope, b"traceparent")
        span = telemetry.server_span(scope["method"], caller)
        reply = _Answer(send, span)
        with trace.use_span(
            span, end_on_exit=True, record_exception=False, set_status_on_exception=False
        ):
            if wait := self._charge(scope):
                again = {"retry-after": str(wait)}
                await reply.problem(scope, Problem(TOO_MANY_REQUESTS, headers=again))
            elif self._running >= self._limits.concurrent_requests:
                await reply.problem(scope, Problem(OVERLOADED, headers={"retry-after": "1"}))
            else:
                self._running += 1
                try:
                    await self._guarded(scope, receive, reply)
                finally:
                    self._running -= 1
            _name(span, scope, reply.status)
            self._tally[f"{(reply.status or 0) // 100}xx"] += 1

    def _charge(self, scope: Scope) -> int:
        """Count the request for its client; return the seconds to wait if it asks too often."""
        peer = (scope.get("client") or ("", 0))[0]
        if self._buckets is None or not self._buckets.counts(peer):
            return 0
        authenticator, token = self._authenticator(), self._token(scope)
        known = authenticator.remembered(token) if authenticator and token else None
        return self._buckets.take(known.ref if known else client_at(peer).name)

    async def _guarded(self, scope: Scope, receive: Receive, reply: "_Answer") -> None:
        try:
            _refuse_nul(scope)
            limited = await self._admit(scope, receive)
            await self._app(scope, limited, reply.send)
        except Problem as problem:
            if reply.status is not None:
                raise
            await reply.problem(scope, problem)
        except Exception as error:
            if reply.span is not None:
                telemetry.mark_error(reply.span, type(error).__name__)
            _log.error(
                "request_failed", method=scope["method"], route=_route(scope), **_told(error)
            )
            if reply.status is not None:
                raise  # the answer has begun: only closing the connection can say it failed
            await reply.problem(scope, Problem(INTERNAL))

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Return the `receive` to read the body with. Raises Problem 413 or 401."""
        declared = _length(scope)
        if declared == 0:
            return receive
        form = (_header(scope, b"content-type") or "").startswith("multipart/")
        allowed = self._limits.form_bytes if form else self._limits.body_bytes
        if declared is not None and declared > allowed:
            raise _too_large(allowed)
        if declared is None or declared > SMALL_BODY_BYTES:
            await self._identify(scope)
        return receive if declared is not None else _counting(receive, allowed)

    def _token(self, scope: Scope) -> str | None:
        return _bearer(scope) or self._session(scope)

    async def _identify(self, scope: Scope) -> None:
        authenticator = self._authenticator()
        if authenticator is None:
            return
        token = self._token(scope)
        if token is None:
            raise bearer_problem(
                Words("上传较大内容须先登录", "Authenticate before sending a large body"), None
            )
        scope[PRINCIPAL_KEY] = await authenticator.principal(token)


class _Answer:
    """One answer on its way out: adds the headers, remembers the status."""

    __slots__ = ("_send", "span", "status")

    def __init__(self, send: Send, span: Span | None) -> None:
        self._send = send
        self.span = span
        self.status: int | None = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = self._with_headers(list(message.get("headers", ())))
        await self._send(message)

    def _with_headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        present = {name.lower() for name, _ in headers}
        headers.extend(_SECURITY_HEADERS)
        headers.extend(pair for pair in (_API_POLICY, _NO_STORE) if pair[0] not in present)
        context = self.span.get_span_context() if self.span is not None else None
        if context is not None and context.is_valid:
            headers.append((b"x-trace-id", f"{context.trace_id:032x}".encode()))
        return headers

    async def problem(self, scope: Scope, problem: Problem) -> None:
        if self.status is None and _length(scope) != 0:
            problem.headers["connection"] = "close"  # do not go on reading what was refused
        response = await _for_people(scope, problem)
        if response is None:
            response = answer(problem, _header(scope, b"accept-language"))
        await response(scope, _nothing, self.send)


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _for_people(scope: Scope, problem: Problem) -> Response | None:
    """Return the page that tells of a problem, or the way to the login; None for a program.

    Rendering it must not fail twice: whatever is wrong with a page, the problem itself is told.
    """
    site = getattr(getattr(scope.get("app"), "state", None), "site", None)
    request = Request(scope)
    if site is None or not site.wants(request):
        return None
    try:
        response: Response = (
            await on_login_needed(request, problem)
            if problem.kind.status == HTTPStatus.UNAUTHORIZED
            else site.problem(request, problem)
        )
    except Exception as error:
        _log.error("problem_without_a_page", **_told(error))
        return None
    if "connection" in problem.headers:
        response.headers["connection"] = problem.headers["connection"]
    return response


def _told(error: BaseException) -> dict[str, Any]:
    """Return what the log says of an unexpected error: the whole of it, or what has no values.

    An error of validation repeats what was typed, and that is about people.
    """
    seen: BaseException | None = error
    while seen is not None and not isinstance(seen, ValidationError | ValidationException):
        seen = seen.__cause__ or seen.__context__
    if seen is None:
        return {"exc_info": error}
    faults = [f"{one['type']} {'.'.join(map(str, one['loc']))}" for one in seen.errors()]
    frames = "".join(traceback.format_tb(error.__traceback__))
    return {"error_type": type(error).__name__, "faults": faults, "frames": frames}


def _bearer(scope: Scope) -> str | None:
    scheme, _, token = (_header(scope, b"authorization") or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


def _refuse_nul(scope: Scope) -> None:
    """Raise Problem 422 for the character that no text of a database can hold."""
    if "\x00" in scope["path"]:
        raise Problem(INVALID, errors=[Fault("/", NO_NUL)])
    if b"%00" in scope["query_string"] or b"\x00" in scope["query_string"]:
        pairs = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        names = dict.fromkeys(name for name, value in pairs if "\x00" in name + value)
        raise Problem(INVALID, errors=[Fault(f"?{name}", NO_NUL) for name in names])


def _too_large(allowed: int) -> Problem:
    words = Words(f"不得超过 {allowed} 字节", f"At most {allowed} bytes are allowed")
    return Problem(BODY_TOO_LARGE, words)


def _counting(receive: Receive, allowed: int) -> Receive:
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > allowed:
                raise _too_large(allowed)
        return message

    return counted


def _header(scope: Scope, name: bytes) -> str | None:
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


def _length(scope: Scope) -> int | None:
    """Return the declared length of the body; 0 without a body, None when it is not declared."""
    text = _header(scope, b"content-length")
    if text is not None and text.isascii() and text.isdigit():
        return int(text)
    return None if _header(scope, b"transfer-encoding") is not None else 0


def _route(scope: Scope) -> str:
    return str(getattr(scope.get("route"), "path", "") or "")


def _name(span: Span, scope: Scope, status: int | None) -> None:
    if not span.is_recording():
        return
    route = _route(scope)
    attributes: dict[str, Any] = {"http.response.status_code": status or 0}
    if route:
        span.update_name(f"{scope['method']} {route}")
        attributes["http.route"] = route
    # A path is whatever somebody typed: a name has no business in a trace.
    application = str(scope.get("path_params", {}).get("application", ""))
    if _NUMBER.fullmatch(application):
        attributes[telemetry.Attribute.APPLICATION] = application
    span.set_attributes(attributes)
