"""One log line per fact, readable on a terminal, or JSON with `LOCKSTEP_LOG_FORMAT=json`.

Project, scene, trace and span stand in every line about a message; narration, keys and secrets in none.
"""

import json
import logging
import os
import traceback
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from opentelemetry import trace

from shared.events import tokens_of
from shared.retry import describe, one_line

LAST_FRAMES = 4

QUIET_SECONDS = 600


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


def configure_logging() -> None:
    """Write the process's log to standard error, once; a host that has its own logging keeps it."""
    logging.getLogger("lockstep").setLevel(os.environ.get("LOCKSTEP_LOG_LEVEL", "INFO").upper())
    logging.getLogger("lockstep.faststream").setLevel(logging.ERROR)  # its other lines say again what ours say
    root = logging.getLogger()
    if not root.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(JsonLines() if os.environ.get("LOCKSTEP_LOG_FORMAT") == "json" else PlainLines())
        handler.addFilter(SparingExporters())
        root.addHandler(handler)


class SparingExporters(logging.Filter):
    """Of what OpenTelemetry's exporters say, one line in ten minutes: a backend that is down is one fact, and they say
    it again with every try."""

    def __init__(self) -> None:
        super().__init__()
        self._quiet_until = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.name.startswith("opentelemetry."):
            return True
        if record.created < self._quiet_until:
            return False
        self._quiet_until = record.created + QUIET_SECONDS
        record.msg = (
            f"telemetry does not arrive, and is tried again; more of it is told in {QUIET_SECONDS // 60} min: "
            f"{one_line(record.getMessage())}"
        )
        record.args = ()
        return True


class PlainLines(logging.Formatter):
    """`12:30:01 clip_fitter lighthouse scene 3: ScenePlanned -> SceneFitted in 2.10 s`, then the trace and the span."""

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
        if ids := _ids():
            line += f" [{'/'.join(ids)}]"
        return f"{line}\n{_trouble(record)}" if record.exc_info else line


def _ids() -> tuple[str, str] | None:
    """The trace and the span that a line of now belongs to."""
    span = trace.get_current_span().get_span_context()
    return (trace.format_trace_id(span.trace_id), trace.format_span_id(span.span_id)) if span.is_valid else None


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
        if ids := _ids():
            fields |= dict(zip(("trace", "span"), ids, strict=True))
        if record.exc_info:
            fields["error"] = _trouble(record)
        return json.dumps({name: value for name, value in fields.items() if value is not None})
