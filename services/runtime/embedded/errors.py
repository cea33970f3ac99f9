"""What the embedded stack says when it cannot go on: one sentence with the fix."""

import errno


class StackError(Exception):
    """One clear sentence for the person at the terminal: what is wrong and what to do."""


def explain_os_error(error: OSError) -> StackError:
    """Return the sentence for a failed file operation."""
    where = error.filename or "the data folder"
    match error.errno:
        case errno.ENOSPC | errno.EDQUOT:
            return StackError(f"The disk holding {where} is full: free some space and start again.")
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return StackError(
                f"{where} cannot be written by this user: choose another folder with --data."
            )
        case _:
            return StackError(
                f"{where} cannot be used ({error.strerror or error}): "
                "choose another folder with --data."
            )
