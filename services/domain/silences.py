"""What silence comes to, and from when: an opinion not given, a renewal not decided upon.

A unit that is asked for its opinion has until its promise (超时默许). Whoever decides on the
renewal of a permit has until the permit expires (行政许可法 50); that day is the permit's own, so
that no pause, extension or calendar ever moves it. Silence about anything else means nothing.
"""

from datetime import datetime
from typing import assert_never

from services.contracts.vocabulary import Silence
from services.domain.route import RoutePart


def ends_at(part: RoutePart, issued_at: datetime, promised_at: datetime) -> datetime | None:
    """Return until when a part's department must have spoken; None: its silence means nothing."""
    match part.silence:
        case Silence.NONE:
            return None
        case Silence.NO_OBJECTION:
            return promised_at
        case Silence.RENEWED:
            return expiry(part, issued_at)
        case other:  # pragma: no cover - the type checker proves that nothing is left
            assert_never(other)


def expiry(part: RoutePart, issued_at: datetime) -> datetime | None:
    """Return the end of the permit that a part renews, where silence until then renews it.

    None for any other part, and for one that was issued after the permit had expired: there is
    nothing left to renew by silence, and the applicant had not completed his papers in time.
    """
    at = part.expires_at
    return at if at is not None and issued_at <= at else None


def is_settled(part: RoutePart, issued_at: datetime, at: datetime) -> bool:
    """Whether a decision at `at` is too late: the permit expired before, and so was renewed."""
    last = expiry(part, issued_at)
    return last is not None and at > last
