"""The discrete-event model of the house obeys what is known of queues."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulate import Costs, Machines, Predicted, simulate

NOTHING_ELSE = {"voiceover": 0.0, "transcriber": 0.0, "scene_planner": 0.0, "mixer": 0.0, "assembler": 0.0}
ONE_EACH = dict.fromkeys(NOTHING_ELSE, 1)


def simulated(*, fitters: int, projects: int = 20, cores: float | None = None, scenes: int = 10) -> Predicted:
    return simulate(
        Costs(1.0, NOTHING_ELSE),
        fitters=fitters,
        arrivals=[0.0] * projects,
        scenes=scenes,
        cores=cores,
        copies=ONE_EACH,
        chance=random.Random(3),
    )


@given(st.integers(1, 20), st.floats(0.5, 8))
def test_work_on_one_machine_takes_all_its_work_divided_by_its_cores(jobs: int, cores: float) -> None:
    machines = Machines(cores)
    ends: list[float] = []
    for _ in range(jobs):
        machines.run(2.0, lambda: ends.append(machines.now))
    machines.play()
    assert ends == pytest.approx([2.0 * max(1.0, jobs / cores)] * jobs)


@given(st.integers(1, 16))
def test_more_fitters_are_as_many_times_faster_while_each_has_a_core(fitters: int) -> None:
    alone = simulated(fitters=1).projects_a_minute
    assert simulated(fitters=fitters).projects_a_minute == pytest.approx(alone * fitters, rel=0.12)


def test_more_fitters_than_cores_are_no_faster() -> None:
    assert simulated(fitters=8, cores=2).projects_a_minute == pytest.approx(
        simulated(fitters=2, cores=2).projects_a_minute, rel=0.05
    )


def test_nobody_waits_where_there_is_a_fitter_for_every_scene() -> None:
    told = simulated(fitters=200)
    assert (told.queue_p95, told.most_waiting) == (0.0, 0)


def test_a_project_ends_when_its_last_part_is_there() -> None:
    told = simulated(fitters=1, projects=1)
    assert told.project_p50 == pytest.approx(10, rel=0.15)
