"""Papers that did not come in their term; the limit of the joint case."""

from services.runtime.migrations import run_beside

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Run the SQL file beside this one."""
    run_beside(__file__)
