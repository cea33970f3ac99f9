"""Typesetting: plain data and a Typst template become a PDF, with embedded Chinese type.

PDF/A wants a glyph for every character. A rare one that the type has not (生僻字) is printed as its
code point, `〔U+20BB7〕`: it is read wrongly by nobody, and the document is not held up.
"""

import threading
import unicodedata
from collections.abc import Mapping, Set
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
import typst
from fontTools.ttLib import TTFont
from pylopdf_fonts_zh_cn import sans_path, serif_path

STANDARD: Final = "a-2b"
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class Typesetter:
    """Sets one template. Safe to use from several threads; one sets at a time."""

    def __init__(self, template: Path) -> None:
        """Load the type (once: some 20 MB)."""
        fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[str(serif_path().parent)],
        )
        self._covered = _characters(serif_path()) | _characters(sans_path())
        self._compiler = typst.Compiler(template, font_paths=fonts, ignore_system_fonts=True)
        self._lock = threading.Lock()

    def pdf(
        self, said: Mapping[str, Any], *, at: datetime, drawn: Mapping[str, str] | None = None
    ) -> bytes:
        """Return data as PDF/A-2b (ISO 19005-2): the same bytes for the same data and instant.

        Args:
            said: plain data; every text in it is made printable, and none is ever markup.
            at: when it was made (metadata).
            drawn: pictures (SVG), which go in as they are.
        """
        data = legible(dict(said), self._covered) | dict(drawn or {})
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
