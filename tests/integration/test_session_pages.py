"""A joint inspection from the pages alone: rosters, time, attendance, photos, record, signing."""

import html
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from services.departments.pages.sessions_calendar import HOUR, LEFT, TOP, Slot, week
from services.runtime import calendar_files
from tests.integration.departments_parts import INVESTOR, Desk, token
from tests.integration.sessions_kit import (
    CHIEFS,
    CLERK,
    DEPARTMENTS,
    LEAD,
    POLICE,
    STAFF,
    STEP,
    WATER,
    Inspection,
    inspection,
    leaves,
)
from tests.integration.signing_in import Browser, browser
from tests.unit.test_session_photos import DATA, END, SIGNATURE, chunk, header

pytestmark = pytest.mark.usefixtures("workbench")

PNG = SIGNATURE + header() + DATA + END
MARKUP = "<b>现场</b>"


def at(desk: Desk, who: Any) -> Browser:
    return browser(desk.app, dict(who), "departments")


class Keys:
    """A new key for every form."""

    made = 0

    @classmethod
    def next(cls) -> str:
        cls.made += 1
        return f"{cls.made:032x}"


async def seen(desk: Desk, who: Any, path: str, status: int = 200) -> str:
    answer = await desk.client.get(path, headers=at(desk, who).headers)
    assert answer.status_code == status, answer.text
    return answer.text


async def sent(
    desk: Desk, who: Any, path: str, status: int = 303, **fields: Any
) -> httpx2.Response:
    somebody, files = at(desk, who), fields.pop("files", None)
    form = somebody.form(Keys.next()) | fields
    answer = await desk.client.post(path, headers=somebody.headers, data=form, files=files)
    assert answer.status_code == status, answer.text
    return answer


