"""What a service measures. No label names a project or a scene: there would be a time series for each.

Where `OTEL_EXPORTER_OTLP_ENDPOINT` is set, measurements are pushed there; otherwise the instruments cost nothing.
"""

from collections.abc import Sequence

from opentelemetry.metrics import Meter, NoOpMeter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource

LATENCY_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
"""Seconds. A scene takes between a tenth of a second (kept from before) and minutes (4K on one core)."""

STAGE_BUCKETS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)


class Instruments:
    """A service's instruments."""

    def __init__(self, meter: Meter) -> None:
        self.scene_latency = meter.create_histogram(
            "lockstep.scene.latency",
            unit="s",
            description="A scene from planned to fitted: queue, work, and both",
            explicit_bucket_boundaries_advisory=LATENCY_BUCKETS,
        )
        self.stage_duration = meter.create_histogram(
            "lockstep.stage.duration",
            unit="s",
            description="One stage of a step",
            explicit_bucket_boundaries_advisory=STAGE_BUCKETS,
        )
        self.process_duration = meter.create_histogram(
            "messaging.process.duration",
            unit="s",
            description="One attempt at one message",
            explicit_bucket_boundaries_advisory=LATENCY_BUCKETS,
        )
        self.queue_wait = meter.create_histogram(
            "lockstep.queue.wait",
            unit="s",
            description="From the stream's own timestamp of a message to its first attempt",
            explicit_bucket_boundaries_advisory=LATENCY_BUCKETS,
        )
        self.in_work = meter.create_up_down_counter("lockstep.in_work", description="Messages in work")
        self.redeliveries = meter.create_counter("lockstep.redeliveries", description="Attempts after the first")
        self.dead_letters = meter.create_counter("lockstep.dead_letters", description="Messages that were given up")
        self.cache_hits = meter.create_counter(
            "lockstep.cache.hits", description="Steps whose work was found in the store"
        )


def unmeasured() -> Instruments:
    """Instruments that measure nothing."""
    return Instruments(NoOpMeter("lockstep"))


def meter_provider(resource: Resource, readers: Sequence[MetricReader]) -> MeterProvider:
    """The provider whose measurements go to the readers."""
    return MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
