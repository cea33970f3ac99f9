"""The page of a case on a real database: who sees it, what its forms do, and what comes back."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from html import unescape
from typing import Any

import httpx2
import orjson
import pytest

from services.contracts.events import ExaminationAsked, MaterialRef
from services.contracts.vocabulary import Authority
from services.departments.consumer import Tasks
from services.departments.pages.case_acts import ACTS
from services.departments.papers import Papers
from tests import examined_county
from tests.integration.departments_parts import (
    CHIEF,
    COLLEAGUE,
    DUE,
    FIRE_CHIEF,
    HEAD,
    INVESTOR,
    NOW,
    OFFICER,
    SUPERVISOR,
    Desk,
    consult,
    issued,
    number,
    received,
    ref,
    token,
)
from tests.integration.signing_in import Browser, browser

pytestmark = pytest.mark.usefixtures("workbench")

FIRE = "FIRE-DESIGN"
EVIL = "<script>alert('x')</script>"
SUBSTITUTE = token("officer-3", "planning", "officer")
GRANT = {"outcome": "granted", "signed": "yes"}
PAUSE = {
    "pause_kind": "expert_review",
    "pause_until": "2026-03-20",
    "pause_notice": "消告〔2026〕3号",
    "pause_reason": "须组织专家评审",
}
FIELDS: dict[str, dict[str, Any]] = {
    "claim": {},
    "release": {},
    "note": {"note": "x"},
    "checklist": {"met_1": "yes"},
    "decision": GRANT,
    "opinion": {"opinion": "no_objection"},
    "pause": PAUSE,
    "end_pause": {"pause": "1"},
    "extend": {"extension_days": "5", "extension_reason": "x"},
    "send_up": {"proposal": "granted", "above_opinion": "x"},
    "hand_over": {"hand_to": f"colleague:{ref('officer-2')}", "hand_reason": "x"},
    "visit": {"visited_on": "2026-03-02", "visit_with": ref("officer-2"), "visit_findings": "x"},
    "sign_visit": {"visit": "1"},
    "answer_above": {"above": "1", "above_answer": "granted", "above_document": "x"},
    "answer_extension": {
        "proposal": "1",
        "extension_answer": "approved",
        "extension_document": "x",
    },
}


HEADS = {"hand_over", "answer_above", "answer_extension"}
NUMBERED = {"sign_visit", "answer_above", "answer_extension"}


class Person:
    """Somebody at a browser of his own."""

    def __init__(self, desk: Desk, bearer: Mapping[str, str]) -> None:
        self.desk = desk
        self.browser: Browser = browser(desk.app, dict(bearer), "departments")

    async def open(self, path: int | str) -> httpx2.Response:
        address = f"/tasks/{path}" if isinstance(path, int) else path
        return await self.desk.client.get(address, headers=self.browser.headers)

    async def act(
        self, task: int | str, act: Any = "", *, version: Any = 1, **fields: Any
    ) -> httpx2.Response:
        form = {"csrf": self.browser.csrf, "once": f"{next(self.desk.keys):032x}"}
        form |= {"act": act, "version": str(version), "seen": "0", **fields}
        address = f"/tasks/{task}" if isinstance(task, int) else task
        return await self.desk.client.post(address, headers=self.browser.headers, data=form)


def read(answer: httpx2.Response) -> str:
    """What stands on a page, without its tags."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))


async def fire(desk: Desk, **fields: Any) -> int:
    """A task of planning on an item that the catalogue has."""
    [id_] = await desk.put(issued(item=FIRE, **fields))
    return id_


async def test_a_case_is_for_its_department_and_for_who_is_logged_in(desk: Desk) -> None:
    id_ = await fire(desk)
    away = await desk.client.get(f"/tasks/{id_}", headers={"accept": "text/html"})
    assert away.status_code == 303
    assert away.headers["location"] == f"/login?next=%2Ftasks%2F{id_}"
    assert (await Person(desk, FIRE_CHIEF).open(id_)).status_code == 404
    assert (await Person(desk, FIRE_CHIEF).act(id_, "claim")).status_code == 404
    assert (await Person(desk, INVESTOR).open(id_)).status_code == 403
    for reader in (SUPERVISOR, HEAD):
        shown = await Person(desk, reader).open(id_)
        assert shown.status_code == 200
        assert 'value="claim"' not in shown.text
    assert (await Person(desk, OFFICER).open(999_999)).status_code == 404


