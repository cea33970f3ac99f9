"""Parts of lines that are remitted, what the log of acts does not say, and too large figures."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.conftest import Databases
from tests.integration.fees_desk import DRAINS, LICENCE, SIGN, Desk, open_desk
from tests.integration.intake_kit import problem


@pytest_asyncio.fixture
async def desk(databases: Databases, tmp_path: Path) -> AsyncIterator[Desk]:
    async with open_desk(databases, tmp_path) as found:
        yield found


async def test_a_part_of_a_line_is_remitted(desk: Desk) -> None:
    """A sum or a share; what is left is due, paid, and paid back if it was unlawful."""
    for wrong in ({"amount": "180"}, {"amount": "0"}, {"share": "1"}, {"share": "x"}):
        problem(await desk.exempt(SIGN, **wrong), 422, "invalid")
    problem(await desk.exempt(SIGN, amount="1", share="0.5"), 422, "invalid")
    found = problem(await desk.exempt(DRAINS, amount="10"), 422, "invalid")
    assert (
        "not assessed" in found["errors"][0]["message"] or "核定" in found["errors"][0]["message"]
    )
    answer = await desk.exempt(SIGN, amount="80.5")
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    assert (shown["state"], shown["amount"], shown["remitted"], shown["payable"]) == (
        "due",
        "180.00",
        "80.50",
        "99.50",
    )
    problem(await desk.exempt(SIGN), 409, "not-to-exempt")
    assert (await desk.exempt(DRAINS, share="0.25")).json()["state"] == "to_assess"
    assert (await desk.assess(DRAINS, rate="3", quantity="0.67")).json()["payable"] == "1.51"
    bill = await desk.bill()
    assert (bill["sums"]["due"], bill["sums"]["exempt"]) == ("101.01", "81.00")
    paid = await desk.pay()
    assert paid.json()["amount"] == "101.01"
    assert (await desk.refund(SIGN)).json()["amount"] == "99.50"
    sums = (await desk.bill())["sums"]
    assert (sums["paid"], sums["refunded"], sums["due"]) == ("1.51", "99.50", "0.00")


async def test_nobody_writes_in_clear_into_the_log_of_acts(desk: Desk) -> None:
    await desk.exempt(LICENCE, share="0.5")
    await desk.pay(SIGN)
    await desk.refund(SIGN)
    log = str(await desk.intake.acts())
    for words in ("小微企业免征", "财税〔2019〕45号", "无法定依据", "退费决定〔2026〕3号"):
        assert words not in log
    assert log.count("texts_sha256") == 2


async def test_an_amount_that_no_line_comes_to_is_refused(desk: Desk) -> None:
    found = problem(await desk.assess(LICENCE, rate="999999999999.999"), 422, "invalid")
    assert found["errors"][0]["pointer"] == "#/rate"
    largest = await desk.assess(LICENCE, rate="999999999999.99")
    assert largest.status_code == 201, largest.text
    assert (await desk.assess(DRAINS, rate="999999999999.99", quantity="1")).status_code == 201
    problem(await desk.pay(LICENCE, DRAINS), 422, "invalid")
    assert (await desk.pay(LICENCE)).status_code == 202
