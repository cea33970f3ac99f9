"""Application numbers: `<county><YYYYMMDD>-<sequence>-<check digit>`; answers have a Q in it."""

import re
from datetime import date

_NUMBER = re.compile(r"^([A-Z]{2,6})(\d{8})-(\d{6,9})-(\d)$")
_INQUIRY = re.compile(r"^([A-Z]{2,6})(\d{8})-(Q\d{6,9})-(\d)$")
_MODULUS = 10


def application_number(county: str, day: date, sequence: int) -> str:
    """Return the number of an application received on a day (local date).

    The sequence has six digits, more when a county has had a million applications.
    """
    head, tail = f"{county}{day:%Y%m%d}", f"{sequence:06d}"
    return f"{head}-{tail}-{check_digit(head + tail)}"


def inquiry_number(county: str, day: date, sequence: int) -> str:
    """Return the number of a written answer given on a day (local date); Q tells it apart."""
    head, tail = f"{county}{day:%Y%m%d}", f"Q{sequence:06d}"
    return f"{head}-{tail}-{check_digit(head + tail)}"


def is_inquiry(number: str) -> bool:
    """Whether the number of a written answer is well formed and its check digit is right."""
    found = _INQUIRY.match(number)
    return found is not None and check_digit(found[1] + found[2] + found[3]) == int(found[4])


def is_sound(number: str) -> bool:
    """Whether a number is well formed and its check digit is right: not a slip of the pen."""
    found = _NUMBER.match(number)
    return found is not None and check_digit(found[1] + found[2] + found[3]) == int(found[4])


def check_digit(text: str) -> int:
    """Return the check digit of ISO/IEC 7064 MOD 11,10 over a text of digits and capital letters.

    A letter counts as its two digits A=10 ... Z=35 (as in ISO 13616). Every wrong digit is found,
    and every two neighbouring digits that were exchanged but for a few pairs.
    """
    product = _MODULUS
    for digit in "".join(str(int(character, 36)) for character in text):
        total = (product + int(digit)) % _MODULUS or _MODULUS
        product = total * 2 % (_MODULUS + 1)
    return (_MODULUS + 1 - product) % _MODULUS
