"""A sheet as PDF/A-2b (ISO 19005-2), by Typst, with a QR code."""

import io
from datetime import date, datetime
from pathlib import Path

import segno

from services.domain.catalogue import Name
from services.domain.sheets import Sheet
from services.runtime.press import Typesetter

TEMPLATE = Path(__file__).with_name("sheet.typ")


class Printer:
    """Prints sheets. Safe to use from several threads; one prints at a time."""

    def __init__(self) -> None:
        """Load the type (once: some 20 MB)."""
        self._typesetter = Typesetter(TEMPLATE)

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
        return self._typesetter.pdf(said, at=at, drawn={"qr": qr_code(url)})


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
