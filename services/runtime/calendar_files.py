"""The calendar a county owns, as files: one per published year, and the hours of business.

A folder holds `<year>.yaml` for each published year (see `YearFile`) and may hold `hours.yaml`.
A year's notice may reach back into the December before it (元旦); those days are kept under the
year they lie in, so that year must be there too.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from services.domain.calendar import ONE_DAY, DayName, WorkingCalendar, YearDays

HOURS = "hours.yaml"
LONGEST = timedelta(days=15)
DECEMBER = 12
FRIDAY = 5
Text = Annotated[str, Field(min_length=1)]


S = TypeVar("S", bound="Shape")


class CalendarError(Exception):
    """A calendar file is not acceptable; the message names the file and the reason."""


class Shape(BaseModel):
    """Base of the schema: an unknown key is an error (it would be lost silently)."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class HolidayName(Shape):
    """A holiday's name; the Chinese one is that of the notice."""

    zh: Text
    en: Text


class Notice(Shape):
    """The notice the days stand in. What is not verified is left out or said to be so."""

    title: Text
    issuer: Text
    number: str | None = None
    issued_on: date | None = None
    verified: bool = Field(description="Whether title, issuer, number and date were checked.")
    note: str | None = None


class Span(Shape):
    """Days from one to another, both included."""

    first: date = Field(alias="from")
    last: date = Field(alias="until")

    @model_validator(mode="after")
    def _ordered(self) -> "Span":
        if not timedelta(0) <= self.last - self.first <= LONGEST:
            raise ValueError(f"{self.first} to {self.last} is not a span of 1 to 16 days")
        return self

    def days(self) -> Iterator[date]:
        """Yield every day of the span."""
        for n in range((self.last - self.first).days + 1):
            yield self.first + timedelta(days=n)


class Holiday(Shape):
    """One holiday: its days off, and the days at the weekend that are worked for it (调休)."""

    name: HolidayName
    # Not `off`: YAML reads that key as false.
    free: tuple[Span, ...] = Field(min_length=1)
    worked: tuple[date, ...] = ()


