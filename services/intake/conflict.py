"""Nobody acts on an application of his own, or as its agent (行政许可法 29; local rule)."""

from services.intake import identity, problems, store
from services.intake.parts import Parts
from services.runtime.auth import Principal
from services.runtime.db import Connection
from services.runtime.web.problems import Problem


async def forbid_own(parts: Parts, conn: Connection, who: Principal, number: str) -> None:
    """Raise Problem 403 when somebody would act for the centre on an application of his own.

    People are compared by keyed hashes: who submitted it, its applicant and its agent.
    """
    owner, id_numbers = await store.people_of(conn, number)
    theirs = {owner, *(parts.hasher.ref(identity.spelt(one)) for one in id_numbers)}
    if not who.refs.isdisjoint(theirs):
        raise Problem(problems.OWN_APPLICATION)
