"""What the checks of one application need to know beside its folder."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml

from services.contracts.vocabulary import Unit
from services.runtime import calendar_files
from services.verification.days import Days
from services.verification.report import Finding
from services.verification.sources import Sources, SourcesError


@dataclass(frozen=True, kw_only=True)
class RenewalRule:
    """When a permit is renewed by silence: the answer with its last day, and how long before."""

    expires: str
    ahead: int
    counts_working_days: bool


@dataclass(kw_only=True)
class World:
    """The county's files, and which workflows run.

    `own` are the departments that work with software of their own; `running` is None when Temporal
    does not answer; `kept` are the calendars that the orchestrator has kept; `unknown_calendars`
    collects versions that cannot be reckoned with any more. `standards` are rate (none: open) and
    document of every published fee, by edition and id; `editions` are the editions there are;
    `powers` says who (zh) is in power for an item that is not the county's, by edition and item,
    `renewals` which items prolong a permit.
    """

    days: Days
    calendar_version: str
    own: frozenset[str]
    kept: dict[str, Days] = field(default_factory=dict)
    standards: dict[tuple[str, str], tuple[Fraction | None, str]] = field(default_factory=dict)
    editions: frozenset[str] = frozenset()
    powers: dict[tuple[str, str], str] = field(default_factory=dict)
    renewals: dict[tuple[str, str], RenewalRule] = field(default_factory=dict)
    running: frozenset[str] | None = None
    unknown_calendars: set[str] = field(default_factory=set)

    def days_of(self, version: str) -> Days | None:
        """Return the days of a calendar: the county's own, or one the orchestrator has kept."""
        return self.days if version == self.calendar_version else self.kept.get(version)


def read(sources: Sources) -> World:
    """Read the county's files. Raises SourcesError."""
    try:
        editions = dict(_editions(sources.catalogue))
        return World(
            days=Days(sources.calendar),
            calendar_version=calendar_files.load(sources.calendar).version,
            own=frozenset(_own(sources.catalogue)),
            standards={
                (version, one["id"]): (_rate(one), one["document"]["law"])
                for version, listed in editions.items()
                for one in listed
            },
            editions=frozenset(editions),
            powers={
                of: one["in_power"]["authority"]["zh"]
                for of, one in _items(sources.catalogue, "in_power")
            },
            renewals={
                of: RenewalRule(
                    expires=one["renewal"]["expires"],
                    ahead=one["renewal"]["apply_before"]["value"],
                    counts_working_days=_in_working_days(one["renewal"]["apply_before"]),
                )
                for of, one in _items(sources.catalogue, "renewal")
            },
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, calendar_files.CalendarError) as error:
        raise SourcesError(
            f"Catalogue {sources.catalogue} or calendar {sources.calendar} cannot be read: {error}"
        ) from error


def _own(catalogue: Path) -> Iterator[str]:
    """Yield the departments that any version lets work with software of their own."""
    for file in sorted(catalogue.glob("*/departments.yaml")):
        listed: list[dict[str, Any]] = yaml.safe_load(file.read_text(encoding="utf-8"))
        yield from (one["code"] for one in listed if one.get("system") == "own")


def _editions(catalogue: Path) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Yield every edition with its published fees."""
    for file in sorted(catalogue.glob("*/county.yaml")):
        head = yaml.safe_load(file.read_text(encoding="utf-8"))
        fees = yaml.safe_load(file.with_name("fees.yaml").read_text(encoding="utf-8"))
        yield str(head["version"]), fees or []


def _items(catalogue: Path, having: str) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    """Yield every item of which an edition says something, by edition and code."""
    for file in sorted(catalogue.glob("*/county.yaml")):
        version = str(yaml.safe_load(file.read_text(encoding="utf-8"))["version"])
        for listed in sorted(file.parent.glob("items/*.yaml")):
            text = listed.read_text(encoding="utf-8")
            if having in text:
                for one in yaml.safe_load(text):
                    if having in one:
                        yield (version, one["code"]), one


def _in_working_days(limit: dict[str, Any]) -> bool:
    return bool(limit.get("unit", Unit.WORKING_DAY) == Unit.WORKING_DAY)


def _rate(standard: dict[str, Any]) -> Fraction | None:
    amount = standard.get("amount")
    return None if amount is None else Fraction(str(amount))


@dataclass(frozen=True, kw_only=True)
class Finder:
    """Makes findings of one invariant about one application."""

    invariant: int
    number: str
    moving: bool

    def within(self, message: str, subject: str = "") -> Finding:
        """Inside one store, where one transaction keeps everything together."""
        return Finding(invariant=self.invariant, subject=subject or self.number, message=message)

    def across(self, message: str, subject: str = "") -> Finding:
        """Between stores, which may differ while a message is under way."""
        return Finding(
            invariant=self.invariant,
            subject=subject or self.number,
            message=message,
            in_flight=self.moving,
        )
