"""`lianshen simulate`: what would become of many applications of one kind. Needs no server."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated, NamedTuple

import msgspec
import typer
from pydantic import BaseModel, ConfigDict, Field, model_validator
from rich.console import Console
from rich.table import Table

from services.commands.catalogue import DAY, Language, day_of, fail, version_on
from services.commands.plan import CALENDAR, CATALOGUE
from services.domain.applicability import RuleError
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Catalogue, Name
from services.domain.facts import FactsError
from services.domain.planner import PlanError, plan, route
from services.domain.route import Route
from services.domain.simulation_drawing import completion
from services.domain.simulation_lives import Assumptions
from services.domain.simulation_plans import assume, capacity, unmerged
from services.domain.simulation_report import Change, Study, Summary, summary
from services.domain.simulation_times import Times, WorkingTime, around, measured
from services.runtime.calendar_files import CalendarError
from services.runtime.calendar_files import load as load_calendar
from services.runtime.catalogue_files import CatalogueError, read_one

USUAL_LOAD = 0.7
"""How busy the busiest department is, when nobody says how many applications come a day."""
COMPARED = 500
BAR = 40

Count = Annotated[
    int, typer.Option("--applications", min=1, max=1_000_000, help="How many are handed in.")
]
FileOfAssumptions = Annotated[
    Path | None, typer.Option("--assumptions", help="YAML file: officers, working hours, shares.")
]
History = Annotated[
    str | None,
    typer.Option(
        "--history",
        metavar="DSN",
        envvar="LIANSHEN_SIMULATE_HISTORY_DSN",
        help="The departments' database: working hours are what was measured there.",
    ),
]
PerDay = Annotated[
    float | None, typer.Option("--per-day", min=0.001, help="Mean number a working day.")
]
FolderOfCatalogues = Annotated[
    Path, typer.Option("--catalogue", help="Folder of one or of all versions.")
]
FolderOfYears = Annotated[
    Path, typer.Option("--calendar", help="Folder of the calendar's year files.")
]
FirstDay = Annotated[
    datetime | None,
    typer.Option("--start", formats=[DAY], help="The first day of submission, or today."),
]

WORDS: dict[str, Name] = {
    "title": Name(zh="模拟", en="Simulation"),
    "applications": Name(zh="件数", en="applications"),
    "per_day": Name(zh="每个工作日受理", en="handed in a working day"),
    "seed": Name(zh="随机种子", en="seed"),
    "completed": Name(zh="办结用时与承诺（工作日）", en="Completed against promise (working days)"),
    "promised": Name(zh="承诺", en="promised"),
    "on_time": Name(zh="按期", en="on time"),
    "mean": Name(zh="平均", en="mean"),
    "median": Name(zh="中位数", en="median"),
    "p90": Name(zh="九成以内", en="nine of ten within"),
    "longest": Name(zh="最长", en="longest"),
    "departments": Name(zh="部门（* 瓶颈）", en="Departments (* bottleneck)"),
    "department": Name(zh="部门", en="Department"),
    "officers": Name(zh="人数", en="Officers"),
    "tasks": Name(zh="任务", en="Tasks"),
    "late": Name(zh="逾期", en="Late"),
    "lapsed": Name(zh="视为无意见", en="Lapsed"),
    "busy": Name(zh="忙碌", en="Busy"),
    "waiting": Name(zh="平均排队（工作小时）", en="Mean wait (working hours)"),
    "holds": Name(zh="占关键用时", en="Share of critical time"),
    "investor": Name(zh="申请人整改占关键用时", en="Critical time with investors"),
    "changes": Name(zh="同样的办件，改变一处", en="The same applications, one thing changed"),
    "change": Name(zh="情形", en="What"),
    "as_is": Name(zh="现状", en="as it is"),
    "unmerged": Name(zh="不合并办理", en="nothing merged"),
    "one_after_another": Name(zh="不合并、逐项办理", en="nothing merged, one after another"),
    "one_more_officer": Name(zh="增加一人", en="one more officer"),
    "days": Name(zh="自受理起的工作日", en="working days since submission"),
}


class Work(BaseModel):
    """Working hours of one officer: a mean and how they spread, or what was measured."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mean: float | None = Field(default=None, gt=0, description="Mean, in working hours.")
    spread: float = Field(default=0.6, ge=0, le=5, description="Coefficient of variation.")
    measured: tuple[float, ...] = Field(default=(), description="Hours that were measured.")

    @model_validator(mode="after")
    def _one_of_both(self) -> "Work":
        if (self.mean is None) == (not self.measured):
            message = "give either `mean` or `measured`"
            raise ValueError(message)
        return self

    @property
    def times(self) -> Times:
        """The distribution."""
        return measured(self.measured) if self.mean is None else around(self.mean, self.spread)


