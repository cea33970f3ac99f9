"""Shape B: worker and client in one process, one local activity a step, one signal its decisions.

Worker settings and sandbox are the product's own.
"""

import asyncio
import time
from typing import Any

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from bench import county
from bench.course import Course, Plan, Times, one_by_one, say
from bench.shapes import CARRY_OUT, Bare
from services.orchestrator.settings import TemporalSettings
from services.orchestrator.worker import tuning

QUEUE = "bare"


class Counter:
    """Starts applications, carries out their steps and answers for the departments."""

    def __init__(self, client: Client, departments: list[str], run: str) -> None:
        self._client = client
        self._departments = departments
        self._run = run
        self._open: dict[str, tuple[asyncio.Future[None], asyncio.Future[None]]] = {}

    @activity.defn(name=CARRY_OUT)
    async def carry_out(self, turn: dict[str, Any]) -> None:
        """Issue all tasks of a step, or release all results."""
        issued, released = self._open[turn["application"]]
        done = issued if "issue" in turn else released
        if not done.done():  # a local activity may run twice
            done.set_result(None)

    async def one(self, number: int) -> Times:
        """Take one application through."""
        loop = asyncio.get_running_loop()
        application = f"bare-{self._run}-{number}"
        issued, released = self._open[application] = loop.create_future(), loop.create_future()
        times = Times(begun=time.monotonic())
        handle: WorkflowHandle[Any, Any] = await self._client.start_workflow(
            Bare.run,
            args=[application, self._departments],
            id=application,
            task_queue=QUEUE,
            request_eager_start=True,
        )
        await issued
        times.visible = time.monotonic()
        await handle.signal(Bare.deliver, dict.fromkeys(self._departments, "granted"))
        times.decided = time.monotonic()
        await released
        times.ended = time.monotonic()
        del self._open[application]
        return times


async def drive(settings: dict[str, Any]) -> None:
    """Measure."""
    client = await Client.connect(settings["address"])
    counter = Counter(client, county.codes(settings["departments"]), settings["run"])
    async with Worker(
        client,
        task_queue=QUEUE,
        workflows=[Bare],
        activities=[counter.carry_out],
        **tuning(TemporalSettings()),
    ):
        idle = await one_by_one(counter.one, settings["idle"], first=1_000_000)
        await Course(Plan(**settings["plan"])).run(counter.one)
    say("done", idle=idle, sample=[f"bare-{settings['run']}-{n}" for n in range(20, 30)])
