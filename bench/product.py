"""Shape P: the product through its own doors.

Applications are handed in over HTTP at intake. For every department an officer looks at the queue
over HTTP once in a round and signs off what is there, up to a hundred tasks in one request.
When the tasks and the end of an application became visible is read from the two databases on
read-only connections, for all applications at once (every 2 ms while idle, every 50 ms under load):
asking the API for each of them would measure the asking.
"""

import asyncio
import time
import uuid
from typing import Any

import asyncpg

from bench import county
from bench.course import Course, Plan, Times, one_by_one, say
from bench.http import Connections

LOOK_IDLE_S = 0.002
LOOK_S = 0.05
_VISIBLE = "SELECT application, count(*) FROM task WHERE application = ANY ($1::text[]) GROUP BY 1"
_CONCLUDED = (
    "SELECT number, 1 FROM application WHERE number = ANY ($1::text[]) AND conclusion IS NOT NULL"
)


class Waiting:
    """Applications that wait for something in a database."""

    def __init__(self, conn: "asyncpg.Connection[asyncpg.Record]", query: str, needed: int) -> None:
        self._conn = conn
        self._query = query
        self._needed = needed
        self._futures: dict[str, asyncio.Future[None]] = {}
        self.every = LOOK_IDLE_S

    def waits(self, number: str) -> asyncio.Future[None]:
        """Return what is done when an application is there."""
        future = self._futures[number] = asyncio.get_running_loop().create_future()
        return future

    async def look(self) -> None:
        """Look again and again."""
        while True:
            await asyncio.sleep(self.every)
            if not self._futures:
                continue
            for row in await self._conn.fetch(self._query, list(self._futures)):
                if row[1] >= self._needed:
                    self._futures.pop(row[0]).set_result(None)


class Counter:
    """The investors and the officers."""

    def __init__(self, settings: dict[str, Any], visible: Waiting, concluded: Waiting) -> None:
        self._departments: int = settings["departments"]
        self._tokens: dict[str, str] = settings["tokens"]
        self._run: str = settings["run"]
        self._round_s: float = settings["round_s"]
        self._intake = Connections(settings["intake"])
        self._queues = Connections(settings["queues"])
        self._visible = visible
        self._concluded = concluded
        self._decided: dict[str, float] = {}
        self.numbers: list[str] = []

    async def submit(self, project: int) -> str:
        """Hand in an application; return its number."""
        key = f"{self._run}-{project:08}"
        body = county.submission(self._departments, key)
        answer = await self._intake.post("/v1/applications", self._tokens["investor"], key, body)
        number = str(answer["number"])
        self.numbers.append(number)
        return number

    async def one(self, project: int) -> Times:
        """Take one application through, while the officers make their rounds."""
        times = Times(begun=time.monotonic())
        number = await self.submit(project)
        ended = self._concluded.waits(number)
        await self._visible.waits(number)
        times.visible = time.monotonic()
        await ended
        times.ended = time.monotonic()
        times.decided = self._decided.pop(number)
        return times

    async def officers(self) -> None:
        """Let every department's officer look at the queue, round by round."""
        while True:
            begun = time.monotonic()
            async with asyncio.TaskGroup() as group:
                for code in county.codes(self._departments):
                    group.create_task(self.sign_off(code))
            await asyncio.sleep(max(0.0, begun + self._round_s - time.monotonic()))

    async def sign_off(self, department: str) -> int:
        """Grant everything open in a department's queue; return how many tasks were seen."""
        token = self._tokens[department]
        page = await self._queues.get("/v1/tasks?sort=issued&limit=100", token)
        items = page["items"]
        if items:
            entries = [{"id": item["id"], "outcome": "granted"} for item in items]
            key = str(uuid.uuid4())
            answer = await self._queues.post(
                "/v1/tasks/decisions", token, key, {"entries": entries}
            )
            now = time.monotonic()
            for result in answer["results"]:
                self._decided[result["ended"]["application"]] = now
        return len(items)

    async def one_idle(self, project: int) -> Times:
        """Take one application through with nothing else going on."""
        times = Times(begun=time.monotonic())
        number = await self.submit(project)
        ended = self._concluded.waits(number)
        await self._visible.waits(number)
        times.visible = time.monotonic()
        codes = county.codes(self._departments)
        seen = await asyncio.gather(*(self.sign_off(code) for code in codes))
        assert all(seen), "a task in the database was not in the API's answer"
        times.decided = time.monotonic()
        await ended
        times.ended = time.monotonic()
        return times


async def drive(settings: dict[str, Any]) -> None:
    """Measure."""
    departments = await asyncpg.connect(settings["departments_dsn"])
    intake = await asyncpg.connect(settings["intake_dsn"])
    for conn in (departments, intake):
        await conn.execute("SET default_transaction_read_only = on")
    visible = Waiting(departments, _VISIBLE, settings["departments"])
    concluded = Waiting(intake, _CONCLUDED, 1)
    counter = Counter(settings, visible, concluded)
    looking = [asyncio.create_task(one.look()) for one in (visible, concluded)]
    idle = await one_by_one(counter.one_idle, settings["idle"], first=1_000_000)
    visible.every = concluded.every = LOOK_S
    measuring = asyncio.create_task(Course(Plan(**settings["plan"])).run(counter.one))
    officers = asyncio.create_task(counter.officers())
    everything = [measuring, officers, *looking]
    done, _ = await asyncio.wait(everything, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    for task in everything:
        task.cancel()
    await asyncio.gather(*everything, return_exceptions=True)
    say("done", idle=idle, sample=counter.numbers[-40:-20])
