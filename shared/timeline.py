"""Time on the master clock: half-open spans in whole milliseconds, and the one place where times become frames.

The rule of the house is *boundaries, never durations*. A duration that is rounded to frames carries an error of
up to half a frame, and errors of neighbours add up: 200 scenes at 30000/1001 are about a second apart at the end.
A boundary that is rounded on the absolute grid is never off by more than half a frame, however long the project:

    master clock  |-------- a --------|------ b ------|---------- c ----------|
    frames        |....|....|....|....|....|....|....|....|....|....|....|....|
                  ^ frame_at(0)       ^ frame_at(b.start) == frame_at(a.end)

So spans that meet on the clock still meet on the grid, and the frames of windows that tile a voiceover add up to
exactly `round(total * fps)`. All functions are pure; rates are `Fraction`s; floats never travel.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

SAMPLE_RATE = 48_000
"""Samples per second of all audio in the house."""

SAMPLES_PER_MS = SAMPLE_RATE // 1000


@dataclass(frozen=True, order=True)
class Span:
    """A half-open stretch of time, `start` inclusive and `end` exclusive, in whole milliseconds.

    On the master clock unless the field that holds it says otherwise (`source_span`: in the clip's own time).
    """

    start: int
    end: int

    def __post_init__(self) -> None:
        if self.end < self.start:
            raise ValueError(f"a span cannot end ({self.end} ms) before it starts ({self.start} ms)")

    @property
    def length(self) -> int:
        """The span's length in milliseconds."""
        return self.end - self.start

    def contains(self, at: int) -> bool:
        """True where `start <= at < end`.

        [   this   )
             ^ at
        """
        return self.start <= at < self.end

    def meets(self, later: "Span") -> bool:
        """True where the later span starts exactly where this one ends.

        [ this )[ later )
        """
        return self.end == later.start

    def overlaps(self, other: "Span") -> bool:
        """True where the two share at least one millisecond; symmetric.

        [ this    )
             [ other   )
        """
        return self.start < other.end and other.start < self.end

    def until(self, later: "Span") -> "Span":
        """The gap between this span and one that starts at or after its end.

        [ this )  gap  [ later )
        """
        return Span(self.end, later.start)

    def shifted(self, by: int) -> "Span":
        """The same span, `by` milliseconds later."""
        return Span(self.start + by, self.end + by)


@dataclass(frozen=True)
class FrameGrid:
    """The absolute frame grid of a project: frame `n` is shown from `n / fps` seconds on the master clock."""

    fps: Fraction

    def __post_init__(self) -> None:
        if self.fps <= 0:
            raise ValueError("a frame rate must be above 0")

    def frame_at(self, at_ms: int) -> int:
        """The frame boundary nearest to `at_ms`: `round(at * fps)`, never more than half a frame away.

        |....|....|....|
               ^ at_ms        -> 1 or 2, whichever boundary is nearer
        """
        return round(at_ms * self.fps / 1000)

    def ms_at(self, frame: int) -> int:
        """The whole millisecond nearest to the start of `frame`; `frame_at(ms_at(n)) == n` below 500 fps."""
        return round(frame * 1000 / self.fps)

    def sample_at(self, frame: int) -> int:
        """The 48 kHz sample nearest to the start of `frame`."""
        return round(frame * SAMPLE_RATE / self.fps)

    def snap(self, at_ms: int) -> int:
        """`at_ms` moved to the nearest frame boundary, as whole milliseconds."""
        return self.ms_at(self.frame_at(at_ms))

    def frame_on_or_after(self, at_ms: int) -> int:
        """The first frame whose boundary, in whole milliseconds, is not before `at_ms`.

        |....|....|....|
               ^ at_ms
                  ^ the answer
        """
        frame = self.frame_at(at_ms)
        return frame if self.ms_at(frame) >= at_ms else frame + 1

    def frame_count(self, span: Span) -> int:
        """How many frames a span owns: the difference of its rounded boundaries, never its rounded length."""
        return self.frame_at(span.end) - self.frame_at(span.start)

    @property
    def frame_ms(self) -> Fraction:
        """The length of one frame in milliseconds, exact."""
        return 1000 / self.fps


def windows_between(cuts: Sequence[int], total_ms: int) -> tuple[Span, ...]:
    """The windows that tile `[0, total_ms)` when it is cut at `cuts` (ascending, strictly inside).

    0          cut            cut                  total
    [ window 0 )[  window 1   )[     window 2      )
    """
    edges = (0, *cuts, total_ms)
    for earlier, later in pairwise(edges):
        if later <= earlier:
            raise ValueError(f"cuts must ascend strictly inside 0..{total_ms} ms, got {list(cuts)}")
    return tuple(Span(start, end) for start, end in pairwise(edges))


def tiles(windows: Iterable[Span], total_ms: int) -> bool:
    """True where the windows cover `[0, total_ms)` exactly once.

    0                              total
    [ first )[ second )[   last    )
    """
    ordered = list(windows)
    if not ordered or ordered[0].start != 0 or ordered[-1].end != total_ms:
        return False
    return all(earlier.meets(later) for earlier, later in pairwise(ordered))
