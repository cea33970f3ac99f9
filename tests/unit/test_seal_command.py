"""`lianshen seal` as people use it."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import build
from services.domain import sheets
from services.domain.catalogue import Name
from services.intake.documents.printing import Printer
from services.intake.documents.sealing import Seal

OF = sheets.Application(
    number="QX20260302-000001-0",
    project_code="P-1",
    project_name="饭店",
    applicant="示例餐饮有限公司",
    scenario=Name(zh="饭店", en="Restaurant"),
)


def run(*arguments: object) -> tuple[int, str]:
    found = CliRunner().invoke(build(), ["seal", *map(str, arguments)])
    return found.exit_code, found.output


def made(folder: Path) -> tuple[Path, Path]:
    code, output = run("test", folder)
    assert code == 0, output
    key, certificate = map(Path, output.split())
    return key, certificate


@pytest.fixture
def document(tmp_path: Path) -> tuple[Path, Path]:
    """A sealed document and the certificate."""
    key, certificate = made(tmp_path / "seal")
    seal = Seal.load(key, certificate)
    centre = Name(zh="政务服务中心", en="Centre")
    sheet = sheets.submission(OF, centre, date(2026, 3, 2), [])
    printed = Printer().pdf(
        sheet,
        code="MZXW-6YTB-OI4D-QNBQ",
        url="https://centre.example",
        seal=seal.words,
        is_test=True,
        at=datetime(2026, 3, 2, tzinfo=UTC),
    )
    file = tmp_path / "document.pdf"
    file.write_bytes(seal.apply(printed))
    return file, certificate


def test_a_genuine_document_is_told_from_a_changed_one(
    document: tuple[Path, Path], tmp_path: Path
) -> None:
    file, certificate = document
    code, output = run("check", file, "--certificate", certificate)
    assert (code, "签名有效" in output) == (0, True), output
    changed = bytearray(file.read_bytes())
    changed[changed.index(b"stream") + 30] ^= 1
    file.write_bytes(changed)
    assert run("check", file, "--certificate", certificate)[0] == 1
    file.write_bytes(b"no document")
    assert run("check", file, "--certificate", certificate)[0] == 1


def test_anothers_seal_is_not_ours(document: tuple[Path, Path], tmp_path: Path) -> None:
    _, other = made(tmp_path / "other")
    assert run("check", document[0], "--certificate", other)[0] == 1


def test_what_cannot_be_read_is_said(document: tuple[Path, Path], tmp_path: Path) -> None:
    code, output = run("check", tmp_path / "none.pdf", "--certificate", document[1])
    assert (code, "cannot be read" in output) == (2, True)
