"""The monthly report as data, table and document; and what of it everybody may see.

Nothing here names a person: figures are of departments. What is published leaves out what would
show single applications: figures of few tasks, and grades of few people.
"""

import asyncio
import csv
import io
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from services.contracts.vocabulary import Grade
from services.domain.catalogue import Name
from services.domain.performance import Month, Record, Thresholds, is_commended
from services.orchestrator.figures import Drawer, Names
from services.orchestrator.figures_models import (
    Commended,
    Conditions,
    Figures,
    MonthlyReport,
    PublicFigures,
    PublicPerformance,
)
from services.orchestrator.settings import ReportSettings
from services.runtime.catalogue_shelf import Shelf

if TYPE_CHECKING:  # half a second and 40 MB, for processes that print only
    from services.runtime.press import Typesetter

TEMPLATE = Path(__file__).with_name("report.typ")
KEPT_S = 300.0
"""So old (real time) may be what everybody sees: it is asked for without a token."""
MONTHS_SHOWN = 36
_GRADES = {
    Grade.VERY_SATISFIED: Name(zh="非常满意", en="very satisfied"),
    Grade.SATISFIED: Name(zh="满意", en="satisfied"),
    Grade.BASICALLY_SATISFIED: Name(zh="基本满意", en="basically satisfied"),
    Grade.DISSATISFIED: Name(zh="不满意", en="dissatisfied"),
    Grade.VERY_DISSATISFIED: Name(zh="非常不满意", en="very dissatisfied"),
}
_SPREADS = (
    ("used", "用时", "used"),
    ("promised", "承诺", "promised"),
    ("statutory", "法定", "by law"),
)
HEAD = (
    *("月份 month", "部门代码 department", "部门 department name", "事项代码 item"),
    *("事项 item name", "办结 ended", "准予 granted", "不予 refused", "有意见 objections"),
    "超时默许 silent",
    *(
        f"{zh}{word}（工作日） {en} {name} (wd)"
        for _, zh, en in _SPREADS
        for word, name in (("中位数", "median"), ("九成值", "p90"))
    ),
    *("按承诺办结率 on time", "按法定办结率 lawful", "并联节省工作日 days saved"),
    *("黄牌 yellow cards", "红牌 red cards"),
    *(f"{name.zh} {name.en}" for name in _GRADES.values()),
    *("评价均分 rating", "表扬 commended"),
)


class Reporter:
    """Makes the report of a month, and the public part of it."""

    def __init__(
        self,
        drawer: Drawer,
        shelf: Shelf,
        settings: ReportSettings,
        *,
        real: Callable[[], float] = time.monotonic,
    ) -> None:
        self._drawer = drawer
        self._shelf = shelf
        self._settings = settings
        self._real = real
        self._typesetter: Typesetter | None = None
        self._printing = threading.Lock()
        self._drawing = asyncio.Lock()
        self._public: dict[Month, tuple[float, PublicPerformance]] = {}

    @property
    def month(self) -> Month:
        """The month that goes on."""
        today = self._drawer.today
        return Month(year=today.year, month=today.month)

    async def report(self, month: Month) -> MonthlyReport | None:
        """Return the report of a month; None for one that has not begun."""
        if month.first > self.month.first:
            return None
        departments, items = await self._drawer.draw(month.first, month.last, "department", "item")
        thresholds = self._settings.thresholds
        return MonthlyReport(
            month=str(month),
            county=Names(self._shelf).county,
            made_on=self._drawer.today,
            complete=month.first < self.month.first,
            wholes=departments.wholes,
            follow_ups=departments.follow_ups,
            departments=departments.rows,
            items=items.rows,
            commended=commended(departments.rows, thresholds),
            conditions=Conditions(**msgspec.structs.asdict(thresholds)),
        )

    async def public(self, month: Month) -> PublicPerformance | None:
        """Return what everybody may know of a month; None unless it is over, and not long ago."""
        age = (self.month.year - month.year) * 12 + self.month.month - month.month
        if not 0 < age <= MONTHS_SHOWN:
            return None
        async with self._drawing:
            kept = self._public.get(month)
            if kept is None or self._real() - kept[0] > KEPT_S:
                kept = self._public[month] = (self._real(), await self._publish(month))
                if len(self._public) > MONTHS_SHOWN:
                    del self._public[next(iter(self._public))]
            return kept[1]

    async def _publish(self, month: Month) -> PublicPerformance:
        [period] = await self._drawer.draw(month.first, month.last, "department")
        least = self._settings.least_published
        return PublicPerformance(
            month=str(month),
            least=least,
            departments=[published(one, least) for one in period.rows],
        )

    def pdf(self, report: MonthlyReport) -> bytes:
        """Return the report as PDF/A-2b: the same bytes for the same figures on the same day."""
        said = report.model_dump(mode="json") | {
            "grades": [{"grade": grade, **name.model_dump()} for grade, name in _GRADES.items()]
        }
        made = self._shelf.calendar.opening_of(report.made_on)
        return self._setter().pdf(said, at=made)

    def _setter(self) -> "Typesetter":
        from services.runtime.press import Typesetter

        with self._printing:
            if self._typesetter is None:
                self._typesetter = Typesetter(TEMPLATE)
            return self._typesetter


