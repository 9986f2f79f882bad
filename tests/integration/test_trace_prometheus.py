"""A real Prometheus answers every question of the dashboard, whether it fetches the measurements or they are pushed.

Pushed means: to the Prometheus of docker compose's profile, with the configuration that is mounted there. It needs
`prometheus` on the PATH (3 or newer for what is pushed), and is skipped where there is none: `make observability`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
import yaml

from shared.errors import Unrecoverable
from shared.events import AssemblyDue, ProjectSubmitted, SceneFitted, ScenePlanned, VoiceoverRecorded
from shared.servers import free_ports
from shared.service import Service, Step
from shared.store import MinioStore
from shared.telemetry_endpoint import MetricsEndpoint
from shared.telemetry_ids import project_span
from shared.telemetry_stages import note_clip_kept, note_provider_answer, stage
from tests.architecture.test_trace_dashboards import OBSERVABILITY, as_grafana_asks, panels, rules
from tests.integration.bus_bench import Bus, fitted, recorded, scene_planned, submitted, until
from tests.integration.observability import Prometheus, prometheus

pytestmark = pytest.mark.integration

RATE_SECONDS = 30
"""For `$__rate_interval`, which Grafana makes of what lies between samples; long enough for a busy machine."""


@contextmanager
def fetching(served: list[Service], folder: Path) -> Iterator[Path]:
    """Serve what each service measures; a configuration that fetches it every second, as a PodMonitor has it done."""
    path = folder / "fetching.yaml"
    ports = free_ports(len(served), with_grpc=False)
    # The environment has one port for all that is in a process.
    endpoints = [MetricsEndpoint("127.0.0.1", port) for port in ports]
    for service, endpoint in zip(served, endpoints, strict=True):
        service.telemetry.metric_readers.append(endpoint.reader)
        endpoint.start()
    targets = [f"127.0.0.1:{port}" for port in ports]
    path.write_text(
        yaml.safe_dump(
            {
                "global": {"scrape_interval": "1s"},
                "rule_files": [str(OBSERVABILITY / "alerts.yml")],
                "scrape_configs": [{"job_name": "lockstep", "static_configs": [{"targets": targets}]}],
            }
        )
    )
    yield path
    for endpoint in endpoints:
        endpoint.stop()


def services(bus: Bus, store: MinioStore) -> list[Service]:
    """Services in which everything happens that is measured: what goes well, and what does not."""
    tried: set[str] = set()

    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        note_provider_answer("elevenlabs", "answered", 120)
        return recorded(event.project_id)

    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        if event.scene_number == 2 and event.project_id not in tried:
            tried.add(event.project_id)
            raise ConnectionError("the store is away")
        if event.scene_number == 4:
            raise Unrecoverable("The clip is too short.", remedy="Make a longer one.", scene_id=event.scene_id)
        with stage("ffmpeg"):
            sum(number * number for number in range(100_000))
        path = step.scratch / "segment.mp4"
        path.write_bytes(bytes(1000))
        kept = await store.put_file(path, f"segments/{event.project_id}-{event.scene_number}.mp4", "video/mp4")
        await store.fetch(kept, step.scratch / "again.mp4")
        note_clip_kept(kept.size)
        return fitted(event, segment=kept, from_store=event.scene_number == 3)

    async def assemble(event: AssemblyDue, step: Step) -> None:
        with stage("certify"):
            raise RuntimeError("the picture is 200 ms late")

    voiceover, fitter = Service("voiceover", bus.settings), Service("clip_fitter", bus.settings)
    assembler = Service("assembler", bus.settings.model_copy(update={"max_attempts": 1}))
    voiceover.on(ProjectSubmitted, record)
    fitter.on(ScenePlanned, fit)
    assembler.on(AssemblyDue, assemble)
    return [voiceover, fitter, assembler]


async def work(bus: Bus) -> None:
    """Project after project, until cancelled: rates need more than one of each."""
    for number in count():
        await bus.say(submitted(f"lighthouse-{number}"))
        await bus.say(*(scene_planned(f"lighthouse-{number}", scene) for scene in (1, 2, 3)))
        await bus.said(SceneFitted, f"lighthouse-{number}", count=3)
        await bus.say(scene_planned(f"lighthouse-{number}", 4), AssemblyDue(project_id=f"harbour-{number}"))
        await bus.failure(f"lighthouse-{number}")
        await asyncio.sleep(1.5)


async def answer_everything(server: Prometheus, bus: Bus, made: list[Service]) -> None:
    """Run the services until every expression of the dashboard has a series, and both alerts on single facts fire."""
    asked = [target["expr"] for panel in panels() for target in panel["targets"] if "expr" in target]
    asked += [rule["expr"] for rule in rules() if rule["alert"] in {"LockstepDeadLetters", "LockstepCertificateFails"}]
    unanswered = {as_grafana_asks(expression, rate_seconds=RATE_SECONDS) for expression in asked}
    assert len(unanswered) > 20

    async def all_answered() -> bool:
        unanswered.difference_update([each for each in unanswered if await server.numbers(each)])
        return not unanswered

    async with bus.running(*(service.app for service in made)), asyncio.TaskGroup() as tasks:
        working = tasks.create_task(work(bus))
        try:
            with suppress(AssertionError):
                await until(all_answered, "what has no answer is told below")
        finally:
            working.cancel()
    assert not unanswered, f"Prometheus has nothing for {sorted(unanswered)}"

    (group,) = (await server.ask("rules"))["groups"]
    assert [rule["name"] for rule in group["rules"]] == [rule["alert"] for rule in rules()]
    for rule in rules():
        await server.ask("query", query=rule["expr"])  # an expression that it cannot evaluate is an HTTP error
    traces = await server.exemplar_traces("lockstep_scene_latency_seconds_bucket")
    assert traces & {f"{project_span(f'lighthouse-{number}').trace_id:032x}" for number in range(99)}


async def test_every_question_of_the_dashboard_is_answered_from_what_is_fetched(
    bus: Bus, store: MinioStore, tmp_path: Path
) -> None:
    made = services(bus, store)
    with fetching(made, tmp_path) as configuration:
        async with prometheus(configuration, tmp_path) as server:
            await answer_everything(server, bus, made)


async def test_the_prometheus_of_docker_compose_answers_every_question_from_what_is_pushed(
    bus: Bus, store: MinioStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = OBSERVABILITY / "prometheus.yaml"
    async with prometheus(configuration, tmp_path, "--web.enable-otlp-receiver") as server:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", f"{server.url}/api/v1/otlp/v1/metrics")
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1000")
        await answer_everything(server, bus, services(bus, store))
