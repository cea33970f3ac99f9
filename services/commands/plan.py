"""`lianshen plan FACTS.yaml`: what a project needs, by when, at what fee. Needs no server."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel, BeforeValidator, ConfigDict
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from services.commands.catalogue import DAY, Language, day_of, fail, version_on
from services.contracts.vocabulary import Part
from services.domain.applicability import RuleError
from services.domain.catalogue import Name
from services.domain.compression import days_text
from services.domain.facts import FactsError
from services.domain.plan import ItemVerdict, Plan, PlannedFee, PlannedMaterial, PlanStep, Verdict
from services.domain.planner import PlanError, plan
from services.runtime.calendar_files import CalendarError
from services.runtime.calendar_files import load as load_calendar
from services.runtime.catalogue_files import CatalogueError, read_one

CATALOGUE = Path("deploy/catalogue")
CALENDAR = Path("deploy/calendar")

WORDS: dict[str, Name] = {
    "verdicts": Name(zh="事项是否适用", en="Items"),
    "item": Name(zh="事项", en="Item"),
    "verdict": Name(zh="结论", en="Verdict"),
    "because": Name(zh="依据的规则", en="Because"),
    "steps": Name(zh="步骤（* 关键路径，? 暂定日期）", en="Steps (* critical path, ? provisional)"),
    "step": Name(zh="步骤", en="Step"),
    "departments": Name(zh="部门", en="Departments"),
    "after": Name(zh="前置", en="After"),
    "start": Name(zh="最早开始", en="Earliest start"),
    "promised": Name(zh="承诺期限", en="Promised"),
    "statutory": Name(zh="法定期限", en="Statutory"),
    "materials": Name(zh="材料（只收一次）", en="Materials (asked once)"),
    "material": Name(zh="材料", en="Material"),
    "source": Name(zh="来源", en="From"),
    "used_by": Name(zh="使用步骤", en="Used by"),
    "follows": Name(zh="可后补", en="may follow within"),
    "comes": Name(zh="后续材料，预计", en="comes later, needed by about"),
    "fees": Name(zh="收费", en="Fees"),
    "fee": Name(zh="收费标准", en="Standard"),
    "document": Name(zh="文件", en="Document"),
    "total": Name(zh="金额（元）", en="Yuan"),
    "open": Name(zh="按标准核定", en="by the standard"),
    "later": Name(zh="标准尚未生效", en="not in force yet"),
    "totals": Name(zh="时限（工作日）", en="Totals (working days)"),
    "serial": Name(zh="法定，逐项办理", en="statutory, one after another"),
    "critical": Name(zh="法定，关键路径", en="statutory, critical path"),
    "promise": Name(zh="承诺，关键路径", en="promised, critical path"),
    "ratio": Name(zh="承诺占法定逐项 / 法定关键路径", en="promised of serial / of critical"),
    "met": Name(zh="压缩目标（三分之一）已达到", en="compressed target (one third) met"),
    "not_met": Name(zh="压缩目标（三分之一）未达到", en="compressed target (one third) NOT met"),
    "promised_on": Name(zh="承诺办结", en="promised by"),
    "renewed": Name(zh="期满未决定即视为准予延续：", en="renewed when undecided by"),
    "unverified": Name(zh="未核实", en="unverified"),
    "lead": Name(zh="审批", en="decides"),
    "consult": Name(zh="征求意见", en="consulted"),
}
VERDICTS = {
    Verdict.APPLIES: Name(zh="办理", en="applies"),
    Verdict.DOES_NOT_APPLY: Name(zh="不适用", en="does not apply"),
    Verdict.HELD: Name(zh="已有结果", en="held"),
    Verdict.NOT_ACTIVE: Name(zh="不办理", en="not active"),
}
SOURCES = {
    "applicant": Name(zh="申请人", en="applicant"),
    "department": Name(zh="部门", en="department"),
    "system": Name(zh="系统", en="system"),
}
THERE = {
    "system": Name(zh="系统（本次办理结果）", en="system (a result of this plan)"),
    "held": Name(zh="系统（已有结果）", en="system (result held)"),
}


def _as_text(value: object) -> object:
    """Return a day as text: YAML reads 2027-06-30 without quotes as a date."""
    return value.isoformat() if type(value) is date else value


Answer = Annotated[bool | int | float | str, BeforeValidator(_as_text)]


class FactsFile(BaseModel):
    """The project: a scenario of the catalogue, the answers, and results already held."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    scenario: str
    answers: dict[str, Answer] = {}
    held: dict[str, str] = {}


def register(root: typer.Typer) -> None:
    """Add the command to the command line."""
    root.command(name="plan")(plan_)


