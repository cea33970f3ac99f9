"""What every page of the console needs: the site, who is at it, the names of things."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

from fastapi import Depends, Request

from services.contracts.vocabulary import Role
from services.domain.catalogue import Name
from services.orchestrator.figures import Names
from services.runtime.catalogue_shelf import Shelf
from services.runtime.web.site import Site, site_of
from services.runtime.web.site.languages import language_of
from services.runtime.web.site.session import Session, signed_in, signed_in_as
from services.runtime.web.site.words import Words

WATCHERS = (Role.OPERATOR, Role.SUPERVISOR)
DEPARTMENTS = (Role.OFFICER, Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD)
Anybody = Annotated[Session, Depends(signed_in)]
Watcher = Annotated[Session, Depends(signed_in_as(*WATCHERS))]
Operator = Annotated[Session, Depends(signed_in_as(Role.OPERATOR))]


Pages = Annotated[Site, Depends(site_of)]


class Titles:
    """Names of departments, items, steps and scenarios, by the newest catalogue that has them."""

    def __init__(self, shelf: Shelf) -> None:
        """Gather them."""
        names = Names(shelf)
        newest_last = sorted(shelf.catalogues, key=lambda one: one.county.effective_from)
        self.departments = names.departments
        self.items = names.items
        self.groups: dict[str, Name] = {
            group.code: group.name for one in newest_last for group in one.groups
        }
        self.scenarios: dict[str, Name] = {
            scenario.code: scenario.name for one in newest_last for scenario in one.scenarios
        }

    def department(self, code: str) -> Name:
        """Return the name of a department; its code where there is none any more."""
        return self.departments.get(code) or Name(zh=code, en=code)

    def item(self, code: str) -> Name:
        """Return the name of an item; its code where there is none any more."""
        return self.items.get(code) or Name(zh=code, en=code)

    def step(self, code: str) -> Name:
        """Return the name of a step: of its group, or of its one item."""
        return self.groups.get(code) or self.item(code)

    def scenario(self, code: str) -> Name:
        """Return the name of a scenario; its code where there is none any more."""
        return self.scenarios.get(code) or Name(zh=code, en=code)


class Tongue:
    """Says things in the language of one request."""

    def __init__(self, site: Site, request: Request) -> None:
        """Keep whom to ask."""
        self._site, self._request = site, request
        self.words = Words(language_of(request), self.say)

    def say(self, message: str, **values: object) -> str:
        """Return a message."""
        return self._site.say(self._request, message, **values)

    def name(self, name: Name) -> str:
        """Return a name of the catalogue."""
        return self.words.name(name)

    def day(self, day: date) -> str:
        """Return a date."""
        return self.words.short_day(day)


def titles_of(request: Request) -> Titles:
    """FastAPI dependency: the names of things."""
    return Titles(request.app.state.shelf)


Named = Annotated[Titles, Depends(titles_of)]
Say = Callable[..., str]


def today_of(state: Any) -> date:
    """Return today's date where the county is, by the clock of business."""
    found: date = state.shelf.calendar.local_date(state.clock.now())
    return found
