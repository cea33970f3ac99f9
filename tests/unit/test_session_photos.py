"""What is kept of a photo: the picture, whole, and nothing about where it was taken."""

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.departments.photos import JPEG, MOST_PIXELS, PNG, PhotoError, clean

SECRET = b"N 30.2 E 120.1"
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def frame(width: int = 4, height: int = 3) -> bytes:
    return segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\x00")


def exif(way: int, order: str = "<") -> bytes:
    mark = {"<": b"II", ">": b"MM"}[order]
    entries = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, way, 0)
    place = struct.pack(f"{order}HHII", 0x8825, 4, 1, 99)
    head = struct.pack(f"{order}2sHIH", mark, 42, 8, 2)
    return segment(0xE1, b"Exif\0\0" + head + place + entries + bytes(4) + SECRET)


QUANTISATION, HUFFMAN = segment(0xDB, bytes(65)), segment(0xC4, bytes(17))
JFIF = segment(0xE0, b"JFIF\0\x01\x02\x00\x00\x01\x00\x01\x00\x00")
PROFILE = segment(0xE2, b"ICC_PROFILE\0\x01\x01profile")
ADOBE = segment(0xEE, b"Adobe\0\x64\0\0\0\0\x01")
SCAN = segment(0xDA, b"\x01\x01\x00\x00\x3f\x00") + b"coded\xff\x00more\xff\xd0rest"
PICTURE = (QUANTISATION, frame(), HUFFMAN, SCAN)
KEPT = (JFIF, PROFILE, ADOBE)
LEFT_OUT = (
    exif(1),
    segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + SECRET),
    segment(0xE2, b"MPF\0" + SECRET),
    segment(0xED, b"Photoshop 3.0\0" + SECRET),
    segment(0xFE, SECRET),
)


def jpeg(*parts: bytes) -> bytes:
    return b"".join([b"\xff\xd8", *parts, b"\xff\xd9"])


def chunk(name: bytes, body: bytes = b"") -> bytes:
    whole = name + body
    return struct.pack(">I", len(body)) + whole + struct.pack(">I", zlib.crc32(whole))


def header(width: int = 1, height: int = 1) -> bytes:
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))


DATA, END = chunk(b"IDAT", zlib.compress(bytes(4))), chunk(b"IEND")


@given(st.lists(st.sampled_from((*KEPT, *LEFT_OUT)), max_size=8), st.binary(max_size=40))
def test_of_a_jpeg_the_picture_is_kept_byte_by_byte(about: list[bytes], behind: bytes) -> None:
    given_in = jpeg(*about, *PICTURE) + behind
    media_type, kept = clean(given_in)
    assert media_type == JPEG
    assert kept == jpeg(*(one for one in about if one in KEPT), *PICTURE)
    assert clean(kept) == (JPEG, kept)


@given(st.lists(st.sampled_from((b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"caBX", b"sRGB"))))
def test_of_a_png_the_picture_is_kept_byte_by_byte(about: list[bytes]) -> None:
    between = [chunk(name, SECRET) for name in about]
    media_type, kept = clean(b"".join([SIGNATURE, header(), *between, DATA, *between, END, SECRET]))
    shown = chunk(b"sRGB", SECRET) * about.count(b"sRGB")
    assert (media_type, kept) == (PNG, SIGNATURE + header() + shown + DATA + shown + END)
    assert clean(kept) == (PNG, kept)


@pytest.mark.parametrize("order", ["<", ">"])
def test_which_way_up_it_is_stays_known_and_nothing_else(order: str) -> None:
    kept = clean(jpeg(exif(6, order), *PICTURE)).content
    assert SECRET not in kept
    assert b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06" in kept
    assert clean(kept).content == kept


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<script>",
        b"\xff\xd8\xff<script>alert(1)</script>",
        jpeg(),
        jpeg(*PICTURE)[:-2],
        jpeg(frame()),
        jpeg(SCAN),
        jpeg(frame(), frame(), SCAN),
        jpeg(frame(10_001, 10_000), SCAN),
        jpeg(frame(0, 10), SCAN),
        jpeg(b"<script>", *PICTURE),
        jpeg(segment(0xC0, b"\x08"), SCAN),
        jpeg(exif(1)[:-1] + b"", *PICTURE),
        SIGNATURE,
        SIGNATURE + bytes(64),
        SIGNATURE + header() + DATA,
        SIGNATURE + header() + END,
        SIGNATURE + DATA + END,
        SIGNATURE + header() + header() + DATA + END,
        SIGNATURE + header(MOST_PIXELS, 2) + DATA + END,
        SIGNATURE + header() + chunk(b"EVIL") + DATA + END,
        SIGNATURE + header() + DATA[:-1] + b"\0" + END,
        SIGNATURE + chunk(b"IHDR", b"\0\0\0\1") + DATA + END,
    ],
)
def test_what_is_no_whole_photo_is_refused(content: bytes) -> None:
    with pytest.raises(PhotoError):
        clean(content)


@given(st.sampled_from((jpeg(exif(6), *PICTURE), SIGNATURE + header() + DATA + END)), st.data())
def test_nothing_else_comes_of_a_broken_one(content: bytes, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(content) - 1))
    broken = content[:place] + data.draw(st.binary(max_size=4)) + content[place + 1 :]
    try:
        kept = clean(broken).content
    except PhotoError:
        return
    assert clean(kept).content == kept
