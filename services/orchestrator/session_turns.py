"""Joint sessions of a turn: from the lead department's message to what the investor is told."""

from services.contracts.sessions import SessionProgress, SessionTold
from services.domain.session_events import SessionMoved, TellSession


def session_event(said: SessionTold, ref: str) -> SessionMoved:
    """Return the core's event for what the lead department said."""
    return SessionMoved(
        at=said.told_at,
        ref=ref,
        step=said.step,
        department=said.department,
        session=said.session,
        state=said.state,
        starts_at=said.starts_at,
        ends_at=said.ends_at,
        absent=said.absent,
    )


def progress(command: TellSession) -> SessionProgress:
    """Return what the investor is told."""
    return SessionProgress(
        step=command.step,
        session=command.session,
        lead=command.department,
        state=command.state,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        absent=command.absent,
    )