async def test_nothing_is_done_for_a_form_that_is_not_ours(desk: Desk) -> None:
    id_, officer = await fire(desk), Person(desk, OFFICER)
    assert (await officer.act(id_, "claim", csrf="0" * 32)).status_code == 403
    officer.browser.headers["sec-fetch-site"] = "cross-site"
    assert (await officer.act(id_, "claim")).status_code == 403
    assert await desk.value("SELECT version FROM task WHERE id = $1", id_) == 1


def test_every_act_has_its_fields() -> None:
    assert FIELDS.keys() == ACTS.keys()


async def test_who_may_not_act(desk: Desk) -> None:
    """Not in another role, not for another department, not on one's own application."""
    decide = await fire(desk, applicant_refs=(ref("own"),))
    [give] = await desk.put(consult(item=FIRE, applicant_refs=(ref("own"),)))
    roles = ("officer", "chief_representative", "department_head")
    own = Person(desk, token("own", "planning", *roles))
    await Person(desk, COLLEAGUE).open(decide)
    before = await desk.value("SELECT count(*) FROM audit_leaf")
    for act, fields in FIELDS.items():
        id_ = give if act == "opinion" else decide
        answer = await own.act(id_, act, **fields)
        if act not in NUMBERED:  # there is none of that number: not found comes first
            assert "申请人或代理人不得办理本人的申请" in answer.text, act
        assert answer.status_code == (404 if act in NUMBERED else 403), act
        for bearer, status in ((FIRE_CHIEF, 404), (SUPERVISOR, 403)):
            assert (await Person(desk, bearer).act(id_, act, **fields)).status_code == status, act
        if act not in HEADS:
            assert (await Person(desk, HEAD).act(id_, act, **fields)).status_code == 403, act
    assert await desk.value("SELECT count(*) FROM audit_leaf") == before
    assert await desk.value("SELECT sum(version) FROM task") == 2


async def test_what_others_wrote_is_escaped(desk: Desk) -> None:
    application = number()
    id_ = await fire(desk, application=application, facts={"work_kind": EVIL})
    [asked] = await desk.put(consult(item=FIRE, department="fire", application=application))
    await desk.post(
        f"/tasks/{asked}/opinion",
        token("officer-f", "fire", "officer"),
        {"outcome": "objection", "reasons": [EVIL]},
    )
    chief = Person(desk, CHIEF)
    assert (await chief.act(id_, "note", note=EVIL)).status_code == 303
    back = await chief.act(id_, "decision", conditions=EVIL, outcome="granted")
    assert back.status_code == 422
    for page in (await chief.open(id_), back):
        assert "<script>alert" not in page.text
        assert page.text.count("&lt;script&gt;") >= 3


async def test_the_checklist_is_kept_with_the_task(desk: Desk) -> None:
    id_, officer = await fire(desk), Person(desk, OFFICER)
    given = {"met_1": "yes", "remark_1": "图纸已核", "met_2": "no", "remark_2": "资质过期"}
    assert (await officer.act(id_, "checklist", **given)).status_code == 303
    shown = await Person(desk, CHIEF).open(id_)
    assert 'name="met_1" value="yes" checked' in shown.text
    assert "资质过期" in shown.text
    # What is not met is proposed as a reason of the refusal, with its article.
    reasons = re.findall(r'name="reason" value="([^"]+)"( checked)?', shown.text)
    assert [bool(checked) for _, checked in reasons] == [False, True]
    assert all("《消防法》第11、12条" in text for text, _ in reasons)
    # Whoever read it before keeps what he typed and sees who changed what.
    late = await Person(desk, COLLEAGUE).act(id_, "checklist", met_1="no", remark_1="没看到")
    assert late.status_code == 412
    assert "没看到" in late.text
    assert "填写核对表" in read(late)
    assert 'name="version" value="2"' in late.text
    assert await desk.value("SELECT count(*) FROM checklist WHERE met") == 1
    [leaf] = await desk.rows("SELECT body FROM audit_leaf WHERE act = 'task.checked'")
    assert orjson.loads(leaf["body"])["facts"]["unmet"] == [f"condition/{FIRE}/2"]
    assert "资质" not in leaf["body"]


