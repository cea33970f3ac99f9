"""Small files of the data folder: written whole or not at all, readable by their owner only."""

import json
import os
import secrets
from pathlib import Path

from services.runtime.embedded.errors import explain_os_error


def make_folder(path: Path, mode: int = 0o755) -> Path:
    """Create a folder and its parents, and return it.

    Raises:
        StackError: it cannot be created or written.
    """
    try:
        path.mkdir(parents=True, exist_ok=True, mode=mode)
        probe = path / f".probe-{os.getpid()}-{secrets.token_hex(4)}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        raise explain_os_error(error) from error
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file of mode 0600 so that a reader sees the old text or the new one, never a part.

    Raises:
        StackError: the disk is full or the folder cannot be written.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a failed write does not name its file
        raise explain_os_error(error) from error


class Secrets:
    """Random secrets by name, made once and kept in one file of the data folder."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}

    def get(self, name: str, size: int = 24) -> str:
        """Return the secret called `name`: url-safe text of `size` random bytes."""
        if name not in self._known:
            self._known[name] = secrets.token_urlsafe(size)
            write_private(self._file, json.dumps(self._known, indent=2, sort_keys=True))
        return self._known[name]
