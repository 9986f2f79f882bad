"""Real programs of an observability stack, for tests: each on ports of its own, until its block is left.

`make observability` builds them. A test that needs one that is missing is skipped, and says so.
"""

import asyncio
import json
import math
import shutil
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.servers import free_port, free_ports
from tests.architecture.test_trace_dashboards import OBSERVABILITY
from tests.integration.bus_bench import until


async def get_json(url: str) -> Any:
    """What the URL answers. Raises `urllib.error.URLError` where nothing answers, or an HTTP error."""

    def get() -> Any:
        with urllib.request.urlopen(url) as answer:
            return json.load(answer)

    return await asyncio.to_thread(get)


@dataclass(frozen=True)
class Prometheus:
    """A running Prometheus, and where it is asked."""

    url: str

    async def ask(self, path: str, **query: str | float) -> Any:
        return (await get_json(f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"))["data"]

    async def numbers(self, expression: str) -> list[float]:
        """The values of all series that the expression has now; none that is not a number."""
        found = (await self.ask("query", query=expression))["result"]
        return _finite(series["value"] for series in found)

    async def numbers_between(self, expression: str, start: float, end: float) -> list[float]:
        """All values of the expression in a stretch of time, second by second: what a graph shows."""
        found = (await self.ask("query_range", query=expression, start=start, end=end, step=1))["result"]
        return _finite(value for series in found for value in series["values"])

    async def exemplar_traces(self, selector: str) -> set[str]:
        """The ids of the traces that the exemplars of a histogram's buckets lead to."""
        found = await self.ask("query_exemplars", query=selector, start="0", end="99999999999")
        return {exemplar["labels"]["trace_id"] for series in found for exemplar in series["exemplars"]}


def _finite(samples: Any) -> list[float]:
    return [value for value in (float(value) for _, value in samples) if math.isfinite(value)]


def installed_prometheus(*, flag: str) -> str:
    """The newest program that knows the flag; skips the test where there is none."""
    programs = [found for name in ("prometheus-3", "prometheus") if (found := shutil.which(name))]
    for program in programs:
        # Prometheus 3 writes `--[no-]web.enable-…`.
        if (
            flag.removeprefix("--")
            in subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
        ):
            return program
    pytest.skip(f"no Prometheus that is installed here has {flag}: `make observability` builds one")


def installed(name: str) -> str:
    """The program; skips the test where it is not there."""
    program = shutil.which(name)
    if program is None:
        pytest.skip(f"{name} is not installed here: `make observability` builds it")
    return program


@asynccontextmanager
async def prometheus(configuration: Path, folder: Path, *flags: str) -> AsyncIterator[Prometheus]:
    """A Prometheus with that configuration, that knows the flags."""
    program = installed_prometheus(flag=flags[0] if flags else "--config.file")
    port = free_port()
    arguments = [
        f"--config.file={configuration}",
        f"--storage.tsdb.path={folder / 'prometheus'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--enable-feature=exemplar-storage",
        *flags,
    ]
    server = Prometheus(f"http://127.0.0.1:{port}")
    async with _running([program, *arguments], folder / "prometheus.log", lambda: server.ask("status/runtimeinfo")):
        yield server


@dataclass(frozen=True)
class Collector:
    """A running OpenTelemetry collector with the configuration of `deploy/`."""

    otlp: str
    """Where it takes spans and measurements."""
    measurements: str
    """Where a Prometheus fetches from it: host and port."""
    log: Path


@asynccontextmanager
async def collector(folder: Path, *, traces_endpoint: str) -> AsyncIterator[Collector]:
    """A collector that sends traces there. Only its addresses are others than in `deploy/`: tests share a machine."""
    program = installed("otelcol")
    otlp, measurements = free_ports(2, with_grpc=False)
    arguments = [
        f"--config={OBSERVABILITY / 'collector.yaml'}",
        f"--set=receivers.otlp.protocols.http.endpoint=127.0.0.1:{otlp}",
        f"--set=exporters.prometheus.endpoint=127.0.0.1:{measurements}",
        "--set=service.telemetry.metrics.level=none",
    ]
    made = Collector(f"http://127.0.0.1:{otlp}", f"127.0.0.1:{measurements}", folder / "otelcol.log")

    async def answers() -> None:
        await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://{made.measurements}/metrics").close())

    async with _running([program, *arguments], made.log, answers, environment={"TRACES_ENDPOINT": traces_endpoint}):
        yield made


@dataclass(frozen=True)
class Jaeger:
    """A running Jaeger: a backend that keeps traces in memory."""

    otlp: str
    url: str

    async def span_ids(self, trace_id: str) -> dict[str, str]:
        """The ids of the spans of a trace, with their names; none where it has none."""
        try:
            answer = await get_json(f"{self.url}/api/v3/traces/{trace_id}")
        except urllib.error.HTTPError:
            return {}
        scopes = [scope for resource in answer["result"]["resourceSpans"] for scope in resource["scopeSpans"]]
        return {span["spanId"]: span["name"] for scope in scopes for span in scope["spans"]}


@asynccontextmanager
async def jaeger(folder: Path) -> AsyncIterator[Jaeger]:
    """A Jaeger 2, which takes spans over OTLP."""
    program = installed("jaeger")
    otlp, http, grpc = free_ports(3, with_grpc=False)
    configuration = folder / "jaeger.yaml"
    configuration.write_text(
        yaml.safe_dump(
            {
                "extensions": {
                    "jaeger_storage": {"backends": {"memory": {"memory": {"max_traces": 1000}}}},
                    "jaeger_query": {
                        "storage": {"traces": "memory"},
                        "http": {"endpoint": f"127.0.0.1:{http}"},
                        "grpc": {"endpoint": f"127.0.0.1:{grpc}"},
                    },
                },
                "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{otlp}"}}}},
                "exporters": {"jaeger_storage_exporter": {"trace_storage": "memory"}},
                "service": {
                    "extensions": ["jaeger_storage", "jaeger_query"],
                    "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["jaeger_storage_exporter"]}},
                    "telemetry": {"metrics": {"level": "none"}},
                },
            }
        )
    )
    server = Jaeger(f"http://127.0.0.1:{otlp}", f"http://127.0.0.1:{http}")
    arguments = [program, f"--config={configuration}"]
    async with _running(arguments, folder / "jaeger.log", lambda: get_json(f"{server.url}/api/v3/services")):
        yield server


@asynccontextmanager
async def _running(
    command: Sequence[str],
    log: Path,
    ask: Callable[[], Awaitable[Any]],
    *,
    environment: dict[str, str] | None = None,
) -> AsyncIterator[None]:
    """Run a program from when it answers until the block is left."""
    with log.open("wb") as stream:
        process = await asyncio.create_subprocess_exec(*command, stdout=stream, stderr=stream, env=environment)

    async def ready() -> bool:
        assert process.returncode is None, f"{Path(command[0]).name} stopped: {await asyncio.to_thread(log.read_text)}"
        try:
            await ask()
        except (urllib.error.URLError, ConnectionError):
            return False
        return True

    try:
        await until(ready, f"{Path(command[0]).name} did not answer")
        yield
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
