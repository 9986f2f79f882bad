"""Where beds and sounds play: under their scenes, crossed at the cut, faded out after the last word."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mixer.places import fade_out_ms, place_beds, place_sounds
from shared.plan import ScenePlan
from shared.project import Music, Sound
from shared.testing import planned_scene
from shared.timeline import SAMPLES_PER_MS, FrameGrid, Span, windows_between
from shared.transcript import Word

FPS = Fraction(25)


def plan_of(*lengths_ms: int, tail_ms: int = 0) -> ScenePlan:
    """Scenes of these lengths; in each the words `Wind` and `wind,` end `tail_ms` before the scene does."""
    grid = FrameGrid(FPS)
    ends = [sum(lengths_ms[:number]) for number in range(1, len(lengths_ms) + 1)]
    scenes = []
    for number, window in enumerate(windows_between(ends[:-1], ends[-1]), start=1):
        end = window.end - min(tail_ms, window.length - 40)
        middle = (window.start + end) // 2
        spans = (Span(window.start, middle), Span(middle, end))
        words = tuple(
            Word(text=text, span=span, confidence=1, source="made")
            for text, span in zip(("Wind", "wind,"), spans, strict=True)
        )
        scenes.append(planned_scene(number, window, FPS, words, scene_id=f"s{number}"))
    return ScenePlan(length_ms=ends[-1], fps=FPS, frame_count=grid.frame_at(ends[-1]), scenes=tuple(scenes))


def bed(scenes: str | None, *, crossfade_ms: int = 2_000, fade_out_ms: int = 3_000) -> Music:
    return Music(file="bed.wav", scenes=scenes, crossfade_ms=crossfade_ms, fade_out_ms=fade_out_ms)


LENGTHS = st.lists(st.integers(2, 500).map(lambda frames: frames * 40), min_size=2, max_size=6)


@given(LENGTHS, st.integers(50, 20_000))
def test_beds_of_neighbouring_scenes_cross_at_the_cut_and_leave_no_hole(
    lengths_ms: list[int], crossfade_ms: int
) -> None:
    plan = plan_of(*lengths_ms)
    beds = [bed(scene.scene_id, crossfade_ms=crossfade_ms) for scene in plan.scenes]
    places = place_beds(beds, plan)
    assert places[0].at == 0
    assert places[-1].end == plan.length_ms * SAMPLES_PER_MS
    for scene, earlier, later in zip(plan.scenes, places, places[1:], strict=False):
        cut = scene.window.end * SAMPLES_PER_MS
        assert earlier.fade_out == later.fade_in == earlier.end - later.at
        assert cut - later.at == earlier.end - cut, "half of the crossfade lies on each side of the cut"
        assert earlier.crossed_out
        assert later.crossed_in
    for place in places:
        assert place.fade_in + place.fade_out <= place.length, "a bed is heard by itself, if only for a moment"


def test_beds_with_a_scene_between_them_do_not_cross() -> None:
    plan = plan_of(8_000, 4_000, 8_000, tail_ms=4_000)
    first, last = place_beds([bed("s1"), bed("s3")], plan)
    assert first.span == Span(0, 8_000)
    assert last.span == Span(12_000, 20_000)
    assert not first.crossed_out
    assert first.fade_out == 3_000 * SAMPLES_PER_MS


def test_beds_may_stand_in_any_order() -> None:
    plan = plan_of(8_000, 8_000)
    later, earlier = place_beds([bed("2"), bed("1")], plan)
    assert earlier.at == 0
    assert earlier.crossed_out
    assert later.crossed_in


@pytest.mark.parametrize(
    ("wanted_ms", "tail_ms", "fade_ms"),
    [(3_000, 5_000, 3_000), (3_000, 1_800, 1_800), (3_000, 400, 3_000), (0, 5_000, 0), (30_000, 0, 20_000)],
)
def test_the_fade_begins_after_the_last_word_where_there_is_room(wanted_ms: int, tail_ms: int, fade_ms: int) -> None:
    assert fade_out_ms(wanted_ms, length_ms=20_000, tail_ms=tail_ms) == fade_ms


@given(st.integers(0, 30_000), st.integers(40, 60_000), st.integers(0, 60_000))
def test_a_fade_is_never_longer_than_wanted_or_than_its_bed(wanted_ms: int, length_ms: int, tail_ms: int) -> None:
    assert fade_out_ms(wanted_ms, length_ms=length_ms, tail_ms=min(tail_ms, length_ms)) <= min(wanted_ms, length_ms)


def test_a_sound_stands_at_its_word_and_one_that_was_not_heard_stands_nowhere() -> None:
    plan = plan_of(4_000, 4_000)
    sounds = [Sound(file="a.wav", at=at) for at in ("s2:wind", "s2:WIND#2", "s1:rain")]
    placed = place_sounds(sounds, plan)
    assert [(one.scene_number, one.at_ms) for one in placed] == [(2, 4_000), (2, 6_000), (1, None)]
