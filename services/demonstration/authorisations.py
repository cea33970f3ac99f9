"""Authorisations of a demonstration: every department's head signs one for its representative."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta

from services.demonstration.caller import Caller
from services.runtime.embedded.tokens import TokenSource

TERM = timedelta(days=730)
POWERS = ("decide", "pre_review", "special")


async def authorise(
    url: str, departments: Sequence[str], *, tokens: Callable[[str], TokenSource], today: date
) -> int:
    """Let every head authorise the representative, with the officer as substitute.

    Where an authorisation is in force, nothing is added: a stack that goes on where it was keeps
    its papers. Returns how many were signed.

    Args:
        url: the departments' service.
        departments: codes of those who work in our queues.
        tokens: gives a client's tokens by its id.
        today: on the business clock.
    """
    signed = 0
    for code in departments:
        async with Caller(url, tokens(f"head-{code}")) as head:
            if (await head.get("/v1/authorisations", state="in_force"))["items"]:
                continue
            body = {
                "representative": f"chief-{code}",
                "substitute": f"officer-{code}",
                "powers": list(POWERS),
                "valid_until": (today + TERM).isoformat(),
                "document": "演示授权书",
            }
            await head.post("/v1/authorisations", body)
            signed += 1
    return signed
