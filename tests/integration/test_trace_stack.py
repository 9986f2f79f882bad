"""A project on the embedded stack arrives in a real observability stack: collector, Prometheus and a backend of traces.

The collector runs with the configuration of `deploy/`, the dashboard's questions are asked of a Prometheus that fetches
from it, and Jaeger stands for the backend. What is missing of these programs is told by the skipped tests.
"""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
import yaml

from cli.home import SPANS
from shared.spans import known_projects, spans_of
from tests.architecture.test_trace_dashboards import as_grafana_asks, panels
from tests.integration.bus_bench import until
from tests.integration.observability import Collector, Prometheus, collector, jaeger, prometheus
from tests.journey.conftest import Machine, write_project

pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]

RATE_SECONDS = 60

NOTHING_TO_SHOW = {"Failures", "Paid services"}
"""Panels that stay empty where all goes well and nothing is bought. `test_trace_prometheus.py` fills them."""


@asynccontextmanager
async def fetched_from(source: Collector, folder: Path) -> AsyncIterator[Prometheus]:
    """A Prometheus that fetches what the collector has."""
    configuration = folder / "fetching.yaml"
    scrape = {"job_name": "collector", "static_configs": [{"targets": [source.measurements]}]}
    configuration.write_text(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [scrape]}))
    async with prometheus(configuration, folder) as server:
        yield server


async def rendered(machine: Machine, project: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str) -> str:
    """Render the project with spans and measurements sent there; what `lockstep trace` then prints."""
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "1000")
    made = await asyncio.to_thread(machine.lockstep, "render", project, "-o", machine.folder / "out.mp4")
    assert made.returncode == 0, made.stderr
    return (await asyncio.to_thread(machine.lockstep, "trace")).stdout


def machine_in(folder: Path) -> Machine:
    (folder / "tmp").mkdir()
    return Machine(folder)


async def test_the_trace_that_the_command_tells_of_is_whole_in_the_backend_and_exemplars_lead_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_in(tmp_path)
    async with AsyncExitStack() as running:
        backend = await running.enter_async_context(jaeger(tmp_path))
        between = await running.enter_async_context(collector(tmp_path, traces_endpoint=backend.otlp))
        server = await running.enter_async_context(fetched_from(between, tmp_path))
        printed = await rendered(machine, write_project(tmp_path), monkeypatch, between.otlp)
        (trace_id,) = re.findall(r"\b[0-9a-f]{32}\b", printed)
        spans = tmp_path / "home" / SPANS
        kept = {span.span_id: span.name for span in spans_of(spans, known_projects(spans)[0])}
        assert list(kept.values()).count("scene") == 3

        async def all_arrived() -> bool:
            return set(await backend.span_ids(trace_id)) == set(kept)

        await until(all_arrived, "the backend has not got what the local file has")
        assert await backend.span_ids(trace_id) == kept

        async def led_to() -> bool:
            return await server.exemplar_traces("lockstep_scene_latency_seconds_bucket") == {trace_id}

        await until(led_to, "no exemplar of a scene's latency leads to its trace")


async def test_one_project_alone_fills_every_panel_that_has_something_to_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = machine_in(tmp_path)
    # One clip twice: the second time it is still on the fitter's machine.
    monkeypatch.setenv("LOCKSTEP_CLIP_FITTER_CLIP_CACHE_MEBIBYTES", "64")
    project = write_project(tmp_path)
    written = yaml.safe_load(project.read_text())
    written["scenes"][2]["clips"] = [*written["scenes"][0]["clips"]]
    project.write_text(yaml.safe_dump(written))
    began = time.time()
    async with AsyncExitStack() as running:
        between = await running.enter_async_context(collector(tmp_path, traces_endpoint="http://127.0.0.1:9"))
        server = await running.enter_async_context(fetched_from(between, tmp_path))
        await rendered(machine, project, monkeypatch, between.otlp)
        await rendered(machine, project, monkeypatch, between.otlp)
        await asyncio.sleep(3)  # two fetches more
        empty = [
            (panel["title"], target["legendFormat"])
            for panel in panels()
            for target in panel["targets"]
            if "expr" in target
            and panel["title"] not in NOTHING_TO_SHOW
            and not await server.numbers_between(
                as_grafana_asks(target["expr"], rate_seconds=RATE_SECONDS), began, time.time()
            )
        ]
    assert empty == []


async def test_the_collector_takes_its_configuration_without_a_complaint(tmp_path: Path) -> None:
    async with collector(tmp_path, traces_endpoint="http://127.0.0.1:9") as made:
        pass
    complaints = [line for line in made.log.read_text().splitlines() if re.search(r"\t(warn|error)\t", line)]
    assert complaints == []
