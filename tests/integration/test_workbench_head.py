"""The pages of a department's head: load and lateness, authorisations, absences, reassigning."""

from datetime import timedelta

import pytest

from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    FIRE_CHIEF,
    HEAD,
    NOW,
    OFFICER,
    Desk,
    issued,
    ref,
)
from tests.integration.test_workbench_queue import at, due_in, seen, sent

pytestmark = pytest.mark.usefixtures("workbench")

AUTHORISATIONS, ABSENCES = "/department/authorisations", "/department/absences"
GRANTED = {
    "representative_account": "chief-1",
    "powers": ["decide", "special"],
    "valid_until": "2026-12-31",
    "document": "规授〔2026〕3号",
}
OFFICER_PAGE = f"/department/people/{ref('officer-1')}"


def key(number: int) -> str:
    """The hidden key of a form that is shown anew."""
    return f"{number:032x}"


async def test_load_and_lateness_are_of_the_own_department(desk: Desk) -> None:
    late, soon, kept, other = await desk.put(
        issued(due=due_in(-4), issued_at=NOW - timedelta(days=9)),
        issued(due=due_in(2)),
        issued(),
        issued(department="fire", due=due_in(-4)),
    )
    await desk.post(f"/tasks/{late}/claim", OFFICER)
    await desk.post(f"/tasks/{soon}/claim", COLLEAGUE)
    await desk.decide(kept, {"outcome": "granted"})
    desk.clock.move_to(due_in(1).promised_at)
    await seen(desk, at(desk, OFFICER), "/queue")
    text = await seen(desk, at(desk, HEAD, "赵主任"), "/department")
    assert ">50%<" in text
    assert "1 / 2 件" in text
    assert f'href="{OFFICER_PAGE}">王芳<' in text
    assert ref("officer-2")[:6] in text
    assert f"/tasks/{other}" not in text
    assert "0 / 1 件" in await seen(desk, at(desk, FIRE_CHIEF), "/department")


async def test_what_went_up_is_found(desk: Desk) -> None:
    [id_] = await desk.put(issued(authority="department_head"))
    await desk.require()
    await sent(desk, at(desk, HEAD), AUTHORISATIONS, GRANTED)
    body = {"proposal": "granted", "opinion": "建议批准"}
    assert (await desk.post(f"/tasks/{id_}/approval-above", CHIEF, body)).status_code == 201
    text = await seen(desk, at(desk, HEAD), "/department")
    assert f'href="/tasks/{id_}"' in text
    assert "报批" in text


