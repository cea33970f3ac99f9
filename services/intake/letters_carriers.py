"""How letters leave the house: text message and e-mail behind a protocol, chosen by the settings.

A gateway of a province or a company is plugged in as `module:function`, a function without
arguments that returns a `Carrier`. The adapter `file` sends nothing: it writes what would be sent
into a folder of the installation, for its user alone.
"""

import asyncio
import importlib
import os
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

import orjson

from services.domain.calendar import ZONE
from services.intake.letters_settings import FILE, LetterSettings

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


class Channel(StrEnum):
    """A way to somebody."""

    SMS = "sms"
    EMAIL = "email"


class NoCarrierError(ValueError):
    """The settings name an adapter for letters that is none."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """One letter on its way by one channel. `number` stays the same when it is tried again."""

    number: str
    channel: Channel
    address: str = field(repr=False)
    subject: str
    text: str


class Carrier(Protocol):
    """A gateway for text messages, e-mail, or both."""

    channels: frozenset[Channel]

    async def carry(self, parcel: Parcel) -> None:
        """Send it. Whatever is raised means that it is tried again later."""
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...


class Files:
    """Writes parcels, one line each, to a file for each channel and day."""

    channels = frozenset(Channel)

    def __init__(self, folder: Path) -> None:
        """Keep the folder; it is made when the first letter is written."""
        self._folder = folder

    async def carry(self, parcel: Parcel) -> None:
        """Write it."""
        await asyncio.to_thread(self._write, parcel)

    def _write(self, parcel: Parcel) -> None:
        self._folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
        today = datetime.now(ZONE).date()
        path = self._folder / f"{parcel.channel}-{today.isoformat()}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        with os.fdopen(os.open(path, flags, PRIVATE_FILE), "ab") as file:
            file.write(orjson.dumps(parcel, option=orjson.OPT_APPEND_NEWLINE))

    async def forget(self, before: datetime) -> None:
        """Remove the files of days that ended before: they hold addresses of people."""
        await asyncio.to_thread(self._unlink, before.timestamp())

    def _unlink(self, before: float) -> None:
        for path in self._folder.glob("*-????-??-??.jsonl"):
            if path.stat().st_mtime < before:
                path.unlink(missing_ok=True)

    async def close(self) -> None:
        """Nothing is open."""


def carrier_of(settings: LetterSettings) -> Carrier | None:
    """Return the adapter that the settings name; None: letters are in the inbox alone.

    Raises NoCarrierError for one that is none.
    """
    if settings.adapter is None:
        return None
    if settings.adapter == FILE:
        return Files(settings.folder)
    module, _, name = settings.adapter.partition(":")
    try:
        found: Carrier = getattr(importlib.import_module(module), name)()
        is_one = callable(found.carry) and callable(found.close) and bool(found.channels)
    except (ImportError, AttributeError, TypeError) as error:
        raise NoCarrierError(f"letters adapter {settings.adapter}: {error}") from error
    if not is_one:
        raise NoCarrierError(f"letters adapter {settings.adapter}: not an adapter")
    return found
