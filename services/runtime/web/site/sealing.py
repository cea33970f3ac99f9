"""What a browser keeps for us and can neither read nor change: sealed texts (RFC 7516).

The key is derived (HKDF, RFC 5869) from the installation's key of keyed hashes, one for each
service, so that all processes of a service open each other's cookies and no other service does.
"""

import hmac
import time
from collections.abc import Callable
from typing import Any

import orjson
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

_HEADER = {"alg": "dir", "enc": "A256GCM"}
_KEY_BYTES = 32


class Sealer:
    """Seals values for one purpose each: what was sealed for one opens for no other."""

    def __init__(self, secret: str, service: str, now: Callable[[], float] = time.time) -> None:
        """Derive the key; `now` is real time in seconds since 1970."""
        info = f"lianshen pages of {service}".encode()
        derived = HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info)
        key = derived.derive(secret.encode())
        self._key = OctKey.import_key(key)
        self._mark_key = hmac.digest(key, b"marks", "sha256")
        self._now = now

    def mark(self, purpose: str, text: str) -> str:
        """Return the keyed hash of a text: the same for the same text, to be guessed by nobody."""
        return hmac.digest(self._mark_key, f"{purpose}\n{text}".encode(), "sha256").hex()

    def seal(self, purpose: str, value: Any, seconds: float) -> str:
        """Return a value (of JSON) sealed for so many seconds."""
        inside = {"for": purpose, "until": self._now() + seconds, "value": value}
        return jwe.encrypt_compact(_HEADER, orjson.dumps(inside), self._key)

    def open(self, purpose: str, text: str | None) -> Any:
        """Return what was sealed; None for what is missing, too old, foreign or changed."""
        if not text:
            return None
        try:
            inside = orjson.loads(jwe.decrypt_compact(text, self._key).plaintext or b"")
        except (JoseError, ValueError):
            return None
        if inside["for"] != purpose or inside["until"] <= self._now():
            return None
        return inside["value"]
