"""How much the bus and the store can carry: many small projects through 1, 2 and 4 clip fitters.

    python -m benchmarks.load [--projects 200] [--scenes 10] [--fitters 1 2 4] [--json out/load.json]

Frames are 160x90 and clips three seconds, so that what is measured is everything around ffmpeg. The voice is a local
server that answers at once. For each number of fitters it prints projects a minute, how long scenes waited and were
worked on, what was handed out more than once (0 in a sound run), the CPU of a scene that is not ffmpeg's, memory at the
start and the end, and how stream and store grew. A long soak can be made one number of fitters at a time: what the
JSON holds of the same work with other numbers is printed beside it. With 200 projects a number takes about a quarter of
an hour; `--projects 8` takes a minute and shows the same but for the memory.

Then one project of 250, 500 and 1,000 scenes is planned, fanned out and joined over a real bus by a fitter that does
nothing: the cost for each scene must not grow. `benchmarks/simulate.py` reads the JSON.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from cli.client import submit
from services.assembler.handlers import Handlers
from services.assembler.settings import Settings as AssemblerSettings
from shared.events import AssemblyDue, Event, SceneFitted, ScenePlanned, ScenesPlanned, SoundtrackMixed, WordsTimed
from shared.service import Service, Step
from shared.spans import spans_of
from shared.testing import MemoryStore
from tests.chaos.batch import Footage, make_footage, tiny_project
from tests.chaos.crew import AT_EASE, EVERYONE, Crew, running_crew
from tests.chaos.reader import redeliveries
from tests.integration.bus_bench import Bus, asset, plan_of, provisioned_bus, until

STAGES = ("voiceover", "transcriber", "scene_planner", "mixer", "assembler")

LONGEST_SECONDS = 3600


@dataclass(frozen=True)
class Cpu:
    """What the processes of one service have used, in CPU seconds."""

    own: float
    children: float

    def __sub__(self, earlier: "Cpu") -> "Cpu":
        return Cpu(self.own - earlier.own, self.children - earlier.children)


@dataclass(frozen=True)
class Measured:
    """One run."""

    fitters: int
    projects: int
    scenes: int
    seconds: float
    queue_p50: float
    queue_p95: float
    work_p50: float
    work_p95: float
    redelivered: int
    most_in_work: int
    """Scenes that were in work at once, over all fitters, as often as it was looked at: never more than fitters."""
    fitter_cpu_ms_a_scene: float
    """The fitter's own process: everything of a scene that is not ffmpeg or ffprobe."""
    join_cpu_ms_a_scene: float
    bus_cpu_ms_a_scene: float
    store_cpu_ms_a_scene: float
    scene_cpu_seconds: float
    """All of a scene, with ffmpeg."""
    stage_cpu_seconds: dict[str, float]
    """Of the steps before and after, for one project."""
    machine_cores: float
    """The cores that other programs on this machine left to the crew: what it used, and what nobody used."""
    memory_mb: dict[str, tuple[int, int]]
    stream_bytes_a_project: int
    store_bytes_a_project: int

    @property
    def projects_a_minute(self) -> float:
        """How many videos a minute."""
        return 60 * self.projects / self.seconds


def cpu_of(crew: Crew, service: str) -> Cpu:
    """All that the service's processes and their ended children used so far."""
    times = [psutil.Process(member.process_id).cpu_times() for member in crew.of(service)]
    return Cpu(
        sum(each.user + each.system for each in times),
        sum(each.children_user + each.children_system for each in times),
    )


def memory_of(crew: Crew) -> dict[str, int]:
    """Resident memory in MB: the largest copy of each service, the bus and the store."""
    found = {
        service: max(psutil.Process(member.process_id).memory_info().rss for member in crew.of(service)) >> 20
        for service in dict.fromkeys(member.service for member in crew.members)
    }
    found["nats-server"] = psutil.Process(crew.bus.process_id).memory_info().rss >> 20
    found["weed"] = psutil.Process(crew.store_server.process_id).memory_info().rss >> 20
    return found


def server_cpu(process_id: int) -> float:
    """CPU seconds of a server."""
    times = psutil.Process(process_id).cpu_times()
    return times.user + times.system


