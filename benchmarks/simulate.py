"""What 1 to 512 clip fitters would do: a discrete-event model of the house, fed with what `benchmarks.load` measured.

    python -m benchmarks.load --json out/load.json
    python -m benchmarks.simulate --measured out/load.json

The model: a project passes voiceover, transcriber, scene planner; then its scenes wait in one line for the fitters,
first come first served, while the mixer works; when all are there it is assembled. Every step needs CPU time, as
measured in the run with the fewest fitters; work on one machine shares its cores evenly. The prediction for each
measured number of fitters is printed beside its measurement. All that it knows of that run is how many cores other
programs left to it.
Beyond it, the model has a core for every copy, and as many copies of the other services as keep up (`--copies` bounds
them).
"""

import argparse
import heapq
import json
import random
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.load import STAGES, Measured, quantile

SPREAD = 0.15
"""How much one scene's work differs from another's: a factor of 0.85 to 1.15. Clips of one size are much alike."""


@dataclass(frozen=True)
class Costs:
    """CPU seconds: of one scene's fit, and of one project's other steps."""

    scene: float
    stages: dict[str, float]


@dataclass
class Machines:
    """Processor sharing: all that runs on so many cores progresses at the same rate. None: a core for everyone.

    What runs is kept by the work that it still needs in units of everyone's progress, so each step costs log n.
    """

    cores: float | None
    now: float = 0.0
    _progress: float = 0.0
    _running: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _timers: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _count: int = 0

    def run(self, cpu_seconds: float, then: Callable[[], None]) -> None:
        """Have so much work done, then call."""
        self._count += 1
        heapq.heappush(self._running, (self._progress + cpu_seconds, self._count, then))

    def at(self, moment: float, then: Callable[[], None]) -> None:
        """Call at a moment."""
        self._count += 1
        heapq.heappush(self._timers, (moment, self._count, then))

    def play(self) -> None:
        """Until nothing is left to happen."""
        while self._running or self._timers:
            rate = 1.0 if self.cores is None else min(1.0, self.cores / max(1, len(self._running)))
            done = self.now + (self._running[0][0] - self._progress) / rate if self._running else float("inf")
            timer = self._timers[0][0] if self._timers else float("inf")
            moment = min(done, timer)
            self._progress += (moment - self.now) * rate
            self.now = moment
            queue = self._running if done <= timer else self._timers
            heapq.heappop(queue)[2]()


@dataclass
class Service:
    """Copies of a service and the line before them."""

    machines: Machines
    copies: int
    busy: int = 0
    most_waiting: int = 0
    waits: list[float] = field(default_factory=list)
    line: deque[tuple[float, float, Callable[[], None]]] = field(default_factory=deque)

    def ask(self, cpu_seconds: float, then: Callable[[], None]) -> None:
        """Stand in line for so much work."""
        self.line.append((self.machines.now, cpu_seconds, then))
        self._take()
        self.most_waiting = max(self.most_waiting, len(self.line))

    def _take(self) -> None:
        while self.line and self.busy < self.copies:
            since, cpu_seconds, then = self.line.popleft()
            self.waits.append(self.machines.now - since)
            self.busy += 1
            self.machines.run(cpu_seconds, partial(self._done, then))

    def _done(self, then: Callable[[], None]) -> None:
        self.busy -= 1
        then()
        self._take()


@dataclass(frozen=True)
class Predicted:
    """What a run would be like."""

    projects_a_minute: float
    queue_p50: float
    queue_p95: float
    most_waiting: int
    project_p50: float
    project_p95: float


def simulate(
    costs: Costs,
    *,
    fitters: int,
    arrivals: Sequence[float],
    scenes: int,
    cores: float | None,
    copies: dict[str, int],
    chance: random.Random,
) -> Predicted:
    """Let projects arrive at these moments (seconds), each of so many scenes, and follow them to their ends."""
    machines = Machines(cores)
    services = {name: Service(machines, copies[name]) for name in STAGES}
    fitter = Service(machines, fitters)
    ended: list[float] = []

    def submit(arrived: float) -> None:
        missing = scenes + 1

        def part_done() -> None:
            nonlocal missing
            missing -= 1
            if missing == 0:
                services["assembler"].ask(costs.stages["assembler"], lambda: ended.append(machines.now - arrived))

        def planned() -> None:
            services["mixer"].ask(costs.stages["mixer"], part_done)
            for _ in range(scenes):
                fitter.ask(costs.scene * chance.uniform(1 - SPREAD, 1 + SPREAD), part_done)

        def timed() -> None:
            services["scene_planner"].ask(costs.stages["scene_planner"], planned)

        def recorded() -> None:
            services["transcriber"].ask(costs.stages["transcriber"], timed)

        services["voiceover"].ask(costs.stages["voiceover"], recorded)

    for moment in arrivals:
        machines.at(moment, partial(submit, moment))
    machines.play()
    return Predicted(
        60 * len(arrivals) / machines.now,
        quantile(fitter.waits, 0.5),
        quantile(fitter.waits, 0.95),
        fitter.most_waiting,
        quantile(ended, 0.5),
        quantile(ended, 0.95),
    )


