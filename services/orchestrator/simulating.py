"""Simulations asked for on a page: the command `lianshen simulate` in a process of its own.

A simulation keeps one core busy for seconds; in the service's process it would hold up everybody
else. One runs at a time, gently, and is ended when it takes too long or nobody waits any more.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson
import structlog

from services.runtime.settings import CatalogueSettings
from services.runtime.web.problems import OVERLOADED, Problem, Words, problem_type

LONGEST_S = 60.0
GENTLE = 10
FAILED = problem_type("simulation-failed", 422, "推演没有完成", "The simulation was not completed")
SAID_NO = 2
"""The exit code of a command that says in a sentence what it cannot do."""
LONGEST_SENTENCE = 300
_log = structlog.get_logger(__name__)


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

        `assumed` is what an assumptions file says. Raises Problem 422, with the command's own words
        if it says what is wrong with what was asked for, 503 while another one runs.
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
                here = (folder, str(self._settings.folder), str(self._settings.calendar_folder))
                return await _output(arguments, here)


async def _output(arguments: Sequence[str], here: Sequence[str]) -> dict[str, Any]:
    """Return what the command prints; `here`: paths that nobody is told."""
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
        raise Problem(FAILED, failure(process.returncode, errors.decode(errors="replace"), here))
    found: dict[str, Any] = orjson.loads(out)
    return found


def failure(code: int | None, errors: str, here: Sequence[str]) -> Words:
    """Return what people are told: the command's one sentence, or that it failed.

    Anything else that it wrote goes to the log.
    """
    text = errors.strip()
    is_sentence = 0 < len(text) <= LONGEST_SENTENCE and len(text.splitlines()) == 1
    names_none = "Traceback" not in text and not any(path in text for path in here)
    if code == SAID_NO and is_sentence and names_none:
        return Words(text, text)
    _log.error("simulation_failed", code=code, said=text[-2000:])
    return Words("推演出错，已记录，请联系运行人员", "It failed and was logged; tell the operators")