async def soak(folder: Path, footage: Footage, projects: int, scenes: int, fitters: int) -> Measured:
    """Run `projects` projects through so many fitters."""
    services = [name for name in EVERYONE if name != "clip_fitter"] + ["clip_fitter"] * fitters
    spans = folder / "spans.db"
    environment = {**AT_EASE, "LOCKSTEP_SPANS_FILE": str(spans)}
    async with running_crew(folder, services, environment, ack_wait_seconds=30) as crew:
        chance = random.Random(7)
        files = {"clip.mp4": footage.clip}

        async def say(name: str) -> str:
            project = tiny_project(name, chance, paid=True, scenes=scenes, music=False)
            return (await submit(project, files, crew.store, crew.client)).project_id

        ids = [await say("warm-up")]
        await ended(crew, 1)
        everyone = dict.fromkeys(services)
        before, memory = {name: cpu_of(crew, name) for name in everyone}, memory_of(crew)
        bus_before, store_before = server_cpu(crew.bus.process_id), server_cpu(crew.store_server.process_id)
        stream_before, objects_before = await stream_bytes(crew), store_bytes(folder)
        again_before = await redeliveries(crew.client.jetstream())
        began, idle_before = time.monotonic(), psutil.cpu_times().idle
        ids = [await say(f"load-{number}") for number in range(projects)]
        most_in_work = await ended(crew, projects + 1, of_fitters(fitters))
        seconds, idle = time.monotonic() - began, psutil.cpu_times().idle - idle_before
        used = {name: cpu_of(crew, name) - before[name] for name in everyone}
        count = projects * scenes
        join = await join_share(spans, ids)
        await asyncio.sleep(1)  # the last spans are on their way
        queue, work = scene_times(spans, ids)
        servers = (
            server_cpu(crew.bus.process_id) - bus_before,
            server_cpu(crew.store_server.process_id) - store_before,
        )
        return Measured(
            fitters=fitters,
            projects=projects,
            scenes=scenes,
            seconds=seconds,
            queue_p50=statistics.median(queue),
            queue_p95=quantile(queue, 0.95),
            work_p50=statistics.median(work),
            work_p95=quantile(work, 0.95),
            redelivered=await redeliveries(crew.client.jetstream()) - again_before,
            most_in_work=most_in_work,
            fitter_cpu_ms_a_scene=1000 * used["clip_fitter"].own / count,
            join_cpu_ms_a_scene=1000 * used["assembler"].own * join / count,
            bus_cpu_ms_a_scene=1000 * servers[0] / count,
            store_cpu_ms_a_scene=1000 * servers[1] / count,
            scene_cpu_seconds=(used["clip_fitter"].own + used["clip_fitter"].children) / count,
            stage_cpu_seconds={name: (used[name].own + used[name].children) / projects for name in STAGES},
            machine_cores=(idle + sum(each.own + each.children for each in used.values()) + sum(servers)) / seconds,
            memory_mb={name: (memory[name], now) for name, now in memory_of(crew).items()},
            stream_bytes_a_project=(await stream_bytes(crew) - stream_before) // projects,
            store_bytes_a_project=(store_bytes(folder) - objects_before) // projects,
        )


async def ended(crew: Crew, count: int, whose: str = "") -> int:
    """Wait until so many projects have ended, with a video each; the most scenes that were seen in work at once.

    How far it is stands on the screen, after every tenth of them, where it is said `whose` they are.
    """
    most = told = 0
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            info = await crew.client.jetstream().stream_info("LOCKSTEP", subjects_filter="lockstep.*.video.assembled")
            done = len(info.state.subjects or {})
            if whose and 10 * done // count > told:
                told = 10 * done // count
                print(f"{whose}: {done} of {count} projects", file=sys.stderr, flush=True)
            if done >= count:
                return most
            fitting = await crew.client.jetstream().consumer_info("LOCKSTEP", "clip_fitter")
            most = max(most, fitting.num_ack_pending or 0)
            failed = await crew.client.jetstream().stream_info("LOCKSTEP", subjects_filter="lockstep.*.step.failed")
            assert not failed.state.subjects, f"a project failed: {failed.state.subjects}"
            await asyncio.sleep(1)  # each look costs nats-server 2 ms of CPU, which is measured


async def stream_bytes(crew: Crew) -> int:
    """How much the stream holds."""
    return int((await crew.client.jetstream().stream_info("LOCKSTEP")).state.bytes)


def store_bytes(folder: Path) -> int:
    """How much disk the store has taken."""
    return sum(path.stat().st_blocks * 512 for path in (folder / "store").rglob("*") if path.is_file())


