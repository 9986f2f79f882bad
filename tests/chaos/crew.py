"""The whole system as processes that can be killed one by one, and are started again like anywhere else.

this process ─┬─ nats-server
              ├─ proxy ── weed (S3)
              ├─ a paid voice (a local server that counts what it is asked)
              └─ cli.host voiceover | transcriber | scene_planner | mixer | assembler | clip_fitter ...   one each
"""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import nats
import nats.errors
import psutil
from nats.aio.client import Client
from nats.js.errors import APIError

from cli.host import READY
from shared.bus import BusSettings
from shared.servers import NatsServer, S3Server, nats_server, s3_server
from shared.store import MinioStore, StoreSettings
from shared.stream import provision
from tests.chaos.clock import Clock
from tests.chaos.proxy import Proxy, proxy_before
from tests.integration.bus_bench import until
from tests.integration.speech_server import SpeechServer, speech_server

ACK_WAIT_SECONDS = 3.0

PATIENCE: Mapping[str, str] = {
    # The services' own patience, about a tenth of what it is by default, so that a batch ends in a minute.
    "LOCKSTEP_NATS_RETRY_DELAYS_SECONDS": "[0.3, 1, 2, 6]",
    "LOCKSTEP_NATS_WATCHDOG_SECONDS": "0.5",
    "LOCKSTEP_NATS_HANDLER_TIMEOUT_SECONDS": "40",
    "LOCKSTEP_NATS_GRACEFUL_TIMEOUT_SECONDS": "30",
    "LOCKSTEP_S3_READ_TIMEOUT_SECONDS": "5",
    "LOCKSTEP_CLIP_FITTER_ENCODER_THREADS": "1",
    "ELEVENLABS_TIMEOUT_SECONDS": "12",
    "ELEVENLABS_API_KEY": "sk_0123456789",
}

AT_EASE: Mapping[str, str] = {
    # Where nothing goes wrong and something is measured nobody needs to be impatient: to ask the bus ten times as often
    # as by default whether a consumer still stands would be measured as well.
    **{name: value for name, value in PATIENCE.items() if not name.startswith("LOCKSTEP_NATS_")},
    "ELEVENLABS_TIMEOUT_SECONDS": "60",
}

EVERYONE = (
    "voiceover",
    "transcriber",
    "scene_planner",
    "mixer",
    "assembler",
    "assembler",
    "clip_fitter",
    "clip_fitter",
)


