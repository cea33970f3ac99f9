"""What everybody may know of results: the register of grants, and whether a document is genuine.

Personal data is in neither: the register names companies only, the verification shows whoever
holds a document the family name of its holder.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from services.domain.calendar import ZONE
from services.domain.catalogue import Catalogue, Name
from services.domain.remedies import Remedy, standing
from services.domain.sheets import DocumentKind
from services.intake import documents_store as store
from services.intake import links
from services.intake import outcomes_store as answers
from services.intake.parts import Parts
from services.intake.shown_documents import Grant, GrantPage, RemedyPublic, Verification
from services.intake.store import Shown
from services.runtime.catalogue_shelf import UnknownVersionError
from services.runtime.web import pages
from services.runtime.web.problems import NOT_FOUND, Problem

NEWEST = (datetime(9999, 12, 31, tzinfo=UTC), "", "")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    *("number", "item", "item_zh", "item_en", "document_zh", "document_en", "department"),
    *("department_zh", "department_en", "project_code", "project_name", "holder", "decided_on"),
    *("released_at", "standing", "outcome"),
)


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which grants are asked for; days are local dates of the release, both included."""

    item: str | None = None
    department: str | None = None
    project: str | None = None
    since: date | None = None
    until: date | None = None


async def grants(parts: Parts, wanted: Wanted, limit: int, after: str | None) -> GrantPage:
    """Return one page of the register, newest first. Raises Problem 400 for a bad cursor."""
    before = pages.decode(after, pages.instant, str, str) if after else NEWEST
    async with parts.pool.acquire() as conn, conn.transaction(readonly=True):
        rows = await store.list_grants(
            conn,
            before=(before[0], before[1], before[2]),
            item=wanted.item,
            department=wanted.department,
            project=wanted.project,
            since=_midnight(wanted.since),
            until=_midnight(wanted.until and wanted.until + timedelta(days=1)),
            limit=limit + 1,
        )
    shown, following = pages.split(
        rows,
        limit,
        lambda row: pages.encode(row["released_at"], row["application"], row["item"]),
    )
    return GrantPage(items=[_grant(parts, row) for row in shown], next=following)


def _midnight(day: date | None) -> datetime | None:
    return None if day is None else datetime.combine(day, time(), ZONE)


async def grant(parts: Parts, number: str) -> Grant:
    """Return the grant with a number. Raises Problem 404."""
    async with parts.pool.acquire() as conn:
        row = await store.get_grant(conn, number)
    if row is None:
        raise Problem(NOT_FOUND)
    return _grant(parts, row)


async def verification(parts: Parts, number: str, code: str) -> Verification:
    """Return what the document with this number and code says. Raises Problem 404."""
    async with parts.pool.acquire() as conn:
        row = await store.find_document(conn, number, code) or await answers.find_document(
            conn, number, code
        )
    if row is None:
        raise Problem(NOT_FOUND)
    names = _NamesOf(parts, row["catalogue_version"])
    remedies = store.remedies(row["notes"])
    return Verification(
        number=row["number"],
        kind=DocumentKind(row["kind"]),
        title=Name(zh=row["title_zh"], en=row["title_en"]),
        dated=row["dated"],
        issued_at=row["issued_at"],
        item=row["item"],
        item_name=names.item(row["item"]),
        department=row["department"],
        department_name=names.department(row["department"]),
        outcome=row["outcome"],
        holder=masked(row["party_kind"], row["party_name"]),
        standing=standing(remedies) if row["item"] else None,
        remedies=_public(remedies),
        sha256=row["sha256"],
        size=row["size"],
        certificate_sha256=parts.press.seal.fingerprint if parts.press else None,
    )


def masked(kind: str, name: str) -> str:
    """Return a company's name, or of a person's the first character and two stars."""
    return name if kind == "company" else f"{name[:1]}**"


class _NamesOf:
    """Names by a catalogue version; none when it has been taken off the shelf."""

    def __init__(self, parts: Parts, version: str) -> None:
        self._catalogue: Catalogue | None
        try:
            self._catalogue = parts.shelf.version(version)
        except UnknownVersionError:
            self._catalogue = None

    def item(self, code: str | None) -> Name | None:
        found = self._catalogue.item_by_code.get(code) if self._catalogue and code else None
        return found.name if found else None

    def paper(self, code: str) -> Name | None:
        found = self._catalogue.item_by_code.get(code) if self._catalogue else None
        return found.result.name if found else None

    def department(self, code: str | None) -> Name | None:
        found = self._catalogue.department_by_code.get(code) if self._catalogue and code else None
        return found.name if found else None


def _grant(parts: Parts, row: Shown) -> Grant:
    names = _NamesOf(parts, row["catalogue_version"])
    remedies = store.remedies(row["notes"])
    return Grant(
        number=row["number"],
        item=row["item"],
        item_name=names.item(row["item"]),
        document=names.paper(row["item"]),
        department=row["department"],
        department_name=names.department(row["department"]),
        outcome=row["outcome"],
        project_code=row["project_code"],
        holder=row["holder"],
        project_name=row["project_name"],
        decided_on=parts.shelf.calendar.local_date(row["decided_at"]),
        released_at=row["released_at"],
        standing=standing(remedies),
        remedies=_public(remedies),
        href=links.of_grant(row["number"]),
    )


def _public(remedies: Iterable[Remedy]) -> list[RemedyPublic]:
    return [RemedyPublic(**one.model_dump()) for one in remedies]


def as_csv(page: GrantPage) -> str:
    """Return a page as CSV (RFC 4180) with a head; a text is never taken for a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for one in page.items:
        writer.writerow([_cell(text) for text in _columns(one)])
    return buffer.getvalue()


def _columns(one: Grant) -> tuple[str, ...]:
    return (
        *(one.number, one.item, *_both(one.item_name), *_both(one.document), one.department),
        *(*_both(one.department_name), one.project_code, one.project_name or "", one.holder or ""),
        *(one.decided_on.isoformat(), one.released_at.isoformat(), one.standing, one.outcome),
    )


def _both(name: Name | None) -> tuple[str, str]:
    return (name.zh, name.en) if name else ("", "")


def _cell(text: str) -> str:
    """Keep a spreadsheet from reckoning with what somebody wrote."""
    return f"'{text}" if text.startswith(_FORMULA) else text
