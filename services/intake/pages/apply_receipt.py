"""The dated receipt of an application."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request
from starlette.responses import Response

from services.intake import issuing, reading
from services.intake.api import sound_number
from services.intake.pages.apply import Investor
from services.intake.pages.public import Pages, Tools

router = APIRouter(include_in_schema=False)
Number = Annotated[str, Depends(sound_number)]


@router.get("/applications/{application}/receipt")
async def receipt(
    number: Number, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """The dated receipt of an application, with its documents."""
    _, found = await reading.read(parts, session.principal, number)
    papers = await issuing.listed(parts, session.principal, number)
    names = {code: one.name for code, one in parts.shelf.departments.items()}
    known = parts.shelf.version(found.plan.catalogue_version).material_by_id
    examined = found.receipt.examined
    return site.page(
        request,
        "intake/apply_receipt.html",
        session=session,
        application=found,
        receipt=found.receipt,
        documents=papers.items,
        sealed=parts.press is not None,
        departments=[names[code] for code in found.plan.departments if code in names],
        missing=[known[one].name for one in (examined.missing if examined else ())],
    )