async def test_an_authorisation_is_signed_listed_and_revoked(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    await desk.require()
    assert (await desk.decide(id_, {"outcome": "granted"})).status_code == 403
    head = at(desk, HEAD)
    answer = await sent(desk, head, AUTHORISATIONS, GRANTED)
    assert answer.headers["location"] == AUTHORISATIONS
    again = await sent(desk, head, AUTHORISATIONS, GRANTED)  # the button was pressed twice
    assert again.status_code == 303
    assert await desk.value("SELECT count(*) FROM authorisation") == 1
    text = await seen(desk, head, AUTHORISATIONS)
    for words in ("规授〔2026〕3号", "审批权、特办权", "本部门全部事项", "有效"):
        assert words in text
    assert "chief-1" not in text
    seen_by_chief = await seen(desk, at(desk, CHIEF), AUTHORISATIONS)
    assert "规授" in seen_by_chief
    assert "<textarea" not in seen_by_chief
    assert (await desk.decide(id_, {"outcome": "granted"})).status_code == 200
    path = f"{AUTHORISATIONS}/1/revocation"
    blank = await sent(desk, head, path, {"reason": " "}, key(1))
    assert blank.status_code == 422
    assert (await sent(desk, head, path, {"reason": "岗位<调整>"}, key(2))).status_code == 303
    assert "岗位&lt;调整&gt;" in await seen(desk, head, AUTHORISATIONS)
    twice = await sent(desk, head, path, {"reason": "再次"}, key(3))
    assert twice.status_code == 409
    assert "授权书已撤销" in twice.text
    nowhere = await sent(desk, head, f"{AUTHORISATIONS}/99/revocation", {"reason": "x"}, key(4))
    assert nowhere.status_code == 404


async def test_what_was_typed_comes_back_with_what_is_wrong(desk: Desk) -> None:
    typed = GRANTED | {
        "substitute_account": "chief-1",
        "valid_from": "2026-01-01",
        "valid_until": "2025-01-01",
        "document": '"><script>',
    }
    answer = await sent(desk, at(desk, HEAD), AUTHORISATIONS, typed)
    assert answer.status_code == 422
    for words in ("授权不得倒签", "终止日期早于起始日期", "替补须为另一人"):
        assert words in answer.text
    assert 'value="2025-01-01"' in answer.text
    assert "<script>" not in answer.text.replace("<script src", "")
    nobody = await sent(
        desk, at(desk, HEAD), AUTHORISATIONS, GRANTED | {"representative_account": ""}, key(1)
    )
    assert "请选择同事，或填写其账号" in nobody.text
    stranger = GRANTED | {"representative_account": "", "representative": "0" * 64}
    assert (await sent(desk, at(desk, HEAD), AUTHORISATIONS, stranger, key(2))).status_code == 422
    himself = GRANTED | {"representative_account": "head-1"}
    assert (await sent(desk, at(desk, HEAD), AUTHORISATIONS, himself, key(3))).status_code == 403
    assert await desk.value("SELECT count(*) FROM authorisation") == 0


async def test_an_absence_is_recorded_shows_the_substitute_and_ends(desk: Desk) -> None:
    head = at(desk, HEAD)
    substitute = {"substitute_account": "officer-2"}
    await sent(desk, head, AUTHORISATIONS, GRANTED | substitute)
    await seen(desk, at(desk, COLLEAGUE, "李明"), "/queue")
    past = {"person_account": "chief-1", "since": "2026-01-01T09:00", "until": "2026-01-02T09:00"}
    refused = await sent(desk, head, ABSENCES, past, key(5))
    assert refused.status_code == 422
    assert "缺勤不得倒签" in refused.text
    assert 'value="2026-01-01T09:00"' in refused.text
    until = {"person_account": "chief-1", "until": "2026-03-06T09:00"}
    assert (await sent(desk, head, ABSENCES, until, key(1))).status_code == 303
    text = await seen(desk, head, ABSENCES)
    assert "缺勤中" in text
    assert "李明" in text
    assert "2026年3月6日 09:00" in text
    assert (await sent(desk, head, f"{ABSENCES}/1/end", {}, key(2))).status_code == 303
    assert "现在没有人缺勤" in await seen(desk, head, ABSENCES)
    assert (await sent(desk, head, f"{ABSENCES}/1/end", {}, key(3))).status_code == 409
    assert (await sent(desk, at(desk, FIRE_CHIEF), f"{ABSENCES}/1/end", {})).status_code == 404


async def test_what_somebody_has_in_hand_is_given_to_another(desk: Desk) -> None:
    first, second, third = await desk.put(*(issued() for _ in range(3)))
    for id_ in (first, second, third):
        await desk.post(f"/tasks/{id_}/claim", OFFICER)
    await seen(desk, at(desk, COLLEAGUE, "李明"), "/queue")
    head = at(desk, HEAD)
    await sent(desk, head, ABSENCES, {"person_account": "officer-1"})
    text = await seen(desk, head, OFFICER_PAGE)
    assert text.count(" checked") == 3
    given = {"task": [f"{first}:2", f"{second}:2"], "to": ref("officer-2"), "reason": "外出培训"}
    for wrong in ({"task": []}, {"to": ""}, {"reason": ""}, {"to_account": "officer-1"}):
        answer = await sent(desk, head, OFFICER_PAGE, given | wrong)
        assert answer.status_code in (409, 422), wrong
    stale = await sent(desk, head, OFFICER_PAGE, given | {"task": [f"{first}:2", f"{third}:9"]})
    assert stale.status_code == 412
    answer = await sent(desk, head, OFFICER_PAGE, given)
    assert answer.status_code == 303
    text = await seen(desk, head, answer.headers["location"])
    assert "已改派 2 件" in text
    assert "李明" in text
    rows = await desk.rows("SELECT id, claimed_by FROM task ORDER BY id")
    hands = [ref("officer-2"), ref("officer-2"), ref("officer-1")]
    assert [row["claimed_by"] for row in rows] == hands
    reasons = await desk.rows("SELECT note FROM act WHERE kind = 'reassigned'")
    assert {row["note"] for row in reasons} == {"外出培训"}
    await seen(desk, at(desk, FIRE_CHIEF), OFFICER_PAGE, 404)
