"""One's own absence on its page: anybody of the department records it, the substitute sees it."""

import pytest

from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    FIRE_CHIEF,
    HEAD,
    INVESTOR,
    OFFICER,
    Desk,
    issued,
    ref,
    token,
)
from tests.integration.test_workbench_head import AUTHORISATIONS, GRANTED, key
from tests.integration.test_workbench_queue import at, boxes, seen, sent

pytestmark = pytest.mark.usefixtures("workbench")
ABSENCE = "/absence"
ABSENCES = "/department/absences"
THIRD = token("officer-3", "planning", "officer")


async def test_an_officer_records_his_own_and_comes_back(desk: Desk) -> None:
    officer = at(desk, OFFICER)
    await seen(desk, at(desk, COLLEAGUE, "李明"), "/queue")
    assert 'href="/absence"' in await seen(desk, officer, "/queue")
    assert "您没有登记缺勤" in await seen(desk, officer, ABSENCE)
    days = {"since": "2026-03-05", "until": "2026-03-08", "substitute": ref("officer-2")}
    assert (await sent(desk, officer, ABSENCE, days)).headers["location"] == ABSENCE
    assert (await sent(desk, officer, ABSENCE, days)).status_code == 303  # pressed twice
    [row] = await desk.rows("SELECT *, until::text AS back FROM absence")
    assert (row["person_ref"], row["recorded_by"]) == (ref("officer-1"), ref("officer-1"))
    assert row["substitute_ref"] == ref("officer-2")
    text = await seen(desk, officer, ABSENCE)
    for words in ("3月5日 09:00", "3月9日 09:00", "共 2 个工作日", "尚未开始", "李明", "取消"):
        assert words in text, words
    leaf = await desk.value("SELECT body FROM audit_leaf WHERE act = 'absence.recorded'")
    assert f'"substitute":"{ref("officer-2")}"' in leaf
    assert "李明" in await seen(desk, at(desk, HEAD, "赵主任"), "/department/absences")
    assert "由您替补" not in await seen(desk, at(desk, COLLEAGUE, "李明"), ABSENCE), "not begun"
    others = await sent(desk, at(desk, COLLEAGUE), f"{ABSENCE}/1/end", {}, key(1))
    assert others.status_code == 403
    assert (await sent(desk, officer, f"{ABSENCE}/1/end", {}, key(2))).status_code == 303
    assert "您没有登记缺勤" in await seen(desk, officer, ABSENCE)
    assert (await sent(desk, officer, f"{ABSENCE}/1/end", {}, key(3))).status_code == 409
    assert (await sent(desk, at(desk, FIRE_CHIEF), f"{ABSENCE}/1/end", {})).status_code == 404


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ({"since": "2026-02-27"}, "缺勤不得倒签"),
        ({"since": "2026-03-05", "until": "2026-03-04"}, "结束时间早于开始时间"),
        ({"since": "2026-03-07", "until": "2026-03-08"}, "这几天都不是工作日"),
        ({"until": "9999-12-31"}, "最多登记到一年以内"),
        ({"since": "2027-03-04"}, "最多登记到一年以内"),
        ({"since": "2026-02-30"}, "日期"),
        ({"substitute": ref("officer-1")}, "替补须为另一人"),
        ({"substitute": "0" * 64}, "请选择同事"),
    ],
)
async def test_what_cannot_be_is_said_beside_what_was_typed(
    desk: Desk, days: dict[str, str], words: str
) -> None:
    officer = at(desk, OFFICER)
    await seen(desk, officer, "/queue")
    answer = await sent(desk, officer, ABSENCE, days)
    assert answer.status_code == 422
    assert words in answer.text
    for name, value in days.items():
        assert name == "substitute" or f'value="{value}"' in answer.text
    assert await desk.value("SELECT count(*) FROM absence") == 0


async def test_the_named_substitute_finds_what_is_in_hand_and_takes_it_up(desk: Desk) -> None:
    first, second, other = await desk.put(*(issued() for _ in range(3)))
    for id_ in (first, second):
        await desk.post(f"/tasks/{id_}/claim", OFFICER)
    await desk.post(f"/tasks/{other}/claim", CHIEF)
    await seen(desk, at(desk, COLLEAGUE, "李明"), "/queue")
    officer, colleague = at(desk, OFFICER), at(desk, COLLEAGUE, "李明")
    assert "由您替补" not in await seen(desk, colleague, "/queue")
    await seen(desk, officer, ABSENCE)
    named = {"until": "2026-03-04", "substitute": ref("officer-2")}
    assert (await sent(desk, officer, ABSENCE, named)).status_code == 303
    assert "王芳（在办 2 件）" in await seen(desk, colleague, "/queue")
    text = await seen(desk, colleague, ABSENCE)
    assert "审批仍须有授权" in text
    assert boxes(text) == [f"{first}:2", f"{second}:2"]
    for nobody in (THIRD, CHIEF, FIRE_CHIEF):
        assert "由您替补" not in await seen(desk, at(desk, nobody, "赵六"), "/queue")
        assert not boxes(await seen(desk, at(desk, nobody, "赵六"), ABSENCE))
    taken = await sent(
        desk, colleague, "/queue/claims", {"task": [f"{first}:2"], "view": "whose=me"}
    )
    assert "已由您承办 1 件" in await seen(desk, colleague, taken.headers["location"])
    assert boxes(await seen(desk, colleague, ABSENCE)) == [f"{second}:2"]
    refused = await desk.decide(second, {"outcome": "granted"}, COLLEAGUE)
    assert refused.status_code == 403, "who takes a task up is not authorised by that"
    leader = at(desk, CHIEF, "陈代表")
    assert "接手办理" in await seen(desk, leader, f"/tasks/{second}")
    assert (await desk.post(f"/tasks/{second}/claim", CHIEF, version=2)).status_code == 200
    await sent(desk, officer, f"{ABSENCE}/1/end", {}, key(1))
    assert "由您替补" not in await seen(desk, colleague, "/queue")


