"""What an investor fills in to answer: a file, or words, about one paper or one condition."""

from dataclasses import dataclass, replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from starlette.datastructures import FormData, UploadFile

from services.contracts.vocabulary import Role
from services.intake import uploads
from services.intake.api import Number
from services.intake.api_files import limits_of
from services.intake.inspection import EXTENSIONS
from services.intake.models import MaterialGiven
from services.intake.pages.public import Pages
from services.intake.parts import Parts, parts_of
from services.intake.settings import UploadSettings
from services.intake.waiting_problems import EMPTY, ONE_OF_BOTH, TOO_LONG, wrong
from services.runtime.auth import Principal
from services.runtime.web.idempotency import Asked
from services.runtime.web.site import Site
from services.runtime.web.site.forms import asked_on_page, checked
from services.runtime.web.site.session import Session, signed_in_as

ACCEPTED_FILES = ",".join(EXTENSIONS)
LONGEST = 200
Investor = Annotated[Session, Depends(signed_in_as(Role.INVESTOR))]
Once = Annotated[Asked, Depends(asked_on_page)]


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Who asks for a page about which application, and what it takes to answer."""

    request: Request
    session: Session
    number: str
    parts: Parts
    site: Site
    limits: UploadSettings

    @property
    def who(self) -> Principal:
        """Whoever is logged in."""
        return self.session.principal

    @property
    def path(self) -> str:
        """Where the application has its pages."""
        return f"/applications/{self.number}"


async def desk_of(
    request: Request,
    session: Investor,
    number: Number,
    parts: Annotated[Parts, Depends(parts_of)],
    site: Pages,
    limits: Annotated[UploadSettings, Depends(limits_of)],
) -> Desk:
    """FastAPI dependency: an investor's desk. Raises what `signed_in_as` raises."""
    return Desk(
        request=request, session=session, number=number, parts=parts, site=site, limits=limits
    )


AtDesk = Annotated[Desk, Depends(desk_of)]


@dataclass(frozen=True, kw_only=True, slots=True)
class Filled:
    """What was filled in about one paper. A file that was taken in stays, whatever is wrong."""

    reference: str = ""
    upload: UUID | None = None
    file_name: str = ""

    @property
    def empty(self) -> bool:
        """Whether nothing was filled in."""
        return self.upload is None and not self.reference

    def given(self, material: str) -> MaterialGiven:
        """Return it as a paper handed in. Raises Problem 422."""
        if (self.upload is None) == (not self.reference):
            raise wrong("#/reference", ONE_OF_BOTH)
        if len(self.reference) > LONGEST:
            raise wrong("#/reference", TOO_LONG)
        return checked(
            MaterialGiven,
            material=material,
            upload=self.upload,
            reference=self.reference or None,
        )


async def filled(desk: Desk, asked: Asked, form: FormData, suffix: str = "") -> Filled:
    """Return what was filled in about one paper; its file is taken in. Raises Problem 413, 422."""
    reference = text(form, f"reference{suffix}")
    file = form.get(f"file{suffix}")
    if isinstance(file, UploadFile) and file.filename:
        once = replace(asked, key=f"{asked.key}-file{suffix}")
        shown = await uploads.take(desk.parts, desk.who, once, file.filename, file, desk.limits)
        return Filled(reference=reference, upload=shown.id, file_name=shown.file_name)
    try:
        upload = UUID(text(form, f"upload{suffix}"))
    except ValueError:
        return Filled(reference=reference)
    return Filled(reference=reference, upload=upload, file_name=text(form, f"name{suffix}"))


def statement(form: FormData) -> str:
    """Return what was written about a condition. Raises Problem 422."""
    found = text(form, "statement")
    if not found:
        raise wrong("#/statement", EMPTY)
    if len(found) > LONGEST:
        raise wrong("#/statement", TOO_LONG)
    return found


def text(form: FormData, name: str) -> str:
    """Return a field as text, without blanks around it; "" when it is not there."""
    found: Any = form.get(name)
    return found.strip() if isinstance(found, str) else ""
