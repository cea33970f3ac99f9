"""A sheet as PDF/A-2b (ISO 19005-2), by Typst, with embedded Chinese type and a QR code.

PDF/A wants a glyph for every character. A rare one that the type has not (生僻字) is printed as its
code point, `〔U+20BB7〕`: it is read wrongly by nobody, and the document is not held up.
"""

import io
import threading
import unicodedata
from collections.abc import Set
from datetime import date, datetime
from pathlib import Path
from typing import Any, Final

import orjson
import segno
import typst
from fontTools.ttLib import TTFont
from pylopdf_fonts_zh_cn import sans_path, serif_path

from services.domain.catalogue import Name
from services.domain.sheets import Sheet

TEMPLATE = Path(__file__).with_name("sheet.typ")
STANDARD: Final = "a-2b"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Printer:
    """Prints sheets. Safe to use from several threads; one prints at a time."""

    def __init__(self) -> None:
        """Load the type (once: some 20 MB)."""
        fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[str(serif_path().parent)],
        )
        self._covered = _characters(serif_path()) | _characters(sans_path())
        self._compiler = typst.Compiler(TEMPLATE, font_paths=fonts, ignore_system_fonts=True)
        self._lock = threading.Lock()

    def pdf(
        self, sheet: Sheet, *, code: str, url: str, seal: Name, is_test: bool, at: datetime
    ) -> bytes:
        """Return a sheet as PDF/A-2b.

        Args:
            sheet: what it says.
            code: printed beside the number; both together prove that one has the document.
            url: where it is verified; also in the QR code.
            seal: what is said about the seal.
            is_test: mark every page as a test.
            at: when it was made (metadata).
        """
        said = {
            "sheet": sheet.model_dump(mode="json"),
            "code": code,
            "url": url,
            "seal": seal.model_dump(),
            "dated": chinese_date(sheet.dated),
            "test": is_test,
        }
        data = legible(said, self._covered) | {"qr": qr_code(url)}
        with self._lock:
            found = self._compiler.compile(
                format="pdf",
                pdf_standards=STANDARD,
                sys_inputs={"data": orjson.dumps(data).decode()},
                timestamp=at.replace(microsecond=0),
            )
        if not isinstance(found, bytes):
            raise TypeError(type(found).__name__)
        # Without a line break at its end, what a signature appends breaks ISO 19005-2, 6.1.9.
        return found if found.endswith(b"\n") else found + b"\n"


def _characters(font: Path) -> frozenset[int]:
    with TTFont(font, lazy=True) as opened:
        return frozenset(opened.getBestCmap())


def legible(value: Any, covered: Set[int]) -> Any:
    """Return a JSON value with every text in it made printable; nothing but texts changes.

    Characters that cannot be seen (controls, direction marks) go: they could make a document look
    other than it is. What has no glyph stands as its code point.
    """
    if isinstance(value, str):
        return "".join(_printed(character, covered) for character in value)
    if isinstance(value, list):
        return [legible(one, covered) for one in value]
    if isinstance(value, dict):
        return {key: legible(one, covered) for key, one in value.items()}
    return value


def _printed(character: str, covered: Set[int]) -> str:
    if character == "\n":
        return character
    if unicodedata.category(character) in _UNSEEN:
        return " " if character in "\t\r\v\f\u2028\u2029\x85" else ""
    return character if ord(character) in covered else f"〔U+{ord(character):04X}〕"


def chinese_date(day: date) -> str:
    """Return a date as official papers write it: 2026年3月2日."""
    return f"{day.year}年{day.month}月{day.day}日"


def qr_code(text: str) -> str:
    """Return a QR code (ISO/IEC 18004, error correction M) as SVG."""
    buffer = io.BytesIO()
    segno.make(text, error="m", micro=False).save(
        buffer, kind="svg", xmldecl=False, svgns=True, border=2
    )
    return buffer.getvalue().decode()
