"""Verification of what is older than the rules it is held against: clean, and red all the same."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from services.intake.texts import digest_of
from services.verification.authority import authority
from services.verification.fees import fees
from services.verification.folders import Folder
from services.verification.sessions import sessions
from tests.unit.routes import NUMBER

AT = datetime(2026, 3, 2, 1, tzinfo=UTC)
TASK = f"{NUMBER}/A/d/1"
WORLD: Any = None
"""Everything here is reckoned from the rows alone."""
TEXTS = {"reason": "减免", "document": "免字1号"}
EXEMPTED = {
    "line": "fee",
    "kind": "exempted",
    "amount": None,
    "remitted": None,
    "share": None,
    **TEXTS,
}


def leaf(act: str, **facts: Any) -> dict[str, Any]:
    return {"act": act, "body": orjson.dumps({"act": act, "facts": facts}).decode()}


def folder(
    *, intake: dict[str, Any] | None = None, departments: dict[str, Any] | None = None
) -> Folder:
    return Folder(
        number=NUMBER,
        intake={"application": [], **(intake or {})},
        orchestrator={"application": [{"route": b"{}", "calendar_version": "v"}]},
        departments={"task": [], "outcome": [], "clock_act": [], "act": [], **(departments or {})},
        moving=False,
    )


@pytest.mark.parametrize(
    ("told", "is_clean"),
    [
        (TEXTS, True),
        ({"texts_sha256": digest_of(TEXTS)}, True),
        (TEXTS | {"reason": "another"}, False),
        ({"texts_sha256": "0" * 64}, False),
        ({}, False),
    ],
)
def test_a_log_with_the_texts_in_clear_is_held_against_the_rows(
    told: dict[str, str], is_clean: bool
) -> None:
    tables: dict[str, Any] = {"bill": [], "fee_transfer": [], "fee_settlement": []}
    tables["fee_act"] = [EXEMPTED]
    tables["audit_leaf"] = [leaf("fee.exempted", line="fee", **told)]
    found = [str(one) for one in fees(folder(intake=tables), WORLD)]
    assert (found == []) is is_clean, found
    assert all("assessments and exemptions" in one for one in found)


def signature(*officers: str) -> dict[str, Any]:
    """Return what `d` signed, with these officers of its own present and one of `e`."""
    seats = [{"officer": one, "department": "d"} for one in officers]
    row: dict[str, Any] = {
        "session_id": 4,
        "application": NUMBER,
        "step": "A",
        "place": "hall",
        "procedure": "joint_review",
        "decides": True,
        "department": "d",
        "actor_ref": "a",
        "starts_at": AT,
        "ends_at": AT,
        "minutes": "m",
        "findings": "{}",
        "tasks": [],
        "members": ["d", "e"],
        "absent": [],
        "sent": ["a", "b"],
        "seats": orjson.dumps([*seats, {"officer": "x", "department": "e"}]),
    }
    content = {
        "absent": [],
        "application": NUMBER,
        "findings": {},
        "minutes": "m",
        "place": "hall",
        "present": {"d": sorted(officers), "e": ["x"]},
        "session": 4,
        "step": "A",
        "starts_at": "2026-03-02T01:00:00Z",
        "ends_at": "2026-03-02T01:00:00Z",
    }
    plain = json.dumps(content, sort_keys=True, separators=(",", ":"))
    sha256 = hashlib.sha256(plain.encode()).hexdigest()
    return row | {"sha256": sha256, "record_sha256": sha256}


def held(row: dict[str, Any], *leaves: dict[str, Any]) -> list[str]:
    signed = leaf("session.signed", session=4, department="d", sha256=row["sha256"])
    tables = {"session_signature": [row], "audit_leaf": [*leaves, signed]}
    return [one.message for one in sessions(folder(departments=tables), WORLD)]


TAKEN = leaf("session.held", session=4, present=["a", "x"], absent=[])
UNSAID = ["it did not say itself who came"]


def test_whose_attendance_the_lead_department_took_has_not_said_it_itself() -> None:
    assert held(signature("a"), TAKEN) == []
    assert held(signature("a", "b"), TAKEN) == UNSAID
    assert held(signature("a"), leaf("session.held", session=5, present=["a"])) == UNSAID
    assert held(signature("a"), leaf("session.held", session=4, absent=[])) == UNSAID


def test_what_a_department_said_itself_goes_before_what_was_said_for_it() -> None:
    itself = leaf("session.attended", session=4, department="d", present=["a", "b"])
    assert held(signature("a", "b"), TAKEN, itself) == []
    assert held(signature("a"), TAKEN, itself) == UNSAID


@pytest.mark.parametrize(
    ("kind", "says"),
    [
        ("pause", "pause 1: no authorisation"),
        ("end of a pause", "end of a pause 1: no authorisation"),
        ("extension", "extension 1: its approver was never asked"),
    ],
)
def test_a_clock_moved_before_the_rule_held_for_clocks_rests_on_the_role(
    kind: str, says: str
) -> None:
    task: Any = {"task": TASK, "item": "A", "department": "d", "applicant_refs": [], "above": None}
    act = {"task": TASK, "kind": kind, "number": 1, "rule": "required", "rule_asked": None}
    papers = {"authorisation": None, "proposal": None}

    def found(*, asked: bool) -> list[str]:
        tables = {"task": [task], "clock_act": [act | papers | {"asked": asked}]}
        return [one.message for one in authority(folder(departments=tables), WORLD)]

    assert found(asked=False) == []
    assert found(asked=True) == [says]


@pytest.mark.parametrize(
    ("planned", "said", "is_clean"),
    [
        ("renewed", "none", True),  # whether it may be is reckoned elsewhere
        ("renewed", "renewed", True),
        ("renewed", "no_objection", False),
        ("none", "renewed", False),
    ],
)
def test_a_renewal_may_be_one_that_silence_does_not_renew(
    planned: str, said: str, is_clean: bool
) -> None:
    part = {"item": "A", "department": "d", "authority": "representative", "silence": planned}
    task = {
        "task": TASK,
        "item": "A",
        "department": "d",
        "authority": "representative",
        "silence": said,
        "applicant_refs": [],
        "above": None,
    }
    found = folder(departments={"task": [task]})
    route = orjson.dumps({"steps": [{"parts": [part]}]})
    [driven] = found.orchestrator["application"]
    driven["route"] = route
    assert (list(authority(found, WORLD)) == []) is is_clean
