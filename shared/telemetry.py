"""Traces and logs of a service, set up from the environment.

One trace per project: whoever first says something about a project starts from an id that is computed from the
project's id, and the context then travels in the messages' headers. Spans go to `OTEL_EXPORTER_OTLP_ENDPOINT` where
that is set, in the background: a backend that is down costs a service nothing but the spans.

One log line per fact, readable on a terminal, or JSON with `LOCKSTEP_LOG_FORMAT=json`; project, scene and trace stand
in every line. No span name, attribute or log line holds narration, keys or secrets.
"""

import asyncio
import hashlib
import json
import logging
import os
import threading
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from faststream.message import StreamMessage
from faststream.nats.opentelemetry.provider import NatsTelemetrySettingsProvider
from faststream.opentelemetry import TelemetryMiddleware
from faststream.response import PublishCommand
from nats.aio.msg import Msg
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from shared.events import Event, event_class_of, tokens_of
from shared.retry import describe

PROPAGATOR = TraceContextTextMapPropagator()

LAST_FRAMES = 4

FLUSH_SECONDS = 2.0
"""How long a service that stops waits for a backend to take the last spans."""


@dataclass(frozen=True)
class Place:
    """What a log line is about."""

    service: str
    project_id: str | None
    scene_number: str | None


_place: ContextVar[Place | None] = ContextVar("place", default=None)


def stand_at(service: str, subject: str) -> None:
    """From here on, log lines of this task are about the project and the scene that the subject names."""
    tokens = tokens_of(subject)
    _place.set(Place(service, tokens.get("project_id"), tokens.get("scene_number")))


class Telemetry:
    """One service's tracer and middleware. Every service has its own, so several can share a process."""

    def __init__(self, service: str) -> None:
        self.provider = TracerProvider(resource=Resource.create({"service.name": service}), shutdown_on_exit=False)
        self.tracer = self.provider.get_tracer("lockstep")
        self.middleware = TelemetryMiddleware(
            settings_provider_factory=_TemplatedSubjects.of, tracer_provider=self.provider
        )

    def start(self) -> None:
        """Send spans from now on, where the environment names a backend."""
        if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"):
            # Imported only where it is used: it takes as long as everything else here together.
            from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

            self.provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))

    async def stop(self) -> None:
        """Send what is left, for a bounded time."""
        # The exporter tries a backend that is down again and again, for longer than anyone wants to wait: it is left to
        # a thread that does not keep the process alive.
        closing = threading.Thread(target=self.provider.shutdown, daemon=True)
        closing.start()
        await asyncio.to_thread(closing.join, FLUSH_SECONDS)