async def test_of_several_absent_colleagues_each_ones_work_stands_apart(desk: Desk) -> None:
    third, [late, soon, other] = (
        token("officer-4", "planning", "officer"),
        await desk.put(*(issued() for _ in range(3))),
    )
    await desk.pool.execute(
        "UPDATE task SET promised_at = promised_at + interval '1 hour' WHERE id = $1", late
    )
    for id_, who in ((late, OFFICER), (other, third), (soon, OFFICER)):
        assert (await desk.post(f"/tasks/{id_}/claim", who)).status_code == 200
    await seen(desk, at(desk, COLLEAGUE, "李明"), "/queue")
    named = {"substitute": ref("officer-2")}
    for who, name in ((OFFICER, "王芳"), (third, "赵六")):
        await seen(desk, at(desk, who, name), ABSENCE)
        assert (await sent(desk, at(desk, who, name), ABSENCE, named)).status_code == 303
    text = await seen(desk, at(desk, COLLEAGUE, "李明"), ABSENCE)
    found = [boxes(part) for part in text.split("由您替补：")[1:]]
    assert sorted(found) == sorted([[f"{soon}:2", f"{late}:2"], [f"{other}:2"]])


async def test_the_substitute_by_authorisation_is_said_on_both_sides(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    await desk.require()
    await seen(desk, at(desk, COLLEAGUE, "李明"), "/queue")
    written = GRANTED | {"substitute_account": "officer-2"}
    await sent(desk, at(desk, HEAD, "赵主任"), AUTHORISATIONS, written)
    chief = at(desk, CHIEF, "陈代表")
    assert "在授权范围内由其代行审批：李明" in await seen(desk, chief, ABSENCE)
    assert (await sent(desk, chief, ABSENCE, {})).status_code == 303
    text = await seen(desk, at(desk, COLLEAGUE, "李明"), ABSENCE)
    assert "由您替补：陈代表" in text
    assert "在授权范围内，您可以代行其审批" in text
    assert "在授权范围内可代行审批" in await seen(desk, at(desk, HEAD), ABSENCES)
    assert "另行通知" in text
    assert (await desk.decide(id_, {"outcome": "granted"}, COLLEAGUE)).status_code == 200


@pytest.mark.parametrize(
    ("required", "powers"), [(False, ["decide"]), (True, ["pre_review", "special"])]
)
async def test_a_paper_that_gives_no_decision_promises_none(
    desk: Desk, required: bool, powers: list[str]
) -> None:
    if required:
        await desk.require()
    await seen(desk, at(desk, COLLEAGUE, "李明"), "/queue")
    written = GRANTED | {"substitute_account": "officer-2", "powers": powers}
    await sent(desk, at(desk, HEAD, "赵主任"), AUTHORISATIONS, written)
    chief = at(desk, CHIEF, "陈代表")
    await seen(desk, chief, ABSENCE)
    assert (await sent(desk, chief, ABSENCE, {})).status_code == 303
    text = await seen(desk, at(desk, COLLEAGUE, "李明"), ABSENCE)
    assert "由您替补：陈代表" in text
    assert "审批仍须有授权" in text
    assert "代行" not in text
    for who, path in ((chief, ABSENCE), (at(desk, HEAD), ABSENCES)):
        text = await seen(desk, who, path)
        assert ("李明" in text, "代行" in text) == (True, False)


async def test_the_api_takes_a_substitute_who_is_there(desk: Desk) -> None:
    named = await desk.post("/absences", OFFICER, {"substitute": "officer-2"})
    assert named.json()["substitute_ref"] == ref("officer-2")
    gone = await desk.post("/absences", COLLEAGUE, {"substitute": "officer-1"})
    assert gone.status_code == 409
    oneself = await desk.post("/absences", COLLEAGUE, {"substitute": "officer-2"})
    assert [error["pointer"] for error in oneself.json()["errors"]] == ["#/substitute"]


async def test_the_page_is_the_departments_alone(desk: Desk) -> None:
    await seen(desk, at(desk, INVESTOR), ABSENCE, 403)
    nobody = await desk.client.get(ABSENCE, headers={"accept": "text/html"})
    assert nobody.headers["location"] == "/login?next=%2Fabsence"
    officer = at(desk, OFFICER)
    officer.headers["sec-fetch-site"] = "cross-site"
    assert (await sent(desk, officer, ABSENCE, {})).status_code == 403
    assert await desk.value("SELECT count(*) FROM absence") == 0
