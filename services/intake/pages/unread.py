"""The number of unread letters, beside the inbox in the masthead of whoever has one."""

import asyncio

import asyncpg
import structlog
from fastapi import Request
from starlette.responses import FileResponse, StreamingResponse

from services.contracts.vocabulary import Role
from services.intake import letters
from services.intake.parts import Parts, parts_of
from services.runtime.auth import Principal
from services.runtime.web.site import Site
from services.runtime.web.site.menu import Count, counts_of, put_count
from services.runtime.web.site.session import visitor

INBOX = "/inbox"
UNREAD = "{n} 封未读"
PATIENCE_S = 1.0
"""So long a page waits for the number; a page is worth more without it than late."""
_NO_PAGES = (FileResponse, StreamingResponse)
_log = structlog.get_logger(__name__)


async def counted(request: Request) -> None:
    """FastAPI dependency: count for the page that is asked for.

    Forms that are sent, files and parts of pages need no number. A page whose number cannot be had,
    as without a free connection to the database, is shown without.
    """
    if not _is_page(request):
        return
    who = await visitor(request)
    if who is None or not who.has(Role.INVESTOR):
        return
    try:
        async with asyncio.timeout(PATIENCE_S):
            await _count(request, parts_of(request), who)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError) as error:
        _log.warning("unread letters not counted", error=type(error).__name__)


def _is_page(request: Request) -> bool:
    if request.method != "GET" or "hx-request" in request.headers:
        return False
    answers_with = getattr(request.scope.get("route"), "response_class", None)
    return answers_with not in _NO_PAGES and "text/html" in request.headers.get("accept", "")


async def unread(request: Request, parts: Parts, who: Principal) -> int:
    """Return how many letters are unread: as they were counted for this page."""
    found = counts_of(request).get(INBOX)
    return found.n if found is not None else await _count(request, parts, who)


async def anew(request: Request, parts: Parts, who: Principal, site: Site) -> str:
    """Return the number as it is now, to take the old one's place from a live part."""
    n = await _count(request, parts, who)
    count = Count(n=n, message=UNREAD)
    return site.fragment(request, "count.html", path=INBOX, count=count, swap=True)


async def _count(request: Request, parts: Parts, who: Principal) -> int:
    n = await letters.unread(parts, who)
    put_count(request, INBOX, Count(n=n, message=UNREAD))
    return n
