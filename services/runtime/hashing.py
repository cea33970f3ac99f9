"""Keyed hashes: how a person is named wherever the name itself must not stand.

HMAC-SHA-256 (RFC 2104) with a key that only the installation has, so that a list of identity
numbers cannot be tried against the log. 128 of the 256 bits are kept: a collision among ten
thousand million people has a probability below 10**-18.
"""

import hmac

REF_HEX_DIGITS = 32
MIN_KEY_BYTES = 16


def spelt(number: str) -> str:
    """Return an identity number without blanks, letters in capitals: one person, one spelling."""
    return "".join(number.split()).upper()


class Hasher:
    """Turns what identifies a person into a reference that says only "the same person"."""

    def __init__(self, key: bytes | str) -> None:
        """Keep the key. Raises ValueError when it is shorter than 16 bytes."""
        secret = key.encode() if isinstance(key, str) else key
        if len(secret) < MIN_KEY_BYTES:
            message = f"the key of the keyed hashes must have at least {MIN_KEY_BYTES} bytes"
            raise ValueError(message)
        self._key = secret

    def ref(self, text: str) -> str:
        """Return 32 lower-case hexadecimal digits; the same for the same key and text."""
        return hmac.digest(self._key, text.encode(), "sha256").hex()[:REF_HEX_DIGITS]
