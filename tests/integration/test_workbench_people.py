"""Who finds what at the workbench, who is offered as a colleague, and who is forgotten."""

from datetime import timedelta

import pytest

from services.departments import workbench_store
from services.departments.forgetting import DAY_S, KEPT, Forgetting
from services.departments.pages.common import OFFERED_FOR
from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    HEAD,
    INVESTOR,
    OFFICER,
    SUPERVISOR,
    Desk,
    issued,
    ref,
)
from tests.integration.test_workbench_queue import at, seen, sent

pytestmark = pytest.mark.usefixtures("workbench")

DAY = timedelta(days=1)


async def test_everybody_finds_what_is_his(desk: Desk) -> None:
    for who, has_more in ((OFFICER, False), (CHIEF, True), (HEAD, True)):
        answer = await desk.client.get("/", headers=at(desk, who).headers)
        assert (answer.status_code, answer.headers["location"]) == (303, "/queue")
        text = await seen(desk, at(desk, who), "/queue")
        assert ('href="/department"' in text) is has_more
        assert 'href="/sessions"' in text
    for who in (INVESTOR, SUPERVISOR):
        text = await seen(desk, at(desk, who), "/")
        assert "没有可办理的事项" in text
        assert text.count('action="/logout"') == 2
        assert 'href="/queue"' not in text
    nobody = await desk.client.get("/", headers={"accept": "text/html"})
    assert nobody.headers["location"] == "/login?next=%2F"


@pytest.mark.parametrize("result", ["9" * 5000, "9" * 19, "٣", ",", "-1"])
async def test_a_number_that_is_none_is_left_out(desk: Desk, result: str) -> None:
    await seen(desk, at(desk, OFFICER), "/queue", result=result)


async def names(desk: Desk) -> list[str]:
    return [row["name"] for row in await desk.rows("SELECT name FROM colleague ORDER BY name")]


async def test_who_does_not_come_any_more_is_not_offered_and_then_forgotten(desk: Desk) -> None:
    [task] = await desk.put(issued())
    await seen(desk, at(desk, COLLEAGUE, "李雷"), "/queue")
    await desk.post(f"/tasks/{task}/claim", COLLEAGUE)
    await sent(desk, at(desk, COLLEAGUE), "/queue/views", {"name": "本周", "view": "whose=me"})
    option = f'<option value="{ref("officer-2")}"'
    absences = "/department/absences"
    assert option in await seen(desk, at(desk, HEAD, "韩梅"), absences)
    seconds = [0.0]
    forgetting = Forgetting(desk.pool, desk.clock, real=lambda: seconds[0])
    assert await forgetting.turn() == 0

    begun = desk.clock.now()
    desk.clock.move_to(begun + OFFERED_FOR + DAY)
    assert option not in await seen(desk, at(desk, HEAD, "韩梅"), absences)
    assert "李雷" in await seen(desk, at(desk, OFFICER), "/queue"), "what he did has his name"
    until = {"until": (desk.clock.now() + DAY).strftime("%Y-%m-%dT%H:%M")}
    chosen = {"person": ref("officer-2")} | until
    assert (await sent(desk, at(desk, HEAD), absences, chosen, "1" * 32)).status_code == 422
    named = {"person_account": "officer-2"} | until
    assert (await sent(desk, at(desk, HEAD), absences, named, "2" * 32)).status_code == 303

    desk.clock.move_to(begun + KEPT + DAY)
    assert await forgetting.turn() == 0, "it looks once a day"
    seconds[0] = DAY_S
    assert await forgetting.turn() == 2
    assert "李雷" not in await names(desk)
    assert await desk.value("SELECT count(*) FROM saved_view") == 0
    assert "李雷" not in await seen(desk, at(desk, OFFICER), "/queue")


async def test_who_comes_again_stays(desk: Desk) -> None:
    somebody = at(desk, COLLEAGUE, "李雷")
    await seen(desk, somebody, "/queue")
    await sent(desk, somebody, "/queue/views", {"name": "本周", "view": "whose=me"})
    begun = desk.clock.now()
    for days in (200, 400):
        desk.clock.move_to(begun + days * DAY)
        await seen(desk, somebody, "/queue")
    async with desk.pool.acquire() as conn:
        assert await workbench_store.forget_people(conn, begun + 399 * DAY) == 0
    assert await names(desk) == ["李雷"]
    assert await desk.value("SELECT count(*) FROM saved_view") == 1
