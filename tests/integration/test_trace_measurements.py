"""What a service measures: latencies, stages, second attempts, dead letters, and no label that grows with the work."""

import json

import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from shared.errors import Unrecoverable
from shared.events import SceneFitted, ScenePlanned
from shared.service import Service, Step
from shared.telemetry import stage
from tests.integration.bus_bench import Bus, fitted, scene_planned

pytestmark = pytest.mark.integration

Point = HistogramDataPoint | NumberDataPoint


def points(reader: InMemoryMetricReader, name: str) -> list[Point]:
    data = reader.get_metrics_data()
    assert data is not None
    return [
        point
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
        for point in metric.data.data_points
        if isinstance(point, Point)
    ]


def total(found: list[Point]) -> float:
    return sum(point.value for point in found if isinstance(point, NumberDataPoint))


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


async def test_scenes_stages_second_attempts_and_hits_are_measured(bus: Bus, reader: InMemoryMetricReader) -> None:
    attempts: list[int] = []

    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        attempts.append(event.scene_number)
        with stage("ffmpeg"):
            if attempts == [1]:
                raise ConnectionError("the store is away")
        return fitted(event, from_store=event.scene_number == 2)

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit)
    service.telemetry.metric_readers.append(reader)
    async with bus.running(service.app):
        for number in (1, 2):
            await bus.say(scene_planned("lighthouse", number))
        await bus.said(SceneFitted, "lighthouse", count=2)
        await bus.settled("clip_fitter")
        latencies = points(reader, "lockstep.scene.latency")
        assert {(point.attributes or {})["part"] for point in latencies} == {"queue", "work", "total"}
        assert {(point.attributes or {})["outcome"] for point in latencies} == {"fitted", "from_store"}
        assert all(isinstance(point, HistogramDataPoint) and point.count == 1 for point in latencies)
        stages = points(reader, "lockstep.stage.duration")
        counts = {
            (point.attributes or {})["outcome"]: point.count
            for point in stages
            if isinstance(point, HistogramDataPoint)
        }
        assert counts == {"failed": 1, "done": 2}
        assert total(points(reader, "lockstep.redeliveries")) == 1
        assert total(points(reader, "lockstep.cache.hits")) == 1
        assert total(points(reader, "lockstep.in_work")) == 0
        data = reader.get_metrics_data()
        assert data is not None
        for resource in json.loads(data.to_json())["resource_metrics"]:
            for scope in resource["scope_metrics"]:
                for metric in scope["metrics"]:
                    labels = [point["attributes"] for point in metric["data"]["data_points"]]
                    assert "lighthouse" not in repr(labels)
                    assert not any("scene.number" in each for each in labels)


async def test_a_measurement_names_a_trace_to_look_at(bus: Bus, reader: InMemoryMetricReader) -> None:
    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        return fitted(event, from_store=False)

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit)
    service.telemetry.metric_readers.append(reader)
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 1))
        await bus.settled("clip_fitter")
        exemplars = [each for point in points(reader, "lockstep.scene.latency") for each in point.exemplars]
    assert exemplars
    assert all(each.trace_id for each in exemplars)


async def test_a_scene_that_is_given_up_is_told_with_its_reason_and_without_the_script(
    bus: Bus, reader: InMemoryMetricReader
) -> None:
    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        if event.scene_number == 1:
            raise Unrecoverable("The clip has no room for 'a small boat'.", remedy="Add one.", scene_id=event.scene_id)
        raise RuntimeError("no answer from https://user:hunter2@host/path?token=secret")

    service = Service("clip_fitter", bus.settings.model_copy(update={"max_attempts": 1}))
    service.on(ScenePlanned, fit)
    service.telemetry.metric_readers.append(reader)
    spans = InMemorySpanExporter()
    service.telemetry.provider.add_span_processor(SimpleSpanProcessor(spans))
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 1))
        await bus.failure("lighthouse")
        await bus.say(scene_planned("harbour", 2))
        await bus.failure("harbour")
        await bus.say(scene_planned("lighthouse", 2))  # of a project that has failed already
        await bus.settled("clip_fitter")
        assert total(points(reader, "lockstep.dead_letters")) == 1
    told = [span for span in spans.get_finished_spans() if span.name == "scene"]
    assert [span.status.description for span in told] == [
        "The clip has no room for '…'.",
        "The step clip_fitter failed 1 times, the last time with RuntimeError: no answer from https://host/path.",
        "left alone: the project has failed",
    ]
    everything = "".join(span.to_json() for span in spans.get_finished_spans())
    assert not [word for word in ("small boat", "hunter2", "secret") if word in everything]
