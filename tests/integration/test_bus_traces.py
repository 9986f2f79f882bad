"""One trace per project over all services and attempts, names that do not grow in number, and no need of a backend."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext, SpanKind, StatusCode, get_current_span

from shared.events import Event, ProjectSubmitted, SceneFitted, ScenePlanned, VoiceoverRecorded, WordsTimed
from shared.servers import free_port
from shared.service import Service, Step
from shared.telemetry import project_context
from shared.telemetry_logs import JsonLines, PlainLines
from tests.integration.bus_bench import Bus, asset, fitted, plan_of, recorded, scene_planned, submitted

pytestmark = pytest.mark.integration

logger = logging.getLogger("lockstep.test")


async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
    return recorded(event.project_id)


async def time_words(event: VoiceoverRecorded, step: Step) -> WordsTimed:
    return WordsTimed(
        project_id=event.project_id,
        project=event.project,
        recording=event.recording,
        transcript=asset("transcripts/one.json"),
        word_count=3,
        from_store=False,
    )


async def plan(event: WordsTimed, step: Step) -> Sequence[Event]:
    return plan_of(event.project_id, 2)


async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
    return fitted(event)


def traced(service: Service) -> InMemorySpanExporter:
    """What the service's tracer records from now on."""
    exporter = InMemorySpanExporter()
    service.telemetry.provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter


def trace_id_of(project_id: str) -> int:
    return get_current_span(project_context(project_id)).get_span_context().trace_id


async def test_all_steps_of_a_project_are_one_trace(bus: Bus) -> None:
    voiceover, transcriber = Service("voiceover", bus.settings), Service("transcriber", bus.settings)
    planner, fitter = Service("scene_planner", bus.settings), Service("clip_fitter", bus.settings)
    voiceover.on(ProjectSubmitted, record)
    transcriber.on(VoiceoverRecorded, time_words)
    planner.on(WordsTimed, plan)
    fitter.on(ScenePlanned, fit)
    services = (voiceover, transcriber, planner, fitter)
    exporters = [traced(service) for service in services]
    async with bus.running(*(service.app for service in services)):
        for project_id in ("lighthouse", "harbour"):
            await bus.say(submitted(project_id))
            await bus.said(SceneFitted, project_id, count=2)
        await bus.settled("clip_fitter")
    spans = [span for exporter in exporters for span in exporter.get_finished_spans()]
    for project_id in ("lighthouse", "harbour"):
        own = [span for span in spans if (span.attributes or {}).get("project.id") == project_id]
        assert {_context(span).trace_id for span in own} == {trace_id_of(project_id)}
        known = {_context(span).span_id for span in own} | {
            get_current_span(project_context(project_id)).get_span_context().span_id
        }
        assert all(span.parent is not None and span.parent.span_id in known for span in own)
        assert sorted(span.name for span in own) == sorted(
            [
                "process lockstep.{project_id}.project.submitted",
                "publish lockstep.{project_id}.voiceover.recorded",
                "process lockstep.{project_id}.voiceover.recorded",
                "publish lockstep.{project_id}.words.timed",
                "process lockstep.{project_id}.words.timed",
                "publish lockstep.{project_id}.scenes.planned",
                *2 * ["process lockstep.{project_id}.scene.{scene_number}.planned"],
                *2 * ["publish lockstep.{project_id}.scene.{scene_number}.fitted"],
                *5 * ["queue"],
                *2 * ["scene"],
            ]
        )
        numbers = [(span.attributes or {}).get("scene.number") for span in own if "fitted" in span.name]
        assert sorted(numbers, key=str) == [1, 2]
    assert len(spans) == 34


def _context(span: ReadableSpan) -> SpanContext:
    context = span.get_span_context()
    assert context is not None
    return context


async def test_spans_of_messages_say_what_the_conventions_for_messaging_ask_for(bus: Bus) -> None:
    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit)
    exporter = traced(service)
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 3))
        await bus.settled("clip_fitter")
    by_name = {span.name: span for span in exporter.get_finished_spans()}
    process = by_name["process lockstep.{project_id}.scene.{scene_number}.planned"]
    publish = by_name["publish lockstep.{project_id}.scene.{scene_number}.fitted"]
    assert (process.kind, publish.kind) == (SpanKind.CONSUMER, SpanKind.PRODUCER)
    assert {
        "messaging.system": "nats",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "lockstep.lighthouse.scene.3.planned",
        "messaging.destination.template": "lockstep.{project_id}.scene.{scene_number}.planned",
        "messaging.consumer.group.name": "clip_fitter",
        "messaging.message.id": "1",
        "messaging.message.body.size": len(scene_planned("lighthouse", 3).model_dump_json()),
    }.items() <= dict(process.attributes or {}).items()
    assert {
        "messaging.system": "nats",
        "messaging.operation.name": "publish",
        "messaging.operation.type": "send",
        "messaging.destination.name": "lockstep.lighthouse.scene.3.fitted",
        "messaging.destination.template": "lockstep.{project_id}.scene.{scene_number}.fitted",
    }.items() <= dict(publish.attributes or {}).items()


