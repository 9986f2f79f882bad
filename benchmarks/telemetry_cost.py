"""What telemetry costs: a real clip fitter with all of it on beside the same one with none, scene by scene in one run.

    python -m benchmarks.telemetry_cost --pairs 24            what it costs the processors
    python -m benchmarks.telemetry_cost --pairs 200 --empty   how much later a scene is

On means: spans into the local file, spans and measurements to an OTLP receiver that listens here, and an endpoint that
is fetched every 15 s, as Prometheus does. Off means `OTEL_SDK_DISABLED=true`. Each fitter has a bus of its own and gets
one scene at a time, so that latency is work and never a queue; latency is what the stream's own timestamps say. A pair
is the same picture fitted by both, one after the other, and the one that goes first changes with every pair. The bytes
of each clip are its own: nothing is found in the store.

Telemetry costs the fitter's own process and never its ffmpegs, which run with the same arguments in both. So the cost
is the difference of what the two Python processes used, over all the scenes and the pauses between them, beside what an
unmeasured scene takes with its ffmpegs: what a machine does besides disturbs ffmpeg by more than telemetry costs. For
the same reason a few milliseconds of latency are not seen beside a second of ffmpeg: with `--empty` the fitters tell of
as many stages and run none (`benchmarks/empty_fitter.py`).
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
import tempfile
import threading
import urllib.request
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import mean, median, quantiles

import psutil
from nats.aio.client import Client
from nats.js.errors import NotFoundError

from cli.client import connected
from shared.events import STREAM, SceneFitted, ScenePlanned, StepFailed
from shared.ffmpeg import run_ffmpeg
from shared.project import Fit, Output
from shared.publish import publish_events
from shared.servers import free_port, nats_server, s3_server
from shared.store import MinioStore, StoreSettings
from shared.stream import provision
from shared.timeline import Span

FRAMES = 48
FPS = 24
FETCH_SECONDS = 15
PATIENCE_SECONDS = 60
LAST_SPANS_SECONDS = 6
"""Longer than the 5 s for which the SDK gathers spans before it sends them."""


class SceneLost(Exception):
    """A scene was not fitted. The message says why."""


@dataclass(frozen=True)
class Used:
    """Processor seconds: the fitter's own, and those of its ffmpegs."""

    own: float
    children: float

    def since(self, earlier: "Used") -> "Used":
        """What was used between the two."""
        return Used(self.own - earlier.own, self.children - earlier.children)


@dataclass
class Fitter:
    """A running fitter on a bus of its own."""

    process: psutil.Process
    client: Client
    ended: "asyncio.Queue[str]"
    latency_ms: list[float] = field(default_factory=list)

    def used(self) -> Used:
        """What it has used up to now."""
        times = self.process.cpu_times()
        return Used(float(times.user + times.system), float(times.children_user + times.children_system))

    async def fit(self, scene: ScenePlanned) -> float:
        """Have it fit the scene; the milliseconds from planned to fitted. Raises `SceneLost`."""
        await publish_events(self.client, [scene])
        try:
            said = await asyncio.wait_for(self.ended.get(), PATIENCE_SECONDS)
        except TimeoutError:
            raise SceneLost(f"{scene.address}: nothing was said of it for {PATIENCE_SECONDS} s") from None
        fitted = scene.address.replace("planned", "fitted")
        if said != fitted:
            raise SceneLost(f"{said} was said instead of {fitted}")
        return 1000 * (await said_seconds(self.client, fitted) - await said_seconds(self.client, scene.address))


