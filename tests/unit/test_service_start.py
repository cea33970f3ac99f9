"""A service that cannot start says why in one sentence, and with an exit code of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.runtime import service
from services.runtime.service import EX_CONFIG, StartError
from services.runtime.settings import CatalogueSettings, ServiceSettings

FIXTURE = Path("tests/fixtures/restaurant")


def spoiled(tmp_path: Path) -> Path:
    folder = Path(shutil.copytree(FIXTURE, tmp_path / "catalogue"))
    (folder / "2026.1" / "fees.yaml").unlink()
    (folder / "2026.1" / "groups.yaml").unlink()
    return folder


def test_a_bad_catalogue_is_one_sentence_on_stderr(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "LIANSHEN_CATALOGUE__FOLDER": str(spoiled(tmp_path)),
        "LIANSHEN_HASH_KEY": "0123456789abcdef",
    }
    ran = subprocess.run(
        [sys.executable, "-m", "services", "departments"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == EX_CONFIG, ran.stderr
    (line,) = ran.stderr.splitlines()
    assert line.startswith("lianshen departments: the catalogue is refused: ")
    assert "fees.yaml:1: " in line
    assert line.endswith("(1 more: lianshen catalogue lint)")


async def test_a_calendar_that_cannot_be_read_is_one_sentence(tmp_path: Path) -> None:
    settings = ServiceSettings(
        catalogue=CatalogueSettings(folder=FIXTURE, calendar_folder=tmp_path / "none")
    )
    with pytest.raises(StartError, match=r"^the calendar is refused: [^\n]+$"):
        await service.shelf_of(settings)


async def test_a_folder_of_samples_that_is_named_and_not_there_is_one_sentence(
    tmp_path: Path,
) -> None:
    nowhere = tmp_path / "nowhere"
    settings = ServiceSettings(catalogue=CatalogueSettings(folder=FIXTURE, samples_folder=nowhere))
    with pytest.raises(StartError, match=rf"^the samples are refused: [^\n]*{nowhere}$"):
        await service.samples_of(settings)
    unnamed = ServiceSettings(catalogue=CatalogueSettings(folder=FIXTURE))
    assert await service.samples_of(unnamed) == {}


def test_what_is_no_reason_of_ours_is_not_hidden() -> None:
    async def serving() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        service.start("intake", serving)
