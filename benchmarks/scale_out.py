"""Are N fitters N times faster? Beside a bus, a store and a join that all of them share.

    python -m benchmarks.scale_out [--fitters 1 2 4 8 16 32] [--scenes-each 10] [--encode-seconds 4]

Two cores cannot show more than two fitters that encode. So here each encode of tiny frames waits before it begins, as
if another machine's processor did the work: what is left to slow fitters down is what they share, how scenes are handed
out, and the end, where some have nothing left to do. Everything else is as it always is, and in earnest: the two cores
carry all fitters' own work, the bus, the store and the join.

A project is made once, so that its voice and its words are in the store. Then it is said again with other parts of the
clip, so that each scene is fitted anew; the time is from the plan to the last fitted scene.
"""

import argparse
import asyncio
import os
import random
import shutil
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from nats.aio.msg import Msg

from benchmarks.scene_cost import CREW, LONGEST_SECONDS, follow, with_other_parts
from cli.client import submit
from shared.events import SceneFitted, ScenesPlanned, VideoAssembled
from tests.chaos.batch import Footage, make_footage, tiny_project
from tests.chaos.crew import AT_EASE, running_crew
from tests.chaos.reader import redeliveries


@dataclass(frozen=True)
class LongEncodes:
    """An ffmpeg that waits first, while a switch is on."""

    folder: Path
    seconds: float

    def __post_init__(self) -> None:
        self.folder.mkdir()
        wrapper = self.folder / "ffmpeg"
        wrapper.write_text(
            f'#!/bin/sh\n[ -e "{self._switch}" ] && sleep {self.seconds:g}\nexec "{shutil.which("ffmpeg")}" "$@"\n'
        )
        wrapper.chmod(0o755)

    @property
    def path(self) -> str:
        """Where programs are looked for."""
        return f"{self.folder}{os.pathsep}{os.environ['PATH']}"

    def begin(self) -> None:
        """From now on they wait."""
        self._switch.touch()

    @property
    def _switch(self) -> Path:
        return self.folder / "waits"


@dataclass
class Arrivals:
    """Messages that are counted as they come, and when the last of them came."""

    awaited: int
    all_at: float = 0.0
    all_here: asyncio.Event = field(default_factory=asyncio.Event)

    async def note(self, _: Msg) -> None:
        """What a subscription calls."""
        self.awaited -= 1
        if self.awaited == 0:
            self.all_at = time.monotonic()
            self.all_here.set()


async def fitted_in(folder: Path, footage: Footage, scenes: int, fitters: int, encode_seconds: float) -> float:
    """How many seconds so many fitters take for the scenes of one project."""
    encodes = LongEncodes(folder / "programs", encode_seconds)
    services = [name for name in CREW if name != "clip_fitter"] + ["clip_fitter"] * fitters
    environment = {**AT_EASE, "PATH": encodes.path}
    async with running_crew(folder, services, environment, ack_wait_seconds=30) as crew:
        words = tiny_project("once", random.Random(7), paid=True, scenes=scenes, music=False)
        files = {"clip.mp4": footage.clip}
        await follow(crew, words, files, [VideoAssembled])
        before = await redeliveries(crew.client.jetstream())
        planned, fitted = Arrivals(1), Arrivals(scenes)
        await crew.client.subscribe(ScenesPlanned.wildcard(), cb=planned.note)
        await crew.client.subscribe(SceneFitted.wildcard(), cb=fitted.note)
        encodes.begin()
        await submit(with_other_parts(words), files, crew.store, crew.client)
        async with asyncio.timeout(LONGEST_SECONDS):
            await fitted.all_here.wait()
        assert await redeliveries(crew.client.jetstream()) == before, "a scene was handed out twice"
        return fitted.all_at - planned.all_at


async def main() -> None:
    """Measure and print, line by line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--fitters", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    parser.add_argument("--scenes-each", type=int, default=10)
    parser.add_argument("--encode-seconds", type=float, default=4.0)
    options = parser.parse_args()
    print("| fitters | scenes | seconds | scenes a minute | times as fast |")
    print("| ---: | ---: | ---: | ---: | ---: |", flush=True)
    rates: list[float] = []
    with tempfile.TemporaryDirectory(prefix="lockstep-scale-") as name:
        footage = make_footage(Path(name) / "footage")
        for fitters in options.fitters:
            folder, scenes = Path(name) / f"fitters-{fitters}", fitters * options.scenes_each
            folder.mkdir()
            seconds = await fitted_in(folder, footage, scenes, fitters, options.encode_seconds)
            rates.append(60 * scenes / seconds)
            times = options.fitters[0] * rates[-1] / rates[0]
            print(f"| {fitters} | {scenes} | {seconds:.1f} | {rates[-1]:.1f} | {times:.2f} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