@contextmanager
def receiver() -> Iterator[tuple[str, list[int]]]:
    """An OTLP receiver that counts bytes; its address and what it got."""
    got: list[int] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.append(len(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", got
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def make_clips(store: MinioStore, folder: Path, count: int, size: str) -> list[ScenePlanned]:
    """Scenes with clips that show the same and differ in their bytes."""
    drawn = folder / "drawn.mp4"
    source = f"testsrc2=size={size}:rate={FPS}:duration=4"
    await run_ffmpeg(["-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", str(drawn)])
    width, height = map(int, size.split("x"))
    scenes = []
    for number in range(count):
        path = folder / f"clip-{number}.mp4"
        await run_ffmpeg(["-i", str(drawn), "-c", "copy", "-metadata", f"comment={number}", str(path)])
        asset = await store.put_file(path, f"sources/clip-{number}.mp4", "video/mp4")
        scenes.append(
            ScenePlanned(
                project_id=f"project-{number}",
                scene_number=1,
                scene_id="one",
                window=Span(0, FRAMES * 1000 // FPS),
                frame_count=FRAMES,
                clips=(asset,),
                output=Output(width=width, height=height, fps=Fraction(FPS)),
                fit=Fit(),
            )
        )
    return scenes


def of_project(scene: ScenePlanned, number: int) -> ScenePlanned:
    """The same scene of another project."""
    return scene.model_copy(update={"project_id": f"project-{number}"})


async def said_seconds(client: Client, subject: str) -> float:
    """When it was said, by the stream's clock."""
    while True:  # who listens hears it before the stream has it on its disk
        try:
            message = await client.jetstream().get_last_msg(STREAM, subject)
        except NotFoundError:
            await asyncio.sleep(0.01)
            continue
        assert message.time is not None
        return message.time.timestamp()


def bus_environment(nats_url: str, store: StoreSettings, folder: Path) -> dict[str, str]:
    """Where the servers are."""
    return {
        "LOCKSTEP_NATS_URL": nats_url,
        "LOCKSTEP_S3_ENDPOINT": store.endpoint,
        "LOCKSTEP_S3_ACCESS_KEY": store.access_key,
        "LOCKSTEP_S3_SECRET_KEY": store.secret_key.get_secret_value(),
        "LOCKSTEP_S3_BUCKET": store.bucket,
        "LOCKSTEP_SCRATCH_DIR": str(folder / "scratch"),
        "LOCKSTEP_LOG_LEVEL": "ERROR",
    }


@asynccontextmanager
async def running_fitter(
    folder: Path, store: StoreSettings, extra: dict[str, str], module: Sequence[str]
) -> AsyncIterator[Fitter]:
    """A bus and a fitter on it."""
    async with nats_server(folder / "nats") as bus:
        await provision(bus.url, store)
        async with connected(bus.url) as client:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *module),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps({**bus_environment(bus.url, store, folder), **extra}).encode() + b"\n")
            await process.stdin.drain()
            await process.stdout.readline()
            ended: asyncio.Queue[str] = asyncio.Queue()

            async def hear(message: object) -> None:
                ended.put_nowait(getattr(message, "subject", ""))

            for event_class in (SceneFitted, StepFailed):
                await client.subscribe(event_class.wildcard(), cb=hear)
            try:
                yield Fitter(psutil.Process(process.pid), client, ended)
            finally:
                with contextlib.suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()


async def go_on_fetching(port: int, got: list[int]) -> None:
    """Fetch the measurements now and then, as Prometheus does."""

    def fetch() -> int:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            return len(answer.read())

    while True:
        got.append(await asyncio.to_thread(fetch))
        await asyncio.sleep(FETCH_SECONDS)


def interval_of_median(values: Sequence[float]) -> tuple[float, float]:
    """Where the median lies in 95 of 100 samples drawn from the values."""
    draw = random.Random(7)
    medians = sorted(median(draw.choices(values, k=len(values))) for _ in range(2000))
    return medians[50], medians[-51]


async def measure(pairs: int, size: str, *, empty: bool) -> None:
    """Take turns; print."""
    with tempfile.TemporaryDirectory() as name, receiver() as (endpoint, pushed):
        folder, port, fetched = Path(name), free_port(), list[int]()
        modes = {
            "on": {
                "LOCKSTEP_SPANS_FILE": str(folder / "spans.db"),
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_PROMETHEUS_PORT": str(port),
            },
            "off": {"OTEL_SDK_DISABLED": "true"},
        }
        module = ("benchmarks.empty_fitter",) if empty else ("cli.host", "clip_fitter")
        async with AsyncExitStack() as stack:
            s3 = await stack.enter_async_context(s3_server(folder / "s3"))
            fitters = {
                mode: await stack.enter_async_context(running_fitter(folder / mode, s3.settings, extra, module))
                for mode, extra in modes.items()
            }
            # The store's bucket is there now. Two clips for each pair, and one pair to warm up.
            scenes = await make_clips(MinioStore(s3.settings), folder, 1 if empty else 2 * (pairs + 1), size)
            if empty:
                scenes = [of_project(scenes[0], number) for number in range(2 * (pairs + 1))]
            fetching = asyncio.create_task(go_on_fetching(port, fetched))
            before = {mode: fitter.used() for mode, fitter in fitters.items()}
            for number in range(pairs + 1):
                two = iter(scenes[2 * number : 2 * number + 2])
                for mode in sorted(fitters, reverse=number % 2 == 1):
                    milliseconds = await fitters[mode].fit(next(two))
                    if number > 0:
                        fitters[mode].latency_ms.append(milliseconds)
                if number == 0:
                    before = {mode: fitter.used() for mode, fitter in fitters.items()}
                print(f"pair {number} of {pairs}", file=sys.stderr)
            await asyncio.sleep(LAST_SPANS_SECONDS)
            used = {mode: fitter.used().since(before[mode]) for mode, fitter in fitters.items()}
            fetching.cancel()
    print(
        f"{pairs} pairs of scenes of {FRAMES} frames {size}; pushed {sum(pushed)} bytes, fetched {len(fetched)} times"
    )
    print(f"{'':8}{'own CPU ms a scene':>20}{'ffmpeg CPU ms a scene':>24}{'latency ms':>12}")
    for mode, fitter in fitters.items():
        own, children = (1000 * seconds / pairs for seconds in (used[mode].own, used[mode].children))
        print(f"{mode:8}{own:20.1f}{children:24.1f}{median(fitter.latency_ms):12.1f}")
    more_ms = 1000 * (used["on"].own - used["off"].own) / pairs
    whole_ms = 1000 * (used["off"].own + mean(each.children for each in used.values())) / pairs
    later = [on - off for on, off in zip(fitters["on"].latency_ms, fitters["off"].latency_ms, strict=True)]
    low, high = interval_of_median(later)
    if not empty:
        print(f"telemetry takes {more_ms:+.1f} ms of {whole_ms:.0f} ms CPU a scene: {100 * more_ms / whole_ms:+.2f} %")
    print(f"a scene is later by {median(later):+.1f} ms (95 of 100: {low:+.1f} to {high:+.1f} ms)")
    # What the machine does besides only ever adds: the quietest quarter of each is the least disturbed.
    quiet = {mode: quantiles(fitter.latency_ms, n=4)[0] for mode, fitter in fitters.items()}
    print(
        f"in the quietest quarter by {quiet['on'] - quiet['off']:+.1f} ms ({quiet['off']:.1f} to {quiet['on']:.1f} ms)"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=24)
    parser.add_argument("--size", default="640x360")
    parser.add_argument("--empty", action="store_true", help="fit nothing: for the latency")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.pairs, arguments.size, empty=arguments.empty))
