"""Why a dead letter was replayed or discarded."""

from services.runtime.migrations import run_beside

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)
