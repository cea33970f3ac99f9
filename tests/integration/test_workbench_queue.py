"""The queue's pages on a real database: who sees and does what, and in what words."""

import csv
import io
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.departments.pages import queue_reading
from services.departments.pages.queue_reading import Filter
from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    DUE,
    FIRE_CHIEF,
    HEAD,
    INVESTOR,
    NOW,
    OFFICER,
    Desk,
    consult,
    issued,
    ref,
)
from tests.integration.signing_in import Browser, browser

pytestmark = pytest.mark.usefixtures("workbench")

EXAMINED = """
    INSERT INTO examination (task, application, project_code, department, round, items,
        applicant_refs, subjects, scenario, catalogue_version, facts, materials, asked_at, until)
    SELECT a || '/examination/planning/1', a, 'P-9', 'planning',
        CASE n % 10 WHEN 0 THEN 2 ELSE 1 END,
        CASE n % 10 WHEN 0 THEN '{A-PERMIT,B-PERMIT}'::text[] ELSE '{A-PERMIT}' END,
        '{}', '{}', 's', 'v', '{}', '[]', $2::timestamptz, $3::timestamptz + n * interval '4 hours'
    FROM (SELECT n, 'MX20260301-' || lpad(n::text, 6, '0') || '-7' AS a
        FROM generate_series(1, $1::integer) AS n) AS made
"""


def at(desk: Desk, who: dict[str, str], name: str = "王芳") -> Browser:
    return browser(desk.app, who, "departments", name)


async def seen(desk: Desk, who: Browser, path: str, status: int = 200, **params: Any) -> str:
    answer = await desk.client.get(path, headers=who.headers, params=params or None)
    assert answer.status_code == status, answer.text
    return answer.text


async def sent(
    desk: Desk, who: Browser, path: str, fields: dict[str, Any], once: str = "0" * 32
) -> httpx2.Response:
    return await desk.client.post(path, headers=who.headers, data=who.form(once) | fields)


def shown(text: str) -> list[int]:
    """The numbers of the tasks in the order of the page."""
    return [int(one) for one in re.findall(r'href="/tasks/(\d+)" data-key-open', text)]


def boxes(text: str) -> list[str]:
    return re.findall(r'name="task" value="(\d+:\d+)"', text)


def due_in(days: int) -> Any:
    return DUE.model_copy(
        update={
            "promised_on": DUE.promised_on + timedelta(days=days),
            "promised_at": DUE.promised_at + timedelta(days=days),
        }
    )


async def test_the_queue_shows_what_is_due_first_and_its_own_alone(desk: Desk) -> None:
    late, soon, other = await desk.put(
        issued(due=due_in(4)), issued(due=due_in(1)), issued(department="fire")
    )
    first = await desk.client.get("/", headers=at(desk, OFFICER).headers)
    assert first.headers["location"] == "/queue"
    text = await seen(desk, at(desk, OFFICER), "/queue")
    assert shown(text) == [soon, late]
    assert shown(await seen(desk, at(desk, FIRE_CHIEF), "/queue")) == [other]
    await seen(desk, at(desk, INVESTOR), "/queue", 403)
    nobody = await desk.client.get("/queue?q=P", headers={"accept": "text/html"})
    assert nobody.headers["location"] == "/login?next=%2Fqueue%3Fq%3DP"


async def test_what_is_special_stands_before_what_is_due_and_late_is_said(desk: Desk) -> None:
    late, usual, special = await desk.put(
        issued(due=due_in(-4)), issued(due=due_in(1)), issued(due=due_in(9))
    )
    reason = {"reason": "省重点项目"}
    await desk.post(f"/tasks/{special}/special-handling", CHIEF, reason)
    text = await seen(desk, at(desk, OFFICER), "/queue")
    assert shown(text) == [special, late, usual]
    for words in ("特办", "已超期", "超 1 个工作日", "余 4 个工作日"):
        assert words in text
    assert shown(await seen(desk, at(desk, OFFICER), "/queue", late="yes")) == [late]


async def test_filters_are_those_of_the_address(desk: Desk) -> None:
    a, b, done = await desk.put(
        issued(due=due_in(4), project_code="Q-7"),
        consult(item="B-OPINION", due=due_in(1)),
        issued(item="C-PERMIT"),
    )
    await desk.decide(done, {"outcome": "granted"})
    await desk.post(f"/tasks/{a}/claim", OFFICER)
    who = at(desk, OFFICER)
    until = (DUE.promised_on + timedelta(days=1)).isoformat()
    for query, expected in (
        ({"item": "B-OPINION"}, [b]),
        ({"kind": "decide"}, [a]),
        ({"kind": "consult"}, [b]),
        ({"kind": "examination"}, []),
        ({"whose": "me"}, [a]),
        ({"whose": "none"}, [b]),
        ({"until": until}, [b]),
        ({"q": "Q-"}, [a]),
        ({"q": " 100% "}, []),
        ({"state": "decided"}, [done]),
        ({"state": "nonsense", "kind": "?", "until": "never"}, [b, a]),
    ):
        assert shown(await seen(desk, who, "/queue", **query)) == expected, query
    assert "准予" in await seen(desk, who, "/queue", state="decided")


