"""Where handed-in files lie: under their SHA-256, created once, never overwritten.

A file is written beside its final place, checked there, and linked to its name only then. So a
name always stands for a whole and checked file; what a crash leaves behind lies in `incoming`.
"""

import hashlib
import os
import time
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

INCOMING = "incoming"
STALE_SECONDS = 3_600


class TooLargeError(Exception):
    """A file is larger than allowed."""


class Incoming:
    """A file on its way in: counted and hashed while it is written."""

    def __init__(self, path: Path, limit: int) -> None:
        self.path = path
        self.size = 0
        self._limit = limit
        self._digest = hashlib.sha256()
        self._handle: BinaryIO = path.open("xb")

    def write(self, data: bytes) -> None:
        """Append. Raises TooLargeError before anything beyond the limit is written."""
        self.size += len(data)
        if self.size > self._limit:
            raise TooLargeError
        self._digest.update(data)
        self._handle.write(data)

    def finish(self) -> None:
        """Flush to the disk and close."""
        self._handle.flush()
        os.fsync(self._handle.fileno())
        self._handle.close()

    @property
    def sha256(self) -> str:
        """SHA-256 of what was written, in hexadecimal."""
        return self._digest.hexdigest()

    def discard(self) -> None:
        """Close and remove it; may be called at any time."""
        self._handle.close()
        self.path.unlink(missing_ok=True)


class FileStore:
    """A folder of files by their SHA-256."""

    def __init__(self, folder: Path, *, max_file_bytes: int) -> None:
        """Create the folder, for this user alone, and clear away what a crash left."""
        self.folder = folder.resolve()
        self._limit = max_file_bytes
        self._incoming = self.folder / INCOMING
        self._incoming.mkdir(parents=True, exist_ok=True, mode=0o700)
        for left in self._incoming.iterdir():
            if time.time() - left.stat().st_mtime > STALE_SECONDS:
                left.unlink(missing_ok=True)

    def receive(self) -> Incoming:
        """Open a new file to write to."""
        return Incoming(self._incoming / uuid4().hex, self._limit)

    def keep(self, incoming: Incoming) -> None:
        """Put a finished file in its place; one that is there already has the same content."""
        self.adopt(incoming.path, incoming.sha256)

    def adopt(self, path: Path, sha256: str) -> None:
        """Put a whole and checked file of this file system in its place; `path` stays as it is."""
        place = self.path_of(sha256)
        place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            os.link(path, place)
        except FileExistsError:
            return
        handle = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def path_of(self, sha256: str) -> Path:
        """Return where the content with this hash lies."""
        return self.folder / sha256[:2] / sha256[2:4] / sha256
