"""Intake on a real database, with tokens of a local key. What it says lies in its outbox."""

import io
import struct
import time
import warnings
import zipfile
import zlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx2
import orjson
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import ECKey

from services.contracts.events import Event, Receipt
from services.contracts.topics import PROGRESS
from services.contracts.vocabulary import Role, Service
from services.domain.catalogue_changes import digest_of
from services.domain.plan import Plan
from services.intake.app import build
from services.intake.consumer import Projection
from services.intake.editions import Editions
from services.intake.files import FileStore
from services.intake.parts import Parts
from services.intake.settings import Settings, UploadSettings
from services.runtime.auth import Authenticator, KeyRing
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import ManualClock
from services.runtime.db import Pool
from services.runtime.hashing import Hasher
from services.runtime.inbox import Inbox, Taken
from services.runtime.messages import Outgoing, Raw, encode
from services.runtime.migrate import upgrade_async
from services.runtime.settings import CatalogueSettings

ISSUER = "https://id.example"
HASHER = Hasher(b"0123456789abcdef")
NOW = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
CATALOGUE = CatalogueSettings(
    folder=Path("tests/fixtures/restaurant"), calendar_folder=Path("deploy/calendar")
)
SCENARIO = "restaurant"
COMPANY = "91350100M000100Y43"
PERSON = "11010519491231002X"
PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\nxref\ntrailer\nstartxref\n9\n%%EOF\n"
_key = ECKey.generate_key("P-256", {"kid": "one", "use": "sig"})


async def prepare(url: str) -> None:
    await upgrade_async(Service.INTAKE, url)


async def _keys() -> Mapping[str, Any]:
    return {"keys": [_key.as_dict(private=False)]}


def authenticator() -> Authenticator:
    """Return what believes the tokens of `bearer`."""
    return Authenticator(issuer=ISSUER, audience="lianshen", keys=KeyRing(_keys), hasher=HASHER)


def receipt_of(consumer: str, event_id: str) -> Receipt:
    """Return a consumer's receipt of one event."""
    return Receipt(consumer=consumer, event_ids=(UUID(event_id),))


def bearer(
    subject: str, *roles: Role, department: str | None = None, number: str | None = None
) -> dict[str, str]:
    """Return the header of a token for a person, with his identity number if it has one."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": "lianshen",
        "sub": subject,
        "client_id": "test",
        "exp": time.time() + 6 * 3600,
        "roles": [role.value for role in roles],
    }
    if department:
        claims["department"] = department
    if number:
        claims["id_number"] = number
    header = {"alg": "ES256", "typ": "at+jwt", "kid": "one"}
    token = jwt.encode(header, claims, _key, algorithms=["ES256"])
    return {"authorization": f"Bearer {token}"}


INVESTOR = bearer("investor", Role.INVESTOR)
STRANGER = bearer("stranger", Role.INVESTOR)
SUPERVISOR = bearer("supervisor", Role.SUPERVISOR)


def officer(department: str) -> dict[str, str]:
    return bearer(f"officer-{department}", Role.OFFICER, department=department)


def once() -> dict[str, str]:
    """Return the header of a key that was never used."""
    return {"idempotency-key": str(uuid4())}


@dataclass
class Intake:
    """One intake, and ways to act on it."""

    app: FastAPI
    pool: Pool
    parts: Parts
    client: httpx2.AsyncClient
    clock: ManualClock
    inbox: Inbox = field(init=False)
    _seqs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.inbox = Inbox(handler=Projection(self.clock))

    @property
    def plan(self) -> Plan:
        """The plan of the scenario's example."""
        catalogue = self.parts.catalogue()
        return self.parts.shelf.plan(
            catalogue.county.version,
            SCENARIO,
            catalogue.scenario_by_code[SCENARIO].example,
            {},
            self.parts.today,
        )

    def submission(self, **changes: Any) -> dict[str, Any]:
        """A complete application."""
        example = self.parts.catalogue().scenario_by_code[SCENARIO].example
        return {
            "project": {
                "code": "2603-410402-04-01-123456",
                "name": "饭店",
                "address": "创业路 8 号",
            },
            "scenario": SCENARIO,
            "answers": dict(example),
            "applicant": {
                "name": "示例餐饮有限公司",
                "kind": "company",
                "id_number": COMPANY,
                "phone": "0375-5550100",
            },
            "materials": [
                {"material": one.id, "reference": f"原件 {place}"}
                for place, one in enumerate(self.asked())
            ],
            **changes,
        }

    def asked(self) -> list[Any]:
        return [one for one in self.plan.materials if one.asked and one.may_follow is None]

    async def approve(
        self, version: str, who: Mapping[str, str] | None = None, **changes: Any
    ) -> httpx2.Response:
        """Let the supervisor approve a version on the shelf as it is."""
        digest = digest_of(self.parts.shelf.version(version))
        body = {"version": version, "digest": digest, "reason": "按省定标准调整"} | changes
        headers = {**(who or SUPERVISOR), **once()}
        return await self.client.post("/v1/catalogue/approvals", json=body, headers=headers)

    async def submit(self, who: Mapping[str, str] = INVESTOR, **changes: Any) -> httpx2.Response:
        return await self.client.post(
            "/v1/applications", json=self.submission(**changes), headers={**who, **once()}
        )

    async def accepted(self, **changes: Any) -> str:
        """Submit a complete application; return its number."""
        answer = await self.submit(**changes)
        assert answer.status_code == 201, answer.text
        number: str = answer.json()["number"]
        return number

    async def upload(
        self, content: bytes = PDF, name: str = "plan.pdf", who: Mapping[str, str] = INVESTOR
    ) -> httpx2.Response:
        return await self.client.post(
            "/v1/uploads",
            files={"file": (name, content, "application/octet-stream")},
            headers={**who, **once()},
        )

    async def uploaded(self, content: bytes = PDF, name: str = "plan.pdf") -> str:
        answer = await self.upload(content, name)
        assert answer.status_code == 201, answer.text
        found: str = answer.json()["id"]
        return found

    async def get(self, path: str, who: Mapping[str, str] = INVESTOR) -> httpx2.Response:
        return await self.client.get(path, headers=dict(who))

    async def told(self, *events: Event) -> Taken:
        """Let the orchestrator's word arrive, in one batch."""
        return await self.inbox.take(self.pool, [self._raw(event) for event in events])

    def _raw(self, event: Any) -> Raw:
        seq = next(self._seqs.setdefault(event.application, count(1)))
        outgoing = Outgoing(
            topic=PROGRESS.name,
            application=event.application,
            event=event,
            at=getattr(event, "at", NOW),
            consumers=(),
        )
        value = encode(outgoing, source=Service.ORCHESTRATOR, event_id=uuid4(), seq=seq)
        return Raw(topic=PROGRESS.name, value=value, key=event.application.encode())

    async def outbox(self) -> list[dict[str, Any]]:
        """Return the events said so far, oldest first."""
        rows = await self.pool.fetch("SELECT payload FROM outbox ORDER BY id")
        return [orjson.loads(row["payload"]) for row in rows]

    async def acts(self) -> list[dict[str, Any]]:
        """Return the audit leaves, oldest first."""
        rows = await self.pool.fetch("SELECT body FROM audit_leaf ORDER BY id")
        return [orjson.loads(row["body"]) for row in rows]


