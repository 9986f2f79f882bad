"""How loud the bed is at any moment, decided by the words before they are spoken.

    words            [one][two]   [three]                          [four]
    regions          [------------------)                          [-----)
    pause_db  -------.                                   .-------.
                      \\                                /         \\
    depth_db           `------------------------------'           `--------
                attack  lead            hold   release     attack  lead

The ramps are raised cosines in decibels, so the gain has no corner at their ends; the curve is defined at every
sample and never evaluated for more than a block at a time.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from shared.project import Ducking
from shared.timeline import SAMPLES_PER_MS, Span


@dataclass(frozen=True)
class SpeechRegion:
    """Words with only short gaps between them, and how far the bed is lowered under them."""

    span: Span
    depth_db: float


@dataclass(frozen=True)
class BedCurve:
    """The bed's gain over the whole master clock. Regions ascend and do not overlap."""

    regions: tuple[SpeechRegion, ...]
    ducking: Ducking

    def decibels(self, at_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """The gain in decibels at ascending times in milliseconds."""
        ducking = self.ducking
        curve = np.full(at_ms.shape, ducking.pause_db, dtype=np.float64)
        if at_ms.size == 0:
            return curve
        for region in self._regions_that_reach(float(at_ms[0]), float(at_ms[-1])):
            down, up = region.span.start - ducking.lead_ms, region.span.end + ducking.hold_ms
            reached = slice(*np.searchsorted(at_ms, (down - ducking.attack_ms, up + ducking.release_ms)))
            inside, lowered = at_ms[reached], curve[reached]
            openness = np.maximum(_raised(down - inside, ducking.attack_ms), _raised(inside - up, ducking.release_ms))
            np.minimum(lowered, region.depth_db + (ducking.pause_db - region.depth_db) * openness, out=lowered)
        return curve

    def deeper_under(self, words: Sequence[Span], decibels: float) -> "BedCurve":
        """The curve with the bed lowered further in every region that holds one of the words."""
        regions = tuple(
            replace(region, depth_db=region.depth_db - decibels)
            if any(word.overlaps(region.span) for word in words)
            else region
            for region in self.regions
        )
        return replace(self, regions=regions)

    def gain(self, first_sample: int, count: int) -> NDArray[np.float32]:
        """The linear gain of `count` samples from `first_sample` on; one number where it does not move."""
        first_ms, last_ms = first_sample / SAMPLES_PER_MS, (first_sample + count) / SAMPLES_PER_MS
        steady = self._steady_db(first_ms, last_ms)
        if steady is not None:
            return np.array([10 ** (steady / 20)], dtype=np.float32)
        at_ms = first_ms + np.arange(count) / SAMPLES_PER_MS
        return linear_gains(self.decibels(at_ms))

    def _steady_db(self, first_ms: float, last_ms: float) -> float | None:
        reached = self._regions_that_reach(first_ms, last_ms)
        if not reached:
            return self.ducking.pause_db
        if len(reached) == 1:
            down = Span(
                reached[0].span.start - self.ducking.lead_ms,
                reached[0].span.end + self.ducking.hold_ms,
            )
            if down.start <= first_ms and last_ms <= down.end:
                return reached[0].depth_db
        return None

    def _regions_that_reach(self, first_ms: float, last_ms: float) -> Sequence[SpeechRegion]:
        ducking = self.ducking
        low = bisect_left(self.regions, first_ms - ducking.hold_ms - ducking.release_ms, key=lambda r: r.span.end)
        high = bisect_right(self.regions, last_ms + ducking.lead_ms + ducking.attack_ms, key=lambda r: r.span.start)
        return self.regions[low:high]


def linear_gains(decibels: NDArray[np.float64]) -> NDArray[np.float32]:
    """Gains in decibels as factors. In single precision (to 0.000003 dB), which takes a sixth of the time."""
    linear: NDArray[np.float32] = np.exp(decibels.astype(np.float32) * np.float32(np.log(10) / 20))
    return linear


def speech_regions(words: Iterable[Span], ducking: Ducking, cuts: Iterable[int] = ()) -> tuple[SpeechRegion, ...]:
    """The words merged over gaps shorter than `merge_gap_ms`, all at the project's depth. Words need no order.

    A region ends at a cut, so that a scene whose voice is weak lowers the bed under itself and not under its
    neighbours; regions that touch at the same depth make the same curve as one.

    words    [one] [two]            [three] [four]
    cuts                                   |
    regions  [---------)            [------)[----)
    """
    merged: list[Span] = []
    for word in sorted(words):
        # The 1 merges words that touch, whatever the project says.
        if merged and word.start - merged[-1].end < max(1, ducking.merge_gap_ms):
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, word.end))
        else:
            merged.append(word)
    depth, ascending = min(ducking.depth_db, ducking.pause_db), sorted(cuts)
    return tuple(SpeechRegion(part, depth) for span in merged for part in _parted(span, ascending))


def _parted(span: Span, cuts: Sequence[int]) -> tuple[Span, ...]:
    inside = cuts[bisect_right(cuts, span.start) : bisect_left(cuts, span.end)]
    return tuple(Span(start, end) for start, end in pairwise((span.start, *inside, span.end)))


def deepened(region: SpeechRegion, *, voice_over_bed_lu: float | None, clearance_db: float) -> SpeechRegion:
    """The region with the bed lowered until the voice stands `clearance_db` above it.

    `voice_over_bed_lu` is what the region has at its present depth; None where either is silent.
    """
    if voice_over_bed_lu is None or voice_over_bed_lu >= clearance_db:
        return region
    return replace(region, depth_db=region.depth_db - (clearance_db - voice_over_bed_lu))


def _raised(distance_ms: NDArray[np.float64], length_ms: int) -> NDArray[np.float64]:
    """0 up to distance 0, 1 from `length_ms` on, half a cosine between."""
    way = np.clip(distance_ms / length_ms, 0.0, 1.0)
    raised: NDArray[np.float64] = 0.5 - 0.5 * np.cos(np.pi * way)
    return raised
