"""A fee that was charged against the law: a card for whoever it was charged for (行政许可法 75).

It is nothing for a workflow: its whole effect lies in the transaction that records the message.
"""

from collections.abc import Iterator, Sequence

from services.contracts.fees import FeeRepaid
from services.domain.supervision import Fact, judge
from services.domain.supervision_rules import FactKind
from services.orchestrator.supervision_turns import Supervision, raise_
from services.runtime.db import Connection
from services.runtime.messages import Received


async def take_in(
    conn: Connection, received: Sequence[Received], supervision: Supervision | None
) -> None:
    """Raise the cards of refunds among messages."""
    told = [one.event for one in received if isinstance(one.event, FeeRepaid)]
    if not told or supervision is None:
        return
    rules, calendar = supervision.rules, supervision.calendar()
    judged = (judge(fact, rules, calendar) for event in told for fact in _facts(event))
    await raise_(conn, [card for card in judged if card is not None], rules)


def _facts(event: FeeRepaid) -> Iterator[Fact]:
    for department in event.departments:
        yield Fact(
            kind=FactKind.FEE_REPAID,
            subject=f"{event.application}/fee/{event.line}",
            department=department,
            at=event.repaid_at,
            application=event.application,
            evidence={
                "line": event.line,
                "amount": event.amount,
                "transfer": str(event.transfer),
            },
        )
