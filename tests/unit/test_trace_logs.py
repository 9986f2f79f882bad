"""A backend that is down is one fact, and one line in the log."""

import io
import logging
from collections.abc import Iterator

import pytest

from shared.telemetry_logs import PlainLines, SparingExporters

EXPORTER = "opentelemetry.exporter.otlp.proto.http.metric_exporter"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What a service writes to standard error."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(PlainLines())
    handler.addFilter(SparingExporters())
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def test_a_backend_that_is_down_is_told_once_and_hides_nothing_else(log: io.StringIO) -> None:
    for attempt in range(50):
        logging.getLogger(EXPORTER).warning("Transient error %s, retrying in %ds.", "Connection refused", attempt)
        logging.getLogger("lockstep.service").warning("message %d", attempt)
    lines = log.getvalue().splitlines()
    assert len(lines) == 51
    (told,) = (line for line in lines if "telemetry does not arrive" in line)
    assert told.endswith("more of it is told in 10 min: Transient error Connection refused, retrying in 0s.")


def test_what_is_told_of_a_backend_holds_none_of_its_credentials(log: io.StringIO) -> None:
    logging.getLogger(EXPORTER).error("Failed: http://team:hunter2@backend/v1/metrics?token=secret")
    assert "http://backend/v1/metrics" in log.getvalue()
    assert not [word for word in ("hunter2", "secret") if word in log.getvalue()]
