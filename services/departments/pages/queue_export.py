"""The queue as a table for spreadsheets: as it is filtered, up to a number of lines."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.departments.pages import queue_reading
from services.departments.pages.queue_lines import Line, Reader, lines_of
from services.departments.pages.queue_reading import Filter, Key
from services.domain.calendar import ZONE
from services.domain.catalogue import Name
from services.runtime.db import Connection

MOST_LINES = 2000
AT_ONCE = 500
MOST_LOOKS = 20
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
COLUMNS = (
    *("申请编号", "项目代码", "类别", "事项编码", "事项", "轮次", "状态", "到期时间"),
    *("承办人", "特办"),
)
"""Messages."""


async def lines(
    conn: Connection, reader: Reader, department: str, wanted: Filter, *, me: str
) -> list[Line]:
    """Return the first lines of a filter; no more than `MOST_LINES`."""
    found: list[Line] = []
    after: Key | None = None
    for _ in range(MOST_LOOKS):
        page = await queue_reading.find(
            conn, department, wanted, me=me, now=reader.now, after=after, size=AT_ONCE
        )
        found += await lines_of(conn, reader, department, page.keys)
        after = page.next
        if after is None or len(found) >= MOST_LINES:
            break
    return found[:MOST_LINES]


def as_csv(
    found: Iterable[Line], say: Callable[[str], str], words: Mapping[str, Mapping[Any, str]]
) -> str:
    """Return lines as CSV (RFC 4180) with a head; a text is never taken for a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow([say(one) for one in COLUMNS])
    is_chinese = say("是") == "是"
    for one in found:
        writer.writerow([_cell(text) for text in _cells(one, say, words, is_chinese)])
    return buffer.getvalue()


def _cells(
    one: Line, say: Callable[[str], str], words: Mapping[str, Mapping[Any, str]], is_chinese: bool
) -> tuple[str, ...]:
    def name(code: str, found: Name | None) -> str:
        return code if found is None else (found.zh if is_chinese else found.en)

    return (
        *(one.application, one.project, say(words["kinds"][one.kind])),
        *(" ".join(code for code, _ in one.items), " / ".join(name(*two) for two in one.items)),
        *(str(one.round), say(words["states"][one.state])),
        one.due_at.astimezone(ZONE).strftime("%Y-%m-%d %H:%M"),
        one.holder_name or "",
        say("是") if one.is_special else "",
    )


def _cell(text: str) -> str:
    """Keep a spreadsheet from reckoning with what somebody wrote."""
    return f"'{text}" if text.startswith(_FORMULA) else text
