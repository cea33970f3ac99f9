"""The demonstration of the whole procedure of the law, as a newcomer runs it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.demonstration.story import TITLES
from tests.e2e.town import any_ports

LONGEST_S = 280
SPEED_S = "2.5"


@pytest.mark.timeout(300)
def test_everything_the_law_has_in_store_happens_and_it_still_ends_in_time(tmp_path: Path) -> None:
    """Its exit code rests on the promise, on `verify`, and on every scene having happened."""
    any_ports(tmp_path)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "services", "demo", "--data", str(tmp_path)),
            *("--scenario", "plant", "--speed", SPEED_S),
        ],
        env={**os.environ, "COLUMNS": "200"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LONGEST_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    account = ended.stdout[ended.stdout.index("What happened") :]
    for title in TITLES.values():
        [line] = [line for line in account.splitlines() if title in line]
        assert "—" not in line
    assert "Concluded within its promise; verified." in ended.stdout
