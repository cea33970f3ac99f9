"""Documents of one's own: made and sealed when first asked for, then the same bytes for ever."""

import asyncio
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import orjson

from services.domain.catalogue import Name
from services.domain.sheets import Sheet
from services.intake import documents_store as store
from services.intake import links
from services.intake.documents import SealError
from services.intake.parts import Parts
from services.intake.problems import NO_SEAL
from services.intake.shown_documents import DocumentList, DocumentShown
from services.intake.store import Shown
from services.intake.uploads import cleaned
from services.intake.written import Case, Writing
from services.runtime import audit
from services.runtime.auth import Principal
from services.runtime.web.problems import NOT_FOUND, Problem

ISSUED = "document.issued"
PDF = "application/pdf"
INDEX, CERTIFICATE = "index.json", "certificate.pem"
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True, kw_only=True)
class Issued:
    """A document that was made, as its row has it."""

    name: str
    number: str
    title: str
    sha256: str
    code: str

    @property
    def file_name(self) -> str:
        """A name people can read: title and number."""
        return cleaned(f"{self.title}-{self.number}.pdf".replace("/", "_").replace("\\", "_"))


class _Folder:
    """The documents of one application, read for its owner."""

    def __init__(self, parts: Parts, who: Principal, case: Case, row: Shown) -> None:
        self.number: str = row["number"]
        self.writings = case.writings
        self._parts, self._who = parts, who
        self._made = {one["name"]: one for one in row["documents"]}

    def shown(self, writing: Writing) -> DocumentShown:
        made = self._made.get(writing.name)
        if made is None:
            sheet = writing.write()
            said = {"number": sheet.number, "title": sheet.title, "dated": sheet.dated}
            proof = dict.fromkeys(("issued_at", "sha256", "size", "code"))
        else:
            title = Name(zh=made["title_zh"], en=made["title_en"])
            said = {"number": made["number"], "title": title, "dated": made["dated"]}
            proof = {key: made[key] for key in ("issued_at", "sha256", "size", "code")}
        return DocumentShown.model_validate(
            {
                "name": writing.name,
                "kind": writing.kind,
                "item": writing.item,
                "href": links.of_document(self.number, writing.name),
                **said,
                **proof,
            }
        )

    async def issued(self, writing: Writing) -> Issued:
        """Return a document, made now if it was not made before."""
        row = self._made.get(writing.name) or await self._make(writing)
        return Issued(
            name=writing.name,
            number=row["number"],
            title=row["title_zh"],
            sha256=row["sha256"],
            code=row["code"],
        )

    async def _make(self, writing: Writing) -> Shown:
        sheet = writing.write()
        made = await sealed(self._parts, sheet, self.number, writing.name)
        return await self._record(writing, sheet, made)

    async def _record(self, writing: Writing, sheet: Sheet, made: "Sealed") -> Shown:
        """Write it down, with its audit leaf. Of two that were made at once the first counts."""
        now = self._parts.clock.now()
        columns = {"name": writing.name, "kind": writing.kind, "item": writing.item}
        said = {"number": sheet.number, "content": sheet.digest, "sha256": made.sha256}
        async with self._parts.pool.acquire() as conn:
            async with conn.transaction():
                row = await store.add_document(
                    conn,
                    application=self.number,
                    code=made.code,
                    title_zh=sheet.title.zh,
                    title_en=sheet.title.en,
                    dated=sheet.dated,
                    size=made.size,
                    at=now,
                    **columns,
                    **said,
                )
                if row is not None:
                    facts = columns | said
                    await audit.leaf(conn, ISSUED, self.number, self._who.ref, facts, at=now)
                    return dict(row)
            self._parts.files.path_of(made.sha256).unlink(missing_ok=True)
            found = await store.get_document(conn, self.number, writing.name)
        if found is None:
            raise LookupError(writing.name)  # a document is never removed
        return dict(found)