def commended(rows: Iterable[Figures], thresholds: Thresholds) -> list[Commended]:
    """Return the departments to commend, the best rated first."""
    found = [
        Commended(
            department=one.department,
            department_name=one.department_name,
            volume=one.volume,
            rating=one.rating or 0.0,
        )
        for one in rows
        if is_commended(_record(one), thresholds)
    ]
    return sorted(found, key=lambda one: (-one.rating, -one.volume, one.department))


def _record(one: Figures) -> Record:
    return Record(
        volume=one.volume,
        on_time=one.on_time or 0.0,
        cards=one.cards.yellow + one.cards.red,
        ratings=sum(one.ratings.values()),
        rating=one.rating,
    )


def published(one: Figures, least: int) -> PublicFigures:
    """Return what of a department's figures may be published."""
    enough = one.volume >= least
    rated = sum(one.ratings.values()) >= least
    return PublicFigures(
        department=one.department,
        department_name=one.department_name,
        volume=one.volume if enough else None,
        used_median=one.used.median if enough and one.used else None,
        promised_median=one.promised.median if enough and one.promised else None,
        on_time=_hundredths(one.on_time) if enough else None,
        rating=round(one.rating, 1) if rated and one.rating is not None else None,
    )


def _hundredths(share: float | None) -> float | None:
    """Round, but never to a whole what is none."""
    return share if share is None or share == 1 else min(round(share, 2), 0.99)


def as_csv(report: MonthlyReport) -> str:
    """Return the report as CSV (RFC 4180): a line for each department, then for each item of it."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    names = {one.department for one in report.commended}
    writer.writerow(HEAD)
    for one in (*report.departments, *report.items):
        praised = one.item is None and one.department in names
        writer.writerow([report.month, *_cells(one), "是 yes" if praised else ""])
    return buffer.getvalue()


def _cells(one: Figures) -> list[Any]:
    """Return what stands in a line; None is an empty cell."""
    return [
        *(one.department, _text(one.department_name), one.item, _text(one.item_name)),
        *(one.volume, one.granted, one.refused, one.objections, one.silent),
        *(
            None if spread is None else getattr(spread, name)
            for field, *_ in _SPREADS
            for spread in [getattr(one, field)]
            for name in ("median", "p90")
        ),
        *(one.on_time, one.lawful, one.saved_days, one.cards.yellow, one.cards.red),
        *(one.ratings.get(grade, 0) for grade in _GRADES),
        one.rating,
    ]


def _text(name: Name | None) -> str:
    return name.zh if name else ""
