"""What every page of the workbench needs: who is there, what things and people are called."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Depends, Request
from starlette.responses import RedirectResponse, Response

from services.contracts.vocabulary import Role
from services.departments import workbench_store as store
from services.departments.scope import department_of
from services.departments.web import once
from services.domain.calendar import ZONE
from services.domain.catalogue import Name
from services.runtime.catalogue_shelf import Shelf
from services.runtime.db import Connection
from services.runtime.web.idempotency import Asked
from services.runtime.web.site import Site, site_of
from services.runtime.web.site.forms import asked_on_page
from services.runtime.web.site.session import Session, signed_in, signed_in_as

OFFICER, CHIEF, HEAD = Role.OFFICER, Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD
MEMBERS = (OFFICER, CHIEF, HEAD)
Anybody = Annotated[Session, Depends(signed_in)]
Member = Annotated[Session, Depends(signed_in_as(*MEMBERS))]
Officer = Annotated[Session, Depends(signed_in_as(OFFICER, CHIEF))]
Once = Annotated[Asked, Depends(asked_on_page)]
Head = Annotated[Session, Depends(signed_in_as(HEAD))]
OFFERED_FOR = timedelta(days=183)
"""Who has not been here for so long is no colleague to choose any more."""
_SHOWN_OF_REF = 6
_LONGEST_NAME = 100


Pages = Annotated[Site, Depends(site_of)]


async def greet(conn: Connection, request: Request, session: Session) -> None:
    """Note what somebody is called, so that colleagues see a name where he has done something.

    The provider's name for the account is none: it is neither kept nor shown. What is noted of
    people is kept for a year after they were here (`forgetting.py`).
    """
    who, name = session.principal, session.name.strip()[:_LONGEST_NAME]
    at = request.app.state.clock.now()
    await store.keep_views(conn, who.ref, at)
    if name and name != who.subject:
        await store.call_colleague(conn, who.ref, department_of(who), name=name, at=at)


@dataclass(frozen=True, kw_only=True)
class People:
    """What the people of one department are called; `offered`: those who were here lately."""

    names: Mapping[str, str]
    offered: Mapping[str, str]
    me: str

    def is_me(self, ref: str | None) -> bool:
        """Whether a keyed hash is whoever looks at the page."""
        return ref == self.me

    def name(self, ref: str) -> str:
        """Return a colleague's name; of one who was never here, the beginning of his hash."""
        return self.names.get(ref, ref[:_SHOWN_OF_REF])


async def people_of(conn: Connection, request: Request, session: Session) -> People:
    """Return what the colleagues of whoever is logged in are called."""
    who, now = session.principal, request.app.state.clock.now()
    return await people_in(conn, department_of(who), me=who.ref, now=now)


async def people_in(conn: Connection, department: str, *, me: str, now: datetime) -> People:
    """Return what the people of a department are called."""
    rows = await store.colleagues_of(conn, department)
    return People(
        names={row["ref"]: row["name"] for row in rows},
        offered={row["ref"]: row["name"] for row in rows if row["named_at"] > now - OFFERED_FOR},
        me=me,
    )


async def acted(
    request: Request,
    site: Site,
    asked: Asked,
    act: Callable[[Connection], Awaitable[object]],
    *,
    to: str,
    note: str,
) -> Response:
    """Do what a form asks for, once, in a transaction; return the way to the page, with a note."""
    async with once(request, asked) as (conn, slot):
        if slot.stored is not None:
            return slot.stored
        await act(conn)
        response = slot.keep(RedirectResponse(to, status_code=303))
    site.flash(request, response, note)
    return response


def today_of(request: Request) -> date:
    """Return the day it is in the county."""
    found: date = request.app.state.clock.now().astimezone(ZONE).date()
    return found


def item_names(shelf: Shelf) -> dict[str, Name]:
    """Return what items are called; of several versions the newest one's word counts."""
    ordered = sorted(shelf.catalogues, key=lambda one: one.county.effective_from)
    return {item.code: item.name for one in ordered for item in one.items}


def department_name(shelf: Shelf, department: str) -> Name | None:
    """Return what a department is called; None for one that no catalogue knows."""
    found = shelf.departments.get(department)
    return None if found is None else found.name