async def test_a_colleagues_case_is_not_worked_on(desk: Desk) -> None:
    id_ = await fire(desk)
    assert (await Person(desk, OFFICER).act(id_, "claim")).status_code == 303
    colleague = Person(desk, COLLEAGUE)
    shown = await colleague.open(id_)
    assert "他人承办中" in read(shown)
    assert 'name="act" value="pause"' not in shown.text
    for act in ("claim", "release", "checklist", "pause"):
        answer = await colleague.act(id_, act, version=2, **FIELDS[act])
        assert answer.status_code == 409, act
        assert "该事项已由他人承办" in read(answer)
    assert (await Person(desk, OFFICER).act(id_, "release", version=2)).status_code == 303


async def test_a_chief_representative_signs_a_grant(desk: Desk) -> None:
    id_, chief = await fire(desk), Person(desk, CHIEF)
    assert "本县未要求另有书面授权书" in read(await chief.open(id_))
    unsigned = await chief.act(id_, "decision", outcome="granted", conditions="一\n二")
    assert unsigned.status_code == 422
    assert "请确认签批" in unsigned.text
    assert "一\n二</textarea>" in unsigned.text
    seen = await chief.act(id_, "decision", do="preview", outcome="granted", conditions="一")
    assert seen.status_code == 200
    assert f"{FIRE}-" in seen.text
    assert await desk.value("SELECT state FROM task WHERE id = $1", id_) == "open"
    done = await chief.act(id_, "decision", conditions="一\n\n二 ", **GRANT)
    assert done.status_code == 303
    [row] = await desk.rows("SELECT outcome, conditions FROM outcome")
    assert (row["outcome"], orjson.loads(row["conditions"])) == ("granted", ["一", "二"])
    ended = await chief.open(id_)
    assert "签批依据" in read(ended)
    assert 'value="decision"' not in ended.text


async def test_the_same_form_twice_is_one_act(desk: Desk) -> None:
    id_, chief = await fire(desk), Person(desk, CHIEF)
    first = await chief.act(id_, "decision", once="a" * 32, **GRANT)
    again = await chief.act(id_, "decision", once="a" * 32, **GRANT)
    assert first.status_code == again.status_code == 303
    assert await desk.value("SELECT count(*) FROM outcome") == 1


async def test_a_refusal_has_the_catalogues_reason_and_remedies(desk: Desk) -> None:
    id_, chief = await fire(desk), Person(desk, CHIEF)
    shown = (await chief.open(id_)).text
    reason = unescape(re.findall(r'name="reason" value="([^"]+)"', shown)[0])
    remedies = unescape(re.findall(r'name="remedies"[^>]*>([^<]+)<', shown)[0])
    refusal = {"outcome": "refused", "signed": "yes", "reasons": "另有一条", "remedies": remedies}
    seen = await chief.act(id_, "decision", do="preview", reason=reason, **refusal)
    assert "不予行政许可决定书" in read(seen)
    bare = await chief.act(id_, "decision", outcome="refused", signed="yes", remedies="x")
    assert bare.status_code == 422
    assert "须说明理由" in bare.text
    assert (await chief.act(id_, "decision", reason=reason, **refusal)).status_code == 303
    [row] = await desk.rows("SELECT reasons, remedies FROM outcome")
    assert orjson.loads(row["reasons"]) == [reason, "另有一条"]
    assert len(orjson.loads(row["remedies"])) == 2