async def test_pages_hold_tasks_and_examinations_in_one_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where windows end: nothing is shown before what stands in front of it."""
    await desk.put(*(issued(due=due_in(n % 5)) for n in range(30)))
    rare = await desk.put(*(consult(item="B-PERMIT", due=due_in(n % 5)) for n in range(12)))
    async with desk.pool.acquire() as conn:
        await conn.execute(EXAMINED, 30, NOW, DUE.promised_at - timedelta(hours=6))

        async def walk(wanted: Filter) -> list[queue_reading.Key]:
            found: list[queue_reading.Key] = []
            after = None
            while True:
                page = await queue_reading.find(
                    conn, "planning", wanted, me="", now=NOW, after=after, size=7
                )
                found += page.keys
                after = page.next
                if after is None:
                    return found

        every = await walk(Filter())
        assert every == sorted(set(every))
        assert len(every) == 72
        ids = {row["id"] for row in await conn.fetch("SELECT id FROM examination WHERE round = 2")}
        wanted = {(0, id_) for id_ in rare} | {(1, id_) for id_ in ids}
        monkeypatch.setattr("services.departments.workbench_store.WINDOW", 5)
        by_item = await walk(Filter(item="B-PERMIT"))
        assert by_item == [key for key in every if (key.rank, key.id) in wanted]
        await conn.execute("UPDATE task SET state = 'decided', ended_at = now()")
        await conn.execute("UPDATE examination SET state = 'done', ended_at = now()")
        assert await walk(Filter(state=queue_reading.State.DECIDED)) == every[::-1]
        backwards = await walk(Filter(state=queue_reading.State.DECIDED, item="B-PERMIT"))
        assert backwards == by_item[::-1]
    text = await seen(desk, at(desk, OFFICER), "/queue", state="decided")
    assert 'href="/examinations/' in text


async def test_where_a_window_ends_the_next_one_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.departments.workbench_store.WINDOW", 4)
    *_, rare = await desk.put(*(issued(due=due_in(n)) for n in range(9)), consult(due=due_in(9)))
    text = await seen(desk, at(desk, OFFICER), "/queue", kind="consult")
    assert shown(text) == []
    assert "本页在 4 件之内查找" in text
    for _ in range(2):
        following = re.search(r'href="([^"]+)" rel="next"', text)
        assert following
        text = await seen(desk, at(desk, OFFICER), following[1].replace("&amp;", "&"))
    assert shown(text) == [rare]


async def test_several_are_claimed_at_once_and_each_is_told_about(desk: Desk) -> None:
    mine, theirs, own, stale = await desk.put(
        *(issued() for _ in range(2)), issued(applicant_refs=(ref("officer-1"),)), issued()
    )
    await desk.post(f"/tasks/{theirs}/claim", COLLEAGUE)
    await seen(desk, at(desk, COLLEAGUE, "李明"), "/queue")
    who = at(desk, OFFICER)
    chosen = [f"{mine}:1", f"{theirs}:1", f"{own}:1", f"{stale}:7", "x:1", f"{2**70}:1"]
    answer = await sent(desk, who, "/queue/claims", {"task": chosen, "view": "kind=decide"})
    assert answer.status_code == 303
    text = await seen(desk, who, answer.headers["location"])
    assert "kind=decide" in answer.headers["location"]
    told = text[text.index("claimed") : text.index("queue-filter")]
    assert "已由您承办 1 件" in told
    assert re.search(r"已由他人承办 1 件.*李明", told, re.DOTALL)
    assert "未能承办 2 件" in told
    holders = await desk.rows("SELECT id, claimed_by FROM task WHERE claimed_by IS NOT NULL")
    assert {row["id"]: row["claimed_by"] for row in holders} == {
        mine: ref("officer-1"),
        theirs: ref("officer-2"),
    }
    assert f"{theirs}:" not in " ".join(boxes(text))
    elsewhere = await seen(desk, at(desk, FIRE_CHIEF), f"/queue?result={mine}")
    assert "已由" not in elsewhere
    nothing = await sent(desk, who, "/queue/claims", {})
    assert nothing.headers["location"] == "/queue"
    assert "lianshen-departments-note" in nothing.headers["set-cookie"]


async def test_a_head_reads_the_queue_and_claims_nothing(desk: Desk) -> None:
    [id_] = await desk.put(issued())
    text = await seen(desk, at(desk, HEAD), "/queue")
    assert shown(text) == [id_]
    assert not boxes(text)
    assert (await sent(desk, at(desk, HEAD), "/queue/claims", {"task": f"{id_}:1"})).is_error
    assert await desk.value("SELECT claimed_by FROM task") is None


ACTS = (
    ("/queue/claims", OFFICER),
    ("/queue/views", OFFICER),
    ("/queue/views/1/removal", OFFICER),
    ("/department/authorisations", HEAD),
    ("/department/authorisations/1/revocation", HEAD),
    ("/department/absences", CHIEF),
    ("/department/absences/1/end", CHIEF),
    (f"/department/people/{ref('officer-1')}", CHIEF),
)


async def test_no_act_without_the_token_of_a_form_of_ours_or_in_another_role(desk: Desk) -> None:
    for path, who in ACTS:
        one = at(desk, who)
        for headers, data in (
            (one.headers, {"csrf": "x" * 32, "once": "0" * 32}),
            (one.headers | {"sec-fetch-site": "cross-site"}, one.form()),
        ):
            answer = await desk.client.post(path, headers=headers, data=data)
            assert answer.status_code == 403, path
            assert "不是从本网站的页面发出" in answer.text
        others = [INVESTOR] if path.startswith("/queue") else [INVESTOR, OFFICER]
        others += [CHIEF] if who is HEAD else []
        for other in others:
            answer = await sent(desk, at(desk, other), path, {"reason": "x"})
            assert answer.status_code == 403, path
            assert "没有此页面的权限" in answer.text


async def test_a_view_is_kept_for_whoever_saved_it(desk: Desk) -> None:
    who = at(desk, OFFICER)
    name = "<b>本周</b>"
    fields = {"name": name, "view": "kind=decide&whose=me&junk=1"}
    saved = await sent(desk, who, "/queue/views", fields)
    assert saved.headers["location"] == "/queue?kind=decide&whose=me"
    text = await seen(desk, who, "/queue")
    assert "&lt;b&gt;本周&lt;/b&gt;" in text
    assert "<b>本周" not in text
    assert "本周" not in await seen(desk, at(desk, COLLEAGUE), "/queue")
    [id_] = [row["id"] for row in await desk.rows("SELECT id FROM saved_view")]
    removal = f"/queue/views/{id_}/removal"
    assert (await sent(desk, at(desk, COLLEAGUE), removal, {})).status_code == 404
    assert (await sent(desk, who, removal, {"view": "whose=me"})).status_code == 303
    assert await desk.value("SELECT count(*) FROM saved_view") == 0
    for wrong in ("", "x" * 41):
        bad = await sent(desk, who, "/queue/views", {"name": wrong, "view": "whose=me"})
        assert bad.status_code == 422
        assert f'value="{wrong}"' in bad.text
    for n in range(20):
        assert (await sent(desk, who, "/queue/views", {"name": str(n)})).status_code == 303
    assert (await sent(desk, who, "/queue/views", {"name": "one more"})).status_code == 422


async def test_the_table_for_spreadsheets_is_the_filter(desk: Desk) -> None:
    first, *_ = await desk.put(issued(due=due_in(1)), issued(due=due_in(2)), consult(due=due_in(3)))
    await seen(desk, at(desk, COLLEAGUE, "=1+2"), "/queue")
    await desk.post(f"/tasks/{first}/claim", COLLEAGUE)
    answer = await desk.client.get(
        "/queue.csv?kind=decide", headers=at(desk, OFFICER).headers | {"accept-language": "en"}
    )
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.content.startswith(b"\xef\xbb\xbf")
    head, *rows = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert head[0] == "Number"
    assert [row[8] for row in rows] == ["'=1+2", ""]
    assert rows[0][7] == "2026-03-06 17:00"


async def test_the_numbers_are_counted_no_further_than_needed(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.departments.workbench_store.MOST", 3)
    monkeypatch.setattr("services.departments.pages.queue.MOST", 3)
    await desk.put(issued(due=due_in(-10)), *(issued() for _ in range(4)))
    text = await seen(desk, at(desk, OFFICER), "/queue")
    numbers = re.findall(r'class="count(?: count-bad)?">([^<]+)<', text)
    assert numbers == ["2+", "1", "1", "0", "2+", "0"]


async def test_names_are_those_the_provider_gave_and_never_the_account(desk: Desk) -> None:
    await desk.put(issued())
    await seen(desk, at(desk, OFFICER, "officer-1"), "/queue")
    assert await desk.value("SELECT count(*) FROM colleague") == 0
    await seen(desk, at(desk, OFFICER, "王芳"), "/queue")
    await seen(desk, at(desk, OFFICER, "王芳（大厅）"), "/queue")
    [row] = await desk.rows("SELECT ref, department, name FROM colleague")
    assert tuple(row) == (ref("officer-1"), "planning", "王芳（大厅）")
