"""The file store and the inspection of what is handed in."""

import os
import time
from pathlib import Path

import pytest

from services.intake.files import FileStore, TooLargeError
from services.intake.inspection import RefusedFileError, inspect
from services.intake.settings import UploadSettings
from services.intake.uploads import cleaned
from tests.integration.intake_kit import PDF, jpeg, office, png


def passes(folder: Path, content: bytes, extension: str, **limits: int) -> str:
    path = folder / "file"
    path.write_bytes(content)
    return inspect(path, extension, UploadSettings(**limits))


def test_a_file_is_kept_once_under_its_hash(tmp_path: Path) -> None:
    files = FileStore(tmp_path, max_file_bytes=100)
    for _ in range(2):
        incoming = files.receive()
        incoming.write(b"con")
        incoming.write(b"tent")
        incoming.finish()
        files.keep(incoming)
        incoming.discard()
    place = files.path_of(incoming.sha256)
    assert place.read_bytes() == b"content"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [place]


def test_a_file_is_never_written_beyond_the_limit(tmp_path: Path) -> None:
    files = FileStore(tmp_path, max_file_bytes=10)
    incoming = files.receive()
    incoming.write(b"0123456789")
    with pytest.raises(TooLargeError):
        incoming.write(b"x")
    incoming.finish()
    assert incoming.path.stat().st_size == 10


def test_what_a_crash_left_is_cleared_away_but_not_what_is_under_way(tmp_path: Path) -> None:
    files = FileStore(tmp_path, max_file_bytes=10)
    old, new = files.receive(), files.receive()
    past = time.time() - 7_200
    os.utime(old.path, (past, past))
    FileStore(tmp_path, max_file_bytes=10)
    assert not old.path.exists()
    assert new.path.exists()


@pytest.mark.parametrize(
    ("content", "extension", "media_type"),
    [
        (PDF, ".pdf", "application/pdf"),
        (PDF, ".PDF", "application/pdf"),
        (png(), ".png", "image/png"),
        (jpeg(), ".jpg", "image/jpeg"),
        (jpeg(), ".jpeg", "image/jpeg"),
        (office(), ".docx", "wordprocessingml.document"),
        (office("xl/workbook.xml"), ".xlsx", "spreadsheetml.sheet"),
    ],
)
def test_documents_that_are_what_they_say(
    tmp_path: Path, content: bytes, extension: str, media_type: str
) -> None:
    assert passes(tmp_path, content, extension).endswith(media_type)


@pytest.mark.parametrize(
    ("content", "extension"),
    [
        (PDF, ".exe"),
        (PDF, ""),
        (b"MZ\x90\x00" + PDF, ".pdf"),
        (png(), ".pdf"),
        (PDF, ".png"),
        (b"hello", ".pdf"),
        (b"", ".pdf"),
        (PDF.replace(b"%%EOF", b""), ".pdf"),
        (PDF.replace(b"startxref", b""), ".pdf"),
        (png(tail=b"PK\x03\x04"), ".png"),
        (png()[:-6], ".png"),
        (png(20_000, 20_000), ".png"),
        (png(0, 0), ".png"),
        (jpeg()[:-2], ".jpg"),
        (jpeg(65_000, 65_000), ".jpg"),
        (b"\xff\xd8\xff\xe0\x00\x01JFIF\x00" + b"\xff\xd9", ".jpg"),
        (office(), ".xlsx"),
        (office("xl/workbook.xml"), ".docx"),
        (office()[:-30], ".docx"),
        (office(more=[("word/vbaProject.bin", b"x")]), ".docx"),
        (office(more=[("../evil", b"x")]), ".docx"),
        (office(more=[("/evil", b"x")]), ".docx"),
        (office(more=[("C:evil", b"x")]), ".docx"),
        (office(more=[("word/embedded.bin", b"PK\x03\x04...")]), ".docx"),
        (office(more=[("word/bomb.xml", b"0" * 20_000_000)]), ".docx"),
        (office(more=[("word/document.xml", b"again")]), ".docx"),
    ],
)
def test_everything_else_is_refused(tmp_path: Path, content: bytes, extension: str) -> None:
    with pytest.raises(RefusedFileError) as refused:
        passes(tmp_path, content, extension)
    assert refused.value.words.zh
    assert refused.value.words.en


def test_the_limits_of_office_documents_are_settings(tmp_path: Path) -> None:
    many = office(more=[(f"word/{place}.xml", os.urandom(2_000)) for place in range(20)])
    passes(tmp_path, many, ".docx")
    with pytest.raises(RefusedFileError):
        passes(tmp_path, many, ".docx", max_members=10)
    with pytest.raises(RefusedFileError):
        passes(tmp_path, many, ".docx", max_expanded_bytes=20_000)


def test_a_member_whose_header_lies_is_refused(tmp_path: Path) -> None:
    honest = office(more=[("word/x.xml", os.urandom(500))])
    lying = honest.replace((500).to_bytes(4, "little"), (400).to_bytes(4, "little"))
    assert lying != honest
    with pytest.raises(RefusedFileError):
        passes(tmp_path, lying, ".docx")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("总平面图.pdf", "总平面图.pdf"),
        ("C:\\Users\\x\\plan.pdf", "plan.pdf"),
        ("../../etc/plan.pdf", "plan.pdf"),
        ("a\r\nb\x00\u202e.pdf", "ab.pdf"),
        ("x" * 300 + ".pdf", "x" * 150 + ".pdf"),
    ],
)
def test_file_names_lose_folders_and_control_characters(name: str, shown: str) -> None:
    assert cleaned(name) == shown
