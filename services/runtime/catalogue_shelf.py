"""All versions of the county's catalogue and its calendar, read once by each process."""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import date

import orjson

from services.contracts.vocabulary import DepartmentSystem
from services.domain import planner
from services.domain.applicability import Fact
from services.domain.calendar import WorkingCalendar
from services.domain.catalogue import Catalogue, Department
from services.domain.editions import in_force
from services.domain.lint import errors, lint
from services.domain.plan import Plan
from services.runtime import calendar_files, catalogue_files
from services.runtime.settings import CatalogueSettings

PLANS_KEPT = 512


class UnknownVersionError(LookupError):
    """A catalogue version is named that is not on the shelf."""


class NoCatalogueError(LookupError):
    """No catalogue version holds on a day."""


class Shelf:
    """Catalogue versions by name and by day, the calendar, and the plans made lately.

    Raises at once what the files' readers raise, and CatalogueError for what the linter refuses: a
    service does not start on a catalogue that breaks a rule (one third, references, fees ...).
    """

    def __init__(self, settings: CatalogueSettings) -> None:
        self.folder = settings.folder
        versions = catalogue_files.read_all(settings.folder)
        if refused := errors(lint(versions)):
            raise catalogue_files.CatalogueError(tuple(refused))
        self._catalogues = {found.catalogue.county.version: found.catalogue for found in versions}
        self.calendar: WorkingCalendar = calendar_files.load(settings.calendar_folder)
        self._plans: OrderedDict[bytes, Plan] = OrderedDict()

    def version(self, version: str) -> Catalogue:
        """Return the catalogue of a version. Raises UnknownVersionError."""
        try:
            return self._catalogues[version]
        except KeyError:
            raise UnknownVersionError(version) from None

    @property
    def catalogues(self) -> tuple[Catalogue, ...]:
        """Every version, in no particular order."""
        return tuple(self._catalogues.values())

    def current(self, day: date) -> Catalogue:
        """Return the catalogue that holds on a day. Raises NoCatalogueError."""
        found = in_force(self._catalogues.values(), day)
        if found is None:
            message = f"no catalogue version holds on {day}"
            raise NoCatalogueError(message)
        return found

    @property
    def departments(self) -> dict[str, Department]:
        """Every department of every version; the newest version's word counts."""
        ordered = sorted(self._catalogues.values(), key=lambda c: c.county.effective_from)
        return {found.code: found for one in ordered for found in one.departments}

    @property
    def systems(self) -> dict[str, DepartmentSystem]:
        """Which departments work with software of their own."""
        return {code: found.system for code, found in self.departments.items()}

    def plan(
        self,
        version: str,
        scenario: str,
        answers: Mapping[str, Fact],
        held: Mapping[str, str],
        start: date,
    ) -> Plan:
        """Return the plan; the same question is answered from memory.

        Raises UnknownVersionError and what `planner.plan` raises.
        """
        question = [version, self.calendar.version, scenario, dict(answers), dict(held), start]
        key = orjson.dumps(question, option=orjson.OPT_SORT_KEYS)
        found = self._plans.get(key)
        if found is None:
            found = planner.plan(
                self.version(version), self.calendar, scenario, answers, held, start
            )
            self._plans[key] = found
            if len(self._plans) > PLANS_KEPT:
                self._plans.popitem(last=False)
        return found
