"""A service's measurements for Prometheus to fetch, where `OTEL_EXPORTER_PROMETHEUS_PORT` is set.

The names are those that a collector makes of what is pushed over OTLP: one dashboard reads both. The exporter leaves
out the exemplars, which lead from a bucket of a histogram to a trace; here they are put back. They have a place in the
OpenMetrics format only, for which Prometheus asks.
"""

import logging
import threading
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from typing import Any
from wsgiref.simple_server import WSGIServer

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics.export import Histogram, HistogramDataPoint, Metric, MetricsData
from opentelemetry.trace import format_span_id, format_trace_id
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Exemplar
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

logger = logging.getLogger("lockstep.telemetry")

SERVICE = "service_name"
"""The one label that comes from the resource and not from the measurement."""

_Bucket = tuple[str, frozenset[tuple[str, str]]]
"""A histogram and the labels of one of its buckets, in the names that are served."""


class MetricsEndpoint:
    """`reader` is for the meter provider; what it reads is served between `start` and `stop`."""

    def __init__(self, host: str, port: int) -> None:
        # Its own registry: several services can share a process, and the library's own also measures the interpreter.
        self._registry = CollectorRegistry()
        self._host, self._port = host, port
        self._served: tuple[WSGIServer, threading.Thread] | None = None
        self.reader = _Reader()
        self._registry.register(self.reader.served)

    def start(self) -> None:
        """Serve from now on. A port that is taken costs the endpoint and a line in the log, never the service."""
        try:
            self._served = start_http_server(self._port, addr=self._host, registry=self._registry)
        except OSError as error:
            logger.warning("measurements cannot be served at %s:%d: %s", self._host, self._port, error.strerror)

    def stop(self) -> None:
        """Serve no longer."""
        if self._served is not None:
            server, thread = self._served
            server.shutdown()
            server.server_close()
            thread.join()
        self._served = None


class _Reader(PrometheusMetricReader):
    """Reads what is measured, and hands what is to be served to `served`."""

    def __init__(self) -> None:
        families = CollectorRegistry()
        self.served = _WithExemplars(families)
        super().__init__(
            scope_info_enabled=False,
            resource_attribute_filter=lambda name: name == "service.name",
            registry=families,
        )

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:
        self.served.note(metrics_data)
        super()._receive_metrics(metrics_data, timeout_millis, **kwargs)


class _WithExemplars(Collector):
    """What the exporter makes, with the newest exemplar of every bucket: however often, and by however many, it is
    fetched. The SDK tells of each exemplar once."""

    def __init__(self, families: CollectorRegistry) -> None:
        self._families = families
        self._newest: dict[_Bucket, Exemplar] = {}

    def note(self, measured: MetricsData) -> None:
        """Remember the exemplars of what was measured since the last time."""
        for metric in (
            metric
            for resource in measured.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ):
            if isinstance(metric.data, Histogram):
                for point in metric.data.data_points:
                    self._newest |= _exemplars(metric, point)

    def collect(self) -> Iterable[Family]:
        """The families for Prometheus."""
        for family in self._families.collect():
            # The exporter puts the unit behind the name.
            name = family.name.removesuffix(f"_{family.unit}")
            family.samples = [
                sample._replace(exemplar=self._newest.get((name, _labels(sample.labels))))
                if sample.name.endswith("_bucket")
                else sample
                for sample in family.samples
            ]
            yield family


def _exemplars(metric: Metric, point: HistogramDataPoint) -> dict[_Bucket, Exemplar]:
    bounds = [*point.explicit_bounds, "+Inf"]
    found = {}
    for exemplar in point.exemplars:
        if exemplar.trace_id is None or exemplar.span_id is None:
            continue
        bound = bounds[bisect_left(point.explicit_bounds, exemplar.value)]
        bucket = metric.name.replace(".", "_"), _labels({**(point.attributes or {}), "le": bound})
        ids = {"trace_id": format_trace_id(exemplar.trace_id), "span_id": format_span_id(exemplar.span_id)}
        found[bucket] = Exemplar(ids, exemplar.value, exemplar.time_unix_nano / 1e9)
    return found


def _labels(labels: Mapping[str, object]) -> frozenset[tuple[str, str]]:
    return frozenset((name.replace(".", "_"), str(value)) for name, value in labels.items() if name != SERVICE)