class AssumptionsFile(BaseModel):
    """What is assumed of departments and investors; everything can be left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    per_day: float | None = Field(
        default=None, gt=0, description="Mean number of applications handed in a working day."
    )
    officers: dict[str, Annotated[int, Field(ge=1)]] = Field(
        default_factory=dict, description="Officers by department."
    )
    officers_otherwise: int = Field(default=2, ge=1, description="Officers of all others.")
    share_of_promise: float = Field(
        default=0.2, gt=0, description="Mean work as a share of the promise, where none is given."
    )
    spread: float = Field(default=0.6, ge=0, description="Its coefficient of variation.")
    hours: dict[str, Work] = Field(
        default_factory=dict, description="By `item/department`, by item, or by department."
    )
    refused: float = Field(default=0.0, ge=0, le=1, description="Share of decisions.")
    objected: float = Field(default=0.0, ge=0, le=1, description="Share of opinions.")
    silent: float = Field(default=0.0, ge=0, le=1, description="Share of units that keep silent.")
    incomplete: float = Field(
        default=0.0, ge=0, le=1, description="Share of looks at the papers that miss one."
    )
    examine: Work = Field(
        default_factory=lambda: Work(mean=1.0), description="A look at the papers."
    )
    answer: Work = Field(
        default_factory=lambda: Work(mean=16.0), description="Until an investor puts right."
    )
    papers: Work = Field(
        default_factory=lambda: Work(measured=(0.0,)), description="Until a later paper comes."
    )


class Asked(NamedTuple):
    """The county and the project that are simulated."""

    catalogue: Catalogue
    calendar: WorkingCalendar
    merged: Route
    alone: Route


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command()(simulate)


def simulate(
    scenario: Annotated[str, typer.Option("--scenario", help="Kind of project.")],
    applications: Count = 1_000,
    seed: Annotated[int, typer.Option("--seed", help="Same seed, same lives.")] = 1,
    assumptions: FileOfAssumptions = None,
    history: History = None,
    per_day: PerDay = None,
    compare: Annotated[
        bool, typer.Option(help="Also run what merging, parallel running or an officer changes.")
    ] = True,
    catalogue: FolderOfCatalogues = CATALOGUE,
    calendar: FolderOfYears = CALENDAR,
    start: FirstDay = None,
    svg: Annotated[
        Path | None, typer.Option("--svg", help="Draw completion against promise here.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print figures as JSON.")] = False,
    lang: Annotated[Language, typer.Option("--lang", help="Language.")] = Language.ZH,
) -> None:
    """Simulate a project's plan: time against promise, the bottleneck, and what would change it.

    The example answers of the scenario are planned and run through the same core as real
    applications, in virtual time. Needs no server.
    """
    try:
        given = AssumptionsFile() if assumptions is None else read_one(assumptions, AssumptionsFile)
        asked = _asked(catalogue, calendar, scenario, start)
    except FactsError as error:
        fail("\n".join(problem.message.en for problem in error.problems))
    except (CatalogueError, CalendarError, RuleError, PlanError) as error:
        fail(str(error))
    known = {name: work.times for name, work in given.hours.items()}
    if history is not None:
        known = asyncio.run(_measured(history, asked.calendar)) | known
    study = _study(asked, given, known, per_day, seed)
    found = summary(study.run(applications))
    changes = study.changes(min(applications, COMPARED)) if compare else ()
    printed = _Printed(asked.catalogue, lang)
    if svg is not None:
        svg.write_text(printed.drawing(found, changes), encoding="utf-8")
    if as_json:
        typer.echo(msgspec.json.encode(_figures(scenario, study, found, changes)))
    else:
        printed.print(Console(), scenario, study, found, changes)


def _asked(folder: Path, days: Path, scenario: str, start: datetime | None) -> Asked:
    """Plan the scenario's example, merged and unmerged."""
    day = day_of(start)
    catalogue, calendar = version_on(folder, day), load_calendar(days)
    kind = catalogue.scenario_by_code.get(scenario)
    if kind is None:
        codes = ", ".join(sorted(catalogue.scenario_by_code))
        fail(f"{scenario}: 目录中没有该项目类型 / no such scenario; known: {codes}")
    merged, alone = (
        route(plan(version, calendar, scenario, kind.example, {}, day), "S", calendar)
        for version in (catalogue, unmerged(catalogue))
    )
    if not merged.steps:
        fail(f"{scenario}: 无需办理任何事项 / nothing has to be applied for")
    return Asked(catalogue, calendar, merged, alone)


async def _measured(dsn: str, calendar: WorkingCalendar) -> dict[str, Times]:
    """Return the working hours that departments took, by part."""
    from services.departments.history import work_of

    try:
        return await work_of(dsn, calendar)
    except OSError as error:
        fail(f"{type(error).__name__}: 无法读取历史数据 / the history cannot be read")


