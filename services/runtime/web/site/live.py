"""Parts of a page that stay up to date by themselves: server-sent events.

A stream asks for the revision of what it shows, and sends the part anew when that has changed. It
ends after a while, the browser opens the next one; so a restart or a balancer costs nobody
anything, and without JavaScript the page is right whenever it is loaded.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from fastapi import FastAPI, Request
from starlette.responses import Response, StreamingResponse

from services.runtime.web.problems import OVERLOADED, Problem

LOOK_S = 1.0
SIGN_OF_LIFE_S = 15.0
LASTS_S = 600.0
MOST_STREAMS = 100
Text = Callable[[], Awaitable[str]]


async def live(request: Request, revision: Text, render: Text) -> Response:
    """Return the stream of one part.

    Args:
        request: of the browser, an EventSource.
        revision: a short text that changes with what is shown; asked for every second.
        render: the HTML of the part.

    Raises Problem 503 when a process keeps as many streams as it can.
    """
    app: FastAPI = request.app
    if getattr(app.state, "streams", 0) >= MOST_STREAMS:
        raise Problem(OVERLOADED, headers={"retry-after": "30"})
    return StreamingResponse(
        _events(request, revision, render),
        media_type="text/event-stream",
        headers={"cache-control": "no-store", "x-accel-buffering": "no"},
    )


async def _events(request: Request, revision: Text, render: Text) -> AsyncIterator[str]:
    state = request.app.state
    state.streams = getattr(state, "streams", 0) + 1
    try:
        shown, silent = "", 0.0
        for _ in range(int(LASTS_S / LOOK_S)):
            now = await revision()
            if now != shown:
                shown, silent = now, 0.0
                yield event(await render())
            elif silent >= SIGN_OF_LIFE_S:
                silent = 0.0
                yield ": \n\n"
            await asyncio.sleep(LOOK_S)
            silent += LOOK_S
            if getattr(state, "stopping", False) or await request.is_disconnected():
                return
    finally:
        state.streams -= 1


def event(html: str) -> str:
    """Return HTML as one event (WHATWG HTML 9.2.6): every line of it a line of data."""
    return "".join(f"data: {line}\n" for line in html.splitlines()) + "\n"
