"""What a scene costs beside ffmpeg, in every process that it passes: the bus overhead.

    python -m benchmarks.scene_cost [--scenes 60] [--json out/scene_cost.json]

A project of tiny frames is made once, so that its voice and its words are in the store. Then it is said again with the
same words and other parts of the clip: now only scenes are worked on, and every one of them is fitted anew. Two times
are measured:

    words.timed ──▶ scenes.planned ──▶ scene.N.planned ──▶ scene.N.fitted ──▶ assembly.due ──▶ video.assembled
    [------------------------------ a scene's way -----------------------------)[---- its share of the video ----)

For each it prints the CPU that a scene took in our own processes and in the servers. ffmpeg and ffprobe are processes
of their own and are not in it. What everyone uses when nothing happens is measured before, taken off, and printed: it
is used however many scenes there are.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import psutil
from nats.aio.msg import Msg

from cli.client import submit
from shared.events import AssemblyDue, Event, StepFailed, VideoAssembled, WordsTimed
from shared.project import Project, Scene
from tests.chaos.batch import Footage, make_footage, tiny_project
from tests.chaos.crew import AT_EASE, Crew, running_crew

CREW = ("voiceover", "transcriber", "scene_planner", "mixer", "assembler", "clip_fitter")

ON_THE_WAY = ("scene_planner", "clip_fitter", "assembler")
"""Whose processes a scene passes. A project that is said again has its voice, words and sound."""

SERVERS = ("nats-server", "SeaweedFS")

REST_SECONDS = 15.0

LONGEST_SECONDS = 900

TARGET_MS = 60
"""What a scene may cost beside ffmpeg."""


@dataclass(frozen=True)
class Used:
    """CPU seconds that each process has used itself, without its children, at a moment."""

    at: float
    seconds: Mapping[str, float]

    def since(self, earlier: "Used", rest: Mapping[str, float]) -> dict[str, float]:
        """CPU seconds between the two; `rest`, in CPU seconds a second, is taken off."""
        lasted = self.at - earlier.at
        return {
            name: max(0.0, now - earlier.seconds[name] - rest.get(name, 0.0) * lasted)
            for name, now in self.seconds.items()
        }


@dataclass(frozen=True)
class SceneCost:
    """Milliseconds of CPU for one scene, for each process."""

    scenes: int
    fitters: int
    way_ms: dict[str, float]
    share_ms: dict[str, float]
    rest_ms_a_second: dict[str, float]

    @property
    def ours_ms(self) -> float:
        """Of our own processes, on the scene's way."""
        return sum(ms for name, ms in self.way_ms.items() if name in ON_THE_WAY)

    @property
    def servers_ms(self) -> float:
        """Of the servers, on the scene's way."""
        return sum(ms for name, ms in self.way_ms.items() if name in SERVERS)


def used_by(crew: Crew) -> Used:
    """What everyone has used up to now."""
    processes = [(member.service, member.process_id) for member in crew.members]
    processes += zip(SERVERS, (crew.bus.process_id, crew.store_server.process_id), strict=True)
    seconds: dict[str, float] = {}
    for name, process_id in processes:
        times = psutil.Process(process_id).cpu_times()
        seconds[name] = seconds.get(name, 0.0) + times.user + times.system
    return Used(time.monotonic(), seconds)


async def follow(
    crew: Crew, project: Project, files: Mapping[str, Path], event_classes: Sequence[type[Event]]
) -> list[Used]:
    """Submit the project and wait until each of these events is said, in this order; what everyone had used then.

    The bus tells of them itself: to ask it again and again would cost more than what is measured.
    """
    awaited: list[type[Event]] = [*event_classes, StepFailed]
    told = {event_class: asyncio.Event() for event_class in awaited}
    subscriptions = [
        await crew.client.subscribe(event_class.wildcard(), cb=partial(_note, heard))
        for event_class, heard in told.items()
    ]
    await submit(project, files, crew.store, crew.client)
    moments = []
    async with asyncio.timeout(LONGEST_SECONDS):
        for event_class in event_classes:
            await told[event_class].wait()
            moments.append(used_by(crew))
    assert not told[StepFailed].is_set(), "a project failed"
    for subscription in subscriptions:
        await subscription.unsubscribe()
    return moments


