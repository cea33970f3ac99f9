"""The route: what the workflow needs of a plan, pinned when an application starts.

Shapes of the functional core are `msgspec` structs: the workflow sandbox imports this package anew
for every workflow, and twenty dataclasses cost 16 ms there where twenty structs cost 1 ms.
"""

from functools import cached_property

from msgspec import Struct

from services.contracts.times import Date, DateTime
from services.contracts.vocabulary import Authority, LimitStart, Part, Silence, Unit

EDITION = 3
"""The rules by which an application that begins today goes on to its end.

1: what is late on its way is late. 2: what was committed in time counts, whenever it arrives.
3: so do papers that come later.
"""


class Budget(Struct, frozen=True, kw_only=True):
    """A number of days of one unit."""

    value: int
    unit: Unit


class Statute(Struct, frozen=True, kw_only=True):
    """The statutory budget of a part, the act that starts it, and the article it stands in."""

    budget: Budget
    start: LimitStart
    article: str


class RoutePart(Struct, frozen=True, kw_only=True):
    """One department's share of a step: decide on `item`, or give an opinion on it.

    `requires` are the items whose results must be favourable before the share can be done. A
    part to CONSULT has no statute of its own. `silence` is NO_OBJECTION for CONSULT alone, RENEWED
    for the decision on a renewal alone; that one has `expires_at`, the end of the last day of the
    permit that is to be renewed.
    """

    item: str
    department: str
    part: Part
    promised: Budget
    statute: Statute | None = None
    requires: tuple[str, ...] = ()
    authority: Authority = Authority.REPRESENTATIVE
    silence: Silence = Silence.NONE
    expires_at: DateTime | None = None


class RouteRectification(Struct, frozen=True, kw_only=True):
    """How often, and for how long, the investor may put right what a merged step objected to."""

    budget: Budget
    rounds: int
    article: str = ""


class RoutePaper(Struct, frozen=True, kw_only=True):
    """A paper of the investor's that came into being after the submission, and what needs it.

    `items` are those of its step. `term` None: the step waits for it without end.
    """

    material: str
    items: tuple[str, ...]
    term: Budget | None = None


class RouteStep(Struct, frozen=True, kw_only=True):
    """One step: all its parts start together, are joined by a barrier, and released together.

    `lead` is the department of the step that convenes its joint sessions; a step without a `group`
    has none. `papers` are those that were not there when the application was handed in: the step
    does not start without them.
    """

    code: str
    parts: tuple[RoutePart, ...]
    group: str | None = None
    rectification: RouteRectification | None = None
    issue_order: tuple[str, ...] = ()
    lead: str | None = None
    papers: tuple[RoutePaper, ...] = ()


class RouteAcceptance(Struct, frozen=True, kw_only=True):
    """Who examines an application before it is accepted, and until when (行政许可法 32).

    `uses`: for each material the departments whose items need it.
    """

    departments: tuple[str, ...]
    uses: dict[str, tuple[str, ...]]
    budget: Budget
    article: str


class RouteLimit(Struct, frozen=True, kw_only=True):
    """A limit that the law sets beside those of the items, and the article it stands in."""

    budget: Budget
    article: str


class JointLimit(RouteLimit, frozen=True, kw_only=True):
    """The limit of the joint case, and by how much it can be extended once (行政许可法 42(2))."""

    extension: Budget


class RouteLimits(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The limits of an application beside those of its tasks; None: it has none of that kind.

    `licences` are the items whose grant is delivered within `delivery`.
    """

    joint: JointLimit | None = None
    review: RouteLimit | None = None
    delivery: RouteLimit | None = None
    licences: tuple[str, ...] = ()


class Route(Struct, frozen=True, kw_only=True, dict=True, omit_defaults=True):
    """All steps of one application, with the promise made to the investor on submission.

    `promised_at` is the close of business (UTC) of the last promised day. `promised_days` is the
    promised total in working days, from the day after `start`. `acceptance` None: it is accepted on
    the spot, with its submission. `edition`: what began by earlier rules ends by them, so that its
    history replays.
    """

    application: str
    start: Date
    promised_at: DateTime
    promised_days: int
    catalogue_version: str
    calendar_version: str
    plan_digest: str
    steps: tuple[RouteStep, ...]
    acceptance: RouteAcceptance | None = None
    edition: int = 1
    limits: RouteLimits | None = None

    # `dict=True` gives a place for this index; it is no part of the value.
    @cached_property
    def parts(self) -> dict[str, tuple[RouteStep, RoutePart]]:
        """Every part with its step, by `item/department`."""
        return {
            f"{part.item}/{part.department}": (step, part)
            for step in self.steps
            for part in step.parts
        }
