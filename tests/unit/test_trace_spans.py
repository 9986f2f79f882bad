"""The file of kept spans: told twice is kept once, it stays in bounds, and it never disturbs who tells."""

import logging
from pathlib import Path

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.spans import LocalSpans, known_projects, spans_of
from shared.telemetry_failures import without_quotations
from shared.telemetry_ids import ComputedIds, project_span, scene_span, within


def told(project_id: str, *, start: int, end: int, name: str = "scene", note: str = "") -> ReadableSpan:
    """A scene's finished span."""
    memory, ids = InMemorySpanExporter(), ComputedIds()
    provider = TracerProvider(id_generator=ids, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    with ids.chosen(scene_span(project_id, 1)):
        span = provider.get_tracer("test").start_span(
            name,
            context=within(project_span(project_id)),
            start_time=start,
            attributes={"project.id": project_id, "scene.number": 1, "note": note},
        )
    span.end(end_time=end)
    return memory.get_finished_spans()[0]


def test_a_span_that_is_told_again_replaces_itself(tmp_path: Path) -> None:
    path = tmp_path / "spans.db"
    first, second = LocalSpans(path), LocalSpans(path)  # two processes
    first.export([told("lighthouse", start=1, end=5)])
    second.export([told("lighthouse", start=1, end=9)])
    (span,) = spans_of(path, "lighthouse")
    assert (span.start_ns, span.end_ns, span.number("scene.number")) == (1, 9, 1)
    assert span.parent_id == f"{project_span('lighthouse').span_id:016x}"
    first.shutdown()
    second.shutdown()


def test_the_oldest_projects_go_where_the_file_would_grow_past_its_bound(tmp_path: Path) -> None:
    path = tmp_path / "spans.db"
    kept = LocalSpans(path, limit_bytes=200_000)
    for number in range(60):
        kept.export([told(f"project-{number}", start=number, end=number + 1, note="x" * 10_000)])
    known = known_projects(path)
    assert known[0] == "project-59"
    assert 5 < len(known) < 20
    kept.shutdown()
    assert path.stat().st_size < 300_000


def test_the_project_in_work_is_kept_however_large_it_is(tmp_path: Path) -> None:
    kept = LocalSpans(tmp_path / "spans.db", limit_bytes=1)
    kept.export([told("lighthouse", start=1, end=2)])
    assert known_projects(tmp_path / "spans.db") == ["lighthouse"]
    kept.shutdown()


def test_a_file_that_cannot_be_written_costs_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "spans.db").write_bytes(b"this is no database at all" * 100)
    kept = LocalSpans(tmp_path / "spans.db")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert kept.export([told("lighthouse", start=1, end=2)]) is SpanExportResult.FAILURE
    assert len(caplog.records) == 1


def test_ids_are_computed_from_project_and_scene() -> None:
    assert scene_span("lighthouse", 1) == scene_span("lighthouse", 1)
    assert scene_span("lighthouse", 1).trace_id == project_span("lighthouse").trace_id
    spans = [
        scene_span("lighthouse", 1),
        scene_span("lighthouse", 2),
        scene_span("harbour", 1),
        project_span("harbour"),
    ]
    assert len({span.span_id for span in spans}) == 4


@pytest.mark.parametrize(
    ("reason", "told_as"),
    [
        ("Scene 'intro' doesn't say 'a small boat'.", "Scene '…' doesn't say '…'."),
        ("It heard “nobody waves” instead.", "It heard “…” instead."),
        ('The word "boat" isn\'t there.', "The word “…” isn't there."),
        ("ConnectionError: the store is away", "ConnectionError: the store is away"),
    ],
)
def test_a_reason_is_told_without_what_it_quotes(reason: str, told_as: str) -> None:
    assert without_quotations(reason) == told_as
