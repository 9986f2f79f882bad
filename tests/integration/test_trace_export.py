"""What a service sends arrives whole at an OTLP receiver that is not ours: the one of `oteltest`."""

import asyncio
import logging
from collections.abc import Iterator

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from oteltest.sink import HttpSink

from shared.events import SceneFitted, ScenePlanned
from shared.servers import free_port
from shared.service import Service, Step
from shared.telemetry import stage
from shared.telemetry_ids import project_span, scene_span
from tests.integration.bus_bench import Bus, fitted, scene_planned, until

pytestmark = pytest.mark.integration


class Received:
    """Keeps what arrives: what a sink of oteltest calls."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.metrics: dict[str, Metric] = {}

    def handle_trace(self, request: ExportTraceServiceRequest, headers: object) -> None:
        self.spans += [
            span for resource in request.resource_spans for scope in resource.scope_spans for span in scope.spans
        ]

    def handle_metrics(self, request: ExportMetricsServiceRequest, headers: object) -> None:
        for resource in request.resource_metrics:
            for scope in resource.scope_metrics:
                self.metrics |= {metric.name: metric for metric in scope.metrics}

    def handle_logs(self, request: ExportLogsServiceRequest, headers: object) -> None:
        return


@pytest.fixture
def received(monkeypatch: pytest.MonkeyPatch) -> Iterator[Received]:
    """What a receiver got, that the environment names."""
    port, received = free_port(), Received()
    sink = HttpSink(received, logging.getLogger("receiver"), port)
    sink.start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{port}")
    yield received
    sink.stop()


async def test_a_scene_s_spans_and_measurements_arrive(bus: Bus, received: Received) -> None:
    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        with stage("ffmpeg"):
            await asyncio.sleep(0)
        return fitted(event)

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit)
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 1))
        await bus.said(SceneFitted, "lighthouse")
        await bus.settled("clip_fitter")

    async def arrived() -> bool:
        return any(span.name == "scene" for span in received.spans) and bool(received.metrics)

    await until(arrived, "nothing of the scene arrived")
    by_name = {span.name: span for span in received.spans}
    process = by_name["process lockstep.{project_id}.scene.{scene_number}.planned"]
    assert by_name["scene"].span_id == scene_span("lighthouse", 1).span_id.to_bytes(8, "big")
    assert by_name["scene"].parent_span_id == project_span("lighthouse").span_id.to_bytes(8, "big")
    assert process.parent_span_id == by_name["queue"].parent_span_id == by_name["scene"].span_id
    assert by_name["ffmpeg"].parent_span_id == process.span_id
    assert {span.trace_id for span in received.spans} == {project_span("lighthouse").trace_id.to_bytes(16, "big")}
    points = received.metrics["lockstep.scene.latency"].histogram.data_points
    assert {each.string_value for point in points for each in (attribute.value for attribute in point.attributes)} == {
        *("queue", "work", "total"),
        "fitted",
    }
    assert all(len(point.explicit_bounds) > 5 for point in points)
    exemplars = [exemplar for point in points for exemplar in point.exemplars]
    assert {exemplar.trace_id for exemplar in exemplars} == {by_name["scene"].trace_id}