def plan_(
    facts: Annotated[Path, typer.Argument(help="YAML file: scenario, answers, held.")],
    catalogue: Annotated[
        Path, typer.Option("--catalogue", help="Folder of one or of all versions.")
    ] = CATALOGUE,
    calendar: Annotated[
        Path, typer.Option("--calendar", help="Folder of the calendar's year files.")
    ] = CALENDAR,
    start: Annotated[
        datetime | None,
        typer.Option("--start", formats=[DAY], help="The day of submission, or today."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    lang: Annotated[Language, typer.Option("--lang", help="Language.")] = Language.ZH,
) -> None:
    """Plan a project: items, steps, dates, materials, fees, totals. Needs no server."""
    day = day_of(start)
    try:
        asked = read_one(facts, FactsFile)
        version = version_on(catalogue, day)
        made = plan(
            version, load_calendar(calendar), asked.scenario, asked.answers, asked.held, day
        )
    except FactsError as error:
        fail("\n".join(_problems(facts, error, lang)))
    except (CatalogueError, CalendarError, RuleError, PlanError) as error:
        fail(str(error))
    if as_json:
        typer.echo(made.to_json())
    else:
        _Printed(made, lang).print(Console())


def _problems(file: Path, error: FactsError, lang: Language) -> list[str]:
    return [
        f"{file}: {p.question}: {_of(p.message, lang)} {_of(p.fix, lang)}" for p in error.problems
    ]


def _of(name: Name, lang: Language) -> str:
    return name.zh if lang is Language.ZH else name.en


class _Printed:
    """A plan as tables."""

    def __init__(self, made: Plan, lang: Language) -> None:
        self.plan, self.lang = made, lang

    def print(self, console: Console) -> None:
        made = self.plan
        console.rule(f"{made.county} {self._of(made.scenario_name)} · {made.start}")
        console.print(self._verdicts(), self._steps(), self._materials())
        if made.fees:
            console.print(self._fees())
        console.print(self._totals())
        self._end(console)

    def _of(self, name: Name) -> str:
        return escape(_of(name, self.lang))

    def _word(self, key: str) -> str:
        return self._of(WORDS[key])

    def _table(self, title: str, *columns: str) -> Table:
        heads = [self._word(column) for column in columns]
        table = Table(title=self._word(title), title_justify="left", expand=True)
        for head in heads:
            table.add_column(head, overflow="fold")
        return table

    def _verdicts(self) -> Table:
        table = self._table("verdicts", "item", "verdict", "because")
        for verdict in self.plan.verdicts:
            style = None if verdict.verdict is Verdict.APPLIES else "dim"
            table.add_row(*self._verdict(verdict), style=style)
        return table

    def _verdict(self, verdict: ItemVerdict) -> tuple[str, str, str]:
        shown = self._of(VERDICTS[verdict.verdict])
        return f"{self._of(verdict.name)}\n{verdict.item}", shown, self._of(verdict.because)

    def _steps(self) -> Table:
        table = self._table(
            "steps", "step", "departments", "after", "start", "promised", "statutory"
        )
        names = {step.code: self._of(step.name) for step in self.plan.steps}
        for step in self.plan.steps:
            table.add_row(
                f"{'* ' if step.critical else ''}{names[step.code]}",
                self._departments(step),
                "\n".join(names[code] for code in step.after),
                str(step.promised.start),
                f"{step.promised.due}{'?' if step.provisional else ''}",
                f"{step.statutory.due}{'?' if step.provisional else ''}",
                style="bold" if step.critical else None,
            )
        return table

    def _departments(self, step: PlanStep) -> str:
        lines: dict[str, None] = {}
        for part in step.parts:
            name = self._of(part.department_name)
            consulted = part.part is Part.CONSULT
            lines[f"{name} ({self._word('consult')})" if consulted else name] = None
        return "\n".join(lines)

    def _materials(self) -> Table:
        table = self._table("materials", "material", "source", "used_by")
        for material in self.plan.materials:
            style = None if material.asked else "dim"
            table.add_row(*self._material(material), style=style)
        return table

    def _material(self, material: PlannedMaterial) -> tuple[str, str, str]:
        source = self._of(SOURCES[material.supplied_by])
        if material.already_there:
            source = self._of(THERE[material.already_there])
        if material.may_follow:
            source += f", {self._word('follows')} {self._of(days_text(material.may_follow))}"
        if material.later:
            source += f", {self._word('comes')} {material.later.needed_on}"
        names = {step.code: self._of(step.name) for step in self.plan.steps}
        used = ", ".join(names[code] for code in material.used_by_steps)
        return self._of(material.name), source, used

    def _fees(self) -> Table:
        table = self._table("fees", "fee", "document", "total")
        for fee in self.plan.fees:
            document = escape(" ".join(filter(None, (fee.document.law, fee.document.article))))
            unverified = "" if fee.document.verified else f" ({self._word('unverified')})"
            table.add_row(self._of(fee.name), f"{document}{unverified}", self._total(fee))
        return table

    def _total(self, fee: PlannedFee) -> str:
        if not fee.in_force:
            return self._word("later")
        return self._word("open") if fee.total is None else f"{fee.total:,}"

    def _totals(self) -> Table:
        totals = self.plan.totals
        table = Table(title=self._word("totals"), title_justify="left", show_header=False)
        table.add_row(self._word("serial"), str(totals.statutory_serial))
        table.add_row(self._word("critical"), str(totals.statutory_critical))
        table.add_row(self._word("promise"), str(totals.promised_critical))
        ratios = (totals.ratio_to_serial, totals.ratio_to_critical)
        shown = " / ".join("-" if ratio is None else f"{ratio:.1%}" for ratio in ratios)
        table.add_row(self._word("ratio"), shown)
        return table

    def _end(self, console: Console) -> None:
        made = self.plan
        mark = "?" if made.provisional else ""
        console.print(f"{self._word('promised_on')} [bold]{made.promised_on}{mark}[/bold]")
        for part in (part for step in made.steps for part in step.parts):
            if part.renewal:
                shown = f"{part.renewal.expires_on} ({part.renewal.article})"
                console.print(f"{self._word('renewed')} {shown}")
        console.print(self._word("met" if made.target.met else "not_met"))
        for breaker in made.target.breakers:
            console.print(f"  {breaker.item} (+{breaker.over}): {self._of(breaker.reason)}")
        console.print(f"catalogue {made.catalogue_version} · calendar {made.calendar_version}")
        console.print(f"sha256 {made.digest}", style="dim")
