"""Identity numbers: recognised, checked for slips of the pen, and written in one way.

They are compared by their keyed hashes only, so one person must always have one spelling.
"""

import re
from typing import Literal

from services.runtime.hashing import spelt

__all__ = ["Kind", "credit_check", "is_sound", "resident_check", "spelt"]

_RESIDENT = re.compile(r"^\d{17}[\dX]$")
_CREDIT = re.compile(r"^[0-9ABCDEFGHJKLMNPQRTUWXY]{18}$")
_OTHER = re.compile(r"^[0-9A-Z()/-]{5,30}$")
_RESIDENT_LENGTH = 18
_RESIDENT_CHECKS = "10X98765432"
_CREDIT_LETTERS = "0123456789ABCDEFGHJKLMNPQRTUWXY"

Kind = Literal["person", "company"]


def is_sound(kind: Kind, number: str) -> bool:
    """Whether a spelt number can be one.

    A company has an 18-character credit code with its check character (GB 32100). A person has a
    resident number with its check character (GB 11643), or another document, of which nothing but
    the characters can be checked.
    """
    if kind == "company":
        return bool(_CREDIT.match(number)) and credit_check(number[:-1]) == number[-1]
    if len(number) == _RESIDENT_LENGTH:
        return bool(_RESIDENT.match(number)) and resident_check(number[:-1]) == number[-1]
    return bool(_OTHER.match(number))


def resident_check(body: str) -> str:
    """Return the check character of 17 digits: ISO 7064 MOD 11-2 (GB 11643)."""
    total = sum(int(digit) * pow(2, 17 - place, 11) for place, digit in enumerate(body))
    return _RESIDENT_CHECKS[total % 11]


def credit_check(body: str) -> str:
    """Return the check character of 17 characters: weights of powers of 3 modulo 31 (GB 32100)."""
    total = sum(
        _CREDIT_LETTERS.index(letter) * pow(3, place, 31) for place, letter in enumerate(body)
    )
    return _CREDIT_LETTERS[-total % 31]
