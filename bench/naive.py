"""Shape N: default worker in one process, client in another, an activity and a signal a department.

The worker tells the client of an issued task over a Unix socket, as a queue would: the client
signals that department's decision as soon as it hears of it.
"""

import asyncio
import contextlib
import time
from typing import Any

from temporalio import activity
from temporalio.client import Client
from temporalio.worker import Worker

from bench import county
from bench.course import Course, Plan, Times, one_by_one, say
from bench.shapes import ISSUE, Naive

QUEUE = "naive"


class Issuing:
    """The activity of the naive worker."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer

    @activity.defn(name=ISSUE)
    async def issue(self, application: str, department: str) -> None:
        """Put one task on a department's queue."""
        self._writer.write(f"{application} {department}\n".encode())


async def work(settings: dict[str, Any]) -> None:
    """Run the worker until it is ended."""
    client = await Client.connect(settings["address"])
    _, writer = await asyncio.open_unix_connection(settings["socket"])
    worker = Worker(client, task_queue=QUEUE, workflows=[Naive], activities=[Issuing(writer).issue])
    await worker.run()


class Counter:
    """The client: starts applications and answers for the departments."""

    def __init__(self, client: Client, departments: list[str], run: str) -> None:
        self._client = client
        self._departments = departments
        self._run = run
        self._open: dict[str, tuple[Times, set[str]]] = {}
        self._signals: set[asyncio.Task[None]] = set()

    async def listen(self, reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        """Hear of issued tasks; decide each at once."""
        with contextlib.suppress(asyncio.CancelledError):  # the end of the measurement
            while line := await reader.readline():
                application, department = line.decode().split()
                task = asyncio.create_task(self._decide(application, department))
                self._signals.add(task)
                task.add_done_callback(self._signals.discard)

    async def _decide(self, application: str, department: str) -> None:
        times, missing = self._open[application]
        missing.discard(department)
        if not missing:
            times.visible = time.monotonic()
        handle = self._client.get_workflow_handle(application)
        await handle.signal(Naive.decide, args=[department, "granted"])
        times.decided = time.monotonic()

    async def one(self, number: int) -> Times:
        """Take one application through."""
        application = f"naive-{self._run}-{number}"
        times = Times(begun=time.monotonic())
        self._open[application] = (times, set(self._departments))
        handle = await self._client.start_workflow(
            Naive.run, args=[application, self._departments], id=application, task_queue=QUEUE
        )
        await handle.result()
        times.ended = time.monotonic()
        del self._open[application]
        return times


async def drive(settings: dict[str, Any]) -> None:
    """Measure."""
    client = await Client.connect(settings["address"])
    counter = Counter(client, county.codes(settings["departments"]), settings["run"])
    server = await asyncio.start_unix_server(counter.listen, settings["socket"])
    say("listening")
    async with server:
        idle = await one_by_one(counter.one, settings["idle"], first=1_000_000)
        await Course(Plan(**settings["plan"])).run(counter.one)
    say("done", idle=idle, sample=[f"naive-{settings['run']}-{n}" for n in range(20, 30)])
