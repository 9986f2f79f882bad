"""Traces and measurements of a service, set up from the environment.

One trace per project, which any process can add to (`telemetry_ids.py` says how):

    project                             submitted to assembled
    ├─ process …project.submitted       one for each attempt at each message; queue is a span beside the first
    ├─ scene                            planned to fitted, by the stream's own clock
    │  ├─ queue                         planned to taken
    │  └─ process …planned ─┬─ fetch, probe, ffmpeg, store
    │                       └─ publish …fitted
    └─ …

The spans of a message (queue, process) are linked to the publish span in which it was said: what caused what can be
read from the spans alone. Spans go to `OTEL_EXPORTER_OTLP_ENDPOINT` and to `LOCKSTEP_SPANS_FILE`, where set, in the
background: a backend that is down costs a service nothing but the spans. No name or attribute holds narration, keys or
secrets.
"""

import asyncio
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nats.errors
from faststream import BaseMiddleware, ContextRepo
from faststream.message import StreamMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode
from opentelemetry.util.types import AttributeValue

from shared.events import (
    STREAM,
    Event,
    ProjectSubmitted,
    SceneFitted,
    ScenePlanned,
    StepFailed,
    VideoAssembled,
    event_class_of,
    tokens_of,
)
from shared.telemetry_failures import note_failure, without_quotations
from shared.telemetry_ids import ComputedIds, project_context, project_span, scene_span, span_of_subject, within
from shared.telemetry_messages import cause_of, message_attributes, place_attributes, template_of
from shared.telemetry_metrics import Instruments, meter_provider, unmeasured
from shared.telemetry_stages import StageRecorder, recording_stages, stage, staged
from shared.telemetry_work import begin_counting, counted_seconds, media_seconds

if TYPE_CHECKING:
    from shared.telemetry_endpoint import MetricsEndpoint

__all__ = ["Telemetry", "project_context", "stage", "staged"]

FLUSH_SECONDS = 2.0
"""How long a service that stops waits for a backend to take the last spans."""

LOCAL_DELAY_MS = 200.0
"""A fitter that is killed takes the spans of its last moments along: this long."""


