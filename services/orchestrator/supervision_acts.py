"""What people do to a card: its department appeals, the supervisor decides.

The text stands with the card; the log of acts has its SHA-256, so that nobody changes it unseen.
"""

import hashlib
from datetime import datetime

from services.domain.calendar import WorkingCalendar
from services.domain.supervision import CardAct, CardState, after, appeal_until
from services.domain.supervision_rules import SupervisionRules
from services.orchestrator import supervision_store
from services.orchestrator.conflict import forbid_own
from services.orchestrator.supervision_store import Row
from services.runtime import audit
from services.runtime.auth import Principal, own_department
from services.runtime.db import Connection
from services.runtime.web.problems import CONFLICT, NOT_FOUND, Problem, Words

OVER = Words("申诉期限已过", "The term for appeals is over")
WORDS = {
    CardAct.APPEAL: Words("该牌不能（再次）申诉", "This card cannot be appealed (again)"),
    CardAct.UPHOLD: Words("没有待处理的申诉", "No appeal waits for a decision"),
    CardAct.LIFT: Words("该牌已撤销", "This card is lifted already"),
}


async def appeal(
    conn: Connection,
    card: int,
    text: str,
    who: Principal,
    *,
    rules: SupervisionRules,
    calendar: WorkingCalendar,
    at: datetime,
) -> CardState:
    """Appeal against a card of one's own department, inside the caller's transaction.

    Raises Problem 404 for another department's card, 403 about an application of one's own, 409
    when it was appealed or the term is over.
    """
    row = await _locked(conn, card)
    own_department(who, row["department"])
    forbid_own(who, row["applicant_refs"])
    state = _next(row, CardAct.APPEAL)
    if at > appeal_until(row["raised_at"], rules, calendar):
        raise Problem(CONFLICT, OVER)
    await _write(conn, row, CardAct.APPEAL, state, text, who, at)
    return state


async def decide(
    conn: Connection, card: int, act: CardAct, reason: str, who: Principal, *, at: datetime
) -> CardState:
    """Uphold a card against its appeal, or lift it, inside the caller's transaction.

    Raises Problem 404 without such a card, 403 about an application of one's own, 409 when there is
    no appeal to be answered, or it is lifted already.
    """
    row = await _locked(conn, card)
    forbid_own(who, row["applicant_refs"])
    state = _next(row, act)
    await _write(conn, row, act, state, reason, who, at)
    return state


async def _locked(conn: Connection, card: int) -> Row:
    row = await supervision_store.lock_card(conn, card)
    if row is None:
        raise Problem(NOT_FOUND)
    return row


def _next(row: Row, act: CardAct) -> CardState:
    state = after(CardState(row["state"]), act)
    if state is None:
        raise Problem(CONFLICT, WORDS[act])
    return state


async def _write(
    conn: Connection,
    row: Row,
    act: CardAct,
    state: CardState,
    text: str,
    who: Principal,
    at: datetime,
) -> None:
    await supervision_store.act_on_card(
        conn, row["id"], state=state, act=act, at=at, actor_ref=who.ref, text=text
    )
    facts = {
        "card": row["id"],
        "department": row["department"],
        "state": str(state),
        "text_sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    await audit.leaf(conn, f"card.{act}", row["application"], who.ref, facts, at=at)
