"""A service's measurements can be fetched over HTTP, by the names that the dashboard and the alerts read."""

import asyncio
import logging
import re
import urllib.request

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from shared.errors import Unrecoverable
from shared.events import ProjectSubmitted, SceneFitted, ScenePlanned, VoiceoverRecorded
from shared.servers import free_port
from shared.service import Service, Step
from shared.store import MinioStore
from shared.telemetry_ids import project_span
from shared.telemetry_stages import note_provider_answer, stage
from tests.integration.bus_bench import Bus, fitted, recorded, scene_planned, submitted, until

pytestmark = pytest.mark.integration


async def fetch(port: int) -> dict[str, Metric]:
    def get() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return str(answer.read().decode())

    return {family.name: family for family in text_string_to_metric_families(await asyncio.to_thread(get))}


def value(families: dict[str, Metric], sample_name: str, **labels: str) -> float:
    """The sum of the samples with that name that carry these labels."""
    found = [
        sample.value
        for family in families.values()
        for sample in family.samples
        if sample.name == sample_name and labels.items() <= sample.labels.items()
    ]
    assert found, f"{sample_name} is not served"
    return sum(found)


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    port = free_port()
    monkeypatch.setenv("OTEL_EXPORTER_PROMETHEUS_PORT", str(port))
    return port


async def test_what_a_fitter_measures_can_be_fetched(bus: Bus, store: MinioStore, port: int) -> None:
    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        if event.scene_number == 3:
            raise Unrecoverable("The clip is too short.", remedy="Make a longer one.", scene_id=event.scene_id)
        path = step.scratch / "segment.mp4"
        path.write_bytes(bytes(1000))
        kept = await store.put_file(path, f"segments/{event.scene_number}.mp4", "video/mp4")
        await store.fetch(kept, step.scratch / "again.mp4")
        return fitted(event, segment=kept, from_store=event.scene_number == 2)

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit)
    async with bus.running(service.app):
        await bus.say(*(scene_planned("lighthouse", number) for number in (1, 2, 3)))
        await bus.failure("lighthouse")
        await bus.settled("clip_fitter")

        async def nothing_waits() -> bool:
            found = await fetch(port)  # the bus is asked now and then: what is told may be older than what is done
            return "lockstep_consumer_lag" in found and not any(
                value(found, name, messaging_consumer_group_name="clip_fitter")
                for name in ("lockstep_consumer_lag", "lockstep_consumer_in_work")
            )

        await until(nothing_waits, "the consumer's lag was never measured as none")
        served = await fetch(port)
    latency = "lockstep_scene_latency_seconds"
    assert value(served, f"{latency}_count", part="total", outcome="fitted") == 1
    assert value(served, f"{latency}_count", part="queue", outcome="from_store") == 1
    assert value(served, f"{latency}_bucket", part="work", outcome="fitted", le="+Inf") == 1
    assert value(served, "lockstep_cache_hits_total") == 1
    assert value(served, "lockstep_cache_saved_seconds_total") == 1.0  # a scene of one second
    assert value(served, "lockstep_moved_bytes_total", direction="store") == 2000
    assert value(served, "lockstep_moved_bytes_total", direction="fetch") == 2000
    assert value(served, "lockstep_fit_speed_count") == 1
    assert value(served, "lockstep_fit_speed_sum") > 0
    assert value(served, "lockstep_failures_total", messaging_consumer_group_name="clip_fitter") == 1
    assert value(served, "lockstep_stage_duration_seconds_count", stage="store") == 2
    assert value(served, "messaging_process_duration_seconds_count") == 3
    assert value(served, "lockstep_in_work") == 0
    assert value(served, "lockstep_consumer_lag", messaging_consumer_group_name="clip_fitter") == 0
    assert value(served, "lockstep_consumer_in_work", messaging_consumer_group_name="clip_fitter") == 0
    labels = [sample.labels for family in served.values() for sample in family.samples if family.name != "target"]
    assert all(each["service_name"] == "clip_fitter" for each in labels)
    assert not [
        each for each in labels if "lighthouse" in each.values() or {"project_id", "scene_number"} & each.keys()
    ]


async def test_a_bucket_names_a_trace_to_look_at_each_time_it_is_fetched_as_prometheus_does(
    bus: Bus, port: int
) -> None:
    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        with stage("ffmpeg"):
            await asyncio.sleep(0.03)
        return fitted(event)

    def get() -> str:
        asked = urllib.request.Request(
            f"http://127.0.0.1:{port}/metrics", headers={"Accept": "application/openmetrics-text;version=1.0.0"}
        )
        with urllib.request.urlopen(asked) as answer:
            return str(answer.read().decode())

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit)
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 1))
        await bus.settled("clip_fitter")
        pages = [await asyncio.to_thread(get) for _ in range(2)]
    for page in pages:
        found = re.findall(
            r'^(\w+)_bucket\{(.*)\} \S+ # \{span_id="\w{16}",trace_id="(\w{32})"\} (\S+) \S+$', page, re.M
        )
        assert {name for name, *_ in found} >= {
            "lockstep_scene_latency_seconds",
            "lockstep_stage_duration_seconds",
            "messaging_process_duration_seconds",
        }
        for _, labels, trace_id, seconds in found:
            assert trace_id == f"{project_span('lighthouse').trace_id:032x}"
            (bound,) = re.findall('le="([^"]*)"', labels)
            assert float(seconds) <= float(bound)
        (bound,) = (re.findall('le="([^"]*)"', labels)[0] for _, labels, *_ in found if 'stage="ffmpeg"' in labels)
        assert float(bound) >= 0.05  # 30 ms at least


async def test_what_paid_services_answered_and_cost_can_be_fetched(bus: Bus, port: int) -> None:
    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        with stage("provider"):
            note_provider_answer("elevenlabs", "busy", None)
        note_provider_answer("elevenlabs", "answered", 120)
        return recorded(event.project_id)

    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        await bus.settled("voiceover")
        served = await fetch(port)
    assert value(served, "lockstep_provider_calls_total", provider="elevenlabs", outcome="busy") == 1
    assert value(served, "lockstep_provider_calls_total", provider="elevenlabs") == 2
    assert value(served, "lockstep_provider_cost_total", provider="elevenlabs") == 120


async def test_a_port_that_is_taken_costs_the_endpoint_and_not_the_service(
    bus: Bus, port: int, caplog: pytest.LogCaptureFixture
) -> None:
    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        return recorded(event.project_id)

    async def fit(event: ScenePlanned, step: Step) -> None:
        return

    first, second = Service("voiceover", bus.settings), Service("clip_fitter", bus.settings)
    first.on(ProjectSubmitted, record)
    second.on(ScenePlanned, fit)
    with caplog.at_level(logging.WARNING):
        async with bus.running(first.app, second.app):
            await bus.say(submitted("lighthouse"), *(scene_planned("lighthouse", 1),))
            await bus.settled("voiceover", "clip_fitter")
    assert f"measurements cannot be served at 127.0.0.1:{port}" in caplog.text


async def test_no_port_is_opened_unless_asked_for(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OTEL_EXPORTER_PROMETHEUS_PORT", raising=False)
    service = Service("voiceover", bus.settings)
    service.telemetry.start()
    assert service.telemetry.metric_readers == []
    await service.telemetry.stop()
