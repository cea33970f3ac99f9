"""What the use cases of one process share."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING

from fastapi import Request

from services.domain.catalogue import Catalogue
from services.domain.plan import Plan
from services.domain.samples import Sample
from services.intake import store
from services.intake.editions import Editions
from services.intake.files import FileStore
from services.intake.payment import PaymentAdapter
from services.intake.problems import NO_CATALOGUE
from services.runtime.catalogue_shelf import NoCatalogueError, Shelf
from services.runtime.clock import Clock
from services.runtime.db import Connection, Pool
from services.runtime.hashing import Hasher
from services.runtime.web.problems import Problem

if TYPE_CHECKING:  # half a second and 40 MB, for processes that make documents only
    from services.intake.documents.press import Press

PLANS_KEPT = 128


class Plans:
    """Plans as they were shown, read from the database once; the newest are remembered."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Plan] = OrderedDict()
        self.stored: set[str] = set()

    async def get(self, conn: Connection, digest: str) -> Plan:
        """Return a plan. Raises LookupError when it is not there, which no application allows."""
        found = self._known.get(digest)
        if found is None:
            body = await store.get_plan(conn, digest)
            if body is None:
                raise LookupError(digest)
            found = self._known[digest] = Plan.model_validate_json(body)
        self._known.move_to_end(digest)
        if len(self._known) > PLANS_KEPT:
            self._known.popitem(last=False)
        return found


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The tools of a use case."""

    pool: Pool
    clock: Clock
    shelf: Shelf
    editions: Editions
    hasher: Hasher
    files: FileStore
    samples: Mapping[str, Sample] = field(default_factory=dict)
    """How materials are filled in, by material."""
    plans: Plans = field(default_factory=Plans)
    press: "Press | None" = None
    payment: PaymentAdapter | None = None
    payment_timeout: float = 10.0

    @property
    def today(self) -> date:
        """Today's date where the county is."""
        return self.shelf.calendar.local_date(self.clock.now())

    def catalogue(self, day: date | None = None) -> Catalogue:
        """Return the approved catalogue of a day (default: today). Raises Problem 503."""
        try:
            return self.editions.current(self.shelf, day or self.today)
        except NoCatalogueError:
            raise Problem(NO_CATALOGUE) from None


def parts_of(request: Request) -> Parts:
    """FastAPI dependency: the process's parts."""
    found: Parts = request.app.state.parts
    return found
