"""What the spans of messages say: which message, about what, at which server, and in which span it was said."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from shared.events import Event, event_class_of, tokens_of
from shared.telemetry_failures import note_failure
from shared.telemetry_ids import project_context

PROPAGATOR = TraceContextTextMapPropagator()


def message_attributes(msg: Msg, client: Client | None) -> dict[str, AttributeValue]:
    """A message that was taken: what it is, which attempt this is, and the server that `client` had it from."""
    return {
        "messaging.system": "nats",
        "messaging.destination.name": msg.subject,
        "messaging.destination.template": template_of(msg.subject),
        "messaging.consumer.group.name": msg.metadata.consumer,
        "messaging.message.id": str(msg.metadata.sequence.stream),
        "messaging.nats.delivery": msg.metadata.num_delivered,
        **server_attributes(client),
        **place_attributes(msg.subject),
    }


def server_attributes(client: Client | None) -> dict[str, AttributeValue]:
    """The server that a client is connected to now, without the names and passwords that stand in its URL.

    https://opentelemetry.io/docs/specs/semconv/messaging/messaging-spans/ recommends both. Nothing while it is away.
    """
    url = client.connected_url if client is not None else None
    if url is None or url.hostname is None or url.port is None:
        return {}
    return {"server.address": url.hostname, "server.port": url.port}


@contextmanager
def publishing(
    client: Client, events: Sequence[Event], tracer: Tracer | None, parent: Context | None
) -> Iterator[dict[str, str]]:
    """A span around the saying of one project's events; yields the headers that name it to whoever hears them."""
    first = events[0]
    if parent is None and not trace.get_current_span().get_span_context().is_valid:
        parent = project_context(first.project_id)
    headers: dict[str, str] = {}
    if tracer is None:
        PROPAGATOR.inject(headers, context=parent)
        yield headers
        return
    with tracer.start_as_current_span(
        f"publish {first.subject}",
        context=parent,
        kind=SpanKind.PRODUCER,
        attributes={
            "messaging.system": "nats",
            "messaging.operation.name": "publish",
            "messaging.operation.type": "send",
            "messaging.destination.template": first.subject,
            "messaging.batch.message_count": len(events),
            **({"messaging.destination.name": first.address} if len(events) == 1 else {}),
            **server_attributes(client),
            **place_attributes(first.address if len(events) == 1 else ""),
            "project.id": first.project_id,
        },
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        PROPAGATOR.inject(headers)
        try:
            yield headers
        except Exception as error:
            note_failure(span, error)
            raise


def cause_of(msg: Msg, parent: SpanContext) -> list[Link]:
    """The span in which the message was said, where one is known beside the parent."""
    if not msg.headers or "traceparent" not in msg.headers:
        return []
    said_in = trace.get_current_span(PROPAGATOR.extract(msg.headers, Context())).get_span_context()
    known = said_in.is_valid and (said_in.trace_id, said_in.span_id) != (parent.trace_id, parent.span_id)
    return [Link(said_in)] if known else []


def place_attributes(subject: str) -> dict[str, AttributeValue]:
    """The project, and the scene, that a message is about."""
    tokens = tokens_of(subject)
    attributes: dict[str, AttributeValue] = {}
    if "project_id" in tokens:
        attributes["project.id"] = tokens["project_id"]
    if tokens.get("scene_number", "").isdigit():
        attributes["scene.number"] = int(tokens["scene_number"])
    return attributes


def template_of(subject: str) -> str:
    """The subject with its project and scene left open: there are as many of them as classes of events."""
    event_class = event_class_of(subject)
    return event_class.subject if event_class else "unknown"
