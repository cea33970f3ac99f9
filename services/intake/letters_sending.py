"""Sends letters that were not sent, again and again; an address is never written to a log."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from services.intake import letters
from services.intake import letters_store as store
from services.intake.letters_carriers import Carrier, Channel, Files, Parcel
from services.intake.letters_settings import LetterSettings
from services.intake.pages.letters_text import text_of
from services.intake.parts import Parts
from services.intake.store import Row
from services.runtime.loops import Body, Pulse, pause
from services.runtime.web.site.languages import Language

AT_ONCE = 50
KEPT = timedelta(days=30)
"""How long files of what would be sent stay: for whoever tries the county out, no longer."""
LONGEST_WAIT = timedelta(hours=1)
DOUBLED_AT_MOST = 10
_ADDRESS = {Channel.SMS: "phone", Channel.EMAIL: "email"}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """What it takes to send letters; `base` is where the pages are found."""

    parts: Parts
    carrier: Carrier
    settings: LetterSettings
    base: str


async def send_unsent(sending: Sending, turned: Callable[[], None] = lambda: None) -> int:
    """Send what is to be sent now; return how many could not be. `turned` is called after each."""
    settings, now = sending.settings, datetime.now(UTC)
    # They are sent one after another: the last must be sent before they are asked for again.
    lease = now + timedelta(seconds=AT_ONCE * settings.timeout + settings.again_after)
    since = now - timedelta(hours=settings.not_after_hours)
    channels = sorted(sending.carrier.channels)
    async with sending.parts.pool.acquire() as conn:
        rows = await store.claim(conn, channels, since, lease, AT_ONCE)
        found = await letters.of_rows(sending.parts, conn, rows)
    failed = 0
    for row, letter in zip(rows, found, strict=True):
        failed += not await _send(sending, row, letter)
        turned()
    return failed


async def _send(sending: Sending, row: Row, letter: letters.Letter) -> bool:
    """Send a letter by one channel; where there is no address that is all. Return whether it is."""
    channel = Channel(row["channel"])
    address = row[_ADDRESS[channel]]
    if address is not None:
        try:
            async with asyncio.timeout(sending.settings.timeout):
                await sending.carrier.carry(_parcel(sending, channel, address, letter))
        except Exception as error:
            _log.warning(
                "letter not sent",
                letter=letter.id,
                channel=channel.value,
                error=type(error).__name__,
            )
            await _put_off(sending, row)
            return False
    async with sending.parts.pool.acquire() as conn:
        await store.end_sending(conn, letter.id, channel)
    return True


async def _put_off(sending: Sending, row: Row) -> None:
    times = 2 ** min(row["attempts"] - 1, DOUBLED_AT_MOST)
    wait = min(timedelta(seconds=sending.settings.again_after * times), LONGEST_WAIT)
    async with sending.parts.pool.acquire() as conn:
        await store.send_again(conn, row["letter"], row["channel"], datetime.now(UTC) + wait)


def _parcel(sending: Sending, channel: Channel, address: str, letter: letters.Letter) -> Parcel:
    text = text_of(letter, Language(sending.settings.language))
    return Parcel(
        number=f"{letter.id}-{channel}",
        channel=channel,
        address=address,
        subject=text.title,
        text=f"{text.body}\n{sending.base}{text.href}",
    )


async def forget_old(carrier: Carrier, before: datetime) -> None:
    """Remove what the adapter `file` wrote before."""
    if isinstance(carrier, Files):
        await carrier.forget(before)


def sending_loop(sending: Sending) -> Body:
    """Return the loop that sends. What could not be sent is an alarm in the heartbeat's detail."""

    async def body(pulse: Pulse, stop: asyncio.Event) -> None:
        while not stop.is_set():
            try:
                await forget_old(sending.carrier, datetime.now(UTC) - KEPT)
                failed = await send_unsent(sending, pulse.turn)
                pulse.progress()
                pulse.detail = f"not_sent={failed}" if failed else None
            except Exception as error:
                pulse.failed(error)
                _log.warning("turn failed", loop=pulse.name, exc_info=True)
            await pause(stop, sending.settings.every)

    return body
