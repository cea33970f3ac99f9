"""How somebody of the department is named in a form: chosen from who was here, or by his account.

The account is what the person is called at the OpenID provider. It is hashed on arrival.
"""

from collections.abc import Mapping

from fastapi import Request

from services.departments import authority_store
from services.departments.authority import Power, Rule
from services.departments.authority_models import Revocation
from services.departments.pages.case_form import Form
from services.departments.pages.common import People, people_of, today_of
from services.departments.web import ref_of
from services.runtime.db import Connection
from services.runtime.web.problems import INVALID, Fault, Problem, Words
from services.runtime.web.site.forms import checked
from services.runtime.web.site.session import Session

ACCOUNT = "_account"
MOST = 200
_WHO = Words("请选择同事，或填写其账号", "Choose a colleague, or write the name of the account")


def choices(people: People, without: str | None = None) -> list[tuple[str, str]]:
    """Return whom a form offers, by name: keyed hash and name."""
    return [(ref, name) for ref, name in people.offered.items() if ref != without]


async def person_of(request: Request, session: Session, form: Form, name: str) -> str:
    """Return the keyed hash of whom a form names. Raises Problem 422 when it names nobody."""
    found = await person_if_any(request, session, form, name)
    if found is None:
        raise Problem(INVALID, errors=[Fault(f"#/{name}", _WHO)])
    return found


async def person_if_any(request: Request, session: Session, form: Form, name: str) -> str | None:
    """Return the keyed hash of whom a form names; None when it names nobody.

    Raises Problem 422 for a choice that was not offered.
    """
    account, chosen = form.text(name + ACCOUNT), form.text(name)
    if account:
        return ref_of(request, account)
    if not chosen:
        return None
    async with request.app.state.pool.acquire() as conn:
        people = await people_of(conn, request, session)
    if chosen not in people.offered:
        raise Problem(INVALID, errors=[Fault(f"#/{name}", _WHO)])
    return chosen


def reason_of(form: Form) -> str:
    """Return the reason that a form gives. Raises Problem 422 without one."""
    return checked(Revocation, reason=form.text("reason")).reason


async def substitutes_in(
    conn: Connection, request: Request, department: str, *, of: str | None = None
) -> Mapping[str, dict[str, bool]]:
    """Return whom the authorisations that hold today name as substitutes, by representative.

    Each with whether he may decide: the paper gives him that power, by the rule under which papers
    give any. `of`: only those that somebody acts under.
    """
    deciding = await authority_store.rule(conn) == Rule.REQUIRED
    found: dict[str, dict[str, bool]] = {}
    for row in await authority_store.list_authorisations(
        conn, department, person=of, on_day=today_of(request), after=0, rows=MOST
    ):
        substitute = row["substitute_ref"]
        if substitute is not None:
            named = found.setdefault(row["representative_ref"], {})
            decides = deciding and Power.DECIDE in row["powers"]
            named[substitute] = named.get(substitute, False) or decides
    return {ref: dict(sorted(named.items())) for ref, named in found.items()}
