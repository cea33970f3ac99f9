"""Runs a stack with one small service until it is interrupted: `embedded_up.py DATA [SECONDS]`."""

import sys
from pathlib import Path

from services.commands.stack import run_until_interrupted
from services.runtime.embedded.errors import StackError
from services.runtime.embedded.service import ServiceSpec
from services.runtime.embedded.stack import Stack

SERVICE = Path(__file__).with_name("embedded_service.py")


def small(name: str) -> ServiceSpec:
    """Return the specification of the small service."""
    return ServiceSpec(name=name, command=(sys.executable, str(SERVICE)))


if __name__ == "__main__":
    stack = Stack(
        Path(sys.argv[1]),
        services=[small("small")],
        departments=["fire"],
        seconds_per_working_day=float(sys.argv[2]) if len(sys.argv) > 2 else None,
        viewer=False,
        say=lambda sentence: print(sentence, flush=True),
    )
    try:
        run_until_interrupted(stack)
    except StackError as error:
        print(error, flush=True)
        sys.exit(1)
