"""Are N fitters N times faster? Each on a small machine of its own, beside a bus, a store and a join that all share.

    python -m benchmarks.scale_out [--fitters 1 2 4 8] [--scenes 96] [--cores 0.1]

Two cores hold eight fitters where the kernel gives each a tenth of a core and no more, as a small machine would. So
what is left to slow them down is what they share: the bus, the store, how scenes are handed out, and the end, where
some have nothing left to do. Everyone else has the rest of the machine. Wants root (`benchmarks/small_machines.py`).
How fast the cores are changes by the minute, so a yardstick runs beside, and times are compared at equal speed.

A project of tiny frames is made once, so that its voice and its words are in the store. Then it is said again with
other parts of the clip, so that each scene is fitted anew; the time is from the plan to the last fitted scene.
"""

import argparse
import asyncio
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from nats.aio.msg import Msg

from benchmarks.scene_cost import CREW, LONGEST_SECONDS, follow, with_other_parts
from benchmarks.small_machines import Yardstick, held_to
from cli.client import submit
from shared.events import SceneFitted, ScenesPlanned, VideoAssembled
from tests.chaos.batch import Footage, make_footage, tiny_project
from tests.chaos.crew import PATIENCE, running_crew
from tests.chaos.reader import redeliveries


@dataclass(frozen=True)
class Scaled:
    """How long so many fitters took for the scenes of one project."""

    fitters: int
    seconds: float
    speed: float
    """Of the cores meanwhile."""
    handed_out_again: int

    def times_as_fast(self, one: "Scaled") -> float:
        """As another number of fitters of the same scenes, at equal speed of the cores."""
        return one.seconds * one.speed / (self.seconds * self.speed)


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


async def scaled(folder: Path, footage: Footage, scenes: int, fitters: int, cores: float) -> Scaled:
    """Let so many small fitters fit the scenes of one project."""
    services = [name for name in CREW if name != "clip_fitter"] + ["clip_fitter"] * fitters
    patient = {name: value for name, value in PATIENCE.items() if not name.startswith("LOCKSTEP_NATS_")}
    async with running_crew(
        folder, services, {**patient, "ELEVENLABS_TIMEOUT_SECONDS": "60"}, ack_wait_seconds=30
    ) as crew:
        words = tiny_project("once", random.Random(7), paid=True, scenes=scenes, music=False)
        files = {"clip.mp4": footage.clip}
        await follow(crew, words, files, [VideoAssembled])
        again_before = await redeliveries(crew.client.jetstream())
        planned, fitted = Arrivals(1), Arrivals(scenes)
        await crew.client.subscribe(ScenesPlanned.wildcard(), cb=planned.note)
        await crew.client.subscribe(SceneFitted.wildcard(), cb=fitted.note)
        small = [member.process_id for member in crew.of("clip_fitter")]
        with Yardstick() as yardstick, held_to(cores, [*small, yardstick.process_id]):
            await submit(with_other_parts(words), files, crew.store, crew.client)
            async with asyncio.timeout(LONGEST_SECONDS):
                await planned.all_here.wait()
                begun = yardstick.reading()
                await fitted.all_here.wait()
                speed = yardstick.reading().speed_since(begun)
        again = await redeliveries(crew.client.jetstream()) - again_before
        return Scaled(fitters, fitted.all_at - planned.all_at, speed, again)


async def main() -> None:
    """Measure and print, line by line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--fitters", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--scenes", type=int, default=96)
    parser.add_argument("--cores", type=float, default=0.1)
    options = parser.parse_args()
    columns = (f"fitters of {options.cores:g} cores", f"seconds for {options.scenes} scenes", "speed of the cores")
    print(f"| {' | '.join((*columns, 'times as fast', 'handed out again'))} |")
    print("| ---: | ---: | ---: | ---: | ---: |", flush=True)
    first: Scaled | None = None
    with tempfile.TemporaryDirectory(prefix="lockstep-scale-") as name:
        footage = make_footage(Path(name) / "footage")
        for fitters in options.fitters:
            folder = Path(name) / f"fitters-{fitters}"
            folder.mkdir()
            run = await scaled(folder, footage, options.scenes, fitters, options.cores)
            first = first or run
            times = first.fitters * run.times_as_fast(first)
            print(
                f"| {fitters} | {run.seconds:.1f} | {run.speed / first.speed:.2f} | {times:.2f}"
                f" | {run.handed_out_again} |",
                flush=True,
            )


if __name__ == "__main__":
    asyncio.run(main())
