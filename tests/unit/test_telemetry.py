"""Spans: parents, links, errors without messages, the span file, and what logs leave out."""

import json
import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from services.runtime import logs, telemetry
from services.runtime.settings import TelemetrySettings
from services.runtime.telemetry import FileExporter, process_spans, span

ONE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
TWO = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    telemetry.install(provider)
    yield exporter
    telemetry.shutdown()


def parent_of(one: ReadableSpan) -> str | None:
    return f"{one.parent.span_id:016x}" if one.parent else None


def links_of(one: ReadableSpan) -> list[str]:
    return [f"{link.context.span_id:016x}" for link in one.links]


@given(st.one_of(st.none(), st.text(max_size=60), st.from_regex(r"[0-9a-f-]{55}", fullmatch=True)))
def test_whatever_is_no_traceparent_is_none(text: str | None) -> None:
    found = telemetry.parse(text)
    assert found is None or found.is_valid


def test_a_traceparent_there_and_back() -> None:
    found = telemetry.parse(ONE)
    assert found is not None
    assert telemetry.traceparent_of(trace.NonRecordingSpan(found)) == ONE
    assert telemetry.parse(ONE.replace("-01", "-00")) is not None
    for wrong in (ONE[:-1], "ff" + ONE[2:], "00-" + "0" * 32 + ONE[35:], ONE.replace("-", "x")):
        assert telemetry.parse(wrong) is None


def test_outside_any_span_there_is_no_traceparent(spans: InMemorySpanExporter) -> None:
    assert telemetry.current_traceparent() is None
    assert telemetry.current_trace_id() is None
    telemetry.link_current(ONE)


def test_children_of_the_current_span_and_of_a_stored_one(spans: InMemorySpanExporter) -> None:
    with span("outer"):
        outer = telemetry.current_traceparent()
        with span("inner"):
            pass
        with span("resumed", traceparent=ONE, links=[outer, outer, None, "nonsense"]):
            telemetry.link_current(TWO)
    inner, resumed, finished = spans.get_finished_spans()
    assert outer is not None
    assert parent_of(inner) == outer[36:52] == f"{finished.context.span_id:016x}"
    assert parent_of(resumed) == "b7ad6b7169203331"
    assert links_of(resumed) == [outer[36:52], "00f067aa0ba902b7"]


def test_an_error_is_told_by_its_type_alone(spans: InMemorySpanExporter) -> None:
    with pytest.raises(KeyError), span("failing"):
        raise KeyError("110101199003070011")
    [failed] = spans.get_finished_spans()
    assert failed.attributes == {"error.type": "KeyError"}
    assert not failed.status.is_ok
    assert "110101199003070011" not in failed.to_json()


def test_a_batch_opens_one_span_for_each_application(spans: InMemorySpanExporter) -> None:
    with process_spans({"A-1": [ONE, TWO, ONE], "A-2": [None]}) as parents:
        assert telemetry.current_traceparent() is None
    first, second = spans.get_finished_spans()
    assert first.attributes == {"lianshen.application": "A-1", "lianshen.events": 3}
    assert parent_of(first) == "b7ad6b7169203331"
    assert links_of(first) == ["00f067aa0ba902b7"]
    assert parent_of(second) is None
    assert parents["A-1"] is not None
    assert parents["A-1"][36:52] == f"{first.context.span_id:016x}"


def test_a_batch_of_one_application_is_current_and_fails_as_a_whole(
    spans: InMemorySpanExporter,
) -> None:
    def fail() -> None:
        with process_spans({"A-1": [ONE]}) as parents:
            assert telemetry.current_traceparent() == parents["A-1"]
            raise ValueError("x")

    with pytest.raises(ValueError, match="x"):
        fail()
    [only] = spans.get_finished_spans()
    assert not only.status.is_ok


def test_nothing_is_traced_when_nothing_is_configured() -> None:
    telemetry.shutdown()
    telemetry.setup("intake", TelemetrySettings())
    with span("unseen"):
        assert telemetry.current_traceparent() is None


def test_the_span_file_has_one_record_a_line(tmp_path: Path) -> None:
    telemetry.setup("intake", TelemetrySettings(span_folder=tmp_path))
    with span("parent", attributes={"lianshen.application": "A-1"}), span("child", links=[ONE]):
        pass
    telemetry.shutdown()
    child, parent = read(tmp_path / "intake.jsonl")
    assert child["parent"] == parent["span"]
    assert child["trace"] == parent["trace"]
    assert child["links"] == [{"trace": ONE[3:35], "span": ONE[36:52]}]
    assert (parent["service"], parent["error"], parent["kind"]) == ("intake", False, "internal")
    assert parent["attributes"] == {"lianshen.application": "A-1"}
    assert parent["start"] <= child["start"] <= child["end"] <= parent["end"]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_full_span_file_is_put_aside(tmp_path: Path) -> None:
    exporter = FileExporter(tmp_path / "x.jsonl", "x", limit_bytes=10)
    provider = TracerProvider()
    one = provider.get_tracer("t").start_span("a")
    one.end()
    assert isinstance(one, ReadableSpan)
    exporter.export([one])
    exporter.export([one, one])
    assert len(read(tmp_path / "x.jsonl.1")) == 2


def test_a_ratio_of_zero_keeps_the_trace_id_and_writes_nothing(tmp_path: Path) -> None:
    telemetry.setup("intake", TelemetrySettings(span_folder=tmp_path, sample_ratio=0))
    with span("unsampled"):
        unsampled = telemetry.current_traceparent()
    telemetry.shutdown()
    assert unsampled is not None
    assert unsampled.endswith("-00")
    assert not (tmp_path / "intake.jsonl").exists()


@pytest.fixture
def quiet() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


@pytest.mark.usefixtures("quiet")
def test_logs_name_the_application_and_the_trace_and_no_person(
    spans: InMemorySpanExporter, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.configure("intake")
    with span("request"), logs.about("A-1"):
        trace_id = telemetry.current_trace_id()
        structlog.get_logger("x").info(
            "received", phone="13800000000", nested={"applicant": "张三", "n": [{"sub": "u"}]}
        )
        logging.getLogger("library").warning("plain %s", "text")
    ours, library = lines(capsys)
    assert ours["trace_id"] == trace_id
    assert ours["application"] == library["application"] == "A-1"
    assert ours["service"] == library["service"] == "intake"
    assert ours["phone"] == "[removed]"
    assert ours["nested"] == {"applicant": "[removed]", "n": [{"sub": "[removed]"}]}
    assert library["event"] == "plain text"


@pytest.mark.usefixtures("quiet")
def test_an_exception_is_logged_by_type_and_place(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("intake")
    try:
        try:
            raise KeyError("110101199003070011")
        except KeyError as error:
            raise RuntimeError("张三") from error
    except RuntimeError:
        structlog.get_logger("x").exception("failed")
        logging.getLogger("library").error("broken", exc_info=sys.exc_info())
    for line in lines(capsys):
        assert line["error"] == "RuntimeError < KeyError"
        assert "test_telemetry.py" in line["at"][-1]
        assert "张三" not in str(line)
        assert "110101199003070011" not in str(line)
