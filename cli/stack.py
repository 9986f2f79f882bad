"""The embedded stack: a real nats-server, a real S3 server and the services, as child processes on loopback.

    lockstep ─┬─ nats-server
              ├─ weed (S3)
              ├─ cli.host voiceover transcriber scene_planner mixer assembler
              └─ cli.host clip_fitter      one for each fitter

The same services, bus and store as anywhere else; only the number of processes differs. A host that dies is started
again, and its unfinished message is handed to another.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from cli.edge import Refused
from cli.home import SPANS, RunningStack, held_home, note_stack
from cli.host import READY
from services.clip_fitter.processors import processors_given
from shared.servers import ServerFailed, nats_server, s3_server
from shared.store import StoreSettings
from shared.stream import provision

PLANNING_SERVICES = ("voiceover", "transcriber", "scene_planner")

LISTENING_SERVICES = (*PLANNING_SERVICES, "mixer")

LIGHT_SERVICES = (*LISTENING_SERVICES, "assembler")

ENCODER_THREADS = "LOCKSTEP_CLIP_FITTER_ENCODER_THREADS"

READY_WITHIN_SECONDS = 60.0
"""A host takes about 2 s; a machine that swaps may take long, but not this long."""

STOP_WITHIN_SECONDS = 10.0

MOST_RESTARTS = 5
"""A host that dies this often in a row has a cause that another start will not mend."""


@dataclass(frozen=True)
class Stack:
    """A running stack, as its clients see it."""

    nats_url: str
    store: StoreSettings


def default_fitters() -> int:
    """One fitter for each processor that this process is given."""
    return processors_given()


def threads_of_each(fitters: int) -> str:
    """How many threads each of so many fitters encodes with: its share of the processors, if nobody asks for another.

    Each fitter would take all of them: two on two processors, with two threads each, get into one another's way.
    """
    return os.environ.get(ENCODER_THREADS, str(max(1, processors_given() // max(1, fitters))))


@asynccontextmanager
async def embedded_stack(
    home: Path,
    *,
    fitters: int,
    keep_history: bool,
    say: Callable[[str], None],
    services: tuple[str, ...] = LIGHT_SERVICES,
) -> AsyncIterator[Stack]:
    """Start everything, yield when all services listen, stop everything.

    The object store is kept between runs: it is the cache. The stream is kept only with `keep_history`; a single
    render starts from an empty one, so that nothing left over from an earlier run competes with it.
    """
    async with AsyncExitStack() as stack:
        stack.enter_context(held_home(home))
        (home / "logs").mkdir(exist_ok=True)
        history = home / "history"
        if not keep_history:
            history = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lockstep-history-")))
        history.mkdir(exist_ok=True)
        # Entered first, so left last: a host says its last words to servers that still listen.
        servers = await stack.enter_async_context(AsyncExitStack())
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lockstep-scratch-")))
        hosts = [Host("services", services, home / "logs" / "services.log", say)]
        hosts += [
            Host(f"fitter {number}", ("clip_fitter",), home / "logs" / f"fitter-{number}.log", say)
            for number in range(1, fitters + 1)
        ]
        # Hosts import their services, which takes most of a start, while the servers come up.
        for host in hosts:
            stack.push_async_callback(host.stop)
            await host.launch()
        try:
            bus, store = await asyncio.gather(
                servers.enter_async_context(nats_server(history)),
                servers.enter_async_context(s3_server(home / "store")),
            )
        except ServerFailed as error:
            raise Refused(str(error)) from None
        await provision(bus.url, store.settings)
        environment = {
            "LOCKSTEP_NATS_URL": bus.url,
            "LOCKSTEP_S3_ENDPOINT": store.settings.endpoint,
            "LOCKSTEP_S3_ACCESS_KEY": store.settings.access_key,
            "LOCKSTEP_S3_SECRET_KEY": store.settings.secret_key.get_secret_value(),
            "LOCKSTEP_S3_BUCKET": store.settings.bucket,
            ENCODER_THREADS: threads_of_each(fitters),
            "LOCKSTEP_SCRATCH_DIR": str(scratch),
            "LOCKSTEP_SPANS_FILE": str(home / SPANS),
        }
        await asyncio.gather(*(host.begin(environment) for host in hosts))
        note_stack(
            home,
            RunningStack(
                process_id=os.getpid(),
                nats_url=bus.url,
                s3_endpoint=store.settings.endpoint,
                s3_access_key=store.settings.access_key,
                s3_secret_key=store.settings.secret_key.get_secret_value(),
                bucket=store.settings.bucket,
            ),
        )
        yield Stack(nats_url=bus.url, store=store.settings)


class Host:
    """One child process that runs services, and is started again when it dies."""

    def __init__(self, name: str, services: tuple[str, ...], log: Path, say: Callable[[str], None]) -> None:
        self._name = name
        self._services = services
        self._log = log
        self._say = say
        self._environment: dict[str, str] = {}
        self._process: asyncio.subprocess.Process | None = None
        self._guard: asyncio.Task[None] | None = None

    async def launch(self) -> None:
        """Start the process: it imports its services and waits to be told where the servers are."""
        prefix = (found, "--pdeathsig", "KILL", "--") if (found := shutil.which("setpriv")) else ()
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *prefix,
                sys.executable,
                "-m",
                "cli.host",
                *self._services,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us to pass on, in order
            )

    async def begin(self, environment: dict[str, str]) -> None:
        """Tell the process where the servers are; return when its services listen."""
        self._environment = environment
        await self._tell()
        self._guard = asyncio.create_task(self._restart_when_it_dies())

    async def stop(self) -> None:
        """Stop the process: it hands unfinished work back to the bus at once."""
        if self._guard is not None:
            self._guard.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._guard
        process = self._process
        if process is None or process.returncode is not None:
            return
        # The first signal asks for a drain, the second for the work in progress to be given up now.
        for _ in range(2):
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            await asyncio.sleep(0.1)
        try:
            await asyncio.wait_for(process.wait(), STOP_WITHIN_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    async def _tell(self) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        line = b""
        with contextlib.suppress(TimeoutError, ConnectionError):
            process.stdin.write(json.dumps(self._environment).encode() + b"\n")
            await process.stdin.drain()
            line = await asyncio.wait_for(process.stdout.readline(), READY_WITHIN_SECONDS)
        if line.decode().strip() != READY:
            raise Refused(
                f"The {self._name} process did not start. Its last words: {self._last_words()} Its log: {self._log}"
            )

    async def _restart_when_it_dies(self) -> None:
        for _ in range(MOST_RESTARTS):
            assert self._process is not None
            code = await self._process.wait()
            self._say(f"The {self._name} process died (exit code {code}); starting it again.")
            await self.launch()
            await self._tell()
        self._say(f"The {self._name} process died {MOST_RESTARTS} times and is left alone. Its log: {self._log}")

    def _last_words(self) -> str:
        lines = [line.strip() for line in self._log.read_text(errors="replace").splitlines() if line.strip()]
        return lines[-1][:300] if lines else "none."
