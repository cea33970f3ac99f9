"""The restaurant's county with a fifth department, where all look at the papers first."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.contracts.vocabulary import Service
from services.runtime import catalogue_files
from services.runtime.embedded.service import ServiceSpec
from services.runtime.embedded.stack import Stack
from tests.e2e.town import any_ports

RESTAURANT = Path("tests/fixtures/restaurant")
SECONDS = 30.0
"""A working day: people at browsers keep the law's days on a busy machine, and yet they pass."""
DRAINS = "water-drainage"
CHANGES = (
    ("county.yaml", "code: NX\n", "code: NX\nacceptance: by_departments\n"),
    (
        "departments.yaml",
        "- {code: food-health",
        f"- {{code: {DRAINS}, name: {{zh: 排水管理处, en: Drainage Office}}, window: '5'}}\n"
        "- {code: food-health",
    ),
    # Whoever is at a browser needs longer than a program for the inspection.
    ("groups.yaml", "  budget: {value: 3}\n", "  budget: {value: 5}\n"),
    ("groups.yaml", "Licences issued together}, days: 1}", "Licences issued together}, days: 3}"),
    (
        "items/set-up.yaml",
        "Permit for the drains of the fit-out}\n  department: city-appearance\n",
        f"Permit for the drains of the fit-out}}\n  department: {DRAINS}\n",
    ),
)


def made_in(folder: Path) -> Path:
    """Write the county's catalogue into a folder and return that."""
    shutil.copytree(RESTAURANT, folder)
    for name, old, new in CHANGES:
        file = folder / "2026.1" / name
        text = file.read_text(encoding="utf-8")
        assert text.count(old) == 1, name
        file.write_text(text.replace(old, new), encoding="utf-8")
    return folder


@asynccontextmanager
async def open_county(folder: Path) -> AsyncIterator[Stack]:
    """Start its stack. Nobody works in it but whoever is at a browser."""
    any_ports(folder / "data")
    catalogue = made_in(folder / "catalogue")
    [found] = catalogue_files.load_all(catalogue)
    async with Stack(
        folder / "data",
        services=[ServiceSpec.of(service) for service in Service],
        departments=sorted(one.code for one in found.departments),
        seconds_per_working_day=SECONDS,
        viewer=False,
        catalogue_folder=catalogue,
    ) as stack:
        yield stack