def value_of(text: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', text)
    assert found is not None, name
    return html.unescape(found[1])


@pytest.mark.parametrize(("language", "words"), [("zh-CN", "名册上的人员不足"), ("en", "Too few")])
async def test_where_no_time_fits_the_page_says_why(desk: Desk, language: str, words: str) -> None:
    joint = await inspection(desk)  # nobody stands on a roster
    path = f"/sessions/new?application={joint.application}&step={STEP}&minutes=60"
    headers = at(desk, CLERK).headers | {"accept-language": language}
    answer = await desk.client.get(path, headers=headers)
    assert answer.status_code == 200, answer.text
    assert words in answer.text


async def convened(desk: Desk, joint: Inspection) -> str:
    """Convene from the page; return the address of the session."""
    for department in DEPARTMENTS:
        for who in STAFF[department].values():
            await sent(desk, who, "/sessions/roster", act="list")
    assert f"step={STEP}" in await seen(desk, CLERK, "/sessions")
    new = f"/sessions/new?application={joint.application}&step={STEP}&minutes=60"
    offer = await seen(desk, CLERK, new)
    assert 'class="week"' in offer
    about = {"application": joint.application, "step": STEP, "minutes": "60", "travel": "30"}
    wrong = await sent(desk, CLERK, "/sessions/new", 422, **about, time="{}", place="南门外")
    assert "南门外" in wrong.text
    time = value_of(offer, "time")
    done = await sent(desk, CLERK, "/sessions/new", **about, time=time, place=MARKUP)
    assert f"step={STEP}" not in await seen(desk, CLERK, "/sessions")
    return done.headers["location"]


async def test_an_inspection_from_the_pages_alone(desk: Desk) -> None:
    joint = await inspection(desk)
    path = await convened(desk, joint)
    joint.session = int(path.rpartition("/")[2])
    text = await seen(desk, CLERK, path)
    assert MARKUP not in text
    whole = await joint.read()

    version = value_of(text, "version")
    early = await sent(desk, CLERK, path, 409, act="attendance", version=version, present="0" * 32)
    assert 'role="alert"' in early.text
    desk.clock.move_to(datetime.fromisoformat(whole["starts_at"]))
    for department in DEPARTMENTS:
        who = CHIEFS[department]
        here = [one["officer"] for one in whole["attendees"] if one["department"] == department]
        text = await seen(desk, who, path)
        assert 'name="act" value="attendance"' in text, "who comes after the first is asked, too"
        version = value_of(text, "version")
        await sent(desk, who, path, act="attendance", version=version, present=here)

    taken = SIGNATURE + header() + chunk(b"eXIf", b"N 30.2 E 120.1") + DATA + END
    photo = {"photo": ("a.png", taken, "image/png")}
    await sent(desk, CLERK, path, act="photo", files=photo)
    await sent(desk, CLERK, path, act="photo", files=photo)
    assert await leaves(desk, "session.photo") == 1
    script = {"photo": ("a.png", b"<script>", "image/png")}
    await sent(desk, CLERK, path, 422, act="photo", files=script)
    [shown] = re.findall(rf'href="({path}/photos/\d+)"', await seen(desk, CHIEFS[POLICE], path))
    answer = await desk.client.get(shown, headers=at(desk, CHIEFS[POLICE]).headers)
    assert (answer.content, answer.headers["content-type"]) == (PNG, "image/png")
    assert answer.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    await seen(desk, token("stranger", "fire-rescue", "officer"), shown, 404)

    version = value_of(await seen(desk, CLERK, path), "version")
    record = {"act": "record", "version": version, "minutes": "已踏勘", f"finding-{LEAD}": "一致"}
    lost = await sent(desk, CLERK, path, 422, **record)
    assert "已踏勘" in lost.text
    await sent(desk, CLERK, path, **record, **{f"finding-{POLICE}": "可行"})
    stale = await sent(desk, CLERK, path, 409, **record, **{f"finding-{POLICE}": "可行"})
    assert 'role="alert"' in stale.text
    await sent(desk, CLERK, path, 409, act="photo", files={"photo": ("b.png", PNG + b"x", "")})

    for department in DEPARTMENTS:
        text = await seen(desk, CHIEFS[department], path)
        task, sha256 = value_of(text, "task"), value_of(text, "sha256")
        outcome = "no_objection" if department == WATER else "granted"
        fields = {"act": "sign", "task": task, "sha256": sha256}
        assert "checked" not in text, "nothing is chosen for whoever signs"
        chosen = {f"outcome-{task}": outcome}
        for missing in ({"signed": "yes"}, chosen):
            lost = await sent(desk, CHIEFS[department], path, 422, **fields, **missing)
            assert 'role="alert"' in lost.text
        await sent(desk, CHIEFS[department], path, **fields, **chosen, signed="yes")
    ended = [one["outcome"] for one in (await joint.read())["tasks"]]
    assert sorted(ended) == ["granted", "granted", "no_objection"]


@pytest.mark.parametrize("day", ["0001-01-01", "1999-12-31", "9999-12-31"])
async def test_a_week_nobody_works_in_is_not_asked_for(desk: Desk, day: str) -> None:
    there, usual = [
        re.findall(r'href="/sessions[?]week=[0-9-]+"', await seen(desk, CLERK, path))
        for path in (f"/sessions?week={day}", "/sessions")
    ]
    assert (there, len(there)) == (usual, 2)
    joint = await inspection(desk)
    about = f"application={joint.application}&step={STEP}"
    await seen(desk, CLERK, f"/sessions/new?{about}&since={day}", 422)
    times = {"starts_at": f"{day}T09:00", "ends_at": f"{day}T10:00", "kind": "leave"}
    await sent(desk, CLERK, "/sessions/roster", act="list")
    await sent(desk, CLERK, "/sessions/roster", 422, act="engage", **times)


async def test_strangers_and_forged_forms_get_nowhere(desk: Desk) -> None:
    joint = await inspection(desk)
    path = await convened(desk, joint)
    stranger = token("stranger", "fire-rescue", "officer")
    await seen(desk, stranger, path, 404)
    await seen(desk, INVESTOR, path, 403)
    await sent(desk, stranger, path, 404, act="cancel", reason="不去了", version="1")
    await sent(desk, CHIEFS[POLICE], path, 403, act="cancel", reason="不去了", version="1")
    somebody = at(desk, CLERK)
    forged = somebody.form(Keys.next()) | {"act": "cancel", "reason": "不去了", "csrf": "guess"}
    answer = await desk.client.post(path, headers=somebody.headers, data=forged)
    assert answer.status_code == 403
    assert await desk.value("SELECT state FROM session") == "convened"
    await sent(desk, CLERK, path, act="cancel", reason="暴雨", version="1")


def test_the_week_is_drawn_where_its_hours_are() -> None:
    calendar = calendar_files.load(Path("deploy/calendar"))
    slot = Slot(
        starts_at=datetime(2026, 3, 4, 2, 0, tzinfo=UTC),  # Wednesday, 10:00 on the wall
        ends_at=datetime(2026, 3, 4, 3, 30, tzinfo=UTC),
        kind="offer",
        label="1",
    )
    found = week(calendar, date(2026, 3, 2), [slot])
    [box] = found.boxes
    assert found.days[2].x < box.x < found.days[3].x
    assert box.y == TOP + HOUR * (10 - calendar.opens.hour)
    assert box.height == HOUR * 1.5
    assert [one.working for one in found.days] == [True] * 5 + [False] * 2
    assert found.days[0].x == LEFT
