"""The best part of a longer clip, by what is seen in it."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clip_fitter.best_window import STEP_MS, Look, best_start_ms, clean_part, hitch_of, is_even, look_at
from services.clip_fitter.clip import Clip
from services.clip_fitter.core import Fill, FitLimits
from services.clip_fitter.scene_recipe import Shown, recipe_of, worth_a_look
from shared.media import PictureTimes, VideoFacts
from shared.timeline import Span

LEVELS = st.floats(min_value=0, max_value=255, allow_nan=False)


def seen(motion: list[float], *, brightness: list[float] | None = None) -> Look:
    """Well-lit pictures that differ as given."""
    return Look(tuple(brightness or [120.0] * len(motion)), (40.0,) * len(motion), tuple(motion))


def test_of_equally_good_parts_the_first_is_taken() -> None:
    assert best_start_ms(seen([0.0, *[3.0] * 49]), 6_000, Span(0, 10_000)) == 0


def test_black_at_the_start_is_left_out() -> None:
    look = Look((16.0,) * 5 + (120.0,) * 45, (0.0,) * 5 + (40.0,) * 45, (0.0,) * 5 + (3.0,) * 45)
    assert best_start_ms(look, 6_000, Span(0, 10_000)) == 5 * STEP_MS


def test_a_frozen_end_is_left_out() -> None:
    look = seen([3.0] * 10 + [0.0] * 20 + [3.0] * 20)
    assert best_start_ms(look, 4_000, Span(0, 10_000)) == 29 * STEP_MS


def test_a_cut_is_worse_than_anything_else() -> None:
    look = seen([0.0] + [3.0] * 9 + [60.0] + [3.0] * 30)
    assert best_start_ms(look, 5_000, Span(0, 8_000)) == 2_000


@given(st.lists(LEVELS, min_size=1, max_size=60), st.integers(1, 12_000), st.integers(1, 12_000))
def test_the_best_part_lies_inside_the_clip(motion: list[float], length_ms: int, clip_ms: int) -> None:
    start = best_start_ms(seen(motion), length_ms, Span(0, clip_ms))
    assert start >= 0
    assert start + length_ms <= max(clip_ms, length_ms)


def test_a_look_tells_brightness_contrast_and_motion() -> None:
    dark, light = np.zeros((4, 6), np.uint8), np.full((4, 6), 200, np.uint8)
    assert look_at(np.stack([dark, light, light])) == Look((0.0, 200.0, 200.0), (0.0, 0.0, 0.0), (0.0, 200.0, 0.0))


P_FRAMES = [900, 1_100, 1_000, 950, 1_050] * 24


@pytest.mark.parametrize(
    "sizes",
    [
        [9_000, *P_FRAMES],
        [9_000 if place % 24 == 0 else size for place, size in enumerate(P_FRAMES)],  # a key frame every second
        [9_000] * 120,  # nothing but key frames
    ],
)
def test_an_even_clip_is_told_by_the_sizes_of_its_packets(sizes: list[int]) -> None:
    assert is_even(sizes)


@pytest.mark.parametrize(
    "sizes",
    [
        [9_000, *P_FRAMES[:50], 9_000, *P_FRAMES[50:]],  # a cut
        [9_000, *[30] * 24, *P_FRAMES[24:]],  # black
        [9_000, *P_FRAMES[:96], *[20] * 24],  # frozen
        [],
    ],
)
def test_a_clip_in_which_something_happens_has_to_be_looked_at(sizes: list[int]) -> None:
    assert not is_even(sizes)


def clip_of(sizes: tuple[int, ...], length_ms: int) -> Clip:
    """A clip of as many pictures as there are sizes."""
    times = PictureTimes(len(sizes), 0, length_ms - 40, length_ms, 40, cut_short=False, sizes=sizes)
    facts = VideoFacts(
        "h264", 128, 72, Fraction(1), None, None, "yuv420p", None, None, None, None, 0, None, 0, None, None
    )
    return Clip(facts, times, 0)


def test_a_clip_of_twice_the_project_s_rate_shows_each_picture_for_half_a_frame() -> None:
    assert hitch_of(clip_of((1_000,) * 120, 2_000), Fraction(30)) == Fraction(1, 2)
    assert hitch_of(clip_of((1_000,), 0), Fraction(30)) is None


def test_the_clean_part_of_a_clip_ends_before_what_is_black_frozen_or_another_shot() -> None:
    black_first = Look((16.0,) * 5 + (120.0,) * 20, (0.0,) * 5 + (40.0,) * 20, (0.0,) * 5 + (3.0,) * 20)
    assert clean_part(black_first, 3_000, 5_000) == Span(1_000, 5_000)
    black_last = Look((120.0,) * 20 + (16.0,) * 5, (40.0,) * 20 + (0.0,) * 5, (0.0, *[3.0] * 24))
    assert clean_part(black_last, 3_000, 5_000) == Span(0, 4_000)
    assert clean_part(seen([0.0] + [3.0] * 14 + [0.0] * 10), 2_000, 5_000) == Span(0, 2_800)
    assert clean_part(seen([0.0] + [3.0] * 9 + [60.0] + [3.0] * 14), 2_000, 5_000) == Span(2_000, 5_000)


def test_a_clip_whose_clean_part_is_too_short_has_none() -> None:
    assert clean_part(seen([0.0] + [3.0] * 9 + [60.0] + [3.0] * 14), 4_000, 5_000) is None
    assert clean_part(seen([0.0] * 25), 1_000, 5_000) is None


def test_what_nobody_has_looked_at_is_not_called_clean() -> None:
    assert clean_part(seen([0.0, *[3.0] * 599]), 1_000, 200_000) == Span(0, 120_000)


LOOKS = st.lists(
    st.tuples(st.sampled_from([16.0, 120.0]), st.sampled_from([0.0, 40.0]), st.sampled_from([0.0, 3.0, 5.0, 60.0])),
    min_size=1,
    max_size=60,
).map(lambda pictures: Look(*zip(*pictures, strict=True)))
LIMITS = FitLimits(Fraction(17, 20), Fraction(23, 20), Fill.AUTO)


@given(st.lists(st.tuples(LOOKS, st.integers(0, 199)), min_size=1, max_size=4), st.integers(1, 400))
def test_whatever_is_seen_the_window_is_filled_from_inside_the_clips_at_a_speed_within_the_limits(
    footage: list[tuple[Look, int]], frames: int
) -> None:
    black_first = (20,) * 60 + (1_000,) * 60
    shown = [Shown(clip_of(black_first, len(found.motion) * STEP_MS + rest)) for found, rest in footage]
    looks = {number: found for number, (found, _) in enumerate(footage)}
    before = recipe_of(shown, frames, Fraction(24), LIMITS)
    looked_at = worth_a_look(shown, before)
    recipe = recipe_of(shown, frames, Fraction(24), LIMITS, {number: looks[number] for number in looked_at})
    filled = sum(part.frame_count for part in recipe.parts) - (len(recipe.parts) - 1) * recipe.crossfade_frames
    assert filled == frames
    for number, part in zip(recipe.clip_numbers, recipe.parts, strict=True):
        assert 0 <= part.source_span.start < part.source_span.end <= shown[number].clip.length_ms
        assert LIMITS.slowest <= part.speed <= LIMITS.fastest


def test_an_uneven_clip_is_sped_up_through_what_is_clean_of_it() -> None:
    # 6 s at 60 a second, the first of them black; 5 s of action for a window of 4 s.
    black_first = (20,) * 60 + (1_000,) * 300
    shown = [Shown(clip_of(black_first, 6_000))]
    found = Look((16.0,) * 5 + (120.0,) * 25, (0.0,) * 5 + (40.0,) * 25, (0.0,) * 5 + (3.0,) * 25)
    assert recipe_of(shown, 96, Fraction(24), LIMITS).parts[0].speed == 1
    assert worth_a_look(shown, recipe_of(shown, 96, Fraction(24), LIMITS)) == (0,)
    recipe = recipe_of(shown, 96, Fraction(24), LIMITS, {0: found})
    assert recipe.sentence == "trimmed to 4.50 s of 5.00 s, then sped up to 1.12x, from 1.00 s on"
    assert recipe.parts[0].source_span == Span(1_000, 5_500)


def test_a_clip_that_the_project_starts_somewhere_is_not_looked_at() -> None:
    shown = [Shown(clip_of((20,) * 60 + (1_000,) * 300, 6_000), in_ms=500)]
    recipe = recipe_of(shown, 96, Fraction(24), LIMITS)
    assert worth_a_look(shown, recipe) == ()
    assert recipe.parts[0].source_span.start == 500


@pytest.mark.parametrize(("place", "even"), [(250, True), (180, False)])
def test_a_single_large_packet_is_a_cut_unless_encoders_put_a_key_frame_there(place: int, even: bool) -> None:
    sizes = [1_000] * 300
    sizes[0] = sizes[place] = 9_000
    assert is_even(sizes) is even
