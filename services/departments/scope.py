"""Who may see and do what in a queue. Every query takes what these functions return."""

from collections.abc import Iterable, Sequence

from services.contracts.vocabulary import Part, Role
from services.departments.problems import (
    DEPARTMENT_REQUIRED,
    NO_DEPARTMENT,
    OWN_APPLICATION,
    REPRESENTATIVE_REQUIRED,
)
from services.runtime.auth import Principal, own_department
from services.runtime.web.problems import Problem


def department_of(who: Principal) -> str:
    """Return the department somebody works for. Raises Problem 403 when the token names none."""
    if who.department is None:
        raise Problem(NO_DEPARTMENT)
    return who.department


def queue_of(who: Principal, asked: str | None) -> str:
    """Return the department whose queue is read: one's own; any for a supervisor.

    Raises Problem 422 when a supervisor names none, 404 for another department's queue.
    """
    if who.has(Role.SUPERVISOR) and asked is not None:
        return asked
    if not who.has(Role.OFFICER, Role.CHIEF_REPRESENTATIVE, Role.DEPARTMENT_HEAD):
        raise Problem(DEPARTMENT_REQUIRED)
    own = department_of(who)
    return own if asked is None else own_department(who, asked)


def sight_of(who: Principal) -> str | None:
    """Return the department whose tasks somebody may read; None: of all (a supervisor)."""
    return None if who.has(Role.SUPERVISOR) else department_of(who)


def forbid_own(applicant_refs: Sequence[str], who: Principal) -> None:
    """Raise Problem 403 when somebody would act on an application of his own, or as its agent."""
    forbid_refs(applicant_refs, who.refs)


def forbid_refs(applicant_refs: Sequence[str], people: Iterable[str]) -> None:
    """Raise Problem 403 when one of the people (keyed hashes) has to do with the application."""
    if not set(people).isdisjoint(applicant_refs):
        raise Problem(OWN_APPLICATION)


def acting_role(who: Principal) -> Role:
    """Return the role in which a member of the department acts when any will do."""
    return Role.OFFICER if who.has(Role.OFFICER) else Role.CHIEF_REPRESENTATIVE


def ending_role(part: Part, who: Principal) -> Role:
    """Return the role in which somebody ends a task.

    Raises Problem 403: an item is decided by the chief representative, who has it in writing.
    """
    if part is Part.CONSULT:
        return acting_role(who)
    if not who.has(Role.CHIEF_REPRESENTATIVE):
        raise Problem(REPRESENTATIVE_REQUIRED)
    return Role.CHIEF_REPRESENTATIVE


def leading_role(who: Principal) -> Role:
    """Return the role in which somebody leads a department, for acts that need one of the two."""
    head = Role.DEPARTMENT_HEAD
    return head if who.has(head) else Role.CHIEF_REPRESENTATIVE
