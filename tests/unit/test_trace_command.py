"""`lianshen trace`: one application's trace out of the span files of several processes."""

import json
from pathlib import Path

import pytest
import typer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from typer.testing import CliRunner

from services.commands import trace
from services.commands.trace import TraceNotFoundError, load
from services.runtime import telemetry
from services.runtime.telemetry import FileExporter, process_spans, span

NUMBER = "LS20260302-000001-1"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An application submitted at intake, applied in the orchestrator, decided by a person."""
    folder = tmp_path / "spans"
    as_service(folder, "intake")
    with span("POST /v1/applications"):
        telemetry.mark_application(NUMBER)
        with span("application.submit"):
            root = telemetry.current_traceparent()
    with span("unrelated"):
        pass
    as_service(folder, "orchestrator")
    with process_spans({NUMBER: [root]}):
        telemetry.mark_application(NUMBER)
    as_service(folder, "departments")
    with span("POST /v1/tasks/decide", links=[root], attributes={"lianshen.application": NUMBER}):
        pass
    telemetry.shutdown()
    return tmp_path


def as_service(folder: Path, service: str) -> None:
    provider = TracerProvider()
    exporter = FileExporter(folder / f"{service}.jsonl", service)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.install(provider)


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    trace.register(app)
    app.callback()(lambda: None)
    result = CliRunner().invoke(app, ["trace", *arguments])
    return result.exit_code, result.output


def test_one_tree_over_all_services(data: Path) -> None:
    found = load(data, NUMBER)
    assert [one.name for one in found.roots] == ["POST /v1/applications"]
    assert found.orphans == ()
    assert [service for service, _ in found.processes] == ["intake", "orchestrator"]
    assert [one.name for one in found.spans] == [
        "POST /v1/applications",
        "application.submit",
        "inbox.process",
    ]
    assert len(found.acts) == 1
    assert load(data, found.trace_id) == found


def test_a_span_whose_parent_is_nowhere_is_an_orphan(data: Path) -> None:
    file = data / "spans" / "intake.jsonl"
    kept = [line for line in file.read_text().splitlines(True) if "POST" not in line]
    file.write_text("".join(kept))
    found = load(data, NUMBER)
    assert [one.name for one in found.orphans] == ["application.submit"]
    code, output = run(NUMBER, "--data", str(data))
    assert code == 0
    assert "1 orphans" in output


def test_a_line_still_being_written_is_left_out(data: Path) -> None:
    file = data / "spans" / "orchestrator.jsonl"
    file.write_bytes(file.read_bytes() + file.read_bytes()[:-20])
    assert len(load(data, NUMBER).spans) == 3


def test_printed_as_a_tree_and_as_json(data: Path) -> None:
    code, output = run(NUMBER, "--data", str(data))
    assert code == 0
    assert "3 spans, 2 processes, 0 orphans, 1 linked traces" in output
    assert output.index("POST /v1/applications") < output.index("inbox.process")
    code, output = run(NUMBER, "--data", str(data), "--json")
    document = json.loads(output)
    assert [one["service"] for one in document["spans"]] == ["intake", "intake", "orchestrator"]
    assert document["orphans"] == []


def test_an_unknown_application_is_said_in_one_sentence(data: Path) -> None:
    with pytest.raises(TraceNotFoundError):
        load(data, "LS20260302-000009-9")
    code, output = run("LS20260302-000009-9", "--data", str(data))
    assert code == 1
    assert "no span in" in output
