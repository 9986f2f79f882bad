"""Time on the master clock becomes frames without drift, whatever the windows and whatever the rate."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.timeline import SAMPLE_RATE, FrameGrid, Span, tiles, windows_between

BROADCAST_RATES = [Fraction(24), Fraction(25), Fraction(30), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)]

rates = st.sampled_from(BROADCAST_RATES) | st.fractions(min_value=1, max_value=240, max_denominator=1001)
moments = st.integers(min_value=0, max_value=24 * 60 * 60 * 1000)
spans = st.tuples(moments, moments).map(lambda ends: Span(min(ends), max(ends)))


@st.composite
def voiceovers(draw: st.DrawFn) -> tuple[tuple[Span, ...], int]:
    """Windows that tile a voiceover, and its length."""
    edges = sorted(draw(st.sets(st.integers(1, 4 * 60 * 60 * 1000), min_size=1, max_size=300)))
    return windows_between(edges[:-1], edges[-1]), edges[-1]


@given(voiceovers())
def test_windows_tile_the_voiceover(voiceover: tuple[tuple[Span, ...], int]) -> None:
    windows, total_ms = voiceover
    assert tiles(windows, total_ms)
    assert sum(window.length for window in windows) == total_ms


@given(voiceovers(), rates)
def test_the_frames_of_all_windows_are_the_frames_of_the_whole(
    voiceover: tuple[tuple[Span, ...], int], fps: Fraction
) -> None:
    windows, total_ms = voiceover
    assert sum(FrameGrid(fps).frame_count(window) for window in windows) == round(total_ms * fps / 1000)


@given(voiceovers(), rates)
def test_spans_that_meet_still_meet_on_the_grid(voiceover: tuple[tuple[Span, ...], int], fps: Fraction) -> None:
    grid = FrameGrid(fps)
    windows, _ = voiceover
    framed = [Span(grid.frame_at(window.start), grid.frame_at(window.end)) for window in windows]
    assert all(earlier.meets(later) for earlier, later in pairwise(framed))


@given(moments, rates)
def test_no_boundary_drifts_more_than_half_a_frame(at_ms: int, fps: Fraction) -> None:
    grid = FrameGrid(fps)
    assert abs(grid.frame_at(at_ms) * grid.frame_ms - at_ms) <= grid.frame_ms / 2


@given(st.integers(0, 5_000_000), rates)
def test_a_frame_s_time_is_that_frame_s(frame: int, fps: Fraction) -> None:
    grid = FrameGrid(fps)
    assert grid.frame_at(grid.ms_at(frame)) == frame


@given(moments, rates)
def test_snapping_twice_is_snapping_once(at_ms: int, fps: Fraction) -> None:
    grid = FrameGrid(fps)
    assert grid.snap(grid.snap(at_ms)) == grid.snap(at_ms)


@given(moments, rates)
def test_the_frame_on_or_after_a_moment_is_the_first_that_is_not_before_it(at_ms: int, fps: Fraction) -> None:
    grid = FrameGrid(fps)
    frame = grid.frame_on_or_after(at_ms)
    assert grid.ms_at(frame) >= at_ms
    assert frame == 0 or grid.ms_at(frame - 1) < at_ms


@given(st.integers(0, 5_000_000), rates)
def test_a_frame_s_sample_is_within_half_a_sample_of_it(frame: int, fps: Fraction) -> None:
    assert abs(FrameGrid(fps).sample_at(frame) - frame * SAMPLE_RATE / fps) <= Fraction(1, 2)


@given(spans, spans)
def test_overlapping_is_mutual_and_excludes_meeting(one: Span, other: Span) -> None:
    assert one.overlaps(other) == other.overlaps(one)
    if one.meets(other):
        assert not one.overlaps(other)


@given(spans, moments)
def test_a_span_contains_its_start_and_not_its_end(span: Span, at: int) -> None:
    assert not span.contains(span.end)
    assert span.contains(span.start) == (span.length > 0)
    assert span.contains(at) == span.overlaps(Span(at, at + 1))


@given(spans, moments)
def test_a_shifted_span_keeps_its_length(span: Span, by: int) -> None:
    assert span.shifted(by).length == span.length
    assert span.shifted(by).shifted(-by) == span


@given(spans, st.integers(0, 100_000), st.integers(0, 100_000))
def test_the_gap_between_two_spans_meets_both(span: Span, gap: int, length: int) -> None:
    later = Span(span.end + gap, span.end + gap + length)
    between = span.until(later)
    assert span.meets(between)
    assert between.meets(later)
    assert between.length == gap


def test_rounding_durations_instead_of_boundaries_would_drift() -> None:
    grid = FrameGrid(Fraction(30000, 1001))
    windows = windows_between([487 * number for number in range(1, 60)], 487 * 60)
    by_boundaries = sum(grid.frame_count(window) for window in windows)
    by_durations = sum(round(window.length * grid.fps / 1000) for window in windows)
    assert by_boundaries == round(487 * 60 * grid.fps / 1000) == 876
    assert by_durations == 900  # 24 frames, 800 ms, after half a minute


def test_a_span_cannot_end_before_it_starts() -> None:
    with pytest.raises(ValueError, match=r"cannot end \(1 ms\) before it starts \(2 ms\)"):
        Span(2, 1)


@pytest.mark.parametrize("cuts", [[0], [1000], [500, 500], [700, 300], [-1]])
def test_cuts_lie_strictly_inside_and_ascend(cuts: list[int]) -> None:
    with pytest.raises(ValueError, match=r"cuts must ascend strictly inside 0\.\.1000 ms"):
        windows_between(cuts, 1000)


@pytest.mark.parametrize(
    "windows",
    [
        [],
        [Span(1, 1000)],
        [Span(0, 999)],
        [Span(0, 500), Span(501, 1000)],
        [Span(0, 501), Span(500, 1000)],
        [Span(500, 1000), Span(0, 500)],
    ],
    ids=["none", "late start", "early end", "a hole", "an overlap", "out of order"],
)
def test_what_does_not_tile_is_told(windows: list[Span]) -> None:
    assert not tiles(windows, 1000)


@pytest.mark.parametrize("fps", [Fraction(0), Fraction(-25)])
def test_a_frame_rate_is_above_zero(fps: Fraction) -> None:
    with pytest.raises(ValueError, match="a frame rate must be above 0"):
        FrameGrid(fps)
