"""Verification of acceptances: clean over what the core does, red over what it must never do."""

from collections.abc import Callable
from datetime import date
from typing import Any

import msgspec
import orjson
import pytest

from services.domain.case import ClockReached
from services.domain.examination import Accept, Supplemented
from services.verification.acceptance import (
    Acceptance,
    _accepted_once,
    _in_time,
    _notices,
    _redated,
)
from services.verification.days import Days
from services.verification.folders import Folder
from services.verification.report import ACCEPTANCE
from services.verification.world import Finder
from tests.unit.routes import CALENDAR, START
from tests.unit.test_acceptance import CONDITION, DAY, FORM, OVER, Life, noticed

Commands = list[dict[str, Any]]


def days() -> Days:
    return Days.of_content(msgspec.to_builtins(CALENDAR))


def folder(life: Life, spoil: Callable[[Commands], None] = lambda _: None) -> Folder:
    """What the orchestrator would hold of a life."""
    commands: Commands = orjson.loads(msgspec.json.encode(life.commands))
    spoil(commands)
    accepted = [one for one in commands if one["type"] == "Accept"]
    rows = [
        {
            "kind": one["kind"],
            "accepted_on": date.fromisoformat(one["on"]),
            "silent": one["silent"],
        }
        for one in accepted
    ]
    notices = [{"round": one["round"]} for one in commands if one["type"] == "SendNotice"]
    return Folder(
        number="N",
        intake={"acceptance_notice": notices},
        orchestrator={
            "application": [
                {
                    "submitted_at": START,
                    "route": msgspec.json.encode(life.case.route).decode(),
                }
            ],
            "journal": [{"turn": 1, "events": "[]", "commands": orjson.dumps(commands)}],
            "acceptance": rows,
        },
        departments={},
        moving=False,
    )


def findings(found: Folder) -> list[str]:
    find = Finder(invariant=ACCEPTANCE, number="N", moving=False)
    checks = (*_accepted_once(find, found), *_notices(find, found), *_in_time(find, found, days()))
    return [one.message for one in checks]


def explicit() -> Life:
    life = noticed()
    life.do(Supplemented(at=START + DAY, round=1, subjects=(FORM,), complete=True))
    life.says("x", CONDITION, at=START + 2 * DAY)
    life.do(Supplemented(at=START + 3 * DAY, round=2, subjects=(CONDITION,)))
    life.says("x", at=START + 4 * DAY)
    return life


def deemed() -> Life:
    life = Life()
    life.says("x")
    life.do(ClockReached(at=OVER))
    return life


@pytest.mark.parametrize("live", [explicit, deemed, Life, noticed])
def test_what_the_core_does_is_lawful(live: Callable[[], Life]) -> None:
    assert findings(folder(live())) == []


@pytest.mark.parametrize("live", [explicit, deemed])
def test_the_promise_is_reckoned_alike(live: Callable[[], Life]) -> None:
    life = live()
    accept: Accept = life.one(Accept)
    own = Acceptance(folder(life))
    assert own.on == accept.on
    assert own.promised_days(days()) == accept.promised_days


def last(commands: Commands, kind: str) -> dict[str, Any]:
    return [one for one in commands if one["type"] == kind][-1]


def _late_notice(commands: Commands) -> None:
    last(commands, "SendNotice")["at"] = "2026-01-20T09:00:00Z"


def _more_than_the_first(commands: Commands) -> None:
    last(commands, "SendNotice")["findings"]["x"] = ["material/title"]


def _twice(commands: Commands) -> None:
    commands.append(dict(last(commands, "Accept")))


def _too_early(commands: Commands) -> None:
    last(commands, "Accept")["at"] = "2026-01-10T08:00:00Z"


def _from_another_day(commands: Commands) -> None:
    last(commands, "Accept")["on"] = "2026-01-06"


def _before_it_was_accepted(commands: Commands) -> None:
    commands.insert(0, {"type": "IssueTask", "at": "2026-01-05T02:00:00Z"})


@pytest.mark.parametrize(
    ("live", "spoil", "says"),
    [
        (explicit, _late_notice, "was sent after"),
        (explicit, _more_than_the_first, "which the first did not"),
        (explicit, _twice, "it was accepted 2 times"),
        (explicit, _from_another_day, "counts from 2026-01-06"),
        (deemed, _too_early, "nobody was silent until"),
        (deemed, _from_another_day, "accepted from 2026-01-06"),
        (explicit, _before_it_was_accepted, "issued before it was accepted"),
    ],
)
def test_what_must_not_be_is_found(
    live: Callable[[], Life], spoil: Callable[[Commands], None], says: str
) -> None:
    found = findings(folder(live(), spoil))
    assert any(says in one for one in found), found


def test_a_department_that_was_not_told_of_its_new_time_is_found() -> None:
    life = Life()
    found = folder(life)
    task = {"task": "N/examination/x/1", "state": "open", "until": START + DAY}
    found.orchestrator["examination"] = [task]
    found.departments["examination"] = [{**task, "until": START}]
    find = Finder(invariant=ACCEPTANCE, number="N", moving=False)
    assert [one.subject for one in _redated(find, found)] == ["N/examination/x/1"]
    found.departments["examination"][0]["until"] = START + DAY
    assert list(_redated(find, found)) == []
    found.departments["examination"][0] |= {"state": "done", "until": START}
    assert list(_redated(find, found)) == []
