"""Uploads: what is taken, what is refused, who gets it back."""

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.conftest import Databases
from tests.integration.intake_kit import (
    INVESTOR,
    PDF,
    STRANGER,
    Intake,
    office,
    officer,
    once,
    png,
    prepare,
    problem,
    running,
)

LIMIT = 200_000


@pytest_asyncio.fixture
async def intake(databases: Databases, tmp_path: Path) -> AsyncIterator[Intake]:
    url = await databases.fresh("intake", prepare)
    async with (
        asyncpg.create_pool(url, min_size=1, max_size=8) as pool,
        running(pool, tmp_path / "files", max_file_bytes=LIMIT) as found,
    ):
        yield found


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_a_file_is_kept_and_given_back_to_its_owner_as_an_attachment(
    intake: Intake, tmp_path: Path
) -> None:
    answer = await intake.upload(name="总平面图.pdf")
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["media_type"], shown["file_name"], shown["size"]) == (
        "application/pdf",
        "总平面图.pdf",
        len(PDF),
    )
    assert answer.headers["location"] == shown["links"]["self"]
    back = await intake.get(shown["links"]["self"])
    assert back.content == PDF
    assert back.headers["content-disposition"].startswith("attachment")
    assert back.headers["x-content-type-options"] == "nosniff"
    assert [path.name for path in files(tmp_path)] == [shown["sha256"]]
    problem(await intake.get(shown["links"]["self"], STRANGER), 404, "not-found")
    problem(await intake.get(shown["links"]["self"], officer("planning")), 403, "forbidden")
    problem(await intake.client.get(shown["links"]["self"]), 401, "unauthenticated")


async def test_the_same_key_is_one_upload_and_the_same_content_one_file(
    intake: Intake, tmp_path: Path
) -> None:
    headers = {**INVESTOR, **once()}
    form = {"file": ("plan.pdf", PDF)}
    first = await intake.client.post("/v1/uploads", files=form, headers=headers)
    again = await intake.client.post("/v1/uploads", files=form, headers=headers)
    assert first.content == again.content
    other = {"file": ("plan.pdf", PDF + b"\n%%EOF\n")}
    problem(
        await intake.client.post("/v1/uploads", files=other, headers=headers),
        422,
        "idempotency-key-reused",
    )
    await intake.uploaded()
    assert await intake.pool.fetchval("SELECT count(*) FROM upload") == 2
    assert len([path for path in files(tmp_path) if path.parent.name != "incoming"]) == 2


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"MZ\x90\x00" + b"\x00" * 100, "plan.pdf"),
        (b"MZ\x90\x00" + b"\x00" * 100, "plan.exe"),
        (png(), "plan.pdf"),
        (png(tail=b"<script>"), "plan.png"),
        (office(more=[("word/bomb.xml", b"0" * 50_000_000)]), "plan.docx"),
        (PDF, "plan"),
    ],
)
async def test_what_is_not_what_it_says_is_refused_and_not_kept(
    intake: Intake, tmp_path: Path, content: bytes, name: str
) -> None:
    body = problem(await intake.upload(content, name), 422, "file-refused")
    assert body["detail"]
    assert files(tmp_path) == []
    assert await intake.pool.fetchval("SELECT count(*) FROM upload") == 0


async def test_a_file_is_cut_off_at_the_limit_while_it_streams(
    intake: Intake, tmp_path: Path
) -> None:
    body = PDF[:-6] + b"0" * LIMIT
    problem(await intake.upload(body), 413, "body-too-large")
    assert files(tmp_path) == []
    fits = PDF + b"0" * 500 + b"\nstartxref\n%%EOF"
    assert (await intake.upload(fits)).status_code == 201


async def test_only_a_form_with_one_file_is_taken(intake: Intake, tmp_path: Path) -> None:
    async def post(**sent: object) -> int:
        answer = await intake.client.post(
            "/v1/uploads",
            headers={**INVESTOR, **once()},
            **sent,  # type: ignore[arg-type]  # whatever a client may send
        )
        return answer.status_code

    assert await post(content=PDF) == 415
    assert await post(files={"other": ("plan.pdf", PDF)}) == 400
    assert await post(files=[("file", ("a.pdf", PDF)), ("file", ("b.pdf", PDF))]) == 400
    assert await post(files={"file": ("plan.pdf", b"")}) == 400
    assert await post(files={"file": ("plan.pdf", PDF)}, data={"note": "x"}) == 400
    broken = b"--x\r\nContent-Disposition: form-data; name=file; filename=a.pdf\r\n\r\n" + PDF
    header = {**INVESTOR, **once(), "content-type": "multipart/form-data; boundary=x"}
    answer = await intake.client.post("/v1/uploads", content=broken, headers=header)
    problem(answer, 400, "bad-request")
    assert files(tmp_path) == []


async def test_anothers_upload_cannot_be_handed_in(intake: Intake) -> None:
    upload = await intake.uploaded()
    materials = [{"material": one.id, "upload": upload} for one in intake.asked()]
    body = problem(await intake.submit(STRANGER, materials=materials), 422, "incomplete")
    assert {one["pointer"] for one in body["errors"]} == {
        f"#/materials/{place}/upload" for place in range(len(materials))
    }
    assert (await intake.submit(materials=materials)).status_code == 201
