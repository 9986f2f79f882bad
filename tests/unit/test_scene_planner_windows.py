"""Cuts live in silence, on frames, never inside a word; windows tile."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scene_planner.windows import cut_in_gap, cuts_between_takes, quiet_within
from shared.timeline import FrameGrid, Span, windows_between

RATES = [Fraction(24), Fraction(25), Fraction(30), Fraction(30_000, 1001), Fraction(24_000, 1001), Fraction(60)]

rates = st.sampled_from(RATES)


@st.composite
def gaps(draw: st.DrawFn, *, shortest: int = 0) -> Span:
    start = draw(st.integers(0, 3_600_000))
    return Span(start, start + draw(st.integers(shortest, 3_000)))


@st.composite
def quiet_runs_in(draw: st.DrawFn, gap: Span) -> list[Span]:
    edges = sorted(draw(st.sets(st.integers(max(0, gap.start - 500), gap.end + 500), max_size=8)))
    return [Span(*pair) for pair in zip(edges[::2], edges[1::2], strict=False)]


@st.composite
def spoken_takes(draw: st.DrawFn, fps: Fraction) -> tuple[list[Span], int]:
    """Takes as the voiceover makes them: each starts on a frame, with silence of whole frames after each."""
    grid = FrameGrid(fps)
    frame = draw(st.integers(0, 20))
    takes = []
    for _ in range(draw(st.integers(1, 12))):
        start = grid.ms_at(frame)
        take = Span(start, start + draw(st.integers(80, 8_000)))
        takes.append(take)
        frame = grid.frame_on_or_after(take.end) + draw(st.integers(0, 60))
    return takes, takes[-1].end + draw(st.integers(0, 2_000))


@given(rates, st.data())
def test_a_cut_never_lies_inside_a_word(fps: Fraction, data: st.DataObject) -> None:
    gap = data.draw(gaps())
    cut = cut_in_gap(gap, data.draw(quiet_runs_in(gap)), fps)
    assert gap.start <= cut.at_ms <= gap.end


@given(rates, st.data())
def test_a_gap_longer_than_a_frame_is_cut_on_a_frame(fps: Fraction, data: st.DataObject) -> None:
    gap = data.draw(gaps(shortest=int(FrameGrid(fps).frame_ms) + 2))
    cut = cut_in_gap(gap, data.draw(quiet_runs_in(gap)), fps)
    assert cut.kind != "joined"
    assert cut.at_ms == FrameGrid(fps).snap(cut.at_ms)


@given(rates, st.data())
def test_a_cut_is_never_more_than_half_a_frame_from_its_picture(fps: Fraction, data: st.DataObject) -> None:
    gap = data.draw(gaps())
    grid = FrameGrid(fps)
    cut = cut_in_gap(gap, (), fps)
    assert abs(grid.ms_at(grid.frame_at(cut.at_ms)) - cut.at_ms) <= grid.frame_ms / 2 + 1


def test_a_cut_lies_at_the_middle_of_the_longest_quiet_run() -> None:
    cut = cut_in_gap(Span(1_000, 2_000), [Span(1_050, 1_150), Span(1_400, 1_880)], Fraction(25))
    assert (cut.at_ms, cut.kind) == (1_640, "silence")


def test_a_quiet_run_that_reaches_into_a_word_counts_only_inside_the_gap() -> None:
    cut = cut_in_gap(Span(1_000, 1_400), [Span(0, 1_200), Span(1_250, 1_400)], Fraction(25))
    assert (cut.at_ms, cut.kind) == (1_120, "silence")


def test_without_a_quiet_run_the_middle_of_the_gap_is_cut_and_marked() -> None:
    cut = cut_in_gap(Span(1_000, 1_400), [], Fraction(25))
    assert (cut.at_ms, cut.kind) == (1_200, "gap_middle")


def test_the_nearest_frame_inside_the_gap_is_taken_when_the_nearest_of_all_lies_in_a_word() -> None:
    # Frames at 1000 and 1040 ms; the middle, 1015, is nearer to 1000, where the last word still lasts.
    cut = cut_in_gap(Span(1_001, 1_041), [Span(1_010, 1_020)], Fraction(25))
    assert (cut.at_ms, cut.kind) == (1_040, "silence")


def test_words_without_a_gap_are_cut_where_they_touch_and_marked() -> None:
    cut = cut_in_gap(Span(1_013, 1_013), [], Fraction(25))
    assert (cut.at_ms, cut.kind) == (1_013, "joined")


def test_a_gap_without_a_frame_is_cut_at_its_point_nearest_to_one() -> None:
    cut = cut_in_gap(Span(1_005, 1_018), [], Fraction(25))
    assert (cut.at_ms, cut.kind) == (1_005, "joined")


@given(rates, st.data())
def test_cuts_between_takes_lie_in_the_silence_between_them(fps: Fraction, data: st.DataObject) -> None:
    takes, _ = data.draw(spoken_takes(fps))
    for cut, (earlier, later) in zip(cuts_between_takes(takes, fps), pairwise(takes), strict=True):
        assert earlier.end <= cut.at_ms <= later.start
        assert cut.kind == ("silence" if later.start > earlier.end else "joined")


@given(rates, st.data())
def test_the_windows_of_takes_tile_and_their_frames_are_the_voiceovers_frames(
    fps: Fraction, data: st.DataObject
) -> None:
    takes, length_ms = data.draw(spoken_takes(fps))
    grid = FrameGrid(fps)
    windows = windows_between([cut.at_ms for cut in cuts_between_takes(takes, fps)], length_ms)
    assert sum(grid.frame_count(window) for window in windows) == round(length_ms * fps / 1000)


@pytest.mark.parametrize("fps", RATES, ids=str)
@given(data=st.data(), by_frames=st.integers(1, 5_000))
def test_a_scenes_frame_count_does_not_depend_on_the_scenes_before_it(
    fps: Fraction, data: st.DataObject, by_frames: int
) -> None:
    """A longer first take moves all others by whole frames; no other window gains or loses a frame."""
    grid = FrameGrid(fps)
    takes, length_ms = data.draw(spoken_takes(fps))
    later = []
    for take in takes[1:]:
        start = grid.ms_at(grid.frame_at(take.start) + by_frames)
        later.append(Span(start, start + take.length))
    # The silence after the edited take is what it was, in frames; its own last frame is filled to another degree.
    first = takes[0]
    longer = Span(first.start, first.start + int((_take_frames(first, grid) + by_frames) * grid.frame_ms))
    moved = [longer, *later]

    def frame_counts(spans: list[Span], total_ms: int) -> list[int]:
        cuts = [cut.at_ms for cut in cuts_between_takes(spans, fps)]
        return [grid.frame_count(window) for window in windows_between(cuts, total_ms)]

    before = frame_counts(takes, length_ms)
    after = frame_counts(moved, moved[-1].end + (length_ms - takes[-1].end))
    assert after[1:-1] == before[1:-1]
    if len(takes) > 1:
        assert after[0] == before[0] + by_frames


def _take_frames(take: Span, grid: FrameGrid) -> int:
    return -((-take.length * grid.fps) // 1000)


def test_only_the_quiet_inside_a_gap_counts() -> None:
    runs = [Span(0, 100), Span(150, 250), Span(300, 350), Span(390, 500), Span(600, 700)]
    assert quiet_within(Span(200, 400), runs) == (Span(200, 250), Span(300, 350), Span(390, 400))
