"""Ids of spans that are computed, so that whoever finishes something can tell of it, whichever process began it.

A project's trace id and root span id come from the project's id, a scene's span id from the project's id and the
scene's number. Spans that many processes record then meet in one trace without a word between them, and a span that is
told twice, because a message came twice, is the same span.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from shared.events import ScenePlanned, event_class_of, tokens_of

_chosen: ContextVar[SpanContext | None] = ContextVar("chosen_span", default=None)


def project_span(project_id: str) -> SpanContext:
    """The root of a project's trace."""
    digest = hashlib.sha256(f"project:{project_id}".encode()).digest()
    return _span(int.from_bytes(digest[:16], "big"), digest[16:24])


def scene_span(project_id: str, scene_number: int) -> SpanContext:
    """The span of one scene, from planned to fitted."""
    digest = hashlib.sha256(f"scene:{project_id}:{scene_number}".encode()).digest()
    return _span(project_span(project_id).trace_id, digest[:8])


def span_of_subject(subject: str) -> SpanContext:
    """The span that the work on a message belongs to: the scene's while it is to be fitted, else the project's."""
    tokens = tokens_of(subject)
    project_id = tokens.get("project_id", "unknown")
    if event_class_of(subject) is ScenePlanned and tokens["scene_number"].isdigit():
        return scene_span(project_id, int(tokens["scene_number"]))
    return project_span(project_id)


def within(span: SpanContext) -> Context:
    """The context whose spans are children of `span`, and of nothing else."""
    return trace.set_span_in_context(NonRecordingSpan(span), Context())


def project_context(project_id: str) -> Context:
    """The context in which a project's trace begins."""
    return within(project_span(project_id))


class ComputedIds(RandomIdGenerator):
    """Random ids, except while one is chosen."""

    @contextmanager
    def chosen(self, span: SpanContext | None) -> Iterator[None]:
        """The next span to be started gets this id; where it has no parent, this trace id too. None is any id."""
        token = _chosen.set(span)
        try:
            yield
        finally:
            _chosen.reset(token)

    def generate_span_id(self) -> int:
        chosen = _chosen.get()
        return super().generate_span_id() if chosen is None else chosen.span_id

    def generate_trace_id(self) -> int:
        chosen = _chosen.get()
        return super().generate_trace_id() if chosen is None else chosen.trace_id


def _span(trace_id: int, span_id: bytes) -> SpanContext:
    return SpanContext(
        trace_id=trace_id,
        span_id=int.from_bytes(span_id, "big"),
        is_remote=True,
        trace_flags=TraceFlags(TraceFlags.SAMPLED),
    )
