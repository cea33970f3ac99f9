"""One material: who supplies it, what uses it, what is checked, and a sample of it to print."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.domain.disclosure import SUPPLIERS
from services.intake import materials
from services.intake.pages.public import Pages, Tools
from services.runtime.web.problems import NOT_FOUND, Problem

router = APIRouter(include_in_schema=False)
FORMS = {"electronic": "电子件", "original": "原件", "copy": "复印件"}


@router.get("/materials/{material}")
async def read(material: str, request: Request, parts: Tools, site: Pages) -> Response:
    """Everything public about one material."""
    found = materials.material(parts, material, request.app.state.uploads)
    if found is None:
        raise Problem(NOT_FOUND)
    return site.page(
        request,
        "intake/material.html",
        found=found,
        suppliers=SUPPLIERS,
        forms_of=FORMS,
        in_force=parts.catalogue(),
    )
