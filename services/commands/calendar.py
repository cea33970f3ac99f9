"""`lianshen calendar`: show a year, take in a year's notice."""

from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from services.domain.calendar import DayKind, DayName, WorkingCalendar, YearDays
from services.runtime.calendar_files import CalendarError, Import, import_file, load

Folder = Annotated[Path, typer.Option("--calendar", help="Folder of the calendar's year files.")]
DEFAULT = Path("deploy/calendar")
REFUSED = 1

app = typer.Typer(help="The working-day calendar of the county.", no_args_is_help=True)


def register(root: typer.Typer) -> None:
    """Add the commands to the command line."""
    root.add_typer(app, name="calendar")


@app.command()
def show(
    year: Annotated[int, typer.Argument(help="The year to print.", min=2000, max=2100)],
    calendar: Folder = DEFAULT,
) -> None:
    """Print a year's days off and make-up working days, with their source."""
    found = _load(calendar)
    days = next((days for days in found.years if days.year == year), None)
    console = Console()
    if days is None:
        console.print(f"{year}: provisional (暂定): not published, weekends only")
        return
    console.print(_table(found, days))
    console.print(f"source 来源: {days.source}", f"version 版本: {found.version}", sep="\n")


@app.command(name="import")
def import_(
    file: Annotated[Path, typer.Argument(help="YAML file of one year's notice.")],
    calendar: Folder = DEFAULT,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace a published year by a newer notice.")
    ] = False,
) -> None:
    """Check a year's notice, take it into the calendar and print the days it changes."""
    try:
        done = import_file(file, calendar, replace=replace)
    except CalendarError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from error
    _print_import(done)


def _print_import(done: Import) -> None:
    console = Console()
    table = Table("day 日期", "was 原", "is 现", "worked 上班")
    for change in done.changes:
        works = "yes 是" if change.works else "no 否"
        table.add_row(f"{change.day:%Y-%m-%d %a}", _text(change.was), _text(change.now), works)
    if done.changes:
        console.print(table)
    console.print(f"{done.file}: {len(done.changes)} days changed (改变 {len(done.changes)} 天)")
    console.print(f"version 版本: {done.before} -> {done.after}")


def _table(calendar: WorkingCalendar, days: YearDays) -> Table:
    table = Table("day 日期", "kind 类别", "name 名称")
    kinds = {DayKind.HOLIDAY: "off 放假", DayKind.MAKE_UP: "worked 上班"}
    for day in sorted({*days.off, *days.work}):
        name = calendar.name_of(day)
        table.add_row(f"{day:%Y-%m-%d %a}", kinds[name.kind], _text(name))
    eve, last = date(days.year - 1, 12, 31), date(days.year, 12, 31)
    working = calendar.working_days_between(eve, last)
    table.caption = f"{working} working days (工作日)"
    return table


def _load(folder: Path) -> WorkingCalendar:
    try:
        return load(folder)
    except CalendarError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(REFUSED) from error


def _text(name: DayName) -> str:
    return f"{name.zh} {name.en}{' (provisional 暂定)' if name.provisional else ''}"
