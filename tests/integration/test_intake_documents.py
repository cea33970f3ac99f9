"""Sealed documents: made once, handed to their owner alone, verified by whoever holds one."""

import asyncio
import hashlib
import io
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson
import pypdfium2
import pytest
import pytest_asyncio

from services.contracts.acceptance import NoticeLine
from services.contracts.events import AcceptanceProgress, ApplicationProgressed, Result
from services.contracts.vocabulary import (
    AcceptanceKind,
    AcceptanceState,
    ApplicationStatus,
    FindingKind,
    Outcome,
)
from services.intake.documents.press import Press
from services.intake.documents.sealing import is_genuine
from services.intake.settings import SealSettings
from services.runtime.embedded.keys import ensure_test_seal
from tests import examined_county
from tests.conftest import Databases
from tests.integration.intake_kit import (
    INVESTOR,
    NOW,
    PERSON,
    STRANGER,
    SUPERVISOR,
    Intake,
    officer,
    once,
    prepare,
    problem,
    running,
)

BASE = "https://centre.example"
DECIDED = datetime(2026, 3, 5, 3, 0, tzinfo=UTC)
FIRE, FOOD = "FIRE-CHECK", "FOOD-PERMIT"


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory) -> Press:
    key, certificate = ensure_test_seal(tmp_path_factory.mktemp("seal"))
    found = Press.open(SealSettings(key_file=key, certificate_file=certificate), BASE)
    assert found is not None
    return found


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path, press: Press) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path) as found,
    ):
        found.parts = replace(found.parts, press=press)
        found.app.state.parts = found.parts
        yield found


def result(item: str, outcome: Outcome = Outcome.GRANTED, **rest: Any) -> Result:
    granted = outcome is Outcome.GRANTED
    values: dict[str, Any] = {
        "item": item,
        "department": "fire-rescue" if item == FIRE else "market-supervision",
        "outcome": outcome,
        "number": f"{item}/2026/7" if granted else None,
        "conditions": ("每年年检一次",) if granted else (),
        "reasons": () if granted else ("后厨面积不足",),
        "remedies": () if granted else ("六十日内申请行政复议",),
        "decided_at": DECIDED,
        "released_at": DECIDED + timedelta(hours=1),
    }
    return Result.model_validate(values | rest)


async def released(intake: Intake, number: str, *results: Result) -> None:
    taken = await intake.told(
        ApplicationProgressed(
            application=number,
            status=ApplicationStatus.IN_PROGRESS,
            at=DECIDED,
            results=results,
        )
    )
    assert not taken.dead


async def documents(intake: Intake, number: str) -> dict[str, dict[str, Any]]:
    answer = await intake.get(f"/v1/applications/{number}/documents")
    assert answer.status_code == 200, answer.text
    return {one["name"]: one for one in answer.json()["items"]}


async def pdf(intake: Intake, number: str, name: str) -> bytes:
    answer = await intake.get(f"/v1/applications/{number}/documents/{name}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment")
    return answer.content


def text_of(content: bytes) -> str:
    pages = pypdfium2.PdfDocument(content)
    return "".join("".join(page.get_textpage().get_text_range().split()) for page in pages)


def is_sealed(content: bytes, press: Press) -> bool:
    return is_genuine(content, press.seal.pem)


async def verified(intake: Intake, query: Mapping[str, str], status: int = 200) -> httpx2.Response:
    answer = await intake.client.get("/v1/public/verification", params=dict(query))
    assert answer.status_code == status, answer.text
    return answer


async def test_receipt_and_acceptance_are_there_from_the_first_moment(
    intake: Intake, press: Press
) -> None:
    """ALL 32: both in writing, sealed and dated."""
    number = await intake.accepted()
    listed = await documents(intake, number)
    assert list(listed) == ["submission", "acceptance"]
    assert {one["issued_at"] for one in listed.values()} == {None}
    for name in listed:
        content = await pdf(intake, number, name)
        text = text_of(content)
        assert number in text
        assert "示例餐饮有限公司" in text
        assert "2026年3月2日" in text
        assert await asyncio.to_thread(is_sealed, content, press)
    receipt = text_of(await pdf(intake, number, "submission"))
    assert all("".join(one.name.zh.split()) in receipt for one in intake.asked())
    assert intake.plan.promised_on.isoformat() in text_of(await pdf(intake, number, "acceptance"))


