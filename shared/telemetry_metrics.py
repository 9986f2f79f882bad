"""What a service measures. No label names a project or a scene: there would be a time series for each.

Measurements are pushed to `OTEL_EXPORTER_OTLP_ENDPOINT` and served at `OTEL_EXPORTER_PROMETHEUS_PORT`, where set; where
neither is, the instruments cost nothing.
"""

from collections.abc import Sequence

from opentelemetry.metrics import Meter, NoOpMeter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.resources import Resource

LATENCY_BUCKETS = (0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600)
"""Seconds. A scene takes between a tenth of a second (kept from before) and minutes (4K on one core)."""

STAGE_BUCKETS = (0.001, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300)

SPEED_BUCKETS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 4, 8, 16)
"""Seconds of video for each second of a processor: 4K with a blend is slow, a small trim fast."""


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
        self.cache_saved = meter.create_counter(
            "lockstep.cache.saved",
            unit="s",
            description="Picture and sound that was found in the store and not made again",
        )
        self.clip_cache_hits = meter.create_counter(
            "lockstep.clip_cache.hits", description="Source clips that were still on the fitter's machine"
        )
        self.clip_cache_saved = meter.create_counter(
            "lockstep.clip_cache.saved", unit="By", description="Bytes of source clips that were not fetched again"
        )
        self.fit_speed = meter.create_histogram(
            "lockstep.fit.speed",
            description="The real-time factor of a fit: seconds of video for each second of a processor",
            explicit_bucket_boundaries_advisory=SPEED_BUCKETS,
        )
        self.moved = meter.create_counter("lockstep.moved", unit="By", description="Bytes from and to the store")
        self.provider_calls = meter.create_counter("lockstep.provider.calls", description="Answers of paid services")
        self.provider_cost = meter.create_counter(
            "lockstep.provider.cost", description="What the answers of paid services cost, in their own units"
        )
        self.failures = meter.create_counter("lockstep.failures", description="Steps that ended their project")
        self.consumer_lag = meter.create_gauge(
            "lockstep.consumer.lag",
            description="Messages that wait for a consumer; every copy of a service tells the same",
        )
        self.consumer_in_work = meter.create_gauge(
            "lockstep.consumer.in_work",
            description="Messages that a consumer's services have in work; every copy of a service tells the same",
        )


def unmeasured() -> Instruments:
    """Instruments that measure nothing."""
    return Instruments(NoOpMeter("lockstep"))


def meter_provider(resource: Resource, readers: Sequence[MetricReader]) -> MeterProvider:
    """The provider whose measurements go to the readers."""
    return MeterProvider(metric_readers=readers, resource=resource, shutdown_on_exit=False)
