"""Where the cuts lie. A cut lives in silence, on a frame, and never inside a word. Pure."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

from shared.plan import CutKind
from shared.timeline import FrameGrid, Span


@dataclass(frozen=True)
class Cut:
    """The boundary of two windows, in milliseconds on the master clock, and what it lies in."""

    at_ms: int
    kind: CutKind


def cuts_between_takes(takes: Sequence[Span], fps: Fraction) -> tuple[Cut, ...]:
    """The cuts in the silence between takes: half of the gap, in whole frames, before the next take starts.

        [ take i            )   gap_frames    [ take i+1
        |....|....|....|....|....|....|....|....|....|
                                    ^ cut     ^ start_frame[i+1]
                                    |---------| gap_frames // 2

    Every take starts on a frame, and a gap is counted from the take's own length, so the cut's distance to the
    next take does not depend on where the takes lie: editing one sentence changes one window's frame count.
    """
    grid = FrameGrid(fps)
    return tuple(_cut_between(earlier, later, grid) for earlier, later in pairwise(takes))


def _cut_between(earlier: Span, later: Span, grid: FrameGrid) -> Cut:
    take_frames = ceil(earlier.length * grid.fps / 1000)
    gap_frames = grid.frame_at(later.start) - grid.frame_at(earlier.start) - take_frames
    at_ms = grid.ms_at(grid.frame_at(later.start) - max(0, gap_frames) // 2)
    # Rounding to whole milliseconds can put a frame 1 ms before the end of a take that fills its last frame.
    at_ms = min(max(at_ms, earlier.end), later.start)
    return Cut(at_ms, "silence" if later.start > earlier.end else "joined")


def cut_in_gap(gap: Span, quiet: Sequence[Span], fps: Fraction) -> Cut:
    """The cut between two words of one recording: at the middle of the longest quiet run in their gap, on a frame.

        [ last word )                [ first word )
                      ~~~  ~~~~~~~~~                     quiet runs
                               ^ wanted
        |.....|.....|.....|.....|.....|.....|
                                ^ cut

    Without a quiet run the middle of the gap is wanted. The frame boundary nearest to it that lies in the gap is
    taken. Where none does, the words are joined: the cut is the point of the gap nearest to a frame boundary, which
    is never inside a word and at most half a frame from the picture's change.
    """
    grid = FrameGrid(fps)
    runs = quiet_within(gap, quiet)
    longest = max(runs, key=lambda run: run.length, default=gap)
    wanted = (longest.start + longest.end) // 2
    nearest = grid.frame_at(wanted)
    fitting = [frame for frame in (nearest, nearest - 1, nearest + 1) if gap.start <= grid.ms_at(frame) <= gap.end]
    if not fitting:
        return Cut(min(max(grid.snap(wanted), gap.start), gap.end), "joined")
    best = min(fitting, key=lambda frame: abs(grid.ms_at(frame) - wanted))
    return Cut(grid.ms_at(best), "silence" if runs else "gap_middle")


def quiet_within(gap: Span, quiet: Sequence[Span]) -> tuple[Span, ...]:
    """The parts of ascending, disjoint quiet runs that lie in a gap."""
    first = bisect_right(quiet, gap.start, key=lambda run: run.end)
    last = bisect_left(quiet, gap.end, key=lambda run: run.start)
    return tuple(Span(max(gap.start, run.start), min(gap.end, run.end)) for run in quiet[first:last])