async def test_who_comes_second_overwrites_nothing_and_loses_nothing(desk: Desk) -> None:
    id_, chief = await fire(desk), Person(desk, CHIEF)
    typed = {"outcome": "refused", "reasons": "写了很久的理由", "remedies": "可申请行政复议"}
    await Person(desk, OFFICER).act(id_, "claim")
    back = await chief.act(id_, "decision", signed="yes", **typed)
    assert back.status_code == 412
    assert "写了很久的理由" in back.text
    assert 'value="refused" checked' in back.text
    assert "承办" in read(back)
    assert await desk.value("SELECT count(*) FROM outcome") == 0
    version = re.search(r'name="version" value="(\d+)"', back.text)
    assert version
    again = await chief.act(id_, "decision", version=int(version[1]), signed="yes", **typed)
    assert again.status_code == 303


async def test_a_pause_is_told_in_a_letter(desk: Desk) -> None:
    id_, officer = await fire(desk), Person(desk, OFFICER)
    seen = await officer.act(id_, "pause", do="preview", **PAUSE)
    assert seen.status_code == 200
    letter = read(seen)
    assert "不计入办理期限告知书" in letter
    assert "自2026年3月2日起，至2026年3月20日止" in letter
    assert await desk.value("SELECT count(*) FROM task_pause") == 0
    silent = await officer.act(id_, "pause", **{**PAUSE, "pause_notice": ""})
    assert silent.status_code == 422
    assert "期限继续计算" in read(silent)
    assert (await officer.act(id_, "pause", **PAUSE)).status_code == 303
    shown = read(await officer.open(id_))
    assert "停止计时至 2026年3月20日" in shown
    assert "须组织专家评审" in shown
    chief = Person(desk, CHIEF)
    assert "作出决定前请先恢复计时" in read(await chief.open(id_))
    assert (await chief.act(id_, "decision", version=2, **GRANT)).status_code == 409
    assert (await officer.act(id_, "end_pause", version=2, pause="1")).status_code == 303
    assert await desk.value("SELECT count(*) FROM pause_end") == 1


async def test_the_clock_says_which_day_it_is_and_why(desk: Desk) -> None:
    id_, officer = await fire(desk), Person(desk, OFFICER)
    desk.clock.move_to(datetime(2026, 3, 4, 1, 0, tzinfo=UTC))
    shown = read(await officer.open(id_))
    assert "第 2 天 / 共 3 个工作日" in shown
    assert "起算行为当日不计" in shown
    assert "距法定期限还有 18 个工作日" in shown
    desk.clock.move_to(datetime(2026, 3, 9, 1, 0, tzinfo=UTC))
    assert "已超承诺 2 个工作日" in read(await officer.open(id_))


async def test_what_is_new_since_the_last_round(desk: Desk) -> None:
    application = number()
    old = MaterialRef(material="application-form", sha256="a" * 64)
    same = MaterialRef(material="applicant-identity", sha256="b" * 64)
    first = await fire(desk, application=application, materials=(old, same))
    await Person(desk, CHIEF).act(
        first, "decision", outcome="refused", signed="yes", reasons="尺寸不符", remedies="x"
    )
    new = old.model_copy(update={"sha256": "c" * 64})
    id_ = await fire(desk, application=application, round_=2, materials=(new, same))
    shown = read(await Person(desk, CHIEF).open(id_))
    assert "已更换" in shown
    assert "未变" in shown
    assert "尺寸不符" in shown


async def test_the_authorisation_is_shown_and_what_needs_more_goes_up(desk: Desk) -> None:
    given = {
        "representative": "chief-1",
        "substitute": "officer-3",
        "powers": ["decide"],
        "valid_until": "2027-03-01",
        "document": "建授〔2026〕3号",
    }
    assert (await desk.post("/authorisations", HEAD, given)).status_code == 201
    await desk.require()
    chief = Person(desk, CHIEF)
    assert "建授〔2026〕3号" in (await chief.open(await fire(desk))).text
    officer = Person(desk, OFFICER)
    assert "没有对该事项有效的授权书" in read(await officer.open(await fire(desk)))
    id_ = await fire(desk, authority=Authority.DEPARTMENT_HEAD)
    assert "请先报批" in read(await chief.open(id_))
    up = await chief.act(id_, "send_up", proposal="granted", above_opinion="材料齐全，建议准予")
    assert up.status_code == 303
    assert "答复后再签批" in read(await chief.open(id_))
    head, said = Person(desk, HEAD), {"above": "1", "above_document": "局批〔2026〕9号"}
    assert "材料齐全，建议准予" in read(await head.open(id_))
    assert (await head.act(id_, "answer_above", **said)).status_code == 422
    assert (await chief.act(id_, "answer_above", above_answer="granted", **said)).status_code == 403
    answered = await head.act(id_, "answer_above", above_answer="granted", **said)
    assert answered.status_code == 303
    assert "局批〔2026〕9号" in (await chief.open(id_)).text
    assert (await chief.act(id_, "decision", version=3, **GRANT)).status_code == 303