def costs_of(run: Measured) -> Costs:
    """What the model takes from a measurement: CPU times and nothing else. The servers' share counts to the scene."""
    servers = (run.bus_cpu_ms_a_scene + run.store_cpu_ms_a_scene) / 1000
    return Costs(run.scene_cpu_seconds + servers, run.stage_cpu_seconds)


def check(runs: Sequence[Measured]) -> None:
    """The prediction beside the measurement, for each number of fitters that was measured."""
    costs = costs_of(min(runs, key=lambda run: run.fitters))
    print("| fitters | cores left to it | measured, projects a minute | predicted | predicted / measured |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for run in runs:
        told = simulate(
            costs,
            fitters=run.fitters,
            arrivals=[0.0] * run.projects,
            scenes=run.scenes,
            cores=run.machine_cores,
            copies={name: 2 if name == "assembler" else 1 for name in STAGES},
            chance=random.Random(1),
        )
        print(
            f"| {run.fitters} | {run.machine_cores:.2f} | {run.projects_a_minute:.2f} | {told.projects_a_minute:.2f} "
            f"| {told.projects_a_minute / run.projects_a_minute:.2f} |"
        )


def scale(costs: Costs, *, scenes: int, an_hour: int, copies: int | None, scene_seconds: float | None) -> None:
    """What more fitters would do: a batch at once, and an hour in which projects arrive at random."""
    chance = random.Random(2)
    costs = Costs(scene_seconds or costs.scene, costs.stages)
    # As many copies of the other services as the hour needs, and half as many again.
    enough = {name: copies or 1 + int(1.5 * an_hour / 3600 * costs.stages[name]) for name in STAGES}
    print(f"\nA scene takes {costs.scene:.2f} s of one core; other services: {enough}.")
    print(f"| fitters | 200 projects at once | speed-up | {an_hour:,} an hour: one takes, p50 / p95 | longest line |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    first = 0.0
    for fitters in (1, 2, 4, 8, 16, 32, 64, 128, 256, 512):
        batch = simulate(
            costs, fitters=fitters, arrivals=[0.0] * 200, scenes=scenes, cores=None, copies=enough, chance=chance
        )
        first = first or batch.projects_a_minute
        keeps_up = fitters > an_hour / 3600 * scenes * costs.scene
        hour = "the line grows without end | -"
        if keeps_up:
            arrivals = sorted(chance.uniform(0, 3600) for _ in range(an_hour))
            told = simulate(
                costs, fitters=fitters, arrivals=arrivals, scenes=scenes, cores=None, copies=enough, chance=chance
            )
            hour = f"{told.project_p50:.1f} / {told.project_p95:.1f} s | {told.most_waiting} scenes"
        print(
            f"| {fitters} | {batch.projects_a_minute:.1f} a minute | {batch.projects_a_minute / first:.1f} | {hour} |"
        )


def main() -> None:
    """Check the model against the measurement, then ask it what was not measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--measured", type=Path, default=Path("out/load.json"))
    parser.add_argument("--an-hour", type=int, default=10_000)
    parser.add_argument("--copies", type=int, help="of each other service; default: as many as the hour needs")
    parser.add_argument("--scene-seconds", type=float, help="CPU of one fit; default: as measured with tiny frames")
    options = parser.parse_args()
    runs = [Measured(**run) for run in json.loads(options.measured.read_text())]
    check(runs)
    first = min(runs, key=lambda run: run.fitters)
    scale(
        costs_of(first),
        scenes=first.scenes,
        an_hour=options.an_hour,
        copies=options.copies,
        scene_seconds=options.scene_seconds,
    )


if __name__ == "__main__":
    main()
