"""The clock that all segments of a project share."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.segments import TrackClock, track_clock


@pytest.mark.parametrize(
    ("fps", "clock"),
    [
        (Fraction(24), TrackClock(12_288, 512)),
        (Fraction(25), TrackClock(12_800, 512)),
        (Fraction(30), TrackClock(15_360, 512)),
        (Fraction(30_000, 1_001), TrackClock(30_000, 1_001)),
        (Fraction(24_000, 1_001), TrackClock(24_000, 1_001)),
    ],
)
def test_the_usual_rates_get_the_clock_that_ffmpeg_would_choose(fps: Fraction, clock: TrackClock) -> None:
    assert track_clock(fps) == clock


@given(st.fractions(min_value=1, max_value=240, max_denominator=100_000))
def test_a_frame_lasts_a_whole_number_of_ticks_at_any_rate(fps: Fraction) -> None:
    clock = track_clock(fps)
    assert Fraction(clock.timescale, clock.ticks_per_frame) == fps
    assert clock.timescale >= 10_000


def test_a_rate_that_no_mp4_can_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        track_clock(Fraction("23.9760239760239"))


def test_a_rate_of_zero_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0"):
        track_clock(Fraction(0))