def _study(
    asked: Asked,
    given: AssumptionsFile,
    known: dict[str, Times],
    per_day: float | None,
    seed: int,
) -> Study:
    line = WorkingTime(asked.calendar, asked.merged.start)
    usual = assume(
        [asked.merged, asked.alone],
        day_s=line.day,
        share=given.share_of_promise,
        spread=given.spread,
        officers=given.officers,
        officers_otherwise=given.officers_otherwise,
        known=known,
    )
    assumed = Assumptions(
        officers=usual.officers,
        hours=usual.hours,
        refused=given.refused,
        objected=given.objected,
        silent=given.silent,
        incomplete=given.incomplete,
        examine=given.examine.times,
        answer=given.answer.times,
        papers=given.papers.times,
    )
    most, _ = capacity(asked.merged, assumed, line.day)
    return Study(
        calendar=asked.calendar,
        first=asked.merged.start,
        seed=seed,
        per_day=per_day or given.per_day or USUAL_LOAD * most,
        assumed=assumed,
        route=asked.merged,
        unmerged=asked.alone,
    )


def _figures(
    scenario: str, study: Study, found: Summary, changes: tuple[Change, ...]
) -> dict[str, object]:
    return {
        "scenario": scenario,
        "first": study.first,
        "seed": study.seed,
        "per_day": study.per_day,
        "catalogue_version": study.route.catalogue_version,
        "calendar_version": study.calendar.version,
        "summary": found,
        "changes": changes,
    }


class _Printed:
    """A study for people."""

    def __init__(self, catalogue: Catalogue, lang: Language) -> None:
        self._lang = lang
        self._names = {found.code: self._of(found.name) for found in catalogue.departments}

    def drawing(self, found: Summary, changes: tuple[Change, ...]) -> str:
        """Return completion against promise as SVG: as it is, and under each change."""
        curves = [(self._change(change), change.summary.completed) for change in changes]
        title, across, mark = (self._word(key) for key in ("completed", "days", "promised"))
        return completion(
            curves or [(self._word("as_is"), found.completed)],
            found.promised_days,
            title,
            across,
            mark,
        )

    def print(
        self,
        console: Console,
        scenario: str,
        study: Study,
        found: Summary,
        changes: tuple[Change, ...],
    ) -> None:
        """Print head, completion, departments, and what changes."""
        console.rule(f"{self._word('title')} · {scenario} · {study.first}")
        console.print(
            f"{self._word('applications')} {found.applications} · {self._word('per_day')}"
            f" {study.per_day:.2f} · {self._word('seed')} {study.seed}"
        )
        console.print(self._completed(found), self._departments(found))
        if found.investor_holds:
            console.print(f"{self._word('investor')} {found.investor_holds:.0%}")
        if changes:
            console.print(self._changes(changes))

    def _of(self, name: Name) -> str:
        return name.zh if self._lang is Language.ZH else name.en

    def _word(self, key: str) -> str:
        return self._of(WORDS[key])

    def _change(self, change: Change) -> str:
        name = self._word(change.kind)
        if change.department is None:
            return name
        return f"{name}: {self._names[change.department]}"

    def _completed(self, found: Summary) -> Table:
        table = Table(title=self._word("completed"), title_justify="left", show_header=False)
        most = max(found.completed.values())
        for day in range(min(found.completed), max(found.completed) + 1):
            count = found.completed.get(day, 0)
            mark = self._word("promised") if day == found.promised_days else ""
            bar = "█" * round(count / most * BAR)
            late = day > found.promised_days
            table.add_row(str(day), bar, str(count), mark, style="red" if late else None)
        figures = {
            "on_time": f"{found.on_time:.1%}",
            "mean": f"{found.mean_days:.1f}",
            "median": str(found.median_days),
            "p90": str(found.p90_days),
            "longest": str(found.longest_days),
            "promised": str(found.promised_days),
        }
        table.caption = " · ".join(f"{self._word(key)} {value}" for key, value in figures.items())
        return table

    def _table(self, title: str, *columns: str) -> Table:
        table = Table(title=self._word(title), title_justify="left")
        for place, column in enumerate(columns):
            table.add_column(self._word(column), justify="right" if place else "left")
        return table

    def _departments(self, found: Summary) -> Table:
        columns = ("department", "officers", "tasks", "late", "lapsed", "busy", "waiting", "holds")
        table = self._table("departments", *columns)
        for one in sorted(found.departments, key=lambda share: -share.holds):
            is_bottleneck = one.department == found.bottleneck
            table.add_row(
                f"{'* ' if is_bottleneck else ''}{self._names[one.department]}",
                *map(str, (one.officers, one.tasks, one.late, one.lapsed)),
                f"{one.busy:.0%}",
                f"{one.waiting_h:.1f}",
                f"{one.holds:.0%}",
                style="bold" if is_bottleneck else None,
            )
        return table

    def _changes(self, changes: tuple[Change, ...]) -> Table:
        table = self._table("changes", "change", "on_time", "mean", "median", "p90")
        for change in changes:
            found = change.summary
            table.add_row(
                self._change(change),
                f"{found.on_time:.1%}",
                f"{found.mean_days:.1f}",
                str(found.median_days),
                str(found.p90_days),
            )
        return table
