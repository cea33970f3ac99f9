"""What intake answers an officer who asks for papers is what the officer is told."""

import httpx2
import pytest

from services.departments.papers import Papers
from services.runtime.web.problems import FORBIDDEN, NOT_FOUND, UNAVAILABLE, Problem
from services.runtime.web.site.session import LoginNeededError


def papers(status: int) -> Papers:
    transport = httpx2.MockTransport(lambda _: httpx2.Response(status))
    return Papers("http://intake.example", httpx2.AsyncClient(transport=transport))


async def test_a_login_that_has_had_its_time_is_begun_anew() -> None:
    with pytest.raises(LoginNeededError):
        await papers(401).of("token", "N-1")


@pytest.mark.parametrize(
    ("status", "kind"), [(403, FORBIDDEN), (404, NOT_FOUND), (429, UNAVAILABLE), (500, UNAVAILABLE)]
)
async def test_a_refusal_is_no_outage(status: int, kind: object) -> None:
    with pytest.raises(Problem) as refused:
        await papers(status).open("token", "N-1", "plan", "a" * 64)
    assert refused.value.kind is kind