@asynccontextmanager
async def running(
    pool: Pool, folder: Path, *, shelf: Shelf | None = None, **limits: Any
) -> AsyncIterator[Intake]:
    """Serve intake without its loops."""
    uploads = UploadSettings(folder=folder, **limits)
    app = build(Settings(uploads=uploads))
    clock, shelf = ManualClock(NOW), shelf or Shelf(CATALOGUE)
    parts = Parts(
        pool=pool,
        clock=clock,
        shelf=shelf,
        editions=await Editions.open(pool, shelf, clock),
        hasher=HASHER,
        files=FileStore(folder, max_file_bytes=uploads.max_file_bytes),
    )
    app.state.parts = parts
    app.state.authenticator = authenticator()
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        yield Intake(app=app, pool=pool, parts=parts, client=client, clock=clock)


def problem(answer: httpx2.Response, status: int, code: str) -> dict[str, Any]:
    """Return the body of an answer that must be this problem."""
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    assert body["type"] == f"urn:lianshen:problem:{code}", body
    return body


def png(width: int = 2, height: int = 2, tail: bytes = b"") -> bytes:
    """A small image that claims a size."""

    def chunk(name: bytes, body: bytes) -> bytes:
        checked = name + body
        return struct.pack(">I", len(body)) + checked + struct.pack(">I", zlib.crc32(checked))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"\0" * 6))
    return b"\x89PNG\r\n\x1a\n" + header + pixels + chunk(b"IEND", b"") + tail


def jpeg(width: int = 2, height: int = 2) -> bytes:
    """The segments of an image that claims a size."""
    frame = struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00"
    return (
        b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00"
        + b"\xff\xc0"
        + struct.pack(">H", len(frame) + 2)
        + frame
        + b"\xff\xda\x00\x02\x00\xff\xd9"
    )


def office(main: str = "word/document.xml", more: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """An office document with further members."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        warnings.simplefilter("ignore")  # a name given twice is what a test is about
        archive.writestr("[Content_Types].xml", b"<Types/>")
        archive.writestr(main, b"<document/>")
        for name, content in more:
            archive.writestr(name, content)
    return buffer.getvalue()
