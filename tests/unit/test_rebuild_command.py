"""`lianshen rebuild`: what it says when it cannot begin. What it does: tests/faults."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from services.cli import build


def test_without_a_stack_it_says_what_to_do(tmp_path: Path) -> None:
    result = CliRunner().invoke(build(), ["rebuild", "--data", str(tmp_path)])
    assert result.exit_code == 2
    assert "lianshen up" in result.output


def test_without_temporal_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIANSHEN_TEMPORAL__ADDRESS", "127.0.0.1:1")
    result = CliRunner().invoke(build(), ["rebuild"])
    assert result.exit_code == 2
    assert "RuntimeError" in result.output
