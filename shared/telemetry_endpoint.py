"""A service's measurements for Prometheus to fetch, where `OTEL_EXPORTER_PROMETHEUS_PORT` is set.

The names are those that a collector makes of what is pushed over OTLP: one dashboard reads both. The library behind it
gives no exemplars; they come with OTLP only.
"""

import logging
import threading
from wsgiref.simple_server import WSGIServer

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from prometheus_client import CollectorRegistry, start_http_server

logger = logging.getLogger("lockstep.telemetry")


class MetricsEndpoint:
    """`reader` is for the meter provider; what it reads is served between `start` and `stop`."""

    def __init__(self, host: str, port: int) -> None:
        # Its own registry: several services can share a process, and the library's own also measures the interpreter.
        self._registry = CollectorRegistry()
        self._host, self._port = host, port
        self._served: tuple[WSGIServer, threading.Thread] | None = None
        self.reader = PrometheusMetricReader(
            scope_info_enabled=False,
            resource_attribute_filter=lambda name: name == "service.name",
            registry=self._registry,
        )

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
