"""Start a program that dies when its parent does. Run as a script: no import of ours.

    python -I -S launch.py PARENT_PID SIGNAL PROGRAM [ARGUMENT ...]

A supervisor that is killed cannot stop its children; the kernel can. On systems without
parent-death signals the program is started all the same.
"""

import ctypes
import os
import sys

PR_SET_PDEATHSIG = 1
GONE = 75


def main() -> None:
    """Ask for the signal, make sure that the parent is still there, become the program."""
    parent, death_signal, program = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
        if os.getppid() != parent:  # it died before the signal was asked for
            sys.exit(GONE)
    try:
        os.execv(program[0], program)  # noqa: S606  no shell wanted
    except OSError as error:
        sys.exit(f"{program[0]} cannot be run: {error.strerror}")


if __name__ == "__main__":
    main()