async def _folder(parts: Parts, who: Principal, number: str) -> _Folder:
    async with parts.pool.acquire() as conn:
        row = await store.get_case(conn, number, who.ref)
        if row is None:
            raise Problem(NOT_FOUND)
        plan = await parts.plans.get(conn, row["plan_digest"])
    return _Folder(parts, who, Case(parts, row, plan), row)


@dataclass(frozen=True, kw_only=True)
class Sealed:
    """A document that was printed, sealed and put into the file store."""

    code: str
    sha256: str
    size: int


async def sealed(parts: Parts, sheet: Sheet, number: str, name: str) -> Sealed:
    """Make a document: `name` is its own within `number`. Raises Problem 503 without a seal."""
    press = parts.press
    if press is None:
        raise Problem(NO_SEAL)
    code = press.code_of(parts.hasher, number, name)
    try:
        pdf = await press.make(sheet, code)
    except SealError:
        raise Problem(NO_SEAL) from None
    sha256 = await asyncio.to_thread(_keep, parts, pdf)
    return Sealed(code=code, sha256=sha256, size=len(pdf))


def _keep(parts: Parts, pdf: bytes) -> str:
    incoming = parts.files.receive()
    try:
        incoming.write(pdf)
        incoming.finish()
        parts.files.keep(incoming)
    finally:
        incoming.discard()
    return incoming.sha256


async def listed(parts: Parts, who: Principal, number: str) -> DocumentList:
    """Return what documents there are. Raises Problem 404 for another's application."""
    folder = await _folder(parts, who, number)
    return DocumentList(number=number, items=[folder.shown(one) for one in folder.writings])


async def document(parts: Parts, who: Principal, number: str, name: str) -> tuple[Path, str]:
    """Return a document's file and what to call it.

    Raises Problem 404 for a document that is not there (yet), 503 without a seal.
    """
    folder = await _folder(parts, who, number)
    writing = next((one for one in folder.writings if one.name == name), None)
    if writing is None:
        raise Problem(NOT_FOUND)
    found = await folder.issued(writing)
    return parts.files.path_of(found.sha256), found.file_name


async def bundled(parts: Parts, who: Principal, number: str) -> Iterator[bytes]:
    """Return every document there is by now as one archive (ZIP), with an index and the seal.

    Whatever was not made before is made first; then the archive flows, a member at a time. The
    same documents give the same bytes. Raises Problem 404 and 503 as `document`.
    """
    folder = await _folder(parts, who, number)
    found = [await folder.issued(one) for one in folder.writings]
    return _packed(parts, number, found, parts.press.seal.pem if parts.press else b"")


class _Flow:
    """A file that cannot be wound back: it keeps what is written until that is taken."""

    def __init__(self) -> None:
        self._written: list[bytes] = []

    def write(self, some: bytes) -> int:
        self._written.append(bytes(some))
        return len(some)

    def flush(self) -> None:
        """Nothing is kept back."""

    def taken(self) -> bytes:
        found = b"".join(self._written)
        self._written.clear()
        return found


def _packed(
    parts: Parts, number: str, found: Sequence[Issued], certificate: bytes
) -> Iterator[bytes]:
    flow = _Flow()
    with zipfile.ZipFile(cast(IO[bytes], flow), "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in _members(parts, number, found, certificate):
            archive.writestr(zipfile.ZipInfo(name, _ZIP_EPOCH), content, zipfile.ZIP_DEFLATED)
            yield flow.taken()
    yield flow.taken()


def _members(
    parts: Parts, number: str, found: Sequence[Issued], certificate: bytes
) -> Iterator[tuple[str, bytes]]:
    index = {
        "application": number,
        "documents": [
            {
                "file": one.file_name,
                "name": one.name,
                "number": one.number,
                "code": one.code,
                "sha256": one.sha256,
            }
            for one in found
        ],
    }
    yield INDEX, orjson.dumps(index, option=orjson.OPT_INDENT_2)
    if certificate:
        yield CERTIFICATE, certificate
    for one in found:
        yield one.file_name, parts.files.path_of(one.sha256).read_bytes()
