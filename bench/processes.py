"""CPU time of processes, from /proc: user and system, with the children that have ended."""

import os
import platform
import sys
from collections import defaultdict
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(roots: dict[str, int]) -> dict[str, float]:
    """Return the CPU seconds so far of each named process and all its descendants."""
    used: dict[int, float] = {}
    children: dict[int, list[int]] = defaultdict(list)
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        children[int(fields[1])].append(int(folder.name))
        used[int(folder.name)] = sum(map(int, fields[11:15])) / _TICKS
    return {name: _sum(pid, used, children) for name, pid in roots.items()}


def _sum(pid: int, used: dict[int, float], children: dict[int, list[int]]) -> float:
    return used.get(pid, 0.0) + sum(_sum(child, used, children) for child in children[pid])


def machine_busy_seconds() -> float:
    """Return the CPU seconds that the whole machine has been busy for."""
    first = Path("/proc/stat").read_text().split("\n", 1)[0]
    user, nice, system, _idle, _waiting, irq, soft, *_ = map(int, first.split()[1:])
    return (user + nice + system + irq + soft) / _TICKS


def describe() -> dict[str, object]:
    """Return what the numbers were measured on."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count(),
        "processor": model,
        "memory_gib": round(pages / 2**30, 1),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
    }
