"""Rating of service (好差评): who may rate, what a bad rating sets running, what grades are worth.

The applicant alone rates, never his agent and never whoever works for the department: it is his
word on how he was served. A bad rating has to be answered by the department and closed by the
supervision within a term (local rule: five working days for the worst grade, else fifteen).
"""

from collections.abc import Mapping, Set
from datetime import date

from services.contracts.vocabulary import Grade, Unit
from services.domain.calendar import WorkingCalendar
from services.domain.limits import due_on
from services.domain.route import Budget

TERMS: Mapping[Grade, int] = {Grade.DISSATISFIED: 15, Grade.VERY_DISSATISFIED: 5}
"""Working days in which a bad rating is answered and closed; other grades need no follow-up."""
POINTS: Mapping[Grade, int] = {
    Grade.VERY_SATISFIED: 5,
    Grade.SATISFIED: 4,
    Grade.BASICALLY_SATISFIED: 3,
    Grade.DISSATISFIED: 2,
    Grade.VERY_DISSATISFIED: 1,
}


def may_rate(who: Set[str], *, owner: str, applicant: str, agent: str | None) -> bool:
    """Return whether somebody is the applicant himself.

    Args:
        who: all keyed hashes of whoever asks.
        owner: hash of the account that handed the application in.
        applicant: hash of the applicant's identity number.
        agent: hash of the agent's identity number; None: the applicant acted himself.
    """
    if agent is None:
        return owner in who or applicant in who
    return applicant in who and agent not in who


def follow_up_due(grade: Grade, rated_on: date, calendar: WorkingCalendar) -> date | None:
    """Return the last day for answering and closing a rating; None where there is no follow-up."""
    days = TERMS.get(grade)
    if days is None:
        return None
    return due_on(Budget(value=days, unit=Unit.WORKING_DAY), rated_on, calendar)


def average(grades: Mapping[Grade, int]) -> float | None:
    """Return the mean of so many ratings of each grade, 5.0 to 1.0 with two digits; None: none."""
    number = sum(grades.values())
    if not number:
        return None
    return round(sum(POINTS[grade] * count for grade, count in grades.items()) / number, 2)
