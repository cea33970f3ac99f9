"""One run: the stack, then for each number of departments rounds of N, B and P in turn."""

import asyncio
import json
import os
import random
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Any

from temporalio.client import Client

from bench import county, processes
from bench.course import Plan
from services.contracts.vocabulary import Service
from services.orchestrator.workflow import workflow_id
from services.runtime.embedded.ports import is_free
from services.runtime.embedded.service import REPOSITORY, ServiceSpec
from services.runtime.embedded.stack import Stack

SERVICES = tuple(Service)
ROUND_S = 1.0
"""Every officer looks at the queue once a second."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much to measure."""

    departments: tuple[int, ...]
    rounds: int
    concurrency: dict[str, int]
    warm_up: int
    count: int
    seconds: float
    idle: int
    sample_ratio: float

    def plan(self, shape: str) -> Plan:
        """Return what the driver of a shape is told."""
        under_way = self.concurrency[shape]
        return Plan(
            concurrency=under_way,
            warm_up=max(self.warm_up, under_way),
            count=self.count,
            seconds=self.seconds,
        )


FULL = Size(
    departments=(8, 20),
    rounds=3,
    # Each shape has what it did best with, of 64 and 128 (`--under-way` tries others): N the same
    # with both, B a third less with 128; P waits for its officers with 64, who look once a second.
    concurrency={"N": 64, "B": 64, "P": 128},
    # Twice the largest cohort: the first one, which begins all at once, is not measured.
    warm_up=256,
    count=2_000,
    seconds=20.0,
    idle=40,
    sample_ratio=0.1,
)
QUICK = Size(
    departments=(8,),
    rounds=1,
    concurrency={"N": 20, "B": 20, "P": 20},
    warm_up=20,
    count=40,
    seconds=8.0,
    idle=5,
    sample_ratio=1.0,
)


