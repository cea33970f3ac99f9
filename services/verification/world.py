"""What the checks of one application need to know beside its folder."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from services.runtime import calendar_files
from services.verification.days import Days
from services.verification.report import Finding
from services.verification.sources import Sources, SourcesError


@dataclass(kw_only=True)
class World:
    """The county's files, and which workflows run.

    `own` are the departments that work with software of their own; `running` is None when Temporal
    does not answer; `unknown_calendars` collects versions that cannot be reckoned with any more.
    """

    days: Days
    calendar_version: str
    own: frozenset[str]
    running: frozenset[str] | None = None
    unknown_calendars: set[str] = field(default_factory=set)


def read(sources: Sources) -> World:
    """Read the county's files. Raises SourcesError."""
    try:
        return World(
            days=Days(sources.calendar),
            calendar_version=calendar_files.load(sources.calendar).version,
            own=frozenset(_own(sources.catalogue)),
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
