"""Signed notes and checkpoints (C2SP signed-note and tlog-checkpoint, Ed25519).

A note is a text, an empty line, and signature lines `— <name> <base64(key id || signature)>`. A
checkpoint's text is the log's name, its size, its root in base64, and the instant of signing.
"""

import os
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

_ED25519 = b"\x01"
_KEY_ID_BYTES = 4
_CHECKPOINT_LINES = 4


class NoteError(ValueError):
    """A note is malformed, or no signature of the key expected verifies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Checkpoint:
    """What a log says of itself: `size` leaves with this `root`, signed at `at` (UTC)."""

    log: str
    size: int
    root: bytes
    at: datetime

    def text(self) -> str:
        """Return the text that is signed."""
        root = b64encode(self.root).decode()
        return f"{self.log}\n{self.size}\n{root}\n{self.at.isoformat()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read the text of a checkpoint. Raises NoteError."""
        lines = text.split("\n")
        if len(lines) != _CHECKPOINT_LINES + 1:
            raise NoteError("not a checkpoint")
        try:
            return cls(
                log=lines[0],
                size=int(lines[1]),
                root=b64decode(lines[2], validate=True),
                at=datetime.fromisoformat(lines[3]),
            )
        except ValueError as error:
            raise NoteError("not a checkpoint") from error


class Verifier:
    """The public half of a log's key, by name."""

    def __init__(self, name: str, key: Ed25519PublicKey) -> None:
        """Keep the name and the key."""
        self.name = name
        self._key = key
        self._raw = key.public_bytes(Encoding.Raw, PublicFormat.Raw)
        material = name.encode() + b"\n" + _ED25519 + self._raw
        self.key_id = sha256(material).digest()[:_KEY_ID_BYTES]

    @classmethod
    def parse(cls, text: str) -> "Verifier":
        """Read `<name>+<key id>+<base64 key>`, one line. Raises NoteError."""
        name, _, rest = text.strip().partition("+")
        key_id, _, encoded = rest.partition("+")
        try:
            raw = b64decode(encoded, validate=True)
            found = cls(name, Ed25519PublicKey.from_public_bytes(raw[1:]))
        except ValueError as error:
            raise NoteError("not a verifier key") from error
        if raw[:1] != _ED25519 or found.key_id.hex() != key_id:
            raise NoteError("not a verifier key")
        return found

    def __str__(self) -> str:
        """Return the line that `parse` reads."""
        return f"{self.name}+{self.key_id.hex()}+{b64encode(_ED25519 + self._raw).decode()}"

    def open(self, note: str) -> str:
        """Return the text of a note signed with this key. Raises NoteError."""
        text, separator, signatures = note.rpartition("\n\n")
        if not separator:
            raise NoteError("not a signed note")
        text += "\n"
        for line in signatures.splitlines():
            if self._is_signed(text, line):
                return text
        raise NoteError(f"no valid signature of {self.name}")

    def _is_signed(self, text: str, line: str) -> bool:
        mark, _, rest = line.partition(" ")
        name, _, encoded = rest.partition(" ")
        if mark != "—" or name != self.name:
            return False
        try:
            blob = b64decode(encoded, validate=True)
            self._key.verify(blob[_KEY_ID_BYTES:], text.encode())
        except (ValueError, InvalidSignature):
            return False
        return blob[:_KEY_ID_BYTES] == self.key_id


class Signer:
    """The private half of a log's key."""

    def __init__(self, name: str, key: Ed25519PrivateKey) -> None:
        """Keep the name and the key."""
        self.verifier = Verifier(name, key.public_key())
        self._key = key

    @classmethod
    def load(cls, name: str, path: Path) -> "Signer":
        """Read a PEM file (PKCS #8). Raises OSError, or NoteError when it is no Ed25519 key."""
        try:
            key = load_pem_private_key(path.read_bytes(), password=None)
        except (ValueError, TypeError) as error:
            raise NoteError(f"{path} is not a private key in PEM") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise NoteError(f"{path} is not an Ed25519 key")
        return cls(name, key)

    def sign(self, text: str) -> str:
        """Return the signed note of a text, which ends in a line break."""
        blob = self.verifier.key_id + self._key.sign(text.encode())
        return f"{text}\n— {self.verifier.name} {b64encode(blob).decode()}\n"


def create_key(path: Path) -> None:
    """Write a new private key, readable by its owner alone. Raises FileExistsError."""
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(pem)
