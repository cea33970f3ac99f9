"""Figures per department, item and period, straight from the tables of what happened.

A task counts in the period in which it ended, a saving in the one in which its application ended, a
rating and a card in the one in which they were given: a month that is over does not change, but for
cards that are lifted and follow-ups that are closed later.
"""

from collections import defaultdict
from datetime import date, datetime, time
from typing import Any, TypeAlias

from services.contracts.vocabulary import Grade
from services.domain.calendar import ONE_DAY, ZONE
from services.domain.catalogue import Name
from services.domain.ratings import average
from services.orchestrator.figures_models import (
    By,
    CardCount,
    Figures,
    FollowUps,
    Period,
    Spread,
    Wholes,
)
from services.orchestrator.measuring import QUERIES, Measurer
from services.orchestrator.store import Row
from services.runtime.catalogue_shelf import Shelf
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool

Key: TypeAlias = tuple[str, str | None]
_COUNTS = ("volume", "granted", "refused", "objections", "silent")


class Drawer:
    """Draws figures; what has not been measured yet is measured first."""

    def __init__(self, pool: Pool, clock: Clock, shelf: Shelf, measurer: Measurer) -> None:
        self._pool = pool
        self._clock = clock
        self._shelf = shelf
        self._measurer = measurer

    @property
    def today(self) -> date:
        """Today's date where the county is."""
        return self._shelf.calendar.local_date(self._clock.now())

    async def draw(self, since: date, until: date, *by: By) -> list[Period]:
        """Return the figures of a period, one for each `by`, out of one look at the tables."""
        between = {"since": midnight(since), "until": midnight(until + ONE_DAY)}
        await self._measurer.measure(**between)
        now = self._clock.now()
        async with (
            self._pool.acquire() as conn,
            conn.transaction(isolation="repeatable_read", readonly=True),
        ):
            wholes = _wholes(await QUERIES.concluded(conn, **between))
            followed = await QUERIES.followed_up(conn, **between, now=now)
            follow_ups = FollowUps(**dict(followed))
            found = [(one, await _read(conn, between, one)) for one in by]
        names = Names(self._shelf)
        return [
            Period(
                since=since,
                until=until,
                by=one,
                wholes=wholes,
                follow_ups=follow_ups,
                rows=[
                    _figures(key, parts, names) for key, parts in sorted(rows.items(), key=_order)
                ],
            )
            for one, rows in found
        ]


class Names:
    """Names of departments and items, by the newest catalogue that has them."""

    def __init__(self, shelf: Shelf) -> None:
        newest_last = sorted(shelf.catalogues, key=lambda one: one.county.effective_from)
        self.departments: dict[str, Name] = {
            code: found.name for code, found in shelf.departments.items()
        }
        self.items: dict[str, Name] = {
            item.code: item.name for one in newest_last for item in one.items
        }
        self.county: Name = newest_last[-1].county.name


def midnight(day: date) -> datetime:
    """Return the instant at which a day begins where the county is."""
    return datetime.combine(day, time(), ZONE)


def _order(entry: tuple[Key, Any]) -> tuple[str, str]:
    (department, item), _ = entry
    return department, item or ""


async def _read(
    conn: Connection, between: dict[str, datetime], by: By
) -> dict[Key, dict[str, Any]]:
    """Return what there is of each department (and item): rows of four questions, put together."""
    found: dict[Key, dict[str, Any]] = defaultdict(dict)
    asked = {**between, "by_item": by == "item"}
    async for row in QUERIES.handled(conn, **asked):
        found[_key(row)]["handled"] = row
    async for row in QUERIES.saved(conn, **asked):
        found[_key(row)]["saved"] = row["saved"]
    async for row in QUERIES.rated(conn, **asked):
        found[_key(row)].setdefault("ratings", {})[Grade(row["grade"])] = row["number"]
    async for row in QUERIES.carded(conn, **asked):
        found[_key(row)].setdefault("cards", {})[row["colour"]] = row["number"]
    return found


def _key(row: Row) -> Key:
    return row["department"], row["item"]


def _figures(key: Key, parts: dict[str, Any], names: Names) -> Figures:
    department, item = key
    handled: Row | None = parts.get("handled")
    counts = {name: 0 if handled is None else handled[name] for name in _COUNTS}
    ratings: dict[Grade, int] = parts.get("ratings", {})
    return Figures(
        department=department,
        department_name=names.departments.get(department),
        item=item,
        item_name=names.items.get(item) if item else None,
        **counts,
        used=_spread(handled, "used"),
        promised=_spread(handled, "promised"),
        statutory=_spread(handled, "statutory"),
        on_time=_share(handled, "on_time", "volume"),
        lawful=_share(handled, "lawful", "limited"),
        saved_days=round(float(parts.get("saved") or 0), 1),
        cards=CardCount(**parts.get("cards", {})),
        ratings={grade: ratings[grade] for grade in Grade if grade in ratings},
        rating=average(ratings),
    )


def _spread(row: Row | None, name: str) -> Spread | None:
    if row is None or row[f"{name}_median"] is None:
        return None
    return Spread(median=row[f"{name}_median"], p90=row[f"{name}_p90"])


def _share(row: Row | None, part: str, whole: str) -> float | None:
    """Return a share with four digits; a whole is 1 only if nothing is missing of it."""
    if row is None or not row[whole]:
        return None
    if row[part] == row[whole]:
        return 1.0
    return min(round(int(row[part]) / int(row[whole]), 4), 0.9999)


def _wholes(row: Row) -> Wholes:
    return Wholes(
        applications=row["applications"],
        in_time=_share(row, "in_time", "applications"),
        used_median=row["used_median"],
        promised_median=row["promised_median"],
        saved_days=round(float(row["saved"]), 1),
    )
