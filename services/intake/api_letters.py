"""The route on which an investor reads what the centre has written to him."""

from typing import Annotated

from fastapi import APIRouter, Query

from services.intake import letters
from services.intake.api import Investor, Tools
from services.intake.letters_shown import InboxPage, shown
from services.runtime.web import pages
from services.runtime.web.problems import BAD_CURSOR, problem_responses

router = APIRouter(prefix="/v1", tags=["letters"])


@router.get("/letters", responses=problem_responses(BAD_CURSOR))
async def list_letters(
    who: Investor,
    parts: Tools,
    unread: Annotated[bool, Query(description="Only those that were not opened.")] = False,
    limit: pages.Limit = pages.USUAL_PAGE,
    after: pages.After = None,
) -> InboxPage:
    """List one's own letters about all applications, newest first; reading does not open them."""
    found = await letters.listed(parts, who, limit, after, unread=unread)
    return InboxPage(
        items=[shown(one) for one in found.items],
        next=found.next,
        unread=await letters.unread(parts, who),
    )
