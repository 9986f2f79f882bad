"""The best part of a longer clip, by what is seen in it."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clip_fitter.best_window import STEP_MS, Look, best_start_ms, hitch_of, is_even, look_at
from services.clip_fitter.clip import Clip
from shared.media import PictureTimes, VideoFacts

LEVELS = st.floats(min_value=0, max_value=255, allow_nan=False)


def seen(motion: list[float], *, brightness: list[float] | None = None) -> Look:
    """Well-lit pictures that differ as given."""
    return Look(tuple(brightness or [120.0] * len(motion)), (40.0,) * len(motion), tuple(motion))


def test_of_equally_good_parts_the_first_is_taken() -> None:
    assert best_start_ms(seen([0.0, *[3.0] * 49]), 6_000, 10_000) == 0


def test_black_at_the_start_is_left_out() -> None:
    look = Look((16.0,) * 5 + (120.0,) * 45, (0.0,) * 5 + (40.0,) * 45, (0.0,) * 5 + (3.0,) * 45)
    assert best_start_ms(look, 6_000, 10_000) == 5 * STEP_MS


def test_a_frozen_end_is_left_out() -> None:
    look = seen([3.0] * 10 + [0.0] * 20 + [3.0] * 20)
    assert best_start_ms(look, 4_000, 10_000) == 29 * STEP_MS


def test_a_cut_is_worse_than_anything_else() -> None:
    look = seen([0.0] + [3.0] * 9 + [60.0] + [3.0] * 30)
    assert best_start_ms(look, 5_000, 8_000) == 2_000


@given(st.lists(LEVELS, min_size=1, max_size=60), st.integers(1, 12_000), st.integers(1, 12_000))
def test_the_best_part_lies_inside_the_clip(motion: list[float], length_ms: int, clip_ms: int) -> None:
    start = best_start_ms(seen(motion), length_ms, clip_ms)
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
    assert hitch_of(clip_of((1_000,) * 120, 2_000), None, Fraction(30)) == Fraction(1, 2)


def test_nothing_is_gained_by_speeding_up_a_still_or_what_is_better_left_out() -> None:
    black_first = (20,) * 60 + (1_000,) * 60
    assert hitch_of(clip_of((1_000,), 0), None, Fraction(30)) is None
    assert hitch_of(clip_of(black_first, 2_000), None, Fraction(30)) is None
    assert hitch_of(clip_of(black_first, 2_000), 500, Fraction(30)) == Fraction(1, 2)


@pytest.mark.parametrize(("place", "even"), [(250, True), (180, False)])
def test_a_single_large_packet_is_a_cut_unless_encoders_put_a_key_frame_there(place: int, even: bool) -> None:
    sizes = [1_000] * 300
    sizes[0] = sizes[place] = 9_000
    assert is_even(sizes) is even
