"""Keyed hashes: stable, keyed, and of a fixed shape."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.runtime.hashing import Hasher

KEY = b"0123456789abcdef"


def test_it_is_hmac_sha256_by_the_definition() -> None:
    """RFC 2104 written out: H(K xor opad, H(K xor ipad, text))."""
    padded = KEY.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(b ^ 0x36 for b in padded) + "张三".encode()).digest()
    outer = hashlib.sha256(bytes(b ^ 0x5C for b in padded) + inner).hexdigest()
    assert Hasher(KEY).ref("张三") == outer[:32]
    assert hmac.new(KEY, "张三".encode(), "sha256").hexdigest()[:32] == outer[:32]


@given(st.text(), st.text())
def test_same_text_same_reference_and_never_the_text(one: str, other: str) -> None:
    hasher = Hasher(KEY)
    assert (hasher.ref(one) == hasher.ref(other)) == (one == other)
    assert len(hasher.ref(one)) == 32


def test_another_key_gives_another_reference() -> None:
    assert Hasher(KEY).ref("a") != Hasher(b"fedcba9876543210").ref("a")
    assert Hasher("0123456789abcdef").ref("a") == Hasher(KEY).ref("a")


def test_a_short_key_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 16 bytes"):
        Hasher("short")
