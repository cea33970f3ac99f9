"""Photos as they are kept: whole, of a size that can be shown, and without what is not the picture.

A file is walked from part to part (JPEG: ITU-T T.81 annex B; PNG: ISO/IEC 15948). What it takes to
draw the picture is kept byte by byte; where and with what it was taken, comments, thumbnails and
whatever stands behind its end are left out. Which way up it is stays known.
"""

import re
import struct
import zlib
from typing import NamedTuple

MOST_PIXELS = 100_000_000
JPEG, PNG = "image/jpeg", "image/png"

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14, _APP15, _COM = 0xE0, 0xE1, 0xE2, 0xEE, 0xEF, 0xFE
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_TABLES = frozenset({0xC4, 0xCC, 0xDB, 0xDD})
_SHOWN = {_APP0: b"JFIF\0", _APP2: b"ICC_PROFILE\0", _APP14: b"Adobe"}
"""Application segments that say how colours are meant."""
_BEHIND_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_EXIF = b"Exif\0\0"
_ORIENTATION, _SHORT = 0x0112, 3
_WAYS_UP = range(2, 9)

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CRITICAL = frozenset({b"IHDR", b"PLTE", b"IDAT", b"IEND"})
_COLOURS = frozenset({b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs"})
_HEADER = 13


class PhotoError(ValueError):
    """A file is no whole photo, or too large a picture; the message says which part is wrong."""


class Photo(NamedTuple):
    """A photo: its media type, and what is kept of it."""

    media_type: str
    content: bytes


def clean(content: bytes) -> Photo:
    """Return what is kept of a file. Raises PhotoError."""
    if content.startswith(_SIGNATURE):
        return Photo(PNG, _png(content))
    if content.startswith(b"\xff\xd8\xff"):
        return Photo(JPEG, _jpeg(content))
    raise PhotoError("neither JPEG nor PNG")


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MOST_PIXELS:
        raise PhotoError(f"{width} x {height} pixels")


def _jpeg(content: bytes) -> bytes:
    kept, place = [content[:2]], 2
    framed = scanned = False
    while True:
        marker, begin, end = _segment(content, place)
        if marker == _EOI:
            break
        if marker in _FRAMES and not framed:
            framed = True
            _check_frame(content[begin + 4 : end])
        elif marker == _SOS and framed:
            scanned, end = True, _scan_end(content, end)
        elif marker not in _TABLES and not _APP0 <= marker <= _APP15 and marker != _COM:
            raise PhotoError(f"marker {marker:02x}")
        kept.append(_kept(marker, content[begin:end]))
        place = end
    if not scanned:
        raise PhotoError("no picture")
    return b"".join([*kept, b"\xff\xd9"])


def _segment(content: bytes, place: int) -> tuple[int, int, int]:
    """Return the marker of a segment, where it begins, and where it ends."""
    begin = place
    while content[begin + 1 : begin + 2] == b"\xff":
        begin += 1
    if content[begin : begin + 1] != b"\xff" or len(content) < begin + 2:
        raise PhotoError("cut short, or something between two segments")
    marker = content[begin + 1]
    if marker == _EOI:
        return marker, begin, begin + 2
    size = int.from_bytes(content[begin + 2 : begin + 4])
    end = begin + 2 + size
    if size < 2 or end > len(content):  # noqa: PLR2004  the length counts itself
        raise PhotoError("cut short")
    return marker, begin, end


def _check_frame(head: bytes) -> None:
    try:
        _, height, width = struct.unpack_from(">BHH", head)
    except struct.error:
        raise PhotoError("cut short") from None
    _check_size(width, height)


def _scan_end(content: bytes, place: int) -> int:
    """Return where the coded picture ends: at the next marker that is not part of it."""
    found = _BEHIND_SCAN.search(content, place)
    if found is None:
        raise PhotoError("cut short")
    return found.start()


def _kept(marker: int, segment: bytes) -> bytes:
    """Return what is kept of a segment."""
    if marker == _APP1:
        return _way_up(segment[4:])
    if _APP0 <= marker <= _APP15 or marker == _COM:
        known = _SHOWN.get(marker)
        return segment if known is not None and segment[4:].startswith(known) else b""
    return segment


def _way_up(exif: bytes) -> bytes:
    """Return a segment that says which way up the picture is, and nothing else (Exif 2.32)."""
    try:
        way = _orientation(exif.removeprefix(_EXIF)) if exif.startswith(_EXIF) else None
    except struct.error:
        way = None
    if way not in _WAYS_UP:
        return b""
    body = _EXIF + struct.pack(">2sHIHHHIHHI", b"MM", 42, 8, 1, _ORIENTATION, _SHORT, 1, way, 0, 0)
    return struct.pack(">BBH", 0xFF, _APP1, len(body) + 2) + body


def _orientation(tiff: bytes) -> int | None:
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    (first,) = struct.unpack_from(f"{order}I", tiff, 4)
    (number,) = struct.unpack_from(f"{order}H", tiff, first)
    for place in range(first + 2, first + 2 + 12 * number, 12):
        tag, kind, _, value = struct.unpack_from(f"{order}HHIH", tiff, place)
        if (tag, kind) == (_ORIENTATION, _SHORT):
            return int(value)
    return None


def _png(content: bytes) -> bytes:
    names: list[bytes] = []
    kept, place = [_SIGNATURE], len(_SIGNATURE)
    while not names or names[-1] != b"IEND":
        name, end = _chunk(content, place)
        if (name == b"IHDR") is not (not names):
            raise PhotoError("the header does not stand in front")
        if name == b"IHDR":
            if end - place != _HEADER + 12:
                raise PhotoError("no header")
            _check_size(*struct.unpack_from(">II", content, place + 8))
        if name in _CRITICAL or name in _COLOURS:
            kept.append(content[place:end])
        elif name[:1].isupper():
            raise PhotoError("a chunk that no picture needs")
        names.append(name)
        place = end
    if b"IDAT" not in names:
        raise PhotoError("no picture")
    return b"".join(kept)


def _chunk(content: bytes, place: int) -> tuple[bytes, int]:
    """Return the name of a chunk, and where it ends."""
    size, name = int.from_bytes(content[place : place + 4]), content[place + 4 : place + 8]
    end = place + 12 + size
    if end > len(content) or not (name.isalpha() and name.isascii()):
        raise PhotoError("cut short, or no chunk")
    if zlib.crc32(content[place + 4 : end - 4]) != int.from_bytes(content[end - 4 : end]):
        raise PhotoError("a chunk was changed")
    return name, end
