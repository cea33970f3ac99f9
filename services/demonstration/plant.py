"""The whole procedure on one application of the scenario `plant`: who does what, and when.

Everybody acts through the public API, with a token of his own. Nothing is arranged behind it.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from services.demonstration import investor, meeting
from services.demonstration.caller import CONFLICT, PRECONDITION_FAILED, Caller, RefusedError
from services.demonstration.officers import Window, favourable
from services.demonstration.story import Scene, Story, names
from services.runtime.clock import Clock

SCENARIO = "plant"
DEFECTS = {
    "natural-resources": ("material/site-plan", "总平面图缺测绘单位盖章"),
    "ecology-environment": ("material/eia-report", "报告书缺编制单位资格页"),
}
"""What two departments find defective, and why."""
PAUSED, PAUSE_KIND, PAUSE_DAYS = "EIA-REPORT", "publicity", 2
REFUSED, REASON = "FIRE-DESIGN", "消防车道净宽不足四米，请修改设计"
REMEDIES = ("六十日内可以申请行政复议", "六个月内可以提起行政诉讼")
LATE, LATE_SHARE = "political-legal", (1.4, 1.6)
"""The department that lets its own promise pass, and by how much of it."""
LOOK_EVERY_S = 0.25


@dataclass(kw_only=True)
class Plot:
    """One application, from what is missing to the answer to a bad rating.

    `windows` are open and not yet at work; `supervisor`, `operator` and `investor_there` call the
    orchestrator, intake and intake.
    """

    number: str
    plan: dict[str, Any]
    story: Story
    clock: Clock
    windows: Sequence[Window]
    joint: meeting.Meeting
    intake: Caller
    operator: Caller
    supervisor: Caller
    heads: Mapping[str, Caller]
    _accepted: asyncio.Event = field(default_factory=asyncio.Event)
    _asked: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for window in self.windows:
            window.verdict = self.verdict
            window.examine = self.examine
            if window.department == LATE:
                window.share = LATE_SHARE

    # -- officers --------------------------------------------------------------------------------

    def examine(self, whole: dict[str, Any]) -> list[dict[str, Any]]:
        """Find a defect at the first look of two departments."""
        subject, text = DEFECTS.get(whole["department"], ("", ""))
        named = {one["subject"] for one in whole["nameable"]}
        if whole["round"] > 1 or subject not in named:
            return []
        return [{"subject": subject, "kind": "defective", "text": text}]

    def verdict(self, task: dict[str, Any]) -> dict[str, Any] | None:
        """Grant, but for what waits for the inspection or a pause, and what is refused at first."""
        if task["step"] == meeting.STEP or (task["item"] == PAUSED and self.waits_for_pause(task)):
            return None
        if task["item"] == REFUSED and task["part"] == "decide" and task["round"] == 1:
            return {"outcome": "refused", "reasons": [REASON], "remedies": list(REMEDIES)}
        return favourable(task)

    def waits_for_pause(self, task: dict[str, Any]) -> bool:
        """Whether a task's clock is still to be stopped, or has not gone on."""
        return task["part"] == "decide" and Scene.GOES_ON not in self.story.happened

    async def pause(self) -> None:
        """Stop a clock for a procedure that is not counted, with notice; end it when it is over."""
        window = next(w for w in self.windows if w.department == "ecology-environment")
        task = await self._task(window, PAUSED)
        until = self.clock.now() + timedelta(days=PAUSE_DAYS)
        body = {
            "kind": PAUSE_KIND,
            "until": until.date().isoformat(),
            "notice": "环评公示〔2026〕8号",
            "reason": "报告书公示，期间不计入时限",
        }
        await self._insist(window, task["id"], "pauses", body)
        self.story.tell(
            Scene.PAUSED,
            f"环评公示至{body['until']}，书面通知{body['notice']} clock stopped, with its notice",
        )
        await asyncio.sleep(self.clock.real_delay(until))
        try:
            await self._insist(window, task["id"], "pauses/1/end", None)
        except RefusedError as refused:
            if refused.status != CONFLICT:
                raise  # the day of the notice has passed: it ended by itself
        self.story.tell(Scene.GOES_ON, "公示期满，恢复计时 the clock goes on")

    async def _insist(self, window: Window, task: int, act: str, body: Any) -> None:
        """Act on a task that somebody else may be taking up at the same moment."""
        for last in (False, False, True):
            whole = await window.chief.get(f"/v1/tasks/{task}")
            try:
                etag = f'"{whole["version"]}"'
                await window.chief.post(f"/v1/tasks/{task}/{act}", body, etag=etag)
            except RefusedError as refused:
                if last or refused.status != PRECONDITION_FAILED:
                    raise
            else:
                return

    async def _task(self, window: Window, item: str) -> dict[str, Any]:
        while True:
            page = await window.officer.get("/v1/tasks", state="open", limit=100)
            for task in page["items"]:
                if (task["application"], task["item"]) == (self.number, item):
                    found: dict[str, Any] = task
                    return found
            await asyncio.sleep(LOOK_EVERY_S)

    # -- the investor ----------------------------------------------------------------------------

    async def invest(self) -> None:
        """Answer whatever the investor is asked, until everything is over."""
        while True:
            await self._supplement()
            progress = await self.intake.get(f"/v1/applications/{self.number}/progress")
            if self._accepted.is_set():
                await self._hand_in(progress["awaited"])
                await self._rectify(progress)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _supplement(self) -> None:
        """Answer the notice of what is missing, piece by piece."""
        if self._accepted.is_set():
            return
        found = await self.intake.get(f"/v1/applications/{self.number}/acceptance")
        if found["state"] == "accepted":
            self._accepted.set()
            self.story.tell(
                Scene.ACCEPTED,
                f"{found['accepted_on']}受理 accepted, and promised anew from that day",
            )
        elif found["state"] == "supplementing" and Scene.SUPPLEMENTED not in self.story.happened:
            lines = found["notices"][-1]["lines"]
            asking = names(line["department_name"]["zh"] for line in lines)
            self.story.tell(
                Scene.NOTICE,
                f"{asking}的意见合并为一份一次性告知 one merged notice of {len(lines)} things",
            )
            for line in lines:
                await self._give(found["round"], [line["subject"]])
            self.story.tell(Scene.SUPPLEMENTED, f"补正{len(lines)}件 handed in one by one")

    async def _give(self, round_: int, subjects: Sequence[str]) -> None:
        papers = [subject.partition("/")[2] for subject in subjects]
        materials = [{"material": paper, "reference": f"补交 {paper}"} for paper in papers]
        body = {"round": round_, "materials": materials}
        await self.intake.post(f"/v1/applications/{self.number}/supplements", body)

    async def _hand_in(self, awaited: Sequence[dict[str, Any]]) -> None:
        """Hand in what has come into being since, when a step waits for it."""
        wanted = [m for one in awaited for m in one["materials"] if m not in self._asked]
        if not wanted:
            return
        self._asked |= set(wanted)
        await self._give(0, [f"material/{paper}" for paper in dict.fromkeys(wanted)])
        known = {one["id"]: one["name"]["zh"] for one in self.plan["materials"]}
        told = names(known[paper] for paper in wanted)
        self.story.tell(Scene.PAPERS, f"提交后续材料 later papers handed in: {told}")

    async def _rectify(self, progress: dict[str, Any]) -> None:
        if await investor.answer_notice(self.intake, progress, self.plan):
            self.story.tell(
                Scene.REFUSED, f"消防设计审查不予许可：{REASON} refused, to be put right"
            )
            self.story.tell(Scene.RECTIFIED, "按一次性告知整改 put right, and back to who refused")
        again = (t for t in progress["tasks"] if t["item"] == REFUSED and t["round"] > 1)
        granted = any(task["outcome"] == "granted" for task in again)
        if granted and Scene.GRANTED not in self.story.happened:
            self.story.tell(Scene.GRANTED, "消防设计整改后准予 granted after it was put right")

    async def pay(self) -> None:
        """Settle what the catalogue leaves open of the one bill, and pay it."""
        await self._accepted.wait()
        path = f"/v1/applications/{self.number}/bill"
        for line in (await self.intake.get(path))["lines"]:
            if line["state"] == "to_assess":
                given = {"rate": "1.20", "document": "收费核定〔2026〕8号"}
                if line["unit"] is not None and line["quantity"] is None:
                    given["quantity"] = "100"
                await self.operator.post(f"{path}/lines/{line['standard']}/assessments", given)
        paid = (await self.intake.post(f"{path}/payments", {})).json()
        self.story.tell(
            Scene.PAID,
            f"一张账单{len(paid['lines'])}项，共{paid['amount']}元 one bill, paid at once",
        )

    async def rate(self, results: Sequence[dict[str, Any]]) -> None:
        """Rate every department; answer for the late one, and close that."""
        path = f"/v1/applications/{self.number}/ratings"
        departments = dict.fromkeys(result["department"] for result in results)
        for code in departments:
            grade = "dissatisfied" if code == LATE else "very_satisfied"
            await self.intake.post(path, {"department": code, "grade": grade})
        self.story.tell(Scene.RATED, f"评价{len(departments)}个部门 {len(departments)} rated")
        found = await self._follow_up()
        answers = f"/v1/supervision/follow-ups/{found['id']}"
        await self.heads[LATE].post(f"{answers}/answers", {"text": "已当面致歉，今后按承诺办结。"})
        await self.supervisor.post(f"{answers}/closures", {"text": "已核实，申请人认可。"})
        self.story.tell(Scene.FOLLOWED_UP, "差评已答复办结 the bad rating answered and closed")

    async def _follow_up(self) -> dict[str, Any]:
        while True:
            page = await self.supervisor.get("/v1/supervision/follow-ups", department=LATE)
            for one in page["items"]:
                if one["application"] == self.number:
                    found: dict[str, Any] = one
                    return found
            await asyncio.sleep(LOOK_EVERY_S)

    # -- the supervision -------------------------------------------------------------------------

    async def supervise(self) -> None:
        """Wait for the late department's yellow card."""
        while True:
            page = await self.supervisor.get(
                "/v1/supervision/cards", department=LATE, application=self.number
            )
            for card in page["items"]:
                words = f"{card['name']['zh']}：{self.joint.names_of[LATE]}，黄牌 a yellow card"
                self.story.tell(Scene.CARD, words)
                return
            await asyncio.sleep(LOOK_EVERY_S)