async def test_a_case_is_handed_to_the_substitute(desk: Desk) -> None:
    given = {
        "representative": "chief-1",
        "substitute": "officer-3",
        "powers": ["decide"],
        "valid_until": "2027-03-01",
        "document": "建授〔2026〕3号",
    }
    await desk.post("/authorisations", HEAD, given)
    id_, chief = await fire(desk), Person(desk, CHIEF)
    assert "授权书载明的替补" in read(await chief.open(id_))
    nobody = await chief.act(id_, "hand_over", hand_to="substitute:99", hand_reason="外出")
    assert nobody.status_code == 422
    done = await chief.act(id_, "hand_over", hand_to="substitute:1", hand_reason="外出")
    assert done.status_code == 303
    assert await desk.value("SELECT claimed_by FROM task WHERE id = $1", id_) == ref("officer-3")
    assert "外出" in read(await Person(desk, SUBSTITUTE).open(id_))


async def test_a_longer_limit_goes_to_its_approver(desk: Desk) -> None:
    [id_] = await desk.put(issued(item="BUILD-PLAN"))
    chief = Person(desk, CHIEF)
    rule = desk.app.state.shelf.version("2026.1").item_by_code["BUILD-PLAN"].statutory.extension
    assert rule is not None
    many = await chief.act(id_, "extend", extension_days="399", extension_reason="工程复杂")
    assert many.status_code == 422
    assert "工程复杂" in many.text
    asked = await chief.act(id_, "extend", extension_days="5", extension_reason="工程复杂")
    assert asked.status_code == 303
    assert await desk.value("SELECT approver FROM extension_proposal") == rule.approver
    head, said = Person(desk, HEAD), {"proposal": "1", "extension_document": "住建延〔2026〕7号"}
    assert "工程复杂" in read(await head.open(id_))
    answered = await head.act(id_, "answer_extension", extension_answer="approved", **said)
    assert answered.status_code == 303
    assert await desk.value("SELECT days FROM task_extension") == 5
    assert "住建延〔2026〕7号" in (await chief.open(id_)).text


async def test_an_opinion_and_an_objection(desk: Desk) -> None:
    [id_] = await desk.put(consult(item=FIRE))
    officer = Person(desk, OFFICER)
    assert (await officer.act(id_, "opinion")).status_code == 422
    assert (await officer.act(id_, "opinion", opinion="objection")).status_code == 422
    given = {"opinion": "objection", "reasons": "疏散宽度不足"}
    assert (await officer.act(id_, "opinion", **given)).status_code == 303
    assert "疏散宽度不足" in (await officer.open(id_)).text


async def test_a_visit_is_recorded_and_signed_by_two(desk: Desk) -> None:
    id_ = await fire(desk)
    officer, colleague = Person(desk, OFFICER), Person(desk, COLLEAGUE)
    for person in (officer, colleague):  # who was here has a name
        await person.open(id_)
    alone = {"visited_on": "2026-03-02", "visit_findings": "与图纸一致"}
    assert (await officer.act(id_, "visit", **alone)).status_code == 422
    seen = await officer.act(id_, "visit", visit_with=ref("officer-2"), **alone)
    assert seen.status_code == 303
    assert "1 人已签" in read(await colleague.open(id_))
    chief = Person(desk, CHIEF)
    assert (await chief.act(id_, "decision", version=2, **GRANT)).status_code == 409
    assert (await colleague.act(id_, "sign_visit", visit="1")).status_code == 303
    assert (await chief.act(id_, "decision", version=2, **GRANT)).status_code == 303