async def test_spans_of_messages_name_the_server_and_nothing_that_opens_it(bus: Bus) -> None:
    url = urlsplit(bus.settings.url)
    assert url.password, "nothing could leak"
    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit)
    exporter = traced(service)
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 3))
        await bus.settled("clip_fitter")
    spans = {span.name.partition(" ")[0]: span for span in exporter.get_finished_spans()}
    for name in ("queue", "process", "publish"):
        attributes = dict(spans[name].attributes or {})
        assert (attributes["server.address"], attributes["server.port"]) == ("127.0.0.1", url.port)
    assert url.password not in " ".join(span.to_json() for span in exporter.get_finished_spans())


async def test_every_attempt_is_a_span_and_a_failed_one_says_why(bus: Bus) -> None:
    attempts: list[int] = []

    async def fail_once(event: ScenePlanned, step: Step) -> SceneFitted:
        attempts.append(event.scene_number)
        if len(attempts) == 1:
            raise ConnectionError("the store is away")
        return await fit(event, step)

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fail_once)
    exporter = traced(service)
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 3))
        await bus.said(SceneFitted, "lighthouse")
        await bus.settled("clip_fitter")
    first, second = (span for span in exporter.get_finished_spans() if span.name.startswith("process"))
    assert [(span.attributes or {})["messaging.nats.delivery"] for span in (first, second)] == [1, 2]
    assert first.status.status_code is StatusCode.ERROR
    assert first.events[0].name == "exception"
    assert second.status.status_code is not StatusCode.ERROR
    assert first.parent == second.parent


async def test_a_handler_s_own_log_lines_name_the_project_and_the_trace(
    bus: Bus,
) -> None:
    lines: list[str] = []

    class Collect(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.extend((PlainLines().format(record), JsonLines().format(record)))

    async def say_something(event: ScenePlanned, step: Step) -> None:
        logger.warning("the clip is short")

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, say_something)
    exporter = traced(service)
    handler = Collect()
    logger.addHandler(handler)
    try:
        async with bus.running(service.app):
            await bus.say(scene_planned("lighthouse", 3))
            await bus.settled("clip_fitter")
    finally:
        logger.removeHandler(handler)
    plain, line = lines
    fields = json.loads(line)
    assert fields["trace"] == f"{trace_id_of('lighthouse'):032x}"
    (span,) = (span for span in exporter.get_finished_spans() if span.name.startswith("process"))
    assert fields["span"] == f"{_context(span).span_id:016x}"
    ids = f"[{fields['trace']}/{fields['span']}]"
    assert plain.endswith(f"clip_fitter lighthouse scene 3: WARNING: the clip is short {ids}")
    assert (fields["service"], fields["project"], fields["scene"]) == ("clip_fitter", "lighthouse", "3")


class Backend:
    """A receiver of OTLP over HTTP."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.measurements: list[ExportMetricsServiceRequest] = []
        backend = self

        class Receiver(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    backend.requests.append(ExportTraceServiceRequest.FromString(body))
                else:
                    backend.measurements.append(ExportMetricsServiceRequest.FromString(body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)

    @property
    def span_names(self) -> list[str]:
        return [
            span.name
            for request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def metric_names(self) -> set[str]:
        return {
            metric.name
            for request in self.measurements
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }


@pytest.fixture
def backend() -> Iterator[Backend]:
    backend = Backend()
    thread = threading.Thread(target=backend.server.serve_forever)
    thread.start()
    yield backend
    backend.server.shutdown()
    thread.join()
    backend.server.server_close()


async def test_spans_go_to_the_backend_that_the_environment_names(
    bus: Bus, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{backend.server.server_port}")
    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        await bus.said(VoiceoverRecorded, "lighthouse")
        await bus.settled("voiceover")
    assert sorted(backend.span_names) == [
        "process lockstep.{project_id}.project.submitted",
        "publish lockstep.{project_id}.voiceover.recorded",
        "queue",
    ]
    assert {"messaging.process.duration", "lockstep.queue.wait"} <= backend.metric_names
    (attribute,) = (
        attribute
        for attribute in backend.requests[0].resource_spans[0].resource.attributes
        if attribute.key == "service.name"
    )
    assert attribute.value.string_value == "voiceover"


async def test_a_backend_that_is_down_costs_nothing_but_the_spans(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{free_port()}")
    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    async with asyncio.timeout(60), bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        assert await bus.said(VoiceoverRecorded, "lighthouse") == [recorded("lighthouse")]
        await bus.settled("voiceover")