async def test_results_are_written_when_they_are_released(intake: Intake, press: Press) -> None:
    """ALL 38: a grant in writing; a refusal in writing with reasons and remedies."""
    number = await intake.accepted()
    problem(
        await intake.get(f"/v1/applications/{number}/documents/result-{FIRE}"), 404, "not-found"
    )
    await released(intake, number, result(FIRE), result(FOOD, Outcome.REFUSED))
    listed = await documents(intake, number)
    assert (listed[f"result-{FIRE}"]["kind"], listed[f"result-{FOOD}"]["kind"]) == (
        "grant",
        "refusal",
    )
    grant, refusal = [await pdf(intake, number, f"result-{item}") for item in (FIRE, FOOD)]
    assert {f"{FIRE}/2026/7", "每年年检一次"} <= _found(grant, f"{FIRE}/2026/7", "每年年检一次")
    assert len(_found(refusal, "后厨面积不足", "六十日内申请行政复议", "2026年3月5日")) == 3
    assert await asyncio.to_thread(is_sealed, grant, press)
    assert not await asyncio.to_thread(is_sealed, _changed(grant), press)


def _found(content: bytes, *wanted: str) -> set[str]:
    text = text_of(content)
    return {one for one in wanted if one in text}


def _changed(content: bytes) -> bytes:
    found = bytearray(content)
    found[found.index(b"stream") + 30] ^= 1
    return bytes(found)


async def test_a_document_is_made_once(intake: Intake) -> None:
    number = await intake.accepted()
    several = await asyncio.gather(*(pdf(intake, number, "acceptance") for _ in range(4)))
    later = await pdf(intake, number, "acceptance")
    assert set(several) == {later}
    [row] = await intake.pool.fetch("SELECT * FROM document")
    assert row["sha256"] == hashlib.sha256(later).hexdigest()
    assert row["size"] == len(later)
    [leaf] = [one for one in await intake.acts() if one["act"] == "document.issued"]
    assert leaf["facts"]["sha256"] == row["sha256"]
    kept = [path for path in intake.parts.files.folder.rglob("*") if path.is_file()]
    assert [path.name for path in kept] == [row["sha256"]]
    shown = (await documents(intake, number))["acceptance"]
    assert (shown["sha256"], shown["code"]) == (row["sha256"], row["code"])


@pytest.mark.parametrize("change", ["UPDATE document SET sha256 = 'x'", "DELETE FROM document"])
async def test_a_document_is_final(intake: Intake, change: str) -> None:
    number = await intake.accepted()
    await pdf(intake, number, "acceptance")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await intake.pool.execute(change)


async def test_a_document_is_its_owners_alone(intake: Intake) -> None:
    number = await intake.accepted()
    for path in ("documents", "documents/acceptance", "bundle"):
        url = f"/v1/applications/{number}/{path}"
        problem(await intake.get(url, STRANGER), 404, "not-found")
        problem(await intake.get(url, officer("fire-rescue")), 403, "forbidden")
        problem(await intake.get(url, SUPERVISOR), 403, "forbidden")
        problem(await intake.client.get(url), 401, "unauthenticated")
    assert await intake.pool.fetchval("SELECT count(*) FROM document") == 0


async def test_without_a_seal_no_document_is_made(intake: Intake) -> None:
    number = await intake.accepted()
    kept = await pdf(intake, number, "submission")
    intake.app.state.parts = replace(intake.parts, press=None)
    problem(await intake.get(f"/v1/applications/{number}/documents/acceptance"), 503, "no-seal")
    problem(await intake.get(f"/v1/applications/{number}/bundle"), 503, "no-seal")
    problem(await intake.client.get("/v1/public/seal-certificate"), 503, "no-seal")
    assert await pdf(intake, number, "submission") == kept


async def test_a_bundle_holds_everything_and_says_what(intake: Intake, press: Press) -> None:
    number = await intake.accepted()
    await released(intake, number, result(FIRE), result(FOOD, Outcome.REFUSED))
    answer = await intake.get(f"/v1/applications/{number}/bundle")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/zip"
    assert (await intake.get(f"/v1/applications/{number}/bundle")).content == answer.content
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        index = orjson.loads(archive.read("index.json"))
        assert archive.read("certificate.pem") == press.seal.pem
        assert [one["name"] for one in index["documents"]] == [
            "submission",
            "acceptance",
            f"result-{FIRE}",
            f"result-{FOOD}",
        ]
        for one in index["documents"]:
            content = archive.read(one["file"])
            assert hashlib.sha256(content).hexdigest() == one["sha256"]
            assert content == await pdf(intake, number, one["name"])
        assert len(archive.namelist()) == 6


async def test_whoever_holds_a_document_can_verify_it(intake: Intake, press: Press) -> None:
    number = await intake.accepted()
    await released(intake, number, result(FIRE))
    content = await pdf(intake, number, f"result-{FIRE}")
    shown = (await documents(intake, number))[f"result-{FIRE}"]
    query = {"number": shown["number"], "code": shown["code"]}
    assert shown["code"] in text_of(content)
    found = (await verified(intake, query)).json()
    assert found["sha256"] == hashlib.sha256(content).hexdigest()
    assert (found["kind"], found["outcome"], found["standing"]) == (
        "grant",
        "granted",
        "in_force",
    )
    assert found["holder"] == "示例餐饮有限公司"
    assert found["item_name"]["zh"]
    assert found["certificate_sha256"] == press.seal.fingerprint
    for wrong in (
        {**query, "code": "AAAA-AAAA-AAAA-AAAA"},
        {**query, "number": f"{shown['number']}0"},
    ):
        problem(await verified(intake, wrong, 404), 404, "not-found")
    problem(await verified(intake, {**query, "code": "x"}, 422), 422, "invalid")
    certificate = await intake.client.get("/v1/public/seal-certificate")
    assert certificate.content == press.seal.pem


