"""Printing and sealing beside the event loop, no more at a time than there is use in."""

import asyncio
import base64
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from urllib.parse import urlencode

from services.domain.sheets import Sheet
from services.intake import links
from services.intake.documents.printing import Printer
from services.intake.documents.sealing import Seal
from services.intake.settings import SealSettings
from services.runtime.hashing import Hasher

AT_A_TIME = 2
_CODE_BYTES = 10
_GROUP = 4


def address_of(base: str, number: str, code: str) -> str:
    """Return where a document is verified; it stands in the QR code."""
    query = urlencode({"number": number, "code": code})
    return f"{base}{links.VERIFICATION}?{query}"


@dataclass(frozen=True, kw_only=True)
class Press:
    """Makes sealed documents."""

    seal: Seal
    base: str
    printer: Printer
    workers: ThreadPoolExecutor

    @classmethod
    def open(cls, settings: SealSettings, base: str) -> "Press | None":
        """Return a press, or None without a seal. Raises SealError.

        Args:
            settings: key and certificate.
            base: the address that people reach the service at, without a slash at its end.
        """
        if settings.key_file is None or settings.certificate_file is None:
            return None
        return cls(
            seal=Seal.load(settings.key_file, settings.certificate_file, settings.chain_file),
            base=base,
            printer=Printer(),
            workers=ThreadPoolExecutor(AT_A_TIME, thread_name_prefix="press"),
        )

    def code_of(self, hasher: Hasher, application: str, name: str) -> str:
        """Return a document's code: 16 letters and digits in groups of four (80 bits, keyed).

        It needs the installation's key and is never guessed: with the number it opens the
        verification, and nothing else.
        """
        digest = bytes.fromhex(hasher.ref(f"document {application} {name}"))
        text = base64.b32encode(digest[:_CODE_BYTES]).decode()
        return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))

    async def make(self, sheet: Sheet, code: str) -> bytes:
        """Return the sealed PDF of a sheet. Raises SealError."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.workers, partial(self._make, sheet, code))

    def _make(self, sheet: Sheet, code: str) -> bytes:
        printed = self.printer.pdf(
            sheet,
            code=code,
            url=address_of(self.base, sheet.number, code),
            seal=self.seal.words,
            is_test=self.seal.is_test,
            at=datetime.now(UTC),
        )
        return self.seal.apply(printed)

    def close(self) -> None:
        """Let what is being made end."""
        self.workers.shutdown(wait=True, cancel_futures=True)
