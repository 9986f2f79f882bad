"""The critical path adds up, more fitters never hurt, and what spans tell is read as it was."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.trace_path import Job, Kind, critical_path, finish_ns, with_fitters
from cli.trace_story import Attempt, ProjectStory, SceneStory, Step, read_story
from shared.events import ScenePlanned
from tests.unit.trace_spans import SECOND, told

TIMES = st.integers(0, 600 * SECOND)


def step_at(asked: int, *starts: int, cause: Step | None = None) -> Step:
    attempts = tuple(Attempt(n, "a", start, None, None, ()) for n, start in enumerate(sorted(starts), start=1))
    return Step("voiceover", "lockstep.{project_id}.project.submitted", None, asked, attempts, cause)


@st.composite
def chains(draw: st.DrawFn) -> Step:
    """Steps of any times at all: clocks disagree, spans are lost."""
    step: Step | None = None
    for _ in range(draw(st.integers(1, 8))):
        step = step_at(draw(TIMES), *draw(st.lists(TIMES, min_size=1, max_size=4)), cause=step)
    assert step is not None
    return step


def story_of(
    *, end: int, last: Step | None, scenes: tuple[SceneStory, ...] = (), steps: tuple[Step, ...] = ()
) -> ProjectStory:
    return ProjectStory("lighthouse", "0" * 32, 0, end, True, None, steps, scenes, last)


@given(chains(), TIMES)
def test_the_critical_path_adds_up_to_the_makespan(last: Step, end: int) -> None:
    legs = critical_path(story_of(end=end, last=last))
    assert sum(leg.length_ns for leg in legs) == end
    assert all(leg.length_ns > 0 for leg in legs)
    boundaries = [leg.start_ns for leg in legs] + [end] if legs else []
    assert boundaries == sorted(boundaries)
    assert all(earlier.end_ns == later.start_ns for earlier, later in pairwise(legs))


@given(st.lists(st.builds(Job, TIMES, TIMES), min_size=1, max_size=40), st.integers(1, 40))
def test_the_makespan_never_grows_with_fitters(jobs: list[Job], fitters: int) -> None:
    assert finish_ns(jobs, fitters + 1) <= finish_ns(jobs, fitters)


@given(st.lists(st.builds(Job, TIMES, TIMES), min_size=1, max_size=40), st.integers(1, 40))
def test_no_number_of_fitters_beats_the_longest_scene_or_the_work_divided(jobs: list[Job], fitters: int) -> None:
    finish = finish_ns(jobs, fitters)
    assert finish >= max(job.ready_ns + job.work_ns for job in jobs)
    assert finish * fitters >= sum(job.work_ns for job in jobs)


@given(st.lists(st.builds(Job, TIMES, TIMES), min_size=1, max_size=20))
def test_with_a_fitter_for_each_scene_none_waits(jobs: list[Job]) -> None:
    assert finish_ns(jobs, len(jobs)) == max(job.ready_ns + job.work_ns for job in jobs)


def test_one_fitter_takes_one_scene_after_the_other() -> None:
    assert finish_ns([Job(0, 3), Job(0, 4), Job(10, 1)], 1) == 11


def fitted(number: int, planned: int, began: int, ended: int) -> SceneStory:
    attempt = Attempt(1, "fitter", began, ended, None, ())
    step = Step("clip_fitter", ScenePlanned.subject, number, planned, (attempt,))
    return SceneStory(number, planned, ended, None, step)


def test_what_more_fitters_save_counts_the_steps_before_and_behind_as_they_were() -> None:
    scenes = (fitted(1, 10, 10, 30), fitted(2, 10, 30, 50), fitted(3, 10, 50, 70))
    guesses = with_fitters(story_of(end=75, last=None, scenes=scenes))
    assert [(guess.fitters, guess.makespan_ns) for guess in guesses] == [(1, 75), (2, 55), (3, 35)]


def test_where_the_soundtrack_takes_longest_more_fitters_save_nothing() -> None:
    scenes = (fitted(1, 10, 10, 30), fitted(2, 10, 10, 30))
    mixed = Step(
        "assembler_join", "lockstep.{project_id}.soundtrack.mixed", None, 90, (Attempt(1, "s", 90, 91, None, ()),)
    )
    guesses = with_fitters(story_of(end=100, last=None, scenes=scenes, steps=(mixed,)))
    assert [guess.makespan_ns for guess in guesses] == [100, 100]


def test_a_project_without_fitted_scenes_has_nothing_to_save() -> None:
    assert with_fitters(story_of(end=10, last=None)) == ()


def test_a_killed_fitter_shows_as_a_first_attempt_without_an_end() -> None:
    (scene,) = read_story(told()).scenes
    assert scene.step is not None
    assert [(each.delivery, each.process, each.end_ns) for each in scene.step.attempts] == [
        (1, "killed", None),
        (2, "host-1", 18 * SECOND),
    ]
    assert (scene.latency_ns, scene.queue_ns, scene.work_ns) == (14 * SECOND, 2 * SECOND, 6 * SECOND)
    assert scene.stage_ns("ffmpeg") == 4 * SECOND


def test_what_was_lost_with_a_killed_fitter_stands_apart_on_the_critical_path() -> None:
    legs = critical_path(read_story(told()))
    assert [(leg.kind, leg.step.name if leg.step else None, leg.length_ns // SECOND) for leg in legs] == [
        (Kind.QUEUE, "scene_planner", 1),
        (Kind.WORK, "scene_planner", 3),
        (Kind.QUEUE, "clip_fitter", 2),
        (Kind.RETRY, "clip_fitter", 6),
        (Kind.WORK, "clip_fitter", 8),
    ]


def test_the_order_in_which_spans_arrive_does_not_matter() -> None:
    assert read_story(told()[::-1]) == read_story(told())


def test_a_project_in_work_has_a_story_too() -> None:
    story = read_story([each for each in told() if each.name not in {"project", "scene"}][:4])
    assert not story.ended
    assert sum(leg.length_ns for leg in critical_path(story)) == story.end_ns


def test_of_nothing_there_is_no_story() -> None:
    with pytest.raises(ValueError, match="no spans"):
        read_story([])