async def test_papers_that_cannot_be_reached_are_said_to_be(desk: Desk) -> None:
    sheet = MaterialRef(material="application-form", sha256="a" * 64)
    id_ = await fire(desk, materials=(sheet,))
    officer = Person(desk, OFFICER)
    path = f"/tasks/{id_}/papers/application-form"
    assert path not in (await officer.open(id_)).text
    async with httpx2.AsyncClient() as client:
        desk.app.state.papers = Papers("http://127.0.0.1:9", client)
        assert path in (await officer.open(id_)).text
        answer = await officer.open(path)
        assert answer.status_code == 503
        assert "材料库暂时无法连接" in answer.text
        assert (await Person(desk, FIRE_CHIEF).open(path)).status_code == 404


async def examination(desk: Desk, *materials: MaterialRef) -> str:
    """The papers of an application that planning has to look at; the address of the page."""
    application = number()
    asked = ExaminationAsked(
        application=application,
        task=f"{application}/examination/planning/1",
        department="planning",
        round=1,
        items=("FIRE-CHECK",),
        project_code="P-1",
        scenario="restaurant",
        facts={"seats": 80},
        catalogue_version="2026.1",
        applicant_refs=(ref("investor-1"),),
        materials=materials,
        subjects=("material/floor-plan",),
        asked_at=NOW,
        until=DUE.promised_at,
    )
    async with desk.pool.acquire() as conn, conn.transaction():
        await Tasks(desk.clock, desk.app.state.shelf)(conn, [received(asked)])
    desk.app.state.shelf = examined_county.shelf()
    return f"/examinations/{await desk.value('SELECT max(id) FROM examination')}"


async def test_papers_are_read_before_the_acceptance_too(desk: Desk) -> None:
    page = await examination(desk, MaterialRef(material="floor-plan", sha256="a" * 64))
    bare = await examination(desk)
    officer, path = Person(desk, OFFICER), f"{page}/papers/floor-plan"
    assert path not in (await officer.open(page)).text
    async with httpx2.AsyncClient() as client:
        desk.app.state.papers = Papers("http://127.0.0.1:9", client)
        assert path in (await officer.open(page)).text
        assert "/papers/" not in (await officer.open(bare)).text, "nothing was handed in"
        for address in (path, f"{path}/file?sha256={'a' * 64}"):
            assert (await officer.open(address)).status_code == 503
            assert (await Person(desk, FIRE_CHIEF).open(address)).status_code == 404


async def test_what_is_missing_is_said_once(desk: Desk) -> None:
    path, officer = await examination(desk), Person(desk, OFFICER)
    shown = await officer.open(path)
    assert shown.status_code == 200
    places = dict(re.findall(r'name="find_(\d+)".*?<strong>([^<]+)<', shown.text, flags=re.S))
    assert len(places) > 1
    assert (await Person(desk, FIRE_CHIEF).open(path)).status_code == 404
    assert (await Person(desk, HEAD).act(path)).status_code == 403
    nothing = await officer.act(path, do="findings")
    assert nothing.status_code == 422
    textless = await officer.act(path, do="findings", find_1="yes")
    assert textless.status_code == 422
    assert "请写明缺什么" in textless.text
    found = {"find_1": "yes", "text_1": EVIL}
    stale = await officer.act(path, do="findings", version=7, **found)
    assert stale.status_code == 412
    assert "&lt;script&gt;" in stale.text
    assert (await officer.act(path, do="findings", **found)).status_code == 303
    [row] = await desk.rows("SELECT findings FROM examination_done")
    assert [one["text"] for one in orjson.loads(row["findings"])] == [EVIL]
    assert (await officer.act(path, do="complete", version=2)).status_code == 409


async def test_papers_that_are_complete(desk: Desk) -> None:
    path, officer = await examination(desk), Person(desk, OFFICER)
    assert (await officer.act(path, do="complete")).status_code == 303
    assert "材料齐全，符合法定形式" in read(await officer.open(path))
    assert await desk.value("SELECT findings::text FROM examination_done") == "[]"