def project_context(project_id: str) -> Context:
    """The context in which a project's trace begins: computed from its id, so everyone's spans meet in one trace."""
    digest = hashlib.sha256(f"project:{project_id}".encode()).digest()
    root = SpanContext(
        trace_id=int.from_bytes(digest[:16], "big"),
        span_id=int.from_bytes(digest[16:24], "big"),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
    return trace.set_span_in_context(NonRecordingSpan(root), Context())


def context_of(headers: dict[str, str] | None) -> Context | None:
    """The trace context that a message carries, or None."""
    if not headers or "traceparent" not in headers:
        return None
    return PROPAGATOR.extract(headers, Context())


@contextmanager
def publishing(events: Sequence[Event], tracer: Tracer | None, parent: Context | None) -> Iterator[dict[str, str]]:
    """A span around the saying of one project's events; yields the headers that carry the trace on."""
    first = events[0]
    if parent is None and not trace.get_current_span().get_span_context().is_valid:
        parent = project_context(first.project_id)
    headers: dict[str, str] = {}
    if tracer is None:
        PROPAGATOR.inject(headers, context=parent)
        yield headers
        return
    with tracer.start_as_current_span(
        f"{first.subject} publish",
        context=parent,
        kind=SpanKind.PRODUCER,
        attributes={
            "messaging.system": "nats",
            "messaging.operation.type": "send",
            "messaging.destination.template": first.subject,
            "messaging.batch.message_count": len(events),
            **_project_attributes(first.address if len(events) == 1 else ""),
            "project.id": first.project_id,
        },
    ):
        PROPAGATOR.inject(headers)
        yield headers


def _project_attributes(subject: str) -> dict[str, AttributeValue]:
    tokens = tokens_of(subject)
    attributes: dict[str, AttributeValue] = {}
    if "project_id" in tokens:
        attributes["project.id"] = tokens["project_id"]
    if tokens.get("scene_number", "").isdigit():
        attributes["scene.number"] = int(tokens["scene_number"])
    return attributes


def _template(subject: str) -> str:
    event_class = event_class_of(subject)
    return event_class.subject if event_class else "unknown"


class _TemplatedSubjects(NatsTelemetrySettingsProvider):
    """Names spans and labels metrics by the subject's template. By the subject itself there would be a name, and a
    time series, for every scene of every project."""

    @classmethod
    def of(cls, _: Msg | None) -> "_TemplatedSubjects":
        return cls()

    def get_consume_attrs_from_message(self, msg: StreamMessage[Msg]) -> dict[str, Any]:
        subject = msg.raw_message.subject
        return {
            "messaging.system": self.messaging_system,
            "messaging.operation.type": "process",
            "messaging.destination.template": _template(subject),
            "messaging.message.body.size": len(msg.body),
            "messaging.nats.delivery": msg.raw_message.metadata.num_delivered,
            **_project_attributes(subject),
        }

    def get_consume_destination_name(self, msg: StreamMessage[Msg]) -> str:
        return _template(msg.raw_message.subject)

    def get_publish_attrs_from_cmd(self, cmd: PublishCommand) -> dict[str, Any]:
        return {"messaging.system": self.messaging_system, "messaging.destination.template": _template(cmd.destination)}

    def get_publish_destination_name(self, cmd: PublishCommand) -> str:
        return _template(cmd.destination)


def configure_logging() -> None:
    """Write the process's log to standard error, once; a host that has its own logging keeps it."""
    logging.getLogger("lockstep").setLevel(os.environ.get("LOCKSTEP_LOG_LEVEL", "INFO").upper())
    logging.getLogger("lockstep.faststream").setLevel(logging.ERROR)  # its other lines say again what ours say
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines() if os.environ.get("LOCKSTEP_LOG_FORMAT") == "json" else PlainLines())
        root.addHandler(handler)


class PlainLines(logging.Formatter):
    """`12:30:01 clip_fitter lighthouse scene 3: ScenePlanned -> SceneFitted in 2.10 s`."""

    def format(self, record: logging.LogRecord) -> str:
        place = _place.get()
        words = [f"{datetime.fromtimestamp(record.created):%H:%M:%S}"]
        if place is not None:
            words += [place.service, place.project_id or "?"]
            words += [f"scene {place.scene_number}"] if place.scene_number else []
        else:
            words.append(record.name.rsplit(".", 1)[-1])
        level = f"{record.levelname}: " if record.levelno >= logging.WARNING else ""
        line = f"{' '.join(words)}: {level}{record.getMessage()}"
        return f"{line}\n{_trouble(record)}" if record.exc_info else line


def _trouble(record: logging.LogRecord) -> str:
    """Where it went wrong, innermost last, without the framework's frames; the error's own text without secrets."""
    if record.exc_info is None or not isinstance(record.exc_info[1], Exception):
        return ""
    frames = traceback.format_tb(record.exc_info[2], limit=-LAST_FRAMES)
    return f"{''.join(frames)}{describe(record.exc_info[1])}"


class JsonLines(logging.Formatter):
    """One JSON object in each line, with the ids of the trace and the span that it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        fields: dict[str, str | None] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if place := _place.get():
            fields |= {"service": place.service, "project": place.project_id, "scene": place.scene_number}
        else:
            fields["logger"] = record.name
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            fields |= {"trace": f"{span.trace_id:032x}", "span": f"{span.span_id:016x}"}
        if record.exc_info:
            fields["error"] = _trouble(record)
        return json.dumps({name: value for name, value in fields.items() if value is not None})
