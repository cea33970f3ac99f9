"""The papers of a draft: one form that works by itself, and uploads that go on where they broke.

With JavaScript a file goes up in pieces as soon as it is chosen (static/upload.js); without, it
comes with the form. Either way it is checked at once, and what is wrong is said beside it.
"""

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Form, Header, Request
from starlette.datastructures import FormData, UploadFile
from starlette.responses import FileResponse, JSONResponse, Response

from services.intake import drafts, drafts_files
from services.intake.drafts_checks import Standing
from services.intake.drafts_files import Announced
from services.intake.drafts_store import DraftFile
from services.intake.materials import UploadRules
from services.intake.pages import apply_shown as shown
from services.intake.pages.apply import LONGEST, SAVED, Investor, frame, opened, to
from services.intake.pages.public import Pages, Tools
from services.intake.parts import Parts
from services.intake.settings import UploadSettings
from services.runtime.web.problems import NOT_FOUND, Problem, Words
from services.runtime.web.site import Site
from services.runtime.web.site.languages import language_of
from services.runtime.web.site.session import Session

router = APIRouter(include_in_schema=False)
FILE, REFERENCE = "file:", "reference:"
WITH_A_FORM = "form"
"""The mark of a file that came with a form: nothing goes on with it."""


@router.get("/apply/{draft}/materials")
async def materials(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Every paper that is asked for, once: who uses it, what may follow, what is here already."""
    where = await opened(parts, session, draft)
    if isinstance(where, Response):
        return where
    return await _materials(request, session, parts, site, where)


@router.post("/apply/{draft}/materials")
async def save_materials(
    draft: UUID, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """Keep everything the form brings: files, where papers lie, and what is applied for anew."""
    form = await request.form()
    known = parts.catalogue().item_by_code
    anew = dict.fromkeys(str(one) for one in form.getlist("anew"))
    typed = {"references": _references(form), "anew": [one for one in anew if one in known]}
    await drafts.save(parts, session.principal, draft, typed)
    gone = form.get("remove")
    if isinstance(gone, str) and gone:
        await drafts_files.remove(parts, session.principal, draft, gone)
    errors = await _put_files(parts, session, draft, form, request.app.state.uploads)
    where = await drafts.read(parts, session.principal, draft)
    long = any(name.startswith("references.") for name in where.people)
    if errors or long:
        return await _materials(request, session, parts, site, where, errors)
    if form.get("action") == "next":
        return to(f"/apply/{draft}/review")
    response = to(f"/apply/{draft}/materials" + (f"#slot-{gone}" if gone else ""))
    site.flash(request, response, SAVED)
    return response


@router.get("/apply/{draft}/slots/{slot}")
async def slot_part(
    draft: UUID, slot: str, request: Request, session: Investor, parts: Tools, site: Pages
) -> Response:
    """The place of one paper, as it is now, to be put into the page."""
    where = await drafts.read(parts, session.principal, draft)
    coming = await drafts.files(parts, session.principal, draft)
    found = next((one for one in shown.slots(where, coming) if one.id == slot), None)
    if found is None:
        raise Problem(NOT_FOUND)
    return site.part(
        request,
        "intake/apply_slot.html",
        session=session,
        slot=found,
        draft=where.draft,
        errors={},
        samples=parts.samples,
        upload=UploadRules.of(request.app.state.uploads),
    )


@router.post("/apply/{draft}/slots/{slot}")
async def begin(
    draft: UUID,
    slot: str,
    session: Investor,
    parts: Tools,
    request: Request,
    name: Annotated[str, Form(max_length=LONGEST)],
    size: Annotated[int, Form()],
    mark: Annotated[str, Form(max_length=drafts_files.LONGEST_MARK)],
) -> Response:
    """Say which file is to come; the answer says how much of it is here, and how to send it."""
    told = Announced(slot=slot, name=name, size=size, mark=mark)
    limits: UploadSettings = request.app.state.uploads
    found = await drafts_files.begin(parts, session.principal, draft, told, limits)
    return _told(draft, found, status=201)


@router.put("/apply/{draft}/files/{file}")
async def take(
    draft: UUID,
    file: UUID,
    request: Request,
    session: Investor,
    parts: Tools,
    upload_offset: Annotated[int, Header(ge=0)],
) -> Response:
    """Take the piece of a file that begins at `Upload-Offset`."""
    piece = await request.body()
    limits: UploadSettings = request.app.state.uploads
    who = session.principal
    found = await drafts_files.take(parts, who, draft, file, upload_offset, piece, limits)
    return _told(draft, found)


@router.get("/apply/{draft}/files/{file}", response_class=FileResponse)
async def read(draft: UUID, file: UUID, session: Investor, parts: Tools) -> Response:
    """Get a file of one's own draft back."""
    found = await drafts.file(parts, session.principal, draft, file)
    return FileResponse(
        drafts_files.path_of(parts.files, found.id),
        media_type=found.media_type,
        filename=found.file_name,
        content_disposition_type="attachment",
    )


def _told(draft: UUID, file: DraftFile, status: int = 200) -> Response:
    return JSONResponse(
        {
            "address": f"/apply/{draft}/files/{file.id}",
            "received": file.received,
            "size": file.size,
            "piece": drafts_files.PIECE_BYTES,
        },
        status_code=status,
    )


def _references(form: FormData) -> dict[str, str]:
    """Return where papers lie, by material, as it was typed."""
    return {
        name.removeprefix(REFERENCE): value[:LONGEST]
        for name, value in form.items()
        if name.startswith(REFERENCE) and isinstance(value, str) and value.strip()
    }


async def _put_files(
    parts: Parts, session: Session, draft: UUID, form: FormData, limits: UploadSettings
) -> dict[str, Words]:
    """Take the files that came with a form; return what is wrong, by slot."""
    errors: dict[str, Words] = {}
    for name, value in form.items():
        if not name.startswith(FILE) or not isinstance(value, UploadFile) or not value.filename:
            continue
        slot = name.removeprefix(FILE)
        told = Announced(slot=slot, name=value.filename, size=value.size or 0, mark=WITH_A_FORM)
        try:
            await drafts_files.put(parts, session.principal, draft, told, value.file, limits)
        except Problem as problem:
            if problem.kind is NOT_FOUND:
                raise
            errors[slot] = problem.detail or problem.kind.title
    return errors


async def _materials(
    request: Request,
    session: Session,
    parts: Parts,
    site: Site,
    where: Standing,
    errors: Mapping[str, Words] | None = None,
) -> Response:
    language = language_of(request)
    coming = await drafts.files(parts, session.principal, where.draft.id)
    slots = shown.slots(where, coming, errors)
    wrong = any(one.error for one in slots)
    return site.page(
        request,
        "intake/apply_materials.html",
        status=422 if wrong else 200,
        session=session,
        slots=slots,
        errors={one.id: one.error.in_language(language) for one in slots if one.error},
        not_asked=shown.not_asked(where),
        unneeded=shown.unneeded(where),
        held=[
            (item, number, where.catalogue.item_by_code[item].result.name)
            for item, number in where.held.items()
        ],
        anew=[
            (item, where.catalogue.item_by_code[item].result.name)
            for item in where.draft.fields.get("anew", ())
            if item in where.catalogue.item_by_code and item not in where.held
        ],
        names={one.code: one.name for one in where.catalogue.items},
        samples=parts.samples,
        upload=UploadRules.of(request.app.state.uploads),
        **frame(where, "materials"),
    )
