"""Spans kept on this machine: one SQLite file that every process of the embedded stack adds to, of bounded size.

A span that is told again replaces itself. Where the file would grow past its bound, the oldest projects go.
"""

import json
import logging
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import StatusCode, format_span_id, format_trace_id

logger = logging.getLogger("lockstep.spans")

Scalar = str | int | float | bool

LIMIT_BYTES = 64 * 1024 * 1024
"""A scene takes about 20 spans of 0.5 KB: this holds some 6,000 scenes."""

BUSY_SECONDS = 5.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS spans (
    project_id TEXT NOT NULL, trace_id TEXT NOT NULL, span_id TEXT NOT NULL, parent_id TEXT, cause_id TEXT,
    name TEXT NOT NULL, service TEXT NOT NULL, process TEXT NOT NULL,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, failure TEXT, attributes TEXT NOT NULL,
    PRIMARY KEY (trace_id, span_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_project ON spans (project_id, start_ns);
"""


@dataclass(frozen=True)
class SpanRecord:
    """One finished span. Times are nanoseconds since 1970."""

    project_id: str
    trace_id: str
    span_id: str
    parent_id: str | None
    cause_id: str | None
    """The span in which the message was said that this span works on."""
    name: str
    service: str
    process: str
    start_ns: int
    end_ns: int
    failure: str | None = None
    attributes: dict[str, Scalar] = field(default_factory=dict)

    def number(self, name: str) -> int | None:
        """The attribute as a whole number, or None where there is none."""
        value = self.attributes.get(name)
        return value if isinstance(value, int) else None


class LocalSpans(SpanExporter):
    """Writes spans to the file. A file that cannot be written costs the spans and one line in the log."""

    def __init__(self, path: Path, *, limit_bytes: int = LIMIT_BYTES) -> None:
        self._path = path
        self._limit_bytes = limit_bytes
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()
        self._complained = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self._lock:
            try:
                self._write([record for span in spans if (record := _record_of(span)) is not None])
            except sqlite3.Error as error:
                if not self._complained:
                    logger.warning("spans cannot be kept in %s: %s", self._path.name, error)
                self._complained = True
                return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _write(self, records: Sequence[SpanRecord]) -> None:
        connection = self._connection or _opened(self._path)
        self._connection = connection
        with connection:
            connection.executemany("INSERT OR REPLACE INTO spans VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", map(_row, records))
        while _used_bytes(connection) > self._limit_bytes and _drop_oldest(connection):
            pass


def known_projects(path: Path) -> list[str]:
    """The ids of the projects of which the file holds spans, newest first."""
    with _reading(path) as connection:
        rows = connection.execute("SELECT project_id FROM spans GROUP BY project_id ORDER BY MIN(start_ns) DESC")
        return [str(row[0]) for row in rows]


def spans_of(path: Path, project_id: str) -> list[SpanRecord]:
    """All spans of one project, by their start."""
    with _reading(path) as connection:
        rows = connection.execute("SELECT * FROM spans WHERE project_id = ? ORDER BY start_ns", (project_id,))
        return [_record_from(row) for row in rows]


@contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(_opened(path)) as connection:
        yield connection


def _opened(path: Path) -> sqlite3.Connection:
    # The exporting thread opens it, and whoever shuts the service down closes it.
    connection = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")  # after a power cut nobody asks why a video took long
    connection.executescript(SCHEMA)
    return connection


def _used_bytes(connection: sqlite3.Connection) -> int:
    size, pages, free = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_size", "page_count", "freelist_count")
    )
    return size * (pages - free)


def _drop_oldest(connection: sqlite3.Connection) -> bool:
    """Drop the oldest project; False where there is only one."""
    oldest = connection.execute(
        "SELECT project_id FROM spans GROUP BY project_id ORDER BY MIN(start_ns) LIMIT 2"
    ).fetchall()
    if len(oldest) < 2:
        return False
    with connection:
        connection.execute("DELETE FROM spans WHERE project_id = ?", oldest[0])
    return True


def _row(record: SpanRecord) -> tuple[Scalar | None, ...]:
    return (
        record.project_id,
        record.trace_id,
        record.span_id,
        record.parent_id,
        record.cause_id,
        record.name,
        record.service,
        record.process,
        record.start_ns,
        record.end_ns,
        record.failure,
        json.dumps(record.attributes),
    )


def _record_from(row: tuple[Any, ...]) -> SpanRecord:
    values = dict(zip((each.name for each in fields(SpanRecord)), row, strict=True))
    return SpanRecord(**values | {"attributes": json.loads(values["attributes"])})


def _record_of(span: ReadableSpan) -> SpanRecord | None:
    """The span as it is kept; None where it is of no project."""
    context, attributes = span.get_span_context(), dict(span.attributes or {})
    project_id = attributes.pop("project.id", None)
    if context is None or project_id is None or span.start_time is None or span.end_time is None:
        return None
    failed = span.status.status_code is StatusCode.ERROR
    return SpanRecord(
        project_id=str(project_id),
        trace_id=format_trace_id(context.trace_id),
        span_id=format_span_id(context.span_id),
        parent_id=format_span_id(span.parent.span_id) if span.parent else None,
        cause_id=format_span_id(span.links[0].context.span_id) if span.links else None,
        name=span.name,
        service=str(span.resource.attributes.get("service.name", "")),
        process=str(span.resource.attributes.get("service.instance.id", "")),
        start_ns=span.start_time,
        end_ns=span.end_time,
        failure=(span.status.description or "failed") if failed else None,
        attributes={name: value for name, value in attributes.items() if isinstance(value, Scalar)},
    )