@dataclass
class Member:
    """One process that runs one service, and is started again whenever it ends."""

    service: str
    log: Path
    environment: Mapping[str, str]
    clock: Clock | None = None
    """Where it reads the time of day; None: from the machine."""
    exit_codes: list[int] = field(default_factory=list)
    starts: int = 0
    process: asyncio.subprocess.Process | None = None
    _keeper: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start it, and keep it running until `stop`."""
        await self._launch()
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> int:
        """Tell it to drain, and wait; its exit code."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        process = self.process
        assert process is not None
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
        try:
            return await asyncio.wait_for(process.wait(), 40)
        except TimeoutError:
            process.kill()
            return await process.wait()

    @property
    def process_id(self) -> int:
        """Of the copy that runs now."""
        assert self.process is not None
        return self.process.pid

    def children(self) -> list[psutil.Process]:
        """The ffmpeg processes that the running copy has started."""
        with contextlib.suppress(psutil.Error):
            found = psutil.Process(self.process_id).children(recursive=True)
            return [child for child in found if child.name() == "ffmpeg"]
        return []

    def signal(self, number: signal.Signals) -> None:
        """Send the running copy a signal; nothing where it has just died."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process_id, number)

    async def ended(self, times: int) -> None:
        """Wait until copies have ended so often."""

        async def so_often() -> bool:
            return len(self.exit_codes) >= times

        await until(so_often, f"the {self.service} did not end")

    async def _launch(self) -> None:
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "cli.host", self.service),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=None if self.clock is None else {**os.environ, **self.clock.environment},
                start_new_session=True,
            )
        self.starts += 1
        assert self.process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self.process.stdin.write(json.dumps(dict(self.environment)).encode() + b"\n")
            await self.process.stdin.drain()

    async def listens(self) -> None:
        """Wait until the copy that was started last listens."""
        assert self.process is not None
        assert self.process.stdout is not None
        line = await asyncio.wait_for(self.process.stdout.readline(), 60)
        assert line.decode().strip() == READY, self.log.read_text()[-2000:]

    async def _keep(self) -> None:
        while True:
            assert self.process is not None
            self.exit_codes.append(await self.process.wait())
            await asyncio.sleep(0.2)
            await self._launch()


@dataclass
class Crew:
    """Bus, store and services, all running."""

    folder: Path
    bus: NatsServer
    store_server: S3Server
    proxy: Proxy
    store_settings: StoreSettings
    paid_voice: SpeechServer
    client: Client
    members: list[Member]
    environment: Mapping[str, str]
    _bus: AbstractAsyncContextManager[NatsServer]
    _store: AbstractAsyncContextManager[S3Server]

    @property
    def store(self) -> MinioStore:
        """The store as a client of the system sees it, past the proxy."""
        return MinioStore(self.store_server.settings)

    @property
    def scratch(self) -> Path:
        """Where all services have their scratch space."""
        return self.folder / "scratch"

    def of(self, service: str) -> list[Member]:
        """The members that run a service."""
        return [member for member in self.members if member.service == service]

    def encoders(self, service: str) -> list[psutil.Process]:
        """The ffmpeg processes that a service runs just now."""
        return [child for member in self.of(service) for child in member.children()]

    async def begun(self, consumer: str) -> None:
        """Wait until a message is in work; returns as well where there is nothing left to work on."""

        async def in_work() -> bool:
            try:
                info = await self.client.jetstream().consumer_info("LOCKSTEP", consumer)
            except (nats.errors.Error, APIError, TimeoutError):  # the bus may be the one that is away
                return False
            return bool(info.num_ack_pending)

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                await until(in_work, f"{consumer} has nothing in work")

    async def provision(self) -> None:
        """What the deployment's provisioner does."""
        await provision(self.bus.url, settings=BusSettings(ack_wait_seconds=ACK_WAIT_SECONDS))

    async def kill_bus(self, *, away_seconds: float) -> None:
        """Kill the bus, and start it again on its port and its files."""
        os.kill(self.bus.process_id, signal.SIGKILL)
        await self._bus.__aexit__(None, None, None)
        await asyncio.sleep(away_seconds)
        password = self.bus.url.split(":")[2].split("@")[0]
        self._bus = nats_server(self.folder / "nats", port=self.bus.port, password=password)
        self.bus = await self._bus.__aenter__()

    async def kill_store(self) -> None:
        """Kill the store, and start it again on its files."""
        self.proxy.go_away()
        os.kill(self.store_server.process_id, signal.SIGKILL)
        await self._store.__aexit__(None, None, None)
        settings = self.store_settings
        self._store = s3_server(
            self.folder / "store",
            access_key=settings.access_key,
            secret_key=settings.secret_key.get_secret_value(),
        )
        self.store_server = await self._store.__aenter__()
        self.proxy.come_back(int(self.store_server.settings.endpoint.rpartition(":")[2]))

    async def close(self) -> None:
        """Stop the servers."""
        await self.client.close()
        await self._store.__aexit__(None, None, None)
        await self._bus.__aexit__(None, None, None)


@asynccontextmanager
async def running_crew(
    folder: Path,
    services: Sequence[str] = EVERYONE,
    environment: Mapping[str, str] = PATIENCE,
    *,
    ack_wait_seconds: float = ACK_WAIT_SECONDS,
    own_clocks: bool = False,
) -> AsyncIterator[Crew]:
    """Start everything; stop everything at the end. With `own_clocks`, every member has one that can be set."""
    async with AsyncExitStack() as stack:
        paid_voice = await stack.enter_async_context(speech_server())
        bus_server, store_server = nats_server(folder / "nats"), s3_server(folder / "store")
        bus, store = await asyncio.gather(bus_server.__aenter__(), store_server.__aenter__())
        proxy = await stack.enter_async_context(proxy_before(int(store.settings.endpoint.rpartition(":")[2])))
        reached = store.settings.model_copy(update={"endpoint": f"127.0.0.1:{proxy.port}"})
        await provision(bus.url, store.settings, settings=BusSettings(ack_wait_seconds=ack_wait_seconds))
        everyone = {
            **environment,
            "LOCKSTEP_NATS_URL": bus.url,
            "LOCKSTEP_S3_ENDPOINT": reached.endpoint,
            "LOCKSTEP_S3_ACCESS_KEY": reached.access_key,
            "LOCKSTEP_S3_SECRET_KEY": reached.secret_key.get_secret_value(),
            "LOCKSTEP_S3_BUCKET": reached.bucket,
            "LOCKSTEP_SCRATCH_DIR": str(folder / "scratch"),
            "ELEVENLABS_BASE_URL": paid_voice.url,
        }
        members = [
            Member(
                service,
                folder / f"{service}-{number}.log",
                everyone,
                Clock(folder / f"{service}-{number}.clock") if own_clocks else None,
            )
            for number, service in enumerate(services)
        ]
        client = await nats.connect(bus.url, max_reconnect_attempts=-1, reconnect_time_wait=0.2)
        crew = Crew(folder, bus, store, proxy, reached, paid_voice, client, members, everyone, bus_server, store_server)
        stack.push_async_callback(crew.close)
        for member in members:
            stack.push_async_callback(member.stop)
            await member.start()
        await asyncio.gather(*(member.listens() for member in members))
        yield crew
