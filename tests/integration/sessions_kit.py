"""A joint inspection with its departments, officers and tokens, for the tests of joint sessions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson

from services.contracts.events import TaskIssued
from services.contracts.topics import decisions_topic
from services.contracts.vocabulary import Part, Silence
from tests.integration.departments_parts import Desk, issued, number, ref, token

STEP = "joint-inspection"
LEAD, POLICE, WATER = "urban-management", "traffic-police", "water-supply"
DEPARTMENTS = (LEAD, POLICE, WATER)
GRANT = {"outcome": "granted"}
OBJECTION = {"outcome": "objection", "reasons": ["开挖处有给水主管"]}
PLACE = "高新区创业路 8 号门前"


def people(department: str) -> dict[str, dict[str, str]]:
    """Two officers and the chief of a department: keyed hash -> header."""
    found = {}
    for n in (1, 2, 3):
        role = "chief_representative" if n == 3 else "officer"
        found[ref(f"{department}-{n}")] = token(f"{department}-{n}", department, role)
    return found


STAFF = {department: people(department) for department in DEPARTMENTS}
CHIEFS = {department: list(found.values())[2] for department, found in STAFF.items()}
CLERK = next(iter(STAFF[LEAD].values()))


def refs(department: str, *numbers: int) -> list[str]:
    """The keyed hashes of a department's people by their numbers, 1 to 3."""
    return [list(STAFF[department])[n - 1] for n in numbers]


def at(hour: float, day: int = 3) -> str:
    """An hour by the clock on the wall of a day of March 2026."""
    return datetime(2026, 3, day, int(hour) - 8, int(hour * 60) % 60, tzinfo=UTC).isoformat()


def tasks(application: str, **fields: Any) -> list[TaskIssued]:
    """The inspection's tasks: two departments decide, one is consulted and may keep silent."""
    shared = {
        "application": application,
        "step": STEP,
        "group": STEP,
        "lead": LEAD,
        "participants": DEPARTMENTS,
    } | fields
    return [
        issued(department=LEAD, item="ROAD-OCCUPY", **shared),
        issued(department=POLICE, item="TRAFFIC-SAFETY", **shared),
        issued(
            department=WATER,
            item="ROAD-OCCUPY",
            part=Part.CONSULT,
            silence=Silence.NO_OBJECTION,
            **shared,
        ),
    ]


ATTENDEES = {LEAD: refs(LEAD, 1, 2), POLICE: refs(POLICE, 1, 2), WATER: refs(WATER, 1)}


@dataclass(kw_only=True)
class Inspection:
    """One application whose departments inspect together."""

    desk: Desk
    application: str
    ids: dict[str, int]
    issued: list[TaskIssued]
    session: int = 0
    version: int = 1
    sha256: str = ""

    async def convene(self, who: Mapping[str, str] = CLERK, **changes: Any) -> httpx2.Response:
        body = {
            "application": self.application,
            "step": STEP,
            "place": PLACE,
            "starts_at": at(10),
            "ends_at": at(12),
            "travel_minutes": 30,
            "attendees": ATTENDEES,
        } | changes
        answer = await self.desk.post("/sessions", who, body)
        if answer.status_code == 201:
            self.session, self.version = answer.json()["id"], 1
        return answer

    async def act(self, what: str, body: Any, who: Mapping[str, str] = CLERK) -> httpx2.Response:
        path = f"/sessions/{self.session}/{what}"
        answer = await self.desk.post(path, who, body, version=self.version)
        if answer.is_success and "version" in answer.json():
            self.version = answer.json()["version"]
        return answer

    async def attend(self, *absent: str) -> httpx2.Response:
        """Everybody who was sent came, but these; each department says so of its own."""
        for department in DEPARTMENTS:
            answer = await self.attest(department, *absent)
            if not answer.is_success:
                break
        return answer

    async def attest(
        self, department: str, *absent: str, who: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """One department says who of its own came: all that were sent, but these."""
        whole = await self.read()
        here = [
            seat["officer"]
            for seat in whole["attendees"]
            if seat["department"] == department
            and seat["released_at"] is None
            and seat["officer"] not in absent
        ]
        return await self.act("attendance", {"present": here}, who or CHIEFS[department])

    async def record(self) -> httpx2.Response:
        findings = {LEAD: "占道 120 平方米，与图一致。", POLICE: "导改方案可行。"}
        answer = await self.act("record", {"minutes": "现场已踏勘。", "findings": findings})
        self.sha256 = answer.json().get("sha256", "")
        return answer

    async def hold(self) -> None:
        """Convene it, let its time come, take attendance and store the record."""
        assert (await self.convene()).status_code == 201
        self.desk.clock.move_to(datetime.fromisoformat(at(10)))
        assert (await self.attend()).status_code == 200
        assert (await self.record()).status_code == 200

    def entry(self, department: str, **changes: Any) -> dict[str, Any]:
        outcome = {"outcome": "no_objection"} if department == WATER else GRANT
        return {"id": self.ids[department], **outcome, **changes}

    async def sign(
        self, department: str, who: Mapping[str, str] | None = None, **changes: Any
    ) -> httpx2.Response:
        body = {"sha256": self.sha256, "entries": [self.entry(department)]} | changes
        return await self.act("signature", body, who or CHIEFS[department])

    async def sign_together(self, **entries: dict[str, Any]) -> httpx2.Response:
        given = {department: self.entry(department) for department in DEPARTMENTS} | entries
        signatures = [
            {"token": bearer(CHIEFS[department]), "entries": [entry]}
            for department, entry in given.items()
        ]
        return await self.act("signatures", {"sha256": self.sha256, "signatures": signatures})

    async def read(self, who: Mapping[str, str] = CLERK) -> dict[str, Any]:
        found: dict[str, Any] = (await self.desk.get(f"/sessions/{self.session}", who)).json()
        return found


def bearer(who: Mapping[str, str]) -> str:
    return who["authorization"].removeprefix("Bearer ")


async def enlist(desk: Desk, *departments: str) -> None:
    """Put the people of departments on their rosters."""
    for department in departments or DEPARTMENTS:
        for who in STAFF[department].values():
            answer = await desk.client.put("/v1/officers/me", headers=who)
            assert answer.status_code == 200, answer.text


async def inspection(desk: Desk, **fields: Any) -> Inspection:
    """A joint inspection whose tasks are on the queues."""
    application = number()
    given = tasks(application, **fields)
    ids = await desk.put(*given)
    by_department = {one.department: id_ for one, id_ in zip(given, ids, strict=True)}
    return Inspection(desk=desk, application=application, ids=by_department, issued=given)


async def session_told(desk: Desk) -> list[tuple[str, list[str]]]:
    """State and absent departments of every message about a session, in order."""
    rows = await desk.rows(
        "SELECT topic, convert_from(payload, 'UTF8')::jsonb -> 'data' AS data FROM outbox"
        " WHERE type = 'lianshen.session.told.v1' ORDER BY seq"
    )
    assert {row["topic"] for row in rows} == {decisions_topic(LEAD)}
    found = [orjson.loads(row["data"]) for row in rows]
    return [(one["state"], one.get("absent", [])) for one in found]


async def leaves(desk: Desk, act: str) -> int:
    return int(await desk.value("SELECT count(*) FROM audit_leaf WHERE act = $1", act))


async def absent_from(joint: Inspection) -> list[str]:
    return [one["department"] for one in (await joint.read())["members"] if not one["present"]]
