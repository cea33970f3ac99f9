"""What the departments' work has taken, read for the simulation."""

from datetime import datetime, timedelta

import pytest

from services.departments.history import work_of
from services.domain.simulation_times import measured
from tests.conftest import Databases
from tests.integration.departments_parts import CHIEF, NOW, Desk, issued, open_desk, shelf

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONDAY = NOW + 7 * DAY
GRANT = {"outcome": "granted"}


async def act(desk: Desk, at: datetime, path: str, body: object, version: int) -> None:
    desk.clock.move_to(at)
    answer = await desk.post(path, CHIEF, body, version=version)
    assert answer.is_success, answer.text


async def worked(desk: Desk, item: str, begun: datetime, ended: datetime, *, claim: bool) -> None:
    """Let the chief representative claim a task, or not, and grant it."""
    [task] = await desk.put(issued(item=item))
    if claim:
        await act(desk, begun, f"/tasks/{task}/claim", None, 1)
    await act(desk, ended, f"/tasks/{task}/decision", GRANT, 2 if claim else 1)


async def test_work_is_from_claim_to_decision_in_working_hours(databases: Databases) -> None:
    async with open_desk(databases) as desk:
        for hours in (1, 2, 3, 4, 5):
            begun = MONDAY + (hours - 1) * DAY
            await worked(desk, "LAND-PERMIT", begun, begun + hours * HOUR, claim=True)
        begun = MONDAY + 7 * DAY
        night = begun + DAY  # eight hours of a working day, sixteen of a night
        await worked(desk, "OTHER", begun, night, claim=True)
        await worked(desk, "LAND-PERMIT", begun, night, claim=False)
        await desk.put(issued(item="LAND-PERMIT"))
        found = await work_of(desk.url, shelf().calendar)
    assert found == {
        "LAND-PERMIT/planning": measured([1, 2, 3, 4, 5]),
        "planning": measured([1, 2, 3, 4, 5, 8]),
    }, "what was not claimed, not decided, or is too little to tell is not among it"


async def test_without_a_history_nothing_is_known(databases: Databases) -> None:
    async with open_desk(databases) as desk:
        assert await work_of(desk.url, shelf().calendar) == {}


async def test_a_history_that_cannot_be_read_is_an_os_error() -> None:
    with pytest.raises(OSError, match="Connect"):
        await work_of("postgresql://nobody@127.0.0.1:1/nothing", shelf().calendar)
