"""`lianshen deadline`: how a limit is counted, day by day. Needs no server."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from services.contracts.vocabulary import Unit
from services.domain.calendar import WorkingCalendar
from services.domain.limits import DayLine, is_provisional, warn_on
from services.domain.limits import explain as explain_limit
from services.domain.route import Budget
from services.runtime.calendar_files import CalendarError, load

DEFAULT = Path("deploy/calendar")
REFUSED = 1

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
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    lang: Annotated[Language, typer.Option(help="Language of the reasons.")] = Language.ZH,
) -> None:
    """List every day of a time limit: counted, or not counted and by which article."""
    try:
        found = load(calendar)
    except CalendarError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from error
    budget = Budget(value=days, unit=unit)
    lines = explain_limit(budget, start.date(), found)
    if as_json:
        typer.echo(_json(budget, lines, found))
    else:
        _print(budget, lines, found, lang)


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
