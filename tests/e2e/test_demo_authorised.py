"""The demonstration where every decision needs a written authorisation."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.town import any_ports

DEMO_S = 200


@pytest.mark.timeout(240)
def test_representatives_are_given_their_papers_and_what_goes_up_comes_back(tmp_path: Path) -> None:
    """`verify` ends it: a decision without its paper, or without its answer, would be found."""
    any_ports(tmp_path)
    ended = subprocess.run(
        [
            *(sys.executable, "-m", "services", "demo", "--data", str(tmp_path)),
            *("--scenario", "school", "--speed", "2"),
        ],
        env={**os.environ, "COLUMNS": "160", "LIANSHEN_AUTHORISATIONS": "required"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEMO_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    assert "were given their written authorisations" in ended.stdout
    assert "Concluded within its promise; verified." in ended.stdout
