"""A plan is refused where its windows or frames do not add up, whoever made it."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.plan import PlannedScene, ScenePlan
from shared.timeline import FrameGrid, Span, windows_between
from shared.transcript import Word

RATES = [Fraction(24), Fraction(25), Fraction(30), Fraction(30_000, 1001)]


def plan_of(
    windows: tuple[Span, ...], fps: Fraction, *, frames_off: int = 0, length_ms: int | None = None
) -> ScenePlan:
    grid = FrameGrid(fps)
    scenes = tuple(
        PlannedScene(
            number=number,
            scene_id=f"scene-{number}",
            window=window,
            first_frame=grid.frame_at(window.start),
            frame_count=grid.frame_count(window) + (frames_off if number == len(windows) else 0),
            speech=window,
            words=(Word(text="word", span=window, confidence=1, source="test"),),
            gap_after=Span(window.end, window.end),
            cut_kind="silence",
            confidence=1,
            clip_ms_to_ask_for=1_000,
        )
        for number, window in enumerate(windows, start=1)
    )
    length_ms = length_ms or windows[-1].end
    return ScenePlan(length_ms=length_ms, fps=fps, frame_count=grid.frame_at(length_ms), scenes=scenes)


@given(
    st.sampled_from(RATES),
    st.sets(st.integers(1, 400), max_size=20).map(lambda cuts: sorted(cut * 100 for cut in cuts)),
    st.integers(1, 5_000),
)
def test_windows_that_tile_make_a_plan_with_all_frames_of_the_voiceover(
    fps: Fraction, cuts: list[int], tail_ms: int
) -> None:
    length_ms = (cuts[-1] if cuts else 0) + 100 + tail_ms
    plan = plan_of(windows_between(cuts, length_ms), fps)
    assert sum(scene.frame_count for scene in plan.scenes) == round(length_ms * fps / 1000)
    assert ScenePlan.model_validate_json(plan.model_dump_json()) == plan


def test_a_hole_between_windows_is_no_plan() -> None:
    with pytest.raises(ValidationError, match="do not tile"):
        plan_of((Span(0, 1_000), Span(1_040, 2_000)), Fraction(25))


def test_windows_that_end_before_the_voiceover_are_no_plan() -> None:
    with pytest.raises(ValidationError, match="do not tile"):
        plan_of((Span(0, 1_000), Span(1_000, 2_000)), Fraction(25), length_ms=2_500)


def test_a_scene_with_a_frame_too_many_is_no_plan() -> None:
    with pytest.raises(ValidationError, match=r"'scene-2': its frames are not its window's frames"):
        plan_of((Span(0, 1_000), Span(1_000, 2_000)), Fraction(25), frames_off=1)