def scene_times(spans: Path, ids: Sequence[str]) -> tuple[list[float], list[float]]:
    """Seconds that each scene waited for a fitter, and that it was worked on, from the services' own spans."""
    queue, work = [], []
    for project_id in ids:
        for span in spans_of(spans, project_id):
            if span.service == "clip_fitter" and span.name == "queue":
                queue.append((span.end_ns - span.start_ns) / 1e9)
            elif span.name == f"process {ScenePlanned.subject}":
                work.append((span.end_ns - span.start_ns) / 1e9)
    return queue, work


async def join_share(spans: Path, ids: Sequence[str]) -> float:
    """The part of the assembler's time that went into deciding whether all scenes are there."""
    deciding = assembling = 0
    for project_id in ids:
        for span in await asyncio.to_thread(spans_of, spans, project_id):
            if span.service == "assembler" and span.name.startswith("process "):
                length = span.end_ns - span.start_ns
                if span.name == f"process {AssemblyDue.subject}":
                    assembling += length
                else:
                    deciding += length
    return deciding / max(1, deciding + assembling)


def of_fitters(number: int) -> str:
    """A number of fitters, in words."""
    return f"{number} fitter{'s' if number > 1 else ''}"


def quantile(values: Sequence[float], part: float) -> float:
    """The value that `part` of the values are not above."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(part * len(ordered)))]


@dataclass(frozen=True)
class Fan:
    """One project of many scenes, over a bus and a join that are real and a fitter that does nothing."""

    scenes: int
    said_ms_a_scene: float
    joined_ms_a_scene: float
    cpu_ms_a_scene: float


async def fan(folder: Path, scenes: int) -> Fan:
    """Plan, fan out and join one project of so many scenes."""
    async with provisioned_bus(folder, ack_wait_seconds=30) as bus, _instant_services(bus) as due:
        process = psutil.Process()
        began, cpu = time.monotonic(), sum(process.cpu_times()[:2])
        planned = plan_of("lighthouse", scenes)
        await bus.say(
            WordsTimed(
                project_id="lighthouse",
                project=asset(),
                recording=asset(),
                transcript=asset(),
                word_count=scenes,
                from_store=False,
            )
        )
        await bus.said(ScenesPlanned, "lighthouse")
        out = time.monotonic()
        await bus.say(soundtrack())
        async with asyncio.timeout(600):
            await due.wait()
        joined, cpu_after = time.monotonic(), sum(process.cpu_times()[:2])
        fitted = await bus.said(SceneFitted, "lighthouse", count=scenes)
        assert len(fitted) == len(planned) - 1 == scenes
        return Fan(
            scenes, 1000 * (out - began) / scenes, 1000 * (joined - out) / scenes, 1000 * (cpu_after - cpu) / scenes
        )


@asynccontextmanager
async def _instant_services(bus: Bus) -> AsyncIterator[asyncio.Event]:
    due = asyncio.Event()

    async def plan(event: WordsTimed, step: Step) -> Sequence[Event]:
        return plan_of(event.project_id, event.word_count)

    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        return SceneFitted(
            project_id=event.project_id,
            scene_number=event.scene_number,
            scene_id=event.scene_id,
            segment=asset("segments/one.mp4"),
            frame_count=event.frame_count,
            clip_ms=1000,
            fit="as it is",
            from_store=True,
        )

    planner, fitter = Service("scene_planner", bus.settings), Service("clip_fitter", bus.settings)
    planner.on(WordsTimed, plan)
    fitter.on(ScenePlanned, fit, at_once=4)
    # The join only: there is nothing to assemble.
    join, judge = Service("assembler", bus.settings), Handlers(MemoryStore(), AssemblerSettings()).judge_completeness
    join.on(SceneFitted, judge, consumer="assembler_join")
    join.on(SoundtrackMixed, judge, consumer="assembler_join")
    watcher = asyncio.create_task(_due(bus, due))
    try:
        async with bus.running(planner.app, fitter.app, join.app):
            yield due
    finally:
        watcher.cancel()


async def _due(bus: Bus, due: asyncio.Event) -> None:
    async def is_due() -> bool:
        info = await bus.jetstream.stream_info("LOCKSTEP", subjects_filter=AssemblyDue.wildcard("lighthouse"))
        return bool(info.state.subjects)

    await until(is_due, "the join did not come to its end")
    due.set()


def soundtrack() -> SoundtrackMixed:
    """What the mixer would say."""
    return SoundtrackMixed(
        project_id="lighthouse",
        soundtrack=asset("soundtracks/one.m4a"),
        sample_count=48_000,
        loudness_lufs=-14.0,
        true_peak_dbtp=-1.0,
        from_store=False,
    )


def print_soak(runs: Sequence[Measured]) -> None:
    """The runs side by side."""
    rows: list[tuple[str, list[str]]] = [
        ("projects a minute", [f"{run.projects_a_minute:.2f}" for run in runs]),
        ("scene waits, p50 / p95", [f"{run.queue_p50:.2f} / {run.queue_p95:.2f} s" for run in runs]),
        ("scene in work, p50 / p95", [f"{run.work_p50:.2f} / {run.work_p95:.2f} s" for run in runs]),
        ("most scenes in work at once", [str(run.most_in_work) for run in runs]),
        ("handed out again", [str(run.redelivered) for run in runs]),
        ("fitter's own CPU a scene", [f"{run.fitter_cpu_ms_a_scene:.0f} ms" for run in runs]),
        ("join's CPU a scene", [f"{run.join_cpu_ms_a_scene:.0f} ms" for run in runs]),
        ("nats-server's CPU a scene", [f"{run.bus_cpu_ms_a_scene:.0f} ms" for run in runs]),
        ("store's CPU a scene", [f"{run.store_cpu_ms_a_scene:.0f} ms" for run in runs]),
        ("cores left to the crew", [f"{run.machine_cores:.2f}" for run in runs]),
        ("stream, a project", [f"{run.stream_bytes_a_project / 1000:.0f} kB" for run in runs]),
        ("store, a project", [f"{run.store_bytes_a_project / 1000:.0f} kB" for run in runs]),
    ]
    rows += [
        (f"memory of {name}, MB", ["{} to {}".format(*run.memory_mb[name]) for run in runs])
        for name in runs[0].memory_mb
    ]
    heading = " | ".join(of_fitters(run.fitters) for run in runs)
    print(f"| {runs[0].projects} projects of {runs[0].scenes} scenes | {heading} |")
    print("| --- |" + " ---: |" * len(runs))
    for name, values in rows:
        print(f"| {name} | " + " | ".join(values) + " |")


def print_fan(fans: Sequence[Fan]) -> None:
    """The projects of many scenes side by side."""
    print("\n| one project of | plan said, a scene | fitted and joined, a scene | CPU of all services, a scene |")
    print("| --- | ---: | ---: | ---: |")
    for each in fans:
        print(
            f"| {each.scenes} scenes | {each.said_ms_a_scene:.1f} ms | {each.joined_ms_a_scene:.1f} ms "
            f"| {each.cpu_ms_a_scene:.1f} ms |"
        )


def keep(path: Path, runs: Sequence[Measured]) -> list[Measured]:
    """Write the runs down, beside those of as much work with other numbers of fitters; all of them in order.

    Runs are long: one that comes to its end is kept whatever becomes of the next, and they can be made in pieces.
    """
    work, fitters = (runs[0].projects, runs[0].scenes), {run.fitters for run in runs}
    earlier = [Measured(**run) for run in json.loads(path.read_text())] if path.exists() else []
    others = [run for run in earlier if (run.projects, run.scenes) == work and run.fitters not in fitters]
    together = sorted([*others, *runs], key=lambda run: run.fitters)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([asdict(run) for run in together], indent=2))
    return together


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--projects", type=int, default=200)
    parser.add_argument("--scenes", type=int, default=10)
    parser.add_argument("--fitters", type=int, nargs="*", default=[1, 2, 4])
    parser.add_argument("--fan", type=int, nargs="*", default=[250, 500, 1000])
    parser.add_argument("--json", type=Path, default=Path("out/load.json"))
    options = parser.parse_args()
    runs, fans = [], []
    with tempfile.TemporaryDirectory(prefix="lockstep-load-") as name:
        footage = make_footage(Path(name) / "footage")
        for fitters in options.fitters:
            folder = Path(name) / f"fitters-{fitters}"
            folder.mkdir()
            runs.append(await soak(folder, footage, options.projects, options.scenes, fitters))
            keep(options.json, runs)
        if runs:
            print_soak(keep(options.json, runs))
        # Those services run in this process: a line for each of their scenes would hide the table.
        os.environ.setdefault("LOCKSTEP_LOG_LEVEL", "WARNING")
        for scenes in options.fan:
            folder = Path(name) / f"fan-{scenes}"
            folder.mkdir()
            fans.append(await fan(folder, scenes))
        if fans:
            print_fan(fans)


if __name__ == "__main__":
    asyncio.run(main())
