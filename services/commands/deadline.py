"""`lianshen deadline`: how a limit is counted, day by day. Needs no server."""

from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from services.contracts.vocabulary import PauseKind, Unit
from services.domain.calendar import WorkingCalendar
from services.domain.limits import (
    NOTICE_IN_WRITING,
    DayLine,
    Extension,
    Ledger,
    Pause,
    is_provisional,
    warn_on,
)
from services.domain.limits import explain as explain_limit
from services.domain.route import Budget
from services.runtime.calendar_files import CalendarError, load

DEFAULT = Path("deploy/calendar")
REFUSED = 1
EXTENDED = "行政许可法 42"

app = typer.Typer(help="Time limits.", no_args_is_help=True)


class Language(StrEnum):
    """The language of the reasons."""

    ZH = "zh"
    EN = "en"


HEADS = {
    Language.ZH: ("日期", "计", "说明", "依据"),
    Language.EN: ("day", "no.", "reason", "article"),
}
SUMMARY = {
    Language.ZH: "{budget}自 {start} 起；{due} 届满{provisional}，{warn} 提醒\n日历 {version}",
    Language.EN: "{budget} from {start}: due {due}{provisional}, warned {warn}\ncalendar {version}",
}
PROVISIONAL = {Language.ZH: "暂定", Language.EN: "provisional"}
UNITS = {
    (Language.ZH, Unit.WORKING_DAY): "个工作日",
    (Language.ZH, Unit.CALENDAR_DAY): "日",
    (Language.EN, Unit.WORKING_DAY): " working days",
    (Language.EN, Unit.CALENDAR_DAY): " calendar days",
}


def register(root: typer.Typer) -> None:
    """Add the commands to the command line."""
    root.add_typer(app, name="deadline")


@app.callback()
def deadline() -> None:
    """Time limits.

    The callback keeps `explain` a word of its own while it is the only command.
    """


@app.command()
def explain(
    days: Annotated[int, typer.Option(help="The number of days.", min=0, max=1000)],
    start: Annotated[
        datetime,
        typer.Option(formats=["%Y-%m-%d"], help="The day of the starting act; it is not counted."),
    ],
    unit: Annotated[Unit, typer.Option(help="What a day is.")] = Unit.WORKING_DAY,
    calendar: Annotated[
        Path, typer.Option("--calendar", help="Folder of the calendar's year files.")
    ] = DEFAULT,
    pause: Annotated[
        list[str] | None,
        typer.Option(help="KIND:FIRST:LAST:NOTICE, days as 2026-03-03; NOTICE empty: none given."),
    ] = None,
    extend: Annotated[
        list[str] | None,
        typer.Option(help="DAYS:APPROVED, in the limit's unit: 10:2026-03-20."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[Language, typer.Option(help="Language of the reasons.")] = Language.ZH,
) -> None:
    """List every day of a time limit: counted, or not counted and by which article or notice."""
    try:
        found = load(calendar)
        ledger = Ledger(
            pauses=tuple(_pause(text) for text in pause or ()),
            extensions=tuple(_extension(text, unit) for text in extend or ()),
        )
    except (CalendarError, ValueError) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from error
    budget = Budget(value=days, unit=unit)
    lines = explain_limit(budget, start.date(), found, ledger)
    if as_json:
        typer.echo(_json(budget, lines, found))
    else:
        _print(budget, lines, found, lang)


def _pause(text: str) -> Pause:
    """Return the pause that is written so. Raises ValueError."""
    try:
        kind, first, last, notice = text.split(":", 3)
        return Pause(
            kind=PauseKind(kind),
            from_on=date.fromisoformat(first),
            until_on=date.fromisoformat(last),
            cap=None,
            notice=notice or None,
            article=NOTICE_IN_WRITING,
        )
    except ValueError as error:
        kinds = ", ".join(PauseKind)
        raise ValueError(f"{text}: KIND:FIRST:LAST:NOTICE, KIND one of {kinds}") from error


def _extension(text: str, unit: Unit) -> Extension:
    """Return the extension that is written so. Raises ValueError."""
    try:
        days, on = text.split(":")
        budget = Budget(value=int(days), unit=unit)
        approved_on = date.fromisoformat(on)
    except ValueError as error:
        raise ValueError(f"{text}: DAYS:APPROVED, as in 10:2026-03-20") from error
    return Extension(budget=budget, approver="", article=EXTENDED, on=approved_on)


def _json(budget: Budget, lines: tuple[DayLine, ...], calendar: WorkingCalendar) -> str:
    start, due = lines[0].day, lines[-1].day
    content = {
        "budget": budget,
        "start": start,
        "due": due,
        "warn_on": warn_on(due, calendar),
        "provisional": is_provisional(start, due, calendar),
        "calendar_version": calendar.version,
        "days": lines,
    }
    return msgspec.json.format(msgspec.json.encode(content), indent=2).decode()


def _print(
    budget: Budget, lines: tuple[DayLine, ...], calendar: WorkingCalendar, lang: Language
) -> None:
    table = Table(*HEADS[lang])
    for line in lines:
        reason = line.reason_zh if lang is Language.ZH else line.reason_en
        mark = f" [{PROVISIONAL[lang]}]" if line.provisional else ""
        number = "" if line.number is None else str(line.number)
        style = None if line.counted else "dim"
        table.add_row(f"{line.day:%Y-%m-%d}{mark}", number, reason, line.article, style=style)
    start, due = lines[0].day, lines[-1].day
    console = Console(markup=False)
    console.print(table)
    console.print(
        SUMMARY[lang].format(
            budget=f"{budget.value}{UNITS[lang, budget.unit]}",
            start=start,
            due=due,
            warn=warn_on(due, calendar),
            version=calendar.version,
            provisional=f" [{PROVISIONAL[lang]}]" if is_provisional(start, due, calendar) else "",
        )
    )
