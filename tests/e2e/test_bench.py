"""The bench runs, and says what it measured."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(300)
def test_a_smoke_run_measures_all_three_shapes(tmp_path: Path) -> None:
    results = set((ROOT / "bench" / "results").glob("*"))
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--data", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    rows = [line.split(" | ") for line in ran.stdout.splitlines() if line.startswith("| 8 | ")]
    measured = {row[1]: row for row in rows if row[1] in {"N", "B", "P"}}
    assert set(measured) == {"N", "B", "P"}
    assert all(float(row[2]) > 0 and float(row[3]) > 0 for row in measured.values())
    assert float(measured["P"][5]) < float(measured["N"][5]), "fewer history events than naive"
    assert set((ROOT / "bench" / "results").glob("*")) == results, "a smoke run writes nothing"
