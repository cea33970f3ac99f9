"""The inbox: what the centre has written, and the way to where one acts."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from fastapi import Path as PathParameter
from starlette.responses import RedirectResponse, Response

from services.intake import letters
from services.intake.pages import unread as unread_letters
from services.intake.pages.letters_text import place_of, text_of
from services.intake.pages.public import Pages, Tools
from services.intake.pages.waiting_forms import Investor
from services.runtime.web import pages
from services.runtime.web.site.forms import asked_on_page
from services.runtime.web.site.languages import language_of

router = APIRouter(include_in_schema=False)
LARGEST = 2**63 - 1
LetterId = Annotated[int, PathParameter(ge=1, le=LARGEST)]


@router.get("/inbox")
async def inbox(
    request: Request,
    session: Investor,
    parts: Tools,
    site: Pages,
    unread: bool = False,
    after: pages.After = None,
) -> Response:
    """One's letters, newest first."""
    found = await letters.listed(parts, session.principal, pages.USUAL_PAGE, after, unread=unread)
    language = language_of(request)
    return site.page(
        request,
        "intake/letters.html",
        session=session,
        letters=[(one, text_of(one, language)) for one in found.items],
        next=found.next,
        only_unread=unread,
        unread=await unread_letters.unread(request, parts, session.principal),
        newest=max((one.id for one in found.items), default=0),
    )


@router.post("/inbox/{letter}", dependencies=[Depends(asked_on_page)])
async def opened(letter: LetterId, session: Investor, parts: Tools) -> Response:
    """Note that a letter was opened, and go where it leads to."""
    application, kind = await letters.mark_read(parts, session.principal, letter)
    return RedirectResponse(place_of(application, kind), status_code=303)


@router.post("/inbox", dependencies=[Depends(asked_on_page)])
async def all_read(request: Request, session: Investor, parts: Tools, site: Pages) -> Response:
    """Note that everything shown so far was seen."""
    form = await request.form()
    up_to = form.get("up_to")
    if isinstance(up_to, str) and up_to.isascii() and up_to.isdigit():
        await letters.mark_all_read(parts, session.principal, min(int(up_to[:19]), LARGEST))
    response = RedirectResponse("/inbox", status_code=303)
    site.flash(request, response, "已全部标为已读")
    return response
