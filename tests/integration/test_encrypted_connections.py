"""Bus and store over TLS, switched on by the environment alone, with certificates made for the test."""

import asyncio
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme
import urllib3

from shared.bus import BusSettings, NotReady, connect
from shared.events import ProjectSubmitted, VoiceoverRecorded
from shared.history import History
from shared.publish import publish_events
from shared.servers import free_port
from shared.service import Service, Step, run_services
from shared.store import MinioStore, StoreSettings
from shared.stream import provision
from tests.chaos.proxy import proxy_before
from tests.integration.bus_bench import recorded, submitted, until

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Certificates:
    """A certificate authority, and a server's certificate that it signed."""

    authority: Path
    server: Path
    key: Path


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    folder = tmp_path_factory.mktemp("certificates")
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    certificates = Certificates(folder / "ca.pem", folder / "server.pem", folder / "server.key")
    authority.cert_pem.write_to_path(str(certificates.authority))
    issued.cert_chain_pems[0].write_to_path(str(certificates.server))
    issued.private_key_pem.write_to_path(str(certificates.key))
    return certificates


@pytest.fixture
def trusted(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator sets where the certificates come from an authority of their own."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.authority))


@asynccontextmanager
async def encrypted_bus(folder: Path, certificates: Certificates) -> AsyncIterator[BusSettings]:
    """A nats-server that speaks TLS only."""
    port = free_port()
    configuration = folder / "nats.conf"
    configuration.write_text(
        f'listen: "127.0.0.1:{port}"\n'
        f'tls {{ cert_file: "{certificates.server}", key_file: "{certificates.key}" }}\n'
        f'authorization {{ user: "lockstep", password: "p1" }}\n'
        f'jetstream {{ store_dir: "{folder}/jetstream", sync_interval: always }}\n'
    )
    binary = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or "nats-server"
    process = await asyncio.create_subprocess_exec(
        binary, "-c", str(configuration), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    try:
        await until(answers, "nats-server does not start with TLS")
        yield BusSettings(
            url=f"tls://lockstep:p1@127.0.0.1:{port}", startup_timeout_seconds=5, scratch_dir=folder / "scratch"
        )
    finally:
        process.terminate()
        await process.wait()


@pytest.mark.usefixtures("trusted")
async def test_a_service_works_over_an_encrypted_bus(tmp_path: Path, certificates: Certificates) -> None:
    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        return recorded(event.project_id)

    async with encrypted_bus(tmp_path, certificates) as settings:
        await provision(settings.url, settings=settings)
        service = Service("voiceover", settings)
        service.on(ProjectSubmitted, record)
        stop, ready = asyncio.Event(), asyncio.Event()
        host = asyncio.create_task(run_services([service.app], stop, on_ready=ready.set))
        await asyncio.wait_for(ready.wait(), 20)
        client = await connect(settings, "test")
        await publish_events(client, [submitted("lighthouse")])

        async def said() -> bool:
            return await History(client.jetstream(), "lighthouse").holds(recorded("lighthouse").address)

        await until(said, "the service said nothing over TLS")
        await client.close()
        stop.set()
        await host


async def test_a_bus_with_a_certificate_of_nobody_known_is_refused(tmp_path: Path, certificates: Certificates) -> None:
    async with encrypted_bus(tmp_path, certificates) as settings:
        service = Service("voiceover", settings.model_copy(update={"startup_timeout_seconds": 1.0}))
        service.on(ProjectSubmitted, _never)
        with pytest.raises(NotReady, match="no bus answers at tls://"):
            await run_services([service.app], asyncio.Event())


async def _never(event: ProjectSubmitted, step: Step) -> None:
    raise AssertionError


@asynccontextmanager
async def encrypted_store(settings: StoreSettings, certificates: Certificates) -> AsyncIterator[StoreSettings]:
    """The store behind a proxy that speaks TLS."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.key)
    async with proxy_before(int(settings.endpoint.rpartition(":")[2]), context) as proxy:
        yield settings.model_copy(update={"endpoint": f"127.0.0.1:{proxy.port}", "secure": True})


@pytest.mark.usefixtures("trusted")
async def test_assets_travel_encrypted(
    store_settings: StoreSettings, store: MinioStore, certificates: Certificates, tmp_path: Path
) -> None:
    source, copy = tmp_path / "clip.mp4", tmp_path / "copy.mp4"
    source.write_bytes(bytes(range(256)) * 100)
    async with encrypted_store(store_settings, certificates) as settings:
        asset = await MinioStore(settings).put_file(source, "sources/encrypted.mp4", "video/mp4")
        await MinioStore(settings).fetch(asset, copy)
    assert copy.read_bytes() == source.read_bytes()
    assert await store.find("sources/encrypted.mp4") == asset


async def test_a_store_with_a_certificate_of_nobody_known_is_refused(
    store_settings: StoreSettings, certificates: Certificates
) -> None:
    async with encrypted_store(store_settings, certificates) as settings:
        with pytest.raises(urllib3.exceptions.HTTPError, match="CERTIFICATE_VERIFY_FAILED"):
            await MinioStore(settings).find("sources/encrypted.mp4")