async def _note(heard: asyncio.Event, _: Msg) -> None:
    heard.set()


def with_other_parts(project: Project) -> Project:
    """The same words over other parts of the clips: voice and words are in the store, and each scene is fitted anew."""
    chance = random.Random(8)

    def elsewhere(scene: Scene) -> Scene:
        clips = tuple(clip.model_copy(update={"in_ms": chance.randrange(1001, 1900)}) for clip in scene.clips)
        return scene.model_copy(update={"clips": clips})

    return project.model_copy(update={"scenes": tuple(map(elsewhere, project.scenes))})


async def scene_cost(folder: Path, footage: Footage, scenes: int, fitters: int) -> SceneCost:
    """Measure one project of so many scenes."""
    services = [name for name in CREW if name != "clip_fitter"] + ["clip_fitter"] * fitters
    environment = {**AT_EASE, "LOCKSTEP_SPANS_FILE": str(folder / "spans.db")}
    async with running_crew(folder, services, environment, ack_wait_seconds=30) as crew:
        words = tiny_project("once", random.Random(7), paid=True, scenes=scenes, music=False)
        files = {"clip.mp4": footage.clip}
        await follow(crew, words, files, [VideoAssembled])
        await asyncio.sleep(2)
        before = used_by(crew)
        await asyncio.sleep(REST_SECONDS)
        resting = used_by(crew)
        rest = {name: used / (resting.at - before.at) for name, used in resting.since(before, {}).items()}
        again = with_other_parts(words)
        timed, due, assembled = await follow(crew, again, files, [WordsTimed, AssemblyDue, VideoAssembled])
        way, share = due.since(timed, rest), assembled.since(due, rest)
        passed = (*ON_THE_WAY, *SERVERS)
        return SceneCost(
            scenes,
            fitters,
            {name: 1000 * way[name] / scenes for name in passed},
            {name: 1000 * share[name] / scenes for name in ("assembler", *SERVERS)},
            {name: 1000 * rest[name] for name in passed},
        )


def table(cost: SceneCost) -> Sequence[str]:
    """The figures in Markdown."""
    lines = [
        f"| CPU of one of {cost.scenes} scenes, ms | on its way | its share of the video |",
        "| --- | ---: | ---: |",
    ]
    for name in (*ON_THE_WAY, *SERVERS):
        share = f"{cost.share_ms[name]:.1f}" if name in cost.share_ms else "-"
        lines.append(f"| {name.replace('_', ' ')} | {cost.way_ms[name]:.1f} | {share} |")
    ours = sum(ms for name, ms in cost.share_ms.items() if name in ON_THE_WAY)
    servers = sum(ms for name, ms in cost.share_ms.items() if name in SERVERS)
    lines += [
        f"| our own processes | {cost.ours_ms:.1f} | {ours:.1f} |",
        f"| with the servers (target: {TARGET_MS}) | {cost.ours_ms + cost.servers_ms:.1f} | {ours + servers:.1f} |",
    ]
    rest = ", ".join(f"{name.replace('_', ' ')} {ms:.1f}" for name, ms in cost.rest_ms_a_second.items())
    return [*lines, "", f"Of one second at rest everyone's copies took, in ms, and this is taken off: {rest}."]


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=int, default=60)
    parser.add_argument("--fitters", type=int, default=1)
    parser.add_argument("--json", type=Path, default=Path("out/scene_cost.json"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lockstep-scene-cost-") as name:
        footage = make_footage(Path(name) / "footage")
        cost = await scene_cost(Path(name), footage, options.scenes, options.fitters)
    print("\n".join(table(cost)))
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(asdict(cost), indent=2))


if __name__ == "__main__":
    asyncio.run(main())
