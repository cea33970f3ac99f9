"""Parts of a page that stay up to date by themselves: server-sent events.

A stream asks for the revision of what it shows, and sends the part anew when that has changed. It
ends after a while, the browser opens the next one; so a restart or a balancer costs nobody
anything, and without JavaScript the page is right whenever it is loaded. It ends with the session
of whoever looks, too.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import FastAPI, Request
from starlette.responses import Response, StreamingResponse

from services.runtime.web.problems import OVERLOADED, Problem
from services.runtime.web.site.session import sessions_of, visit_of

LOOK_S = 1.0
SIGN_OF_LIFE_S = 15.0
SESSION_S = 30.0
LASTS_S = 600.0
MOST_STREAMS = 100
MOST_OF_ONE = 6
SEEN = "seen"
_MARK_DIGITS = 16
Text = Callable[[], Awaitable[str]]


def seen(revision: str) -> str:
    """Return the mark of a revision, for the address of the stream: `?seen=` what is shown."""
    return hashlib.sha256(revision.encode()).hexdigest()[:_MARK_DIGITS]


async def live(request: Request, revision: Text, render: Text) -> Response:
    """Return the stream of one part, for whoever the request's session belongs to.

    Args:
        request: of the browser, an EventSource. It says what is shown already: `?seen=`, or the
            last event it got.
        revision: a text that changes with what is shown; asked for every second.
        render: the HTML of the part.

    Raises Problem 503 when a process keeps as many streams as it can, or one person has as many
    as one may have.
    """
    app: FastAPI = request.app
    if getattr(app.state, "streams", 0) >= MOST_STREAMS or _of_each(app)[_ref(request)] >= (
        MOST_OF_ONE
    ):
        raise Problem(OVERLOADED, headers={"retry-after": "30"})
    return StreamingResponse(
        _counted(request, revision, render),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


def _ref(request: Request) -> str:
    """Return whom a stream counts for; nobody in particular without a session."""
    visit = visit_of(request)
    return visit.principal.ref if visit is not None else ""


def _of_each(app: FastAPI) -> Counter[str]:
    """Return how many streams each person has in this process."""
    if not hasattr(app.state, "streams_of"):
        app.state.streams_of = Counter[str]()
    found: Counter[str] = app.state.streams_of
    return found


async def _counted(request: Request, revision: Text, render: Text) -> AsyncIterator[str]:
    state, of_each, ref = request.app.state, _of_each(request.app), _ref(request)
    state.streams = getattr(state, "streams", 0) + 1
    of_each[ref] += bool(ref)
    try:
        async for one in _events(request, revision, render):
            yield one
    finally:
        state.streams -= 1
        of_each[ref] -= bool(ref)
        if not of_each[ref]:
            del of_each[ref]


async def _events(request: Request, revision: Text, render: Text) -> AsyncIterator[str]:
    shown = request.headers.get("last-event-id") or request.query_params.get(SEEN, "")
    silent = asked = 0.0
    for _ in range(int(LASTS_S / LOOK_S)):
        now = seen(await revision())
        if now != shown:
            shown, silent = now, 0.0
            yield event(await render(), now)
        elif silent >= SIGN_OF_LIFE_S:
            silent = 0.0
            yield ": \n\n"
        await asyncio.sleep(LOOK_S)
        silent, asked = silent + LOOK_S, asked + LOOK_S
        if asked >= SESSION_S:
            asked = 0.0
            if not await _lasts(request):
                return
        if getattr(request.app.state, "stopping", False) or await request.is_disconnected():
            return


async def _lasts(request: Request) -> bool:
    """Whether whoever looks is still logged in, or need not be."""
    sessions = sessions_of(request.app)
    if sessions is None or visit_of(request) is None:
        return True
    try:
        return await sessions.lasts(request)
    except Problem:  # the provider's keys cannot be had: that ends nobody's session
        return True


def event(html: str, mark: str) -> str:
    """Return HTML as one event (WHATWG HTML 9.2.6): every line of it a line of data."""
    return f"id: {mark}\n" + "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