class Telemetry:
    """One service's tracer and instruments. Every service has its own, so several can share a process.

    `provider` takes further span processors, `metric_readers` further readers before the start; `client` is the
    connection that messages come over.
    """

    def __init__(self, service: str) -> None:
        self._resource = Resource.create(
            {"service.name": service, "service.instance.id": f"{socket.gethostname()}-{os.getpid()}"}
        )
        self._ids = ComputedIds()
        self.provider = TracerProvider(resource=self._resource, id_generator=self._ids, shutdown_on_exit=False)
        self.client: Client | None = None
        self.tracer = self.provider.get_tracer("lockstep")
        self._off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
        self.metric_readers: list[MetricReader] = []
        self.instruments: Instruments = unmeasured()
        self._endpoint: MetricsEndpoint | None = None
        self._meters: MeterProvider | None = None

    def start(self) -> None:
        """Send spans and measurements from now on, where the environment says so."""
        if self._off:
            return
        if path := os.environ.get("LOCKSTEP_SPANS_FILE"):
            from shared.spans import LocalSpans

            self.provider.add_span_processor(
                BatchSpanProcessor(LocalSpans(Path(path)), schedule_delay_millis=LOCAL_DELAY_MS)
            )
        endpoint = bool(os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT"))
        if endpoint or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
            # Imported only where it is used: it takes as long as everything else here together.
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        if endpoint or os.environ.get("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"):
            from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
            from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader

            self.metric_readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
        if port := os.environ.get("OTEL_EXPORTER_PROMETHEUS_PORT"):
            from shared.telemetry_endpoint import MetricsEndpoint

            self._endpoint = MetricsEndpoint(os.environ.get("OTEL_EXPORTER_PROMETHEUS_HOST", "127.0.0.1"), int(port))
            self.metric_readers.append(self._endpoint.reader)
            self._endpoint.start()
        if self.metric_readers:
            self._meters = meter_provider(self._resource, self.metric_readers)
            self.instruments = Instruments(self._meters.get_meter("lockstep"))

    async def stop(self) -> None:
        """Send what is left, for a bounded time."""

        def close() -> None:
            if self._endpoint is not None:
                self._endpoint.stop()
            self.provider.shutdown()
            if self._meters is not None:
                self._meters.shutdown()

        # The exporter tries a backend that is down again and again, for longer than anyone wants to wait: it is left to
        # a thread that does not keep the process alive.
        closing = threading.Thread(target=close, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, FLUSH_SECONDS)

    def middleware(self, msg: Msg | None, /, *, context: ContextRepo) -> "_Processing":
        """The FastStream middleware for one message."""
        return _Processing(self, msg, context=context)

    @contextmanager
    def processing(self, msg: Msg) -> Iterator[None]:
        """The spans and measurements around one attempt at a message."""
        template, delivery = template_of(msg.subject), msg.metadata.num_delivered
        said_ns, taken_ns = _nanoseconds(msg.metadata.timestamp), time.time_ns()
        place = place_attributes(msg.subject)
        about = message_attributes(msg, self.client)
        parent = span_of_subject(msg.subject)
        # How long a message waited for a further attempt is the time between two attempts' spans.
        waiting_ns = said_ns if delivery == 1 else taken_ns
        links = cause_of(msg, parent)
        self._tell("queue", parent, waiting_ns, taken_ns, about, links=links)
        labels = {"messaging.system": "nats", "messaging.destination.template": template}
        if delivery == 1:
            # In the trace's context: an exemplar of a wait leads to the trace.
            self.instruments.queue_wait.record(max(0, taken_ns - said_ns) / 1e9, labels, within(parent))
        else:
            self.instruments.redeliveries.add(1, labels)
        self.instruments.in_work.add(1, labels)
        ended = {"outcome": "done"}
        begin_counting()
        with (
            self.tracer.start_as_current_span(
                f"process {template}",
                context=within(parent),
                kind=SpanKind.CONSUMER,
                attributes={
                    **about,
                    "messaging.operation.name": "process",
                    "messaging.operation.type": "process",
                    "messaging.message.body.size": len(msg.data),
                },
                links=links,
                start_time=taken_ns,
                record_exception=False,
                set_status_on_exception=False,
            ) as span,
            recording_stages(StageRecorder(self.tracer, self.instruments, place)),
        ):
            try:
                yield
            except BaseException as error:
                ended = note_failure(span, error)
                raise
            finally:
                self.instruments.in_work.add(-1, labels)
                seconds = (time.time_ns() - taken_ns) / 1e9
                self.instruments.process_duration.record(
                    seconds, {**labels, "messaging.operation.name": "process", **ended}
                )

    async def tell_said(self, msg: Msg, events: Sequence[Event], jetstream: JetStreamContext) -> None:
        """Tell of the scene or the project that `events`, the answer to `msg`, bring to an end."""
        if self._off:
            return
        span = trace.get_current_span()
        for event in events:
            if getattr(event, "from_store", False):
                span.set_attribute("lockstep.from_store", True)
                said = {"messaging.destination.template": event.subject}
                self.instruments.cache_hits.add(1, said)
                self.instruments.cache_saved.add(media_seconds(msg, event), said)
            if isinstance(event, SceneFitted):
                # Both ends by the stream's clock: it is one clock, whichever machines the services run on.
                fitted_ns = await _said_ns(jetstream, event.address) or time.time_ns()
                taken_ns = span.start_time if isinstance(span, ReadableSpan) else None
                self._tell_scene(msg, fitted_ns, taken_ns=taken_ns, from_store=event.from_store)
                if not event.from_store and (used := counted_seconds()) > 0:
                    self.instruments.fit_speed.record(media_seconds(msg, event) / used)
            if isinstance(event, VideoAssembled):
                await self._tell_project(event, None, jetstream)

    async def tell_failed(self, msg: Msg, failure: StepFailed, jetstream: JetStreamContext) -> None:
        """Tell of the project, and the scene, that ended because the work on `msg` was given up."""
        if self._off:
            return
        self.instruments.failures.add(1, {"messaging.consumer.group.name": msg.metadata.consumer})
        if event_class_of(msg.subject) is ScenePlanned:
            self._tell_scene(msg, time.time_ns(), failure=failure.reason)
        await self._tell_project(failure, failure.reason, jetstream)

    def tell_left_alone(self, msg: Msg) -> None:
        """Tell of a scene that nobody fits, because its project has failed."""
        if event_class_of(msg.subject) is ScenePlanned:
            self._tell_scene(msg, time.time_ns(), failure="left alone: the project has failed")

    def note_consumer(self, seen: ConsumerInfo) -> None:
        """Measure what waits for a consumer and what its services have in work."""
        labels = {"messaging.consumer.group.name": seen.name}
        self.instruments.consumer_lag.set(seen.num_pending or 0, labels)
        self.instruments.consumer_in_work.set(seen.num_ack_pending or 0, labels)

    def note_dead_letter(self, msg: Msg) -> None:
        """Count a message that was given up."""
        self.instruments.dead_letters.add(1, {"messaging.destination.template": template_of(msg.subject)})

    def _tell_scene(
        self,
        msg: Msg,
        ended_ns: int,
        *,
        taken_ns: int | None = None,
        from_store: bool = False,
        failure: str | None = None,
    ) -> None:
        tokens, planned_ns = tokens_of(msg.subject), _nanoseconds(msg.metadata.timestamp)
        attributes = {**place_attributes(msg.subject), "lockstep.from_store": from_store}
        project = project_span(tokens["project_id"])
        span = scene_span(tokens["project_id"], int(tokens["scene_number"]))
        self._tell("scene", project, planned_ns, ended_ns, attributes, chosen=span, failure=failure)
        outcome = "failed" if failure else "from_store" if from_store else "fitted"
        parts = {"total": (planned_ns, ended_ns)}
        if taken_ns is not None:
            parts |= {"queue": (planned_ns, taken_ns), "work": (taken_ns, ended_ns)}
        for part, (start_ns, end_ns) in parts.items():
            seconds = max(0, end_ns - start_ns) / 1e9
            self.instruments.scene_latency.record(seconds, {"part": part, "outcome": outcome})

    async def _tell_project(self, last: Event, failure: str | None, jetstream: JetStreamContext) -> None:
        submitted_ns = await _said_ns(jetstream, ProjectSubmitted.wildcard(last.project_id))
        ended_ns = await _said_ns(jetstream, last.address)
        if submitted_ns is None or ended_ns is None:
            return  # the bus is away: the trace has its steps, and no bracket around them
        attributes: dict[str, AttributeValue] = {"project.id": last.project_id}
        self._tell(
            "project", None, submitted_ns, ended_ns, attributes, chosen=project_span(last.project_id), failure=failure
        )

    def _tell(
        self,
        name: str,
        parent: SpanContext | None,
        start_ns: int,
        end_ns: int,
        attributes: dict[str, AttributeValue],
        *,
        chosen: SpanContext | None = None,
        failure: str | None = None,
        links: Sequence[Link] = (),
    ) -> None:
        """Tell of something that is over: a span with given times, and with a given id where `chosen`."""
        context = within(parent) if parent else Context()
        with self._ids.chosen(chosen):
            span = self.tracer.start_span(
                name, context=context, attributes=attributes, links=links, start_time=start_ns
            )
        if failure is not None:
            span.set_status(Status(StatusCode.ERROR, without_quotations(failure)))
        span.end(end_time=max(start_ns, end_ns))


class _Processing(BaseMiddleware[Any, Msg | None]):
    """Puts one attempt at a message into its project's trace."""

    def __init__(self, telemetry: Telemetry, msg: Msg | None, /, *, context: ContextRepo) -> None:
        super().__init__(msg, context=context)
        self._telemetry = telemetry

    async def consume_scope(self, call_next: Any, msg: StreamMessage[Any]) -> Any:
        with self._telemetry.processing(msg.raw_message):
            return await call_next(msg)


async def _said_ns(jetstream: JetStreamContext, subject: str) -> int | None:
    """When an event was said, by the stream's own clock; None where the stream cannot say."""
    try:
        message = await jetstream.get_last_msg(STREAM, subject, direct=True)
    except (nats.errors.Error, OSError, TimeoutError):
        return None
    return None if message.time is None else _nanoseconds(message.time)


def _nanoseconds(at: datetime) -> int:
    return round(at.timestamp() * 1_000_000) * 1000
