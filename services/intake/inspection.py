"""Whether a file is what its name says, and harmless to open: extension, magic, structure.

Only documents that a department's window can look at are taken: PDF, PNG, JPEG, DOCX, XLSX.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import puremagic

from services.intake.settings import UploadSettings
from services.runtime.web.problems import Words

HEAD_BYTES = 4096
TAIL_BYTES = 1024
CHUNK_BYTES = 65_536
_PNG = b"\x89PNG\r\n\x1a\n"
_ARCHIVES = (b"PK\x03\x04", b"Rar!", b"7z\xbc\xaf\x27\x1c", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")
_PARTS_OF_OFFICE = {".docx": "word/document.xml", ".xlsx": "xl/workbook.xml"}
_ENCRYPTED = 0x1
_SYMLINK = 0o120000


class RefusedFileError(Exception):
    """A file is not taken; `words` say why, to the one who sent it."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__(en)
        self.words = Words(zh, en)


def media_type_of(extension: str) -> str:
    """Return the media type of an extension (`.pdf`). Raises RefusedFileError for others."""
    kind = _KINDS.get(extension.lower())
    if kind is None:
        there = " ".join(sorted(_KINDS))
        raise RefusedFileError(
            f"只接受以下类型的文件：{there}", f"Only these kinds of file are taken: {there}"
        )
    return kind[0]


def inspect(path: Path, extension: str, limits: UploadSettings) -> str:
    """Return the media type of a file that passes. Raises RefusedFileError. Blocking."""
    media_type = media_type_of(extension)
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        if extension.lower() not in _extensions_of(head):
            raise RefusedFileError(
                "文件内容与扩展名不符", "The content is not what the extension says"
            )
        try:
            _KINDS[extension.lower()][1](file, extension.lower(), limits)
        except (struct.error, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
            raise _broken() from None
    return media_type


def _extensions_of(head: bytes) -> set[str]:
    try:
        return {found.extension for found in puremagic.magic_string(head)}
    except (puremagic.PureError, ValueError):
        return set()


def _broken() -> RefusedFileError:
    return RefusedFileError("文件已损坏或不完整", "The file is damaged or incomplete")


def _pdf(file: BinaryIO, _extension: str, _limits: UploadSettings) -> None:
    file.seek(0)
    header = file.read(8)
    size = file.seek(0, 2)
    file.seek(max(0, size - TAIL_BYTES))
    tail = file.read()
    if not header.startswith((b"%PDF-1.", b"%PDF-2.")) or b"%%EOF" not in tail:
        raise _broken()
    if b"startxref" not in tail:
        raise _broken()


def _png(file: BinaryIO, _extension: str, limits: UploadSettings) -> None:
    """Walk the chunks: IHDR first, IEND last, and nothing behind it (PNG 3rd edition, 5)."""
    file.seek(0)
    if file.read(8) != _PNG:
        raise _broken()
    first, name = True, b""
    while name != b"IEND":
        length, name = struct.unpack(">I4s", file.read(8))
        body = file.read(length) if first else b""
        if first:
            if name != b"IHDR":
                raise _broken()
            width, height = struct.unpack(">II", body[:8])
            _check_pixels(width, height, limits)
        else:
            file.seek(length, 1)
        first = False
        if len(file.read(4)) != 4:  # noqa: PLR2004  the chunk's CRC
            raise _broken()
    if file.read(1):
        raise RefusedFileError("图像之后附有其他内容", "Something is appended to the image")


def _jpeg(file: BinaryIO, _extension: str, limits: UploadSettings) -> None:
    """Walk the segments to the first frame header, and see that the image ends (T.81 B.1)."""
    file.seek(-2, 2)
    if file.read(2) != b"\xff\xd9":
        raise _broken()
    file.seek(2)
    while True:
        fill, marker, length = struct.unpack(">BBH", file.read(4))
        if fill != 0xFF or length < 2:  # noqa: PLR2004  a segment counts its own length
            raise _broken()
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # noqa: PLR2004  SOFn
            height, width = struct.unpack(">xHH", file.read(5))
            _check_pixels(width, height, limits)
            return
        if marker in (0xD9, 0xDA):
            raise _broken()
        file.seek(length - 2, 1)


def _check_pixels(width: int, height: int, limits: UploadSettings) -> None:
    if not 0 < width * height <= limits.max_pixels:
        raise RefusedFileError(
            f"图像不得超过 {limits.max_pixels} 像素",
            f"An image may have {limits.max_pixels} pixels at most",
        )


def _office(file: BinaryIO, extension: str, limits: UploadSettings) -> None:
    """Look at every member before unpacking it, and unpack it to see that it does not lie."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
        names = {member.filename for member in members}
        if len(members) > limits.max_members or len(names) != len(members):
            raise RefusedFileError(
                "文档内部件过多或重名", "The document has too many parts, or two of one name"
            )
        if not {"[Content_Types].xml", _PARTS_OF_OFFICE[extension]} <= names:
            raise RefusedFileError(
                "文件内容与扩展名不符", "The content is not what the extension says"
            )
        if any(name.lower().endswith("vbaproject.bin") for name in names):
            raise RefusedFileError("文档含有宏", "The document contains macros")
        for member in members:
            _check_member(member, limits)
        if sum(member.file_size for member in members) > limits.max_expanded_bytes:
            raise _bomb()
        for member in members:
            _unpack(archive, member)


def _check_member(member: zipfile.ZipInfo, limits: UploadSettings) -> None:
    path = PurePosixPath(member.filename)
    outside = path.is_absolute() or ".." in path.parts or "\\" in member.filename
    if outside or ":" in member.filename or "\0" in member.orig_filename:
        raise RefusedFileError("文档内部件路径异常", "A part of the document has a wrong path")
    if member.flag_bits & _ENCRYPTED or (member.external_attr >> 16) & 0o170000 == _SYMLINK:
        raise RefusedFileError(
            "文档已加密或含有链接", "The document is encrypted or contains links"
        )
    if member.file_size > limits.max_ratio * max(member.compress_size, 1) + CHUNK_BYTES:
        raise _bomb()


def _bomb() -> RefusedFileError:
    return RefusedFileError("文档解压后过大", "The document is too large when unpacked")


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Read a member to its end: its size and checksum are what its header says."""
    unpacked = 0
    for place, chunk in enumerate(_chunks(archive, member)):
        unpacked += len(chunk)
        if place == 0 and chunk.startswith(_ARCHIVES):
            raise RefusedFileError("文档内含压缩包", "The document contains an archive")
    if unpacked != member.file_size:
        raise _broken()


def _chunks(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> Iterator[bytes]:
    with archive.open(member) as content:
        while chunk := content.read(CHUNK_BYTES):
            yield chunk


_OFFICE = "application/vnd.openxmlformats-officedocument"
_KINDS: dict[str, tuple[str, Callable[[BinaryIO, str, UploadSettings], None]]] = {
    ".pdf": ("application/pdf", _pdf),
    ".png": ("image/png", _png),
    ".jpg": ("image/jpeg", _jpeg),
    ".jpeg": ("image/jpeg", _jpeg),
    ".docx": (f"{_OFFICE}.wordprocessingml.document", _office),
    ".xlsx": (f"{_OFFICE}.spreadsheetml.sheet", _office),
}
EXTENSIONS = tuple(sorted(_KINDS))
