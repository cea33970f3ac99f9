"""A joint inspection: convened by its lead, an absent officer replaced, one record, all sign."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.demonstration.caller import Caller, RefusedError
from services.demonstration.story import Scene, Story, names
from services.domain.calendar import ZONE
from services.runtime.clock import Clock
from services.runtime.embedded.tokens import TokenSource

STEP = "joint-inspection"
ABSENT = "power-supply"
"""The department whose officer does not come: its chief representative comes instead."""
NEXT_DAY = timedelta(hours=16)
LOOK_EVERY_S = 0.2
BREATH_S = 0.02
"""The clock of the machine and that of the services may differ by so much."""
TIME_IS_OVER = 422
"""So is a time refused that is over by now: days pass in seconds here."""
PLACE = "产业集聚区 8 号地块"


@dataclass(kw_only=True)
class Meeting:
    """The joint inspection of one application.

    `officers` and `chiefs` call the departments' service, by department; `tokens` gives the tokens
    of a client; `names_of` the departments' names.
    """

    application: str
    officers: Mapping[str, Caller]
    chiefs: Mapping[str, Caller]
    tokens: Callable[[str], TokenSource]
    clock: Clock
    story: Story
    names_of: Mapping[str, str]

    async def enlist(self, departments: Sequence[str]) -> None:
        """Put both people of each department on its roster."""
        self._refs = {}
        for code in departments:
            people = (self.officers[code], self.chiefs[code])
            listed = [await who.put("/v1/officers/me") for who in people]
            self._refs[code] = [one["officer"] for one in listed]

    async def hold(self) -> None:
        """Convene the inspection as soon as it can be, hold it, and let all sign."""
        lead, task = await self._task()
        caller = self.officers[lead]
        session = await self._convene(caller, task)
        members = [one["department"] for one in session["members"]]
        await self._replace_absent(session["id"])
        await self._until(session["starts_at"])
        for code in members:
            await self._act(self.chiefs[code], session["id"], "attendance", _came(code))
        record = await self._act(
            caller,
            session["id"],
            "record",
            {
                "minutes": "各部门共同踏勘现场，核对占道、改迁与绿地恢复方案。",
                "findings": dict.fromkeys(_deciding(session), "现场与图纸一致。"),
            },
        )
        await self._sign(caller, session["id"], record["sha256"])

    async def _task(self) -> tuple[str, dict[str, Any]]:
        """Wait until the step has begun; return its lead and a task of it."""
        while True:
            for code in self._refs:
                page = await self.officers[code].get("/v1/tasks", state="open", limit=100)
                for task in page["items"]:
                    if (task["application"], task["step"]) == (self.application, STEP):
                        whole = await self.officers[code].get(f"/v1/tasks/{task['id']}")
                        return whole["lead"], whole
            await asyncio.sleep(LOOK_EVERY_S)

    async def _convene(self, lead: Caller, task: dict[str, Any]) -> dict[str, Any]:
        """Take the first time that is proposed; ask anew when it is over before it is taken.

        Nothing is proposed for all while the queues are not complete yet.
        """
        made = None
        while made is None:
            proposed = await self._propose(lead, task)
            if len(proposed.get("attendees", ())) < len(self._refs):
                await asyncio.sleep(LOOK_EVERY_S)
                continue
            body = {
                "application": self.application,
                "step": task["step"],
                "place": PLACE,
                **{name: proposed[name] for name in ("starts_at", "ends_at", "attendees")},
            }
            try:
                made = (await lead.post("/v1/sessions", body)).json()
            except RefusedError as refused:
                if refused.status != TIME_IS_OVER:
                    raise
        session: dict[str, Any] = await lead.get(f"/v1/sessions/{made['id']}")
        invited = names(self.names_of[one["department"]] for one in session["members"])
        on = datetime.fromisoformat(session["starts_at"]).astimezone(ZONE)
        self.story.tell(
            Scene.CONVENED,
            f"联合踏勘定于{on:%m-%d %H:%M} joint inspection convened for then: {invited}",
        )
        return session

    async def _propose(self, lead: Caller, task: dict[str, Any]) -> dict[str, Any]:
        """Return the best time from the next morning on; empty when there is none for all yet."""
        wanted = {
            "application": self.application,
            "step": task["step"],
            "minutes": 60,
            "not_before": (self.clock.now() + NEXT_DAY).isoformat(),
        }
        found = (await lead.post("/v1/sessions/proposals", {"sessions": [wanted]})).json()
        proposed: dict[str, Any] = found["sessions"][0]["proposed"] or {}
        return proposed

    async def _replace_absent(self, session: int) -> None:
        """The officer who was sent cannot come; the department sends another of its own."""
        seats = (await self.officers[ABSENT].get(f"/v1/sessions/{session}"))["attendees"]
        sent = next(one["officer"] for one in seats if one["department"] == ABSENT)
        other = next(ref for ref in self._refs[ABSENT] if ref != sent)
        body = {"officer": other, "instead_of": sent}
        await self._act(self.chiefs[ABSENT], session, "substitutes", body)
        self.story.tell(
            Scene.SUBSTITUTE,
            f"{self.names_of[ABSENT]}：参会人员缺席，由他人替代 a substitute for an absent officer",
        )

    async def _act(self, who: Caller, session: int, act: str, body: Any) -> dict[str, Any]:
        """Do something to the session as it stands. `body` may be made from it."""
        whole = await who.get(f"/v1/sessions/{session}")
        given = body(whole) if callable(body) else body
        answer = await who.post(
            f"/v1/sessions/{session}/{act}", given, etag=f'"{whole["version"]}"'
        )
        found: dict[str, Any] = answer.json()
        return found

    async def _until(self, starts_at: str) -> None:
        await asyncio.sleep(self.clock.real_delay(datetime.fromisoformat(starts_at)) + BREATH_S)

    async def _sign(self, lead: Caller, session: int, sha256: str) -> None:
        """All sign together: their decisions are one transaction."""
        tasks = (await lead.get(f"/v1/sessions/{session}"))["tasks"]
        signatures = []
        deciding = _deciding({"tasks": tasks})
        for code in dict.fromkeys(task["department"] for task in tasks):
            role = "chief" if code in deciding else "officer"
            token = await self.tokens(f"{role}-{code}").get()
            entries = [
                {
                    "id": task["id"],
                    "outcome": "no_objection" if task["part"] == "consult" else "granted",
                }
                for task in tasks
                if task["department"] == code and task["state"] == "open"
            ]
            signatures.append({"token": token, "entries": entries})
        body = {"sha256": sha256, "signatures": signatures}
        await lead.post(f"/v1/sessions/{session}/signatures", body)
        self.story.tell(
            Scene.SIGNED,
            f"{len(signatures)}个部门共同签署一份记录，{len(tasks)}项同时办结 "
            f"{len(signatures)} departments sign one record, {len(tasks)} tasks end together",
        )


def _deciding(session: dict[str, Any]) -> list[str]:
    """Return the departments that verify facts: each says what it found."""
    parts = [task["department"] for task in session["tasks"] if task["part"] == "decide"]
    return list(dict.fromkeys(parts))


def _came(department: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return what says that everybody whom a department sends has come."""

    def body(session: dict[str, Any]) -> dict[str, Any]:
        seats = [seat for seat in session["attendees"] if seat["department"] == department]
        return {"present": [seat["officer"] for seat in seats if seat["released_at"] is None]}

    return body
