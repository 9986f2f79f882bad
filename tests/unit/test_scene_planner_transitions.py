"""Transitions take what their scenes can spare, and move neither a window nor a word nor a frame."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.scene_planner.core import plan_scenes
from services.scene_planner.handlers import Handlers
from services.scene_planner.transitions import LEAST_BODY_FRAMES, half_frames_given, half_frames_wanted
from shared.events import ScenePlanned
from shared.plan import PlannedTransition, ScenePlan
from shared.project import Project, Transition
from shared.testing import MemoryStore
from tests.unit.scene_planner_speech import FPS, one_recording, say_scenes, script, transcribed
from tests.unit.test_scene_planner_handlers import NARRATIONS, clip, step, timed

SENTENCES = ("The old lamp has stood here.", "It turns.", "Every ship on the bay knows its light.", "We go.")

CUT = Transition(kind="cut")

KINDS = st.sampled_from(["cut", "dissolve", "fade", "wipe"])

TRANSITIONS = st.builds(Transition, kind=KINDS, length_ms=st.integers(40, 5_000))


def planned(transitions: Sequence[Transition], fps: Fraction = FPS, gap: int = 600) -> ScenePlan:
    """The plan of four scenes of one recording."""
    words = say_scenes(*SENTENCES, gap=gap)
    recording = one_recording(words)
    heard = transcribed(words, recording.length_ms)
    return plan_scenes(script(*SENTENCES), recording, heard, fps, transitions=transitions)


@given(
    st.tuples(TRANSITIONS, TRANSITIONS, TRANSITIONS),
    st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(30_000, 1001), Fraction(60)]),
    st.integers(120, 1_500),
)
def test_no_window_word_or_frame_moves_and_the_segments_tile(
    transitions: tuple[Transition, ...], fps: Fraction, gap: int
) -> None:
    plain, made = planned((), fps, gap), planned(transitions, fps, gap)
    assert [scene.window for scene in made.scenes] == [scene.window for scene in plain.scenes]
    assert [scene.words for scene in made.scenes] == [scene.words for scene in plain.scenes]
    assert [scene.frame_count for scene in made.scenes] == [scene.frame_count for scene in plain.scenes]
    assert made.frame_count == plain.frame_count == sum(segment.frame_count for segment in made.segments)
    assert made.segments[0].first_frame == 0
    for earlier, later in pairwise(made.segments):
        assert later.first_frame == earlier.first_frame + earlier.frame_count
    for segment in made.segments:
        assert segment.frame_count >= LEAST_BODY_FRAMES
        if segment.is_transition:
            following = made.scenes[segment.scene_number]
            assert segment.first_frame + segment.frame_count // 2 == following.first_frame


@given(st.lists(st.integers(2, 200), min_size=1, max_size=12), st.data())
def test_every_scene_keeps_a_body_and_no_transition_outgrows_what_was_asked(
    frame_counts: list[int], data: st.DataObject
) -> None:
    cuts = len(frame_counts) - 1
    wanted = data.draw(st.lists(st.integers(0, 150), min_size=cuts, max_size=cuts))
    given_frames = half_frames_given(frame_counts, wanted)
    assert all(0 <= got <= asked for got, asked in zip(given_frames, wanted, strict=True))
    for frames, (before, after) in zip(frame_counts, pairwise([0, *given_frames, 0]), strict=True):
        assert frames - before - after >= LEAST_BODY_FRAMES


def test_a_scene_without_room_for_both_shares_it_between_them() -> None:
    assert half_frames_given([100, 22, 100], [20, 20]) == (10, 10)
    assert half_frames_given([100, 22, 100], [20, 5]) == (15, 5)
    assert half_frames_given([100, 22, 100], [20, 0]) == (20, 0)
    assert half_frames_given([100, 3, 100], [20, 20]) == (0, 0)


def test_a_length_is_split_into_two_equal_halves_of_whole_frames() -> None:
    half_second = Transition(kind="dissolve")
    assert half_frames_wanted(half_second, Fraction(24)) == 6
    assert half_frames_wanted(half_second, Fraction(25)) == 6
    assert half_frames_wanted(Transition(kind="wipe", length_ms=40), Fraction(24)) == 1
    assert half_frames_wanted(CUT, Fraction(24)) == 0


def test_a_shortened_transition_is_told_with_its_scene() -> None:
    made = planned((Transition(kind="dissolve", length_ms=5_000), CUT, CUT))
    assert made.scenes[0].transition is not None
    got = made.scenes[0].transition.frame_count
    (warning,) = made.warnings
    assert (warning.kind, warning.scene_id) == ("short_transition", "scene-1")
    assert f"is shortened from 124 to {got} frames" in warning.message


def test_a_clip_to_ask_for_covers_the_handles_on_both_sides() -> None:
    made = planned((Transition(kind="fade"), Transition(kind="wipe"), CUT))
    handles = [6, 12, 6, 0]
    for scene, frames in zip(made.scenes, handles, strict=True):
        assert scene.clip_ms_to_ask_for == ceil((scene.frame_count + frames + 2) * 1000 / FPS)


def test_a_transition_after_the_last_scene_or_over_a_whole_scene_is_no_plan() -> None:
    plan = planned(())
    whole = PlannedTransition(kind="fade", half_frames=plan.scenes[1].frame_count)
    for place, message in ((3, "no scene follows it"), (1, "leave nothing of it")):
        scenes = list(plan.scenes)
        scenes[place] = scenes[place].model_copy(update={"transition": whole})
        with pytest.raises(ValidationError, match=message):
            ScenePlan.model_validate(plan.model_copy(update={"scenes": tuple(scenes)}).model_dump())


async def test_the_scene_before_a_transition_is_told_all_of_the_scene_after_it(tmp_path: Path) -> None:
    store = MemoryStore()
    project = Project.model_validate(
        {
            "name": "lighthouse",
            "output": {"fps": 25, "width": 640, "height": 360},
            "transition": "wipe",
            "scenes": [
                {"id": "one", "narration": NARRATIONS[0], "clips": ["a.mp4"]},
                {"id": "two", "narration": NARRATIONS[1], "clips": ["b.mp4", "c.mp4"]},
            ],
        }
    )
    event = await timed(store, tmp_path, say_scenes(*NARRATIONS), project)
    _, one, two = await Handlers(store).plan_project(event, step(tmp_path))
    assert isinstance(one, ScenePlanned)
    assert isinstance(two, ScenePlanned)
    assert (one.handle_before, one.handle_after) == (0, 6)
    assert (two.handle_before, two.handle_after) == (6, 0)
    assert two.next_scene is None
    assert one.next_scene is not None
    assert one.next_scene.transition == "wipe"
    assert one.next_scene.clips == (clip("b.mp4"), clip("c.mp4"))
    assert (one.next_scene.frame_count, one.next_scene.handle_after) == (two.frame_count, two.handle_after)
    assert (one.next_scene.fit, one.next_scene.footage) == (two.fit, two.footage)


async def test_another_transition_makes_another_plan(tmp_path: Path) -> None:
    store = MemoryStore()
    plans = []
    for kind in ("cut", "dissolve"):
        project = Project.model_validate(
            {
                "name": "lighthouse",
                "output": {"fps": 25},
                "transition": kind,
                "scenes": [
                    {"id": name, "narration": narration, "clips": ["a.mp4"]}
                    for name, narration in zip(("one", "two"), NARRATIONS, strict=True)
                ],
            }
        )
        event = await timed(store, tmp_path, say_scenes(*NARRATIONS), project)
        plans.append((await Handlers(store).plan_project(event, step(tmp_path)))[0])
    assert plans[0] != plans[1]
