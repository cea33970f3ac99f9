"""The number of unread letters, beside the inbox in the masthead of whoever has one."""

from fastapi import Request

from services.contracts.vocabulary import Role
from services.intake import letters
from services.intake.parts import Parts, parts_of
from services.runtime.auth import Principal
from services.runtime.web.site import Site
from services.runtime.web.site.menu import Count, counts_of, put_count
from services.runtime.web.site.session import visitor

INBOX = "/inbox"
UNREAD = "{n} 封未读"


async def counted(request: Request) -> None:
    """FastAPI dependency: count for the page that is asked for; parts of pages have no masthead."""
    if "text/html" not in request.headers.get("accept", "") or "hx-request" in request.headers:
        return
    who = await visitor(request)
    if who is not None and who.has(Role.INVESTOR):
        await _count(request, parts_of(request), who)


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
