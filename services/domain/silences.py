"""What silence comes to, and from when: an opinion not given, a renewal not decided upon.

A unit that is asked for its opinion has until its promise (超时默许). Whoever decides on the
renewal of a permit has until the permit expires (行政许可法 50); that day is the permit's own, so
that no pause, extension or calendar ever moves it. Silence about anything else means nothing.
"""

from datetime import date, datetime
from typing import assert_never

from services.contracts.vocabulary import Silence
from services.domain.calendar import ZONE
from services.domain.case import Dates
from services.domain.route import RoutePart


def ends_at(part: RoutePart, dates: Dates) -> datetime | None:
    """Return until when a part's department must have spoken; None: its silence means nothing."""
    match part.silence:
        case Silence.NONE:
            return None
        case Silence.NO_OBJECTION:
            return dates.promised_at
        case Silence.RENEWED:
            return dates.expires_at
        case other:  # pragma: no cover - the type checker proves that nothing is left
            assert_never(other)


def expiry(part: RoutePart, completed_on: date) -> datetime | None:
    """Return the end of the permit that a part renews, where silence until then renews it.

    `completed_on` is the day on which the last paper of the application came in. None for any other
    part, and where the applicant completed his papers after the permit had expired. When the
    authority took them up is its own affair: its delay takes nothing from him.
    """
    at = part.expires_at
    return at if at is not None and completed_on <= at.astimezone(ZONE).date() else None


def is_settled(dates: Dates, at: datetime) -> bool:
    """Whether a decision at `at` is too late: the permit expired before, and so was renewed."""
    return dates.expires_at is not None and at > dates.expires_at
