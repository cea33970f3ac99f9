"""The tables every service has: outbox, inbox, dead letters, heartbeats, audit, idempotency."""

from services.runtime.migrations import run_base

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Run runtime/sql/base.sql."""
    run_base()
