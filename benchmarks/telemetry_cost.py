"""What telemetry costs: a real clip fitter with all of it on against the same one with none, taking turns in one run.

    python -m benchmarks.telemetry_cost --rounds 4 --scenes 8

On means: spans into the local file and, with measurements, to an OTLP receiver that listens here. Off means
`OTEL_SDK_DISABLED=true`. One scene at a time, so that latency is work and never a queue; latency is what the stream's
own timestamps say. CPU is the fitter's and its ffmpegs'. Each scene has a clip of its own: nothing is found in the
store.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median

import psutil
from nats.aio.client import Client

from cli.client import connected
from shared.events import STREAM, SceneFitted, ScenePlanned
from shared.ffmpeg import run_ffmpeg
from shared.project import Fit, Output
from shared.publish import publish_events
from shared.servers import nats_server, s3_server
from shared.store import MinioStore, StoreSettings
from shared.stream import provision
from shared.timeline import Span

FRAMES = 48
FPS = 24


@dataclass
class Turn:
    """What one turn of one fitter took, scene by scene."""

    latency_ms: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)


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


async def make_clip(store: MinioStore, folder: Path, number: int, size: str) -> ScenePlanned:
    """A clip that no other turn has, in the store; the scene that it fills."""
    path = folder / f"clip-{number}.mp4"
    source = f"testsrc2=size={size}:rate={FPS}:duration=4,hue=h={number * 7}"
    await run_ffmpeg(["-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", str(path)])
    asset = await store.put_file(path, f"sources/clip-{number}.mp4", "video/mp4")
    width, height = map(int, size.split("x"))
    return ScenePlanned(
        project_id=f"project-{number}",
        scene_number=1,
        scene_id="one",
        window=Span(0, FRAMES * 1000 // FPS),
        frame_count=FRAMES,
        clips=(asset,),
        output=Output(width=width, height=height, fps=Fraction(FPS)),
        fit=Fit(),
    )


async def said_seconds(client: Client, subject: str) -> float:
    """When it was said, by the stream's clock."""
    message = await client.jetstream().get_last_msg(STREAM, subject)
    assert message.time is not None
    return message.time.timestamp()


def cpu_seconds(process: psutil.Process) -> float:
    """The process's CPU time and that of its children that have ended."""
    times = process.cpu_times()
    return float(times.user + times.system + times.children_user + times.children_system)


async def take_turn(environment: dict[str, str], client: Client, scenes: list[ScenePlanned], turn: Turn) -> None:
    """Start a fitter, give it one scene after the other, stop it. The first scene warms it up and is not counted."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.host", "clip_fitter"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps(environment).encode() + b"\n")
    await process.stdin.drain()
    await process.stdout.readline()
    watched = psutil.Process(process.pid)
    fitted = asyncio.Event()

    async def take(_: object) -> None:
        fitted.set()

    subscription = await client.subscribe(SceneFitted.wildcard(), cb=take)
    for number, scene in enumerate(scenes):
        fitted.clear()
        before = cpu_seconds(watched)
        await publish_events(client, [scene])
        await fitted.wait()
        await asyncio.sleep(0.3)  # what is exported in the background counts too
        if number > 0:
            address = scene.address
            latency = await said_seconds(client, address.replace("planned", "fitted")) - await said_seconds(
                client, address
            )
            turn.latency_ms.append(1000 * latency)
            turn.cpu_ms.append(1000 * (cpu_seconds(watched) - before))
    await subscription.unsubscribe()
    process.terminate()
    await process.wait()


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


async def measure(rounds: int, scenes: int, size: str) -> None:
    """Take turns; print."""
    turns = {"on": Turn(), "off": Turn()}
    with tempfile.TemporaryDirectory() as name, receiver() as (endpoint, got):
        folder = Path(name)
        async with nats_server(folder / "nats") as bus, s3_server(folder / "s3") as s3:
            await provision(bus.url, s3.settings)
            common = bus_environment(bus.url, s3.settings, folder)
            modes = {
                "on": {"LOCKSTEP_SPANS_FILE": str(folder / "spans.db"), "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint},
                "off": {"OTEL_SDK_DISABLED": "true"},
            }
            store, number = MinioStore(s3.settings), 0
            async with connected(bus.url) as client:
                for round_number in range(rounds):
                    # The order changes from round to round: what a machine does besides falls on both alike.
                    for mode in sorted(modes, reverse=round_number % 2 == 1):
                        work = [await make_clip(store, folder, number + n, size) for n in range(scenes + 1)]
                        number += scenes + 1
                        await take_turn({**common, **modes[mode]}, client, work, turns[mode])
                        print(f"round {round_number + 1} of {rounds}, {mode}: done", file=sys.stderr)
    print(f"{len(turns['on'].cpu_ms)} scenes each of {FRAMES} frames {size}; the receiver got {sum(got)} bytes")
    print(f"{'':8}{'CPU ms a scene':>18}{'latency ms':>14}")
    for mode, turn in turns.items():
        print(f"{mode:8}{median(turn.cpu_ms):18.1f}{median(turn.latency_ms):14.1f}")
    on, off = turns["on"], turns["off"]
    ratio = median(on.cpu_ms) / median(off.cpu_ms)
    print(f"on/off  {ratio:18.4f}{median(on.latency_ms) - median(off.latency_ms):+11.1f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--scenes", type=int, default=8)
    parser.add_argument("--size", default="640x360")
    arguments = parser.parse_args()
    asyncio.run(measure(arguments.rounds, arguments.scenes, arguments.size))