class Bench:
    """The stack and what is measured on it."""

    def __init__(self, data: Path, size: Size, shapes: str) -> None:
        self._data = data
        self._size = size
        self._shapes = shapes
        self._up = True
        self._began = f"{int(time.time()):x}"
        self._run = self._began
        self._stack = Stack(
            data,
            services=[ServiceSpec.of(name) for name in SERVICES],
            departments=county.codes(),
            viewer=False,
            ports=_ports(),
            catalogue_folder=county.write(data / "catalogue"),
            environment={"LIANSHEN_TELEMETRY__SAMPLE_RATIO": str(size.sample_ratio)},
            say=say,
        )

    async def run(self) -> list[dict[str, Any]]:
        """Return one record for each shape, number of departments and round.

        The shapes take turns, forwards and backwards: a machine that is slow for a minute is slow
        for all of them, and nobody always comes after another.
        """
        found: list[dict[str, Any]] = []
        async with self._stack:
            self._client = await Client.connect(self._stack.temporal.address)
            for departments, turn in product(self._size.departments, range(self._size.rounds)):
                self._run = f"{self._began}-{departments}-{turn}"
                for shape in self._shapes if turn % 2 == 0 else reversed(self._shapes):
                    await self._serve(up=shape == "P")
                    found.append(await self._one(shape, departments))
        return found

    async def _serve(self, *, up: bool) -> None:
        """Have our own services up for P only: they would disturb N and B."""
        if up is self._up:
            return
        if up:
            await asyncio.gather(*(self._stack.restart(name) for name in SERVICES))
        else:
            for name in SERVICES:
                await self._stack.kill(name)
        self._up = up

    async def _one(self, shape: str, departments: int) -> dict[str, Any]:
        match shape:
            case "N":
                return await self._naive(departments)
            case "B":
                return await self._bare(departments)
            case _:
                return await self._product(departments)

    async def _bare(self, departments: int) -> dict[str, Any]:
        return await self._measure("B", "bare", departments, self._settings("B", departments))

    async def _naive(self, departments: int) -> dict[str, Any]:
        settings = self._settings("N", departments) | {
            "socket": str(self._data / f"naive-{self._run}.sock")
        }
        async with driver("naive", settings) as client:
            await client.until("listening")
            async with driver("naive-worker", settings) as worker:
                return await self._follow("N", client, departments, {"worker": worker.pid})

    async def _product(self, departments: int) -> dict[str, Any]:
        stack = self._stack
        codes = county.codes(departments)
        tokens = {code: await stack.tokens(f"chief-{code}").get() for code in codes}
        settings = self._settings("P", departments) | {
            "tokens": tokens | {"investor": await stack.tokens("investor").get()},
            "intake": stack.services["intake"].url,
            "queues": stack.services["departments"].url,
            "intake_dsn": stack.postgres.url("intake"),
            "departments_dsn": stack.postgres.url("departments"),
            "round_s": ROUND_S,
        }
        return await self._measure("P", "product", departments, settings)

    def _settings(self, shape: str, departments: int) -> dict[str, Any]:
        return {
            "address": self._stack.temporal.address,
            "departments": departments,
            "run": self._run,
            "idle": self._size.idle,
            "plan": asdict(self._size.plan(shape)),
        }

    async def _measure(
        self, shape: str, role: str, departments: int, settings: dict[str, Any]
    ) -> dict[str, Any]:
        async with driver(role, settings) as process:
            return await self._follow(shape, process, departments, {})

    async def _follow(
        self, shape: str, client: "Driver", departments: int, more: dict[str, int]
    ) -> dict[str, Any]:
        """Read everybody's CPU time at the beginning and at the end of the measurement."""
        name = {"N": "client", "B": "worker and client", "P": "load"}[shape]
        roots = self._roots(shape) | more | {name: client.pid}
        await client.until("measuring")
        say(f"{shape} at {departments} departments: measuring ...")
        before, busy = processes.cpu_seconds(roots), processes.machine_busy_seconds()
        measured = await client.until("measured")
        after = processes.cpu_seconds(roots)
        busy = processes.machine_busy_seconds() - busy
        ended = await client.until("done")
        used = {key: after[key] - before[key] for key in roots}
        number = measured["applications"]
        ms = {key: round(1000 * seconds / number, 2) for key, seconds in used.items()}
        record = {
            "shape": shape,
            "departments": departments,
            **{key: value for key, value in measured.items() if key != "event"},
            "cpu_ms": ms,
            "cpu_ms_total": round(sum(ms.values()), 2),
            "others_cores": round((busy - sum(used.values())) / measured["seconds"], 2),
            "history_events": await self._history(shape, ended["sample"]),
            "idle": ended["idle"],
        }
        say(f"{shape} at {departments}: {json.dumps(record)}")
        return record

    def _roots(self, shape: str) -> dict[str, int]:
        parts = ["temporal"]
        if shape == "P":
            parts += [*SERVICES, "postgres", "broker"]
        return {part: self._stack.part(part).child.pid or 0 for part in parts}

    async def _history(self, shape: str, sample: list[str]) -> dict[str, float]:
        ids = [workflow_id(one) for one in sample] if shape == "P" else sample
        lengths = []
        for one in ids:
            history = await self._client.get_workflow_handle(one).fetch_history()
            lengths.append(len(history.events))
        if not lengths:
            return {}
        return {"mean": round(sum(lengths) / len(lengths), 1), "most": max(lengths)}


def _ports() -> dict[str, int]:
    """Return ports that no other stack would take while ours is stopped for a moment."""
    names = (*SERVICES, "temporal-ui")
    free = [port for port in random.sample(range(20_000, 32_000), 200) if is_free(port)]
    return dict(zip(names, free, strict=False))


class Driver:
    """A process of the bench, and what it says."""

    def __init__(self, role: str, process: asyncio.subprocess.Process) -> None:
        self._role = role
        self._process = process
        self.pid = process.pid

    async def until(self, event: str) -> dict[str, Any]:
        """Return what it says about an event. Raises RuntimeError when it ends before."""
        assert self._process.stdout is not None
        while line := await self._process.stdout.readline():
            said: dict[str, Any] = json.loads(line)
            if said["event"] == event:
                return said
        raise RuntimeError(f"the driver {self._role} ended before it said {event!r}")


@asynccontextmanager
async def driver(role: str, settings: dict[str, Any]) -> AsyncIterator[Driver]:
    """Run a driver; end it on leaving."""
    environment = dict(os.environ)
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench", "--role", role),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        cwd=REPOSITORY,
        env=environment,
        limit=2**22,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(json.dumps(settings).encode())
        process.stdin.close()
        yield Driver(role, process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


def say(sentence: str) -> None:
    """Tell the person at the terminal what goes on."""
    sys.stderr.write(f"bench: {sentence}\n")
    sys.stderr.flush()