async def test_before_a_document_is_made_nothing_can_be_verified(
    intake: Intake, press: Press
) -> None:
    number = await intake.accepted()
    code = press.code_of(intake.parts.hasher, number, "acceptance")
    query = {"number": f"{number}-A", "code": code}
    await verified(intake, query, 404)
    await pdf(intake, number, "acceptance")
    found = (await verified(intake, query)).json()
    assert (found["standing"], found["item"]) == (None, None)


async def test_a_persons_name_is_in_the_document_and_nowhere_else(intake: Intake) -> None:
    name = "欧阳若兰"
    applicant = {"name": name, "kind": "person", "id_number": PERSON, "phone": "0375-5550100"}
    number = await intake.accepted(applicant=applicant)
    await released(intake, number, result(FIRE))
    assert name in text_of(await pdf(intake, number, f"result-{FIRE}"))
    shown = (await documents(intake, number))[f"result-{FIRE}"]
    query = {"number": shown["number"], "code": shown["code"]}
    answer = await verified(intake, query)
    assert answer.json()["holder"] == "欧**"
    public = [answer.text]
    public += [
        (await intake.client.get(path)).text
        for path in ("/v1/public/results", "/v1/public/results.csv")
    ]
    public.append(str(await intake.acts()))
    public.append(str([dict(row) for row in await intake.pool.fetch("SELECT * FROM document")]))
    assert [text for text in public if name in text or PERSON in text] == []


async def test_the_instant_of_issue_is_business_time(intake: Intake) -> None:
    number = await intake.accepted()
    await pdf(intake, number, "acceptance")
    row = await intake.pool.fetchrow("SELECT issued_at, dated FROM document")
    assert row is not None
    assert (row["issued_at"], row["dated"].isoformat()) == (NOW, "2026-03-02")


def told(number: str, day: int, **acceptance: Any) -> ApplicationProgressed:
    return ApplicationProgressed(
        application=number,
        status=ApplicationStatus.RECEIVED,
        at=NOW + timedelta(days=day),
        promised_at=acceptance.pop("promised_at", None),
        acceptance=AcceptanceProgress(**({"round": 1} | acceptance)),
    )


async def test_whatever_comes_before_the_acceptance_is_in_writing(
    intake: Intake, press: Press
) -> None:
    """ALL 32: corrected on the spot, told what is missing, accepted by silence: each in writing."""
    intake.parts = intake.app.state.parts = replace(intake.parts, shelf=examined_county.shelf())
    number = await intake.accepted()
    assert list(await documents(intake, number)) == ["submission"]
    examining = AcceptanceState.EXAMINING
    until = NOW + timedelta(days=7)
    await intake.told(told(number, 0, state=examining, examining=("fire-rescue",), until=until))
    corrected = await intake.client.post(
        f"/v1/applications/{number}/supplements",
        json={"round": 0, "materials": [{"material": "floor-plan", "reference": "原件 9"}]},
        headers={**INVESTOR, **once()},
    )
    assert corrected.status_code == 202, corrected.text
    line = NoticeLine(
        department="fire-rescue",
        subject="material/floor-plan",
        kind=FindingKind.DEFECTIVE,
        text="请标出疏散通道",
    )
    supplementing = AcceptanceState.SUPPLEMENTING
    outstanding = (line.subject,)
    await intake.told(told(number, 3, state=supplementing, notice=(line,), outstanding=outstanding))
    await intake.told(
        told(
            number,
            9,
            state=AcceptanceState.ACCEPTED,
            kind=AcceptanceKind.DEEMED,
            accepted_on=date(2026, 3, 2),
            silent=("market-supervision",),
            promised_at=datetime(2026, 3, 27, 9, 0, tzinfo=UTC),
            promised_days=18,
        )
    )
    listed = await documents(intake, number)
    assert list(listed) == ["submission", "correction-1", "notice-1", "acceptance"]
    assert listed["notice-1"]["dated"] == "2026-03-05"
    wanted = {
        "correction-1": ("当场更正凭证", "场所平面图"),
        "notice-1": ("补正告知书", "场所平面图：请标出疏散通道", "消防"),
        "acceptance": ("自收到申请材料之日起即为受理", "2026-03-02", "2026-03-27", "市场监督"),
    }
    for name, texts in wanted.items():
        content = await pdf(intake, number, name)
        assert _found(content, *texts) == set(texts), name
        assert await asyncio.to_thread(is_sealed, content, press)
