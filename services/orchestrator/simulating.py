"""Simulations asked for on a page: the command `lianshen simulate` in a process of its own.

A simulation keeps one core busy for seconds; in the service's process it would hold up everybody
else. One runs at a time, gently, and is ended when it takes too long or nobody waits any more.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import orjson

from services.runtime.settings import CatalogueSettings
from services.runtime.web.problems import OVERLOADED, Problem, Words, problem_type

LONGEST_S = 60.0
GENTLE = 10
FAILED = problem_type("simulation-failed", 422, "推演没有完成", "The simulation was not completed")


class Simulator:
    """Runs simulations on the county's catalogue and calendar."""

    def __init__(self, settings: CatalogueSettings) -> None:
        """Keep where the county's files are."""
        self._settings = settings
        self._running = asyncio.Lock()

    async def run(
        self, scenario: str, applications: int, assumed: dict[str, Any], *, compare: bool
    ) -> dict[str, Any]:
        """Return the figures of `lianshen simulate --json`.

        `assumed` is what an assumptions file says. Raises Problem 422 with the command's own words,
        503 while another one runs.
        """
        if self._running.locked():
            words = Words("另一次推演正在进行", "Another simulation is running")
            raise Problem(OVERLOADED, words, headers={"retry-after": "10"})
        async with self._running:
            with tempfile.TemporaryDirectory(prefix="lianshen-simulate-") as folder:
                file = Path(folder) / "assumptions.yaml"
                file.write_bytes(orjson.dumps(assumed))  # JSON is YAML
                arguments = [
                    *("simulate", "--json", "--scenario", scenario, "--seed", "1"),
                    *("--applications", str(applications), "--assumptions", str(file)),
                    *("--catalogue", str(self._settings.folder)),
                    *("--calendar", str(self._settings.calendar_folder)),
                    "--compare" if compare else "--no-compare",
                ]
                return await _output(arguments)


async def _output(arguments: list[str]) -> dict[str, Any]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        os.setpriority(os.PRIO_PROCESS, process.pid, GENTLE)
        out, errors = await asyncio.wait_for(process.communicate(), LONGEST_S)
    except TimeoutError:
        words = Words("推演超过一分钟，请减少件数", "It took over a minute: ask for fewer")
        raise Problem(FAILED, words) from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        text = errors.decode(errors="replace").strip()[-500:]
        raise Problem(FAILED, Words(text, text))
    found: dict[str, Any] = orjson.loads(out)
    return found
