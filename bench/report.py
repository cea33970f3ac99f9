"""What a run leaves behind: a JSON file with everything, and the table in the README."""

import argparse
import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from bench import processes
from bench.run import FULL, QUICK, ROUND_S, Bench, say
from services.runtime.embedded.service import REPOSITORY

HERE = Path(__file__).parent
BEGIN, END = "<!-- the table: written by `make bench` -->", "<!-- end of the table -->"
Record = dict[str, Any]


def run_and_report(asked: argparse.Namespace) -> None:
    """Run the bench as asked; a complete full run is written down."""
    size = QUICK if asked.quick else FULL
    if asked.departments:
        size = replace(size, departments=tuple(asked.departments))
    if asked.under_way:
        size = replace(size, concurrency=dict.fromkeys(size.concurrency, asked.under_way))
    data = asked.data or Path(tempfile.mkdtemp(prefix="lianshen-bench-"))
    try:
        records = asyncio.run(Bench(data, size, asked.shapes).run())
    finally:
        if asked.data is None:
            shutil.rmtree(data, ignore_errors=True)
    found = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": processes.describe(),
        "size": asdict(size) | {"officers_round_s": ROUND_S},
        "rounds": records,
        "records": medians(records),
        "ratios": ratios(records),
    }
    text = table(found)
    sys.stdout.write(text + "\n")
    if not (asked.quick or asked.departments or asked.under_way) and asked.shapes == "NBP":
        _write(found, text)


def medians(records: list[Record]) -> list[Record]:
    """Return one record for each number of departments and shape: the median of every figure."""
    groups: dict[tuple[int, str], list[Record]] = {}
    for one in records:
        groups.setdefault((one["departments"], one["shape"]), []).append(one)
    return [_median(found) for found in groups.values()]


def _median(values: list[Any]) -> Any:
    """Return the median of numbers, and of dictionaries the median of each of their values."""
    first = values[0]
    if isinstance(first, dict):
        return {key: _median([one[key] for one in values if key in one]) for key in first}
    return round(median(values), 2) if isinstance(first, int | float) else first


def ratios(records: list[Record]) -> dict[str, dict[str, float]]:
    """Return for each number of departments how the product compares: P/N and P/B.

    By applications a second, and by CPU time (above 1: the product needs less). The second does not
    depend on who else used the machine. Compared is within a round; told is the median of rounds.
    """
    found: dict[str, dict[str, float]] = {}
    for departments in sorted({one["departments"] for one in records}):
        shapes: dict[str, list[Record]] = {}
        for one in records:
            if one["departments"] == departments:
                shapes.setdefault(one["shape"], []).append(one)
        for other in ("N", "B"):
            if "P" in shapes and other in shapes:
                pairs = list(zip(shapes["P"], shapes[other], strict=True))
                found.setdefault(str(departments), {}).update(_compared(f"P/{other}", pairs))
    return found


def _compared(name: str, pairs: list[tuple[Record, Record]]) -> dict[str, float]:
    speed = median(mine["per_second"] / theirs["per_second"] for mine, theirs in pairs)
    cpu = median(theirs["cpu_ms_total"] / mine["cpu_ms_total"] for mine, theirs in pairs)
    return {name: round(speed, 2), f"{name} by CPU": round(cpu, 2)}


def _under_way(size: dict[str, Any]) -> str:
    shapes = ", ".join(f"{shape} {count}" for shape, count in size["concurrency"].items())
    return f"applications under way: {shapes}"


def table(found: dict[str, Any]) -> str:
    """Return the run as Markdown."""
    machine, size = found["machine"], found["size"]
    lines = [
        f"Run of {found['at']}, commit {found['commit']}: {machine['cores']} cores "
        f"({machine['processor']}), {machine['memory_gib']} GiB, kernel {machine['kernel']}, "
        f"Python {machine['python']}; {_under_way(size)}; "
        f"{size['sample_ratio']:.0%} of the traces kept; medians of {size['rounds']} rounds.",
        "",
        "| departments | shape | applications/s | CPU ms each | others used | history events |"
        " idle: visible p50 / p99 | idle: result p50 / p99 | load: visible p50 / p99 |"
        " load: result p50 / p99 |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    lines += [_row(one) for one in found["records"]]
    lines += ["", "| departments | P/N | P/B | P/N by CPU | P/B by CPU |", "|---|---|---|---|---|"]
    names = ("P/N", "P/B", "P/N by CPU", "P/B by CPU")
    for departments, values in found["ratios"].items():
        cells = (str(values.get(name, "")) for name in names)
        lines.append(f"| {departments} | {' | '.join(cells)} |")
    lines += ["", "CPU ms for one application, by process:", ""]
    lines += [_by_process(one) for one in found["records"]]
    return "\n".join(lines)


def _row(one: Record) -> str:
    cells = [
        one["departments"],
        one["shape"],
        one["per_second"],
        one["cpu_ms_total"],
        f"{one['others_cores']} cores",
        one["history_events"].get("mean", ""),
        *(
            f"{times[what].get('p50', '')} / {times[what].get('p99', '')} ms"
            for times in (one["idle"], one["under_load"])
            for what in ("visible", "result")
        ),
    ]
    return f"| {' | '.join(map(str, cells))} |"


def _by_process(one: Record) -> str:
    parts = ", ".join(f"{name} {ms}" for name, ms in one["cpu_ms"].items())
    return f"- {one['shape']} at {one['departments']}: {parts}"


def _write(found: dict[str, Any], text: str) -> None:
    commit = found["commit"].replace(" ", "-")
    file = HERE / "results" / f"{found['at'][:10]}-{commit}.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    readme = HERE / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    readme.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")
    say(f"written: {file.relative_to(REPOSITORY)} and the table in bench/README.md")


def _commit() -> str:
    """Return the commit, with `changed` behind it when the code is not quite that."""
    try:
        commit = _git("rev-parse", "--short", "HEAD")
        return f"{commit} changed" if _git("status", "--porcelain", "services") else commit
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