class YearFile(Shape):
    """A published year."""

    year: int = Field(ge=2000, le=2100)
    notice: Notice
    holidays: tuple[Holiday, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> "YearFile":
        seen: set[date] = set()
        for day, works in self.days():
            if day in seen:
                raise ValueError(f"{day} is named twice")
            seen.add(day)
            if day.year != self.year and (day.year, day.month) != (self.year - 1, DECEMBER):
                raise ValueError(f"{day} is neither in {self.year} nor in the December before")
            if works and day.isoweekday() <= FRIDAY:
                raise ValueError(f"make-up day {day} is a {day:%A}, which is worked anyway")
        for holiday in self.holidays:
            days = (day for span in holiday.free for day in span.days())
            if len(holiday.worked) > sum(day.isoweekday() <= FRIDAY for day in days):
                raise ValueError(f"{holiday.name.zh} has more make-up days than working days off")
        return self

    def days(self) -> Iterator[tuple[date, bool]]:
        """Yield every day the notice names; `True` is worked."""
        for holiday in self.holidays:
            for span in holiday.free:
                yield from ((day, False) for day in span.days())
            yield from ((day, True) for day in holiday.worked)


class HoursFile(Shape):
    """Hours of business on a working day, local time."""

    opens: Annotated[str, Field(pattern=r"^\d\d:\d\d$")] = "09:00"
    closes: Annotated[str, Field(pattern=r"^\d\d:\d\d$")] = "17:00"

    @model_validator(mode="after")
    def _ordered(self) -> "HoursFile":
        if time.fromisoformat(self.opens) >= time.fromisoformat(self.closes):
            raise ValueError(f"business opens at {self.opens} and closes at {self.closes}")
        return self


@dataclass(frozen=True, kw_only=True)
class Change:
    """A day that the import turned from worked to free, or the other way."""

    day: date
    was: DayName
    now: DayName
    works: bool


@dataclass(frozen=True, kw_only=True)
class Import:
    """What an import did. `changes` are against the calendar before (weekends only if new)."""

    year: int
    file: Path
    replaced: bool
    changes: tuple[Change, ...]
    before: str
    after: str


def load(path: Path) -> WorkingCalendar:
    """Return the calendar kept in the folder `path`.

    Its version is `<first year>-<last year>-<digest>`; the digest is over days, names and hours, so
    that the same content has the same version wherever it is read.

    Raises:
        CalendarError: a file is not acceptable, or the folder holds no year.
    """
    if not path.is_dir():
        raise CalendarError(f"{path}: no such calendar folder")
    files = [read_year(file) for file in year_files(path)]
    if not files:
        raise CalendarError(f"{path}: no year is published here (no file like 2026.yaml)")
    return _calendar(path, files)


def year_files(path: Path) -> list[Path]:
    """Return the year files of the folder, oldest first."""
    return sorted(path.glob("[0-9][0-9][0-9][0-9].yaml"))


def read_year(file: Path) -> YearFile:
    """Return one year's file, checked.

    Raises:
        CalendarError: it is not acceptable.
    """
    found = _read(file, YearFile)
    if file.stem.isdecimal() and file.stem != str(found.year):
        raise CalendarError(f"{file}: holds the year {found.year}, not {file.stem}")
    return found


def import_file(file: Path, directory: Path, *, replace: bool = False) -> Import:
    """Take one year's notice into the calendar in `directory`, which may be empty or new.

    Raises:
        CalendarError: the file is not acceptable; or the year is there with other days and
            `replace` is not given, or its notice is the newer one.
    """
    new = read_year(file)
    old = {read.year: read for read in map(read_year, year_files(directory))}
    present = old.get(new.year)
    if present is not None and present != new:
        _may_replace(file, new, present, replace=replace)
    before = _calendar(directory, list(old.values()))
    after = _calendar(directory, [*(f for y, f in old.items() if y != new.year), new])
    target = directory / f"{new.year}.yaml"
    if present != new:
        directory.mkdir(parents=True, exist_ok=True)
        temporary = target.with_suffix(".yaml.new")
        temporary.write_bytes(file.read_bytes())
        temporary.replace(target)
    return Import(
        year=new.year,
        file=target,
        replaced=present is not None and present != new,
        changes=tuple(_changes(before, after, new.year)),
        before=before.version,
        after=after.version,
    )


def _may_replace(file: Path, new: YearFile, present: YearFile, *, replace: bool) -> None:
    if not replace:
        raise CalendarError(
            f"{file}: {new.year} is published already, with other content; "
            "--replace takes a newer notice"
        )
    dates = new.notice.issued_on, present.notice.issued_on
    if dates[0] is not None and dates[1] is not None and dates[0] < dates[1]:
        raise CalendarError(
            f"{file}: its notice of {dates[0]} is older than the one of {dates[1]} in the calendar"
        )


def _changes(before: WorkingCalendar, after: WorkingCalendar, year: int) -> Iterator[Change]:
    day = date(year - 1, DECEMBER, 1)
    while day.year <= year:
        works = after.is_working(day)
        if works != before.is_working(day):
            yield Change(day=day, was=before.name_of(day), now=after.name_of(day), works=works)
        day += ONE_DAY


def _calendar(path: Path, files: list[YearFile]) -> WorkingCalendar:
    hours = _read(path / HOURS, HoursFile) if (path / HOURS).exists() else HoursFile()
    files = sorted(files, key=lambda file: file.year)
    years = {file.year: _empty_year(file) for file in files}
    for file in files:
        _sort_days(path, file, years)
    calendar = WorkingCalendar(
        version="",
        years=tuple(years.values()),
        opens=time.fromisoformat(hours.opens),
        closes=time.fromisoformat(hours.closes),
    )
    return msgspec.structs.replace(calendar, version=_version(calendar))


def _empty_year(file: YearFile) -> YearDays:
    notice = file.notice
    named = f"{notice.title}（{notice.number}）" if notice.number else notice.title
    source = named if notice.verified else f"{named} [unverified]"
    return YearDays(year=file.year, off={}, work={}, source=source, english={})


def _sort_days(path: Path, file: YearFile, years: dict[int, YearDays]) -> None:
    """Put each day of a notice under the year it lies in."""
    name = path / f"{file.year}.yaml"
    for holiday in file.holidays:
        days = [(day, False) for span in holiday.free for day in span.days()]
        for day, works in [*days, *((day, True) for day in holiday.worked)]:
            year = years.get(day.year)
            if year is None:
                raise CalendarError(f"{name}: holds {day}, but {day.year} is not in the calendar")
            if day in (year.off if works else year.work):
                raise CalendarError(f"{name}: {day} contradicts {day.year}.yaml")
            (year.work if works else year.off)[day] = holiday.name.zh
            year.english[holiday.name.zh] = holiday.name.en


def _version(calendar: WorkingCalendar) -> str:
    years = tuple(msgspec.structs.replace(year, source="") for year in calendar.years)
    content = msgspec.to_builtins(
        msgspec.structs.replace(calendar, years=years), str_keys=True, order="sorted"
    )
    digest = hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]
    if not calendar.years:
        return f"none-{digest}"
    return f"{calendar.years[0].year}-{calendar.years[-1].year}-{digest}"


def _read(file: Path, shape: type[S]) -> S:
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
        return shape.model_validate(content)
    except (OSError, UnicodeDecodeError) as error:
        raise CalendarError(f"{file}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise CalendarError(f"{file}: is not YAML ({' '.join(str(error).split())})") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        what = first["msg"].removeprefix("Value error, ")
        raise CalendarError(f"{file}: {f'{where}: ' if where else ''}{what}") from error
