"""How music of any length becomes a bed of exactly the voiceover's length: trimmed, or looped over a seam.

    music             s       a                      b     b+overlap
                      [-------[======================[====]
    bed               [-------------------------------)
                                                 [====  the music from a again  ====)
                                                  ^overlap^                  [====  ...
All positions are samples at 48 kHz.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.soundtrack import BedEnd
from shared.timeline import SAMPLES_PER_MS, Span

SAFETY_FADE_SAMPLES = 10 * SAMPLES_PER_MS
"""A hard cut clicks in up to 62 % of cases, 2 ms of fade in none; 10 ms is not heard as one."""

SHORTEST_MUSIC_MS = 100
"""Below this a repeated bed is a tone of its own, not music."""

_ONE = np.ones(1)
"""The gain of a block in which nothing fades."""


@dataclass(frozen=True)
class BedPlace:
    """Where a bed plays, in samples of the master clock, and its first and last fade.

    A crossed end shares its fade with a neighbour, at constant power; any other is the bed's own.
    """

    at: int
    length: int
    fade_in: int
    fade_out: int
    crossed_in: bool = False
    crossed_out: bool = False

    @property
    def end(self) -> int:
        """The first sample after it."""
        return self.at + self.length

    @property
    def span(self) -> Span:
        """The same in milliseconds."""
        return Span(self.at // SAMPLES_PER_MS, self.end // SAMPLES_PER_MS)


@dataclass(frozen=True)
class Seam:
    """Where a bed that is too short goes on: at `leave` of the music it crosses over to `enter`, for `overlap` samples.

    `correlation` of the two sides decides the law of the crossfade.
    """

    leave: int
    enter: int
    overlap: int
    correlation: float

    @property
    def period(self) -> int:
        """How many samples one repetition adds."""
        return self.leave - self.enter


@dataclass(frozen=True)
class Piece:
    """A stretch of the music on the bed: where it starts in both, and where its fades lie, in its own samples."""

    source_start: int
    at: int
    length: int
    fade_in: int
    fade_out_at: int
    fade_out: int

    @property
    def end(self) -> int:
        """The first sample of the bed after this piece."""
        return self.at + self.length


@dataclass(frozen=True)
class BedPlan:
    """Where the bed plays, the pieces of music that make it, the correlation at their seams, and what it ends with."""

    place: BedPlace
    pieces: tuple[Piece, ...]
    correlation: float
    ends_with: BedEnd = "fade"

    @property
    def length(self) -> int:
        """Its length in samples."""
        return self.place.length

    @property
    def seams(self) -> tuple[int, ...]:
        """Where on the master clock a new piece sets in."""
        return tuple(self.place.at + piece.at for piece in self.pieces[1:])

    @property
    def fades_at(self) -> int:
        """Where on the master clock its last fade begins."""
        return self.place.end - self.place.fade_out


@dataclass(frozen=True)
class Reading:
    """What a block of the bed needs from the music: which samples, where in the block, at which gain.

    `gain` has one number for each sample, or a single one where nothing fades.
    """

    source_start: int
    at: int
    count: int
    gain: NDArray[np.float32]


def audible_part(sample_count: int, silent_before: int, silent_after: int) -> tuple[int, int]:
    """The music without the silence at its ends; all of it where hardly anything would be left."""
    start, end = silent_before, sample_count - silent_after
    return (start, end) if end - start >= SHORTEST_MUSIC_MS * SAMPLES_PER_MS else (0, sample_count)


def longest_overlap(music_samples: int, crossfade_ms: int) -> int:
    """The crossfade in samples, at most a third of the music: a repetition must also be heard on its own."""
    return max(1, min(crossfade_ms * SAMPLES_PER_MS, music_samples // 3))


def plan_bed(place: BedPlace, *, music_start: int, music_end: int, seam: Seam | None) -> BedPlan:
    """The pieces for a bed of exactly its place's samples; `seam` is needed only where the music is shorter."""
    length, music_length = place.length, music_end - music_start
    if music_length >= length or seam is None:
        whole = Piece(music_start, 0, min(music_length, length), 0, min(music_length, length), 0)
        return BedPlan(place, (whole,), 0.0)
    if seam.period < seam.overlap:
        raise ValueError("a seam's repetition must be at least as long as its overlap")
    first_length = seam.leave + seam.overlap - music_start
    pieces = [Piece(music_start, 0, first_length, 0, seam.leave - music_start, seam.overlap)]
    while pieces[-1].end < length:
        at = pieces[-1].at + pieces[-1].fade_out_at
        pieces.append(Piece(seam.enter, at, seam.period + seam.overlap, seam.overlap, seam.period, seam.overlap))
    last = pieces[-1]
    pieces[-1] = Piece(last.source_start, last.at, length - last.at, last.fade_in, last.fade_out_at, last.fade_out)
    return BedPlan(place, tuple(pieces), seam.correlation)


def readings(plan: BedPlan, first: int, count: int) -> Iterator[Reading]:
    """What to read from the music for the samples `[first, first + count)` of the master clock; they are summed.

    A reading's `at` counts from `first`.
    """
    before = max(0, plan.place.at - first)
    first, count = first + before - plan.place.at, count - before
    low = bisect_right(plan.pieces, first, key=lambda piece: piece.end)
    high = bisect_left(plan.pieces, first + count, key=lambda piece: piece.at)
    for piece in plan.pieces[low:high]:
        start, end = max(first, piece.at), min(first + count, piece.end)
        gain = _piece_gain(piece, start - piece.at, end - start, plan.correlation) * _end_gain(plan, start, end - start)
        yield Reading(
            piece.source_start + start - piece.at, before + start - first, end - start, gain.astype(np.float32)
        )


def crossfade_gains(way: NDArray[np.float64], correlation: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The gains of the outgoing and the incoming side, `way` from 0 to 1, that keep the expected power constant.

    Two signals of equal power and correlation r that are summed at gains a and b have the power a^2 + b^2 + 2rab. A
    sine and cosine pair divided by the root of that is flat for every r: the equal-power law for unrelated sides
    (r = 0), nearly the linear one for identical sides (r = 1).
    """
    outgoing, incoming = np.cos(way * np.pi / 2), np.sin(way * np.pi / 2)
    power = 1 + 2 * min(1.0, max(0.0, correlation)) * outgoing * incoming
    return outgoing / np.sqrt(power), incoming / np.sqrt(power)


def _piece_gain(piece: Piece, first: int, count: int, correlation: float) -> NDArray[np.float64]:
    gain = _ONE
    if first < piece.fade_in:
        way = np.arange(first, first + count) / piece.fade_in
        gain = gain * crossfade_gains(np.clip(way, 0, 1), correlation)[1]
    if piece.fade_out and first + count > piece.fade_out_at:
        way = (np.arange(first, first + count) - piece.fade_out_at) / piece.fade_out
        gain = gain * crossfade_gains(np.clip(way, 0, 1), correlation)[0]
    return gain


def _end_gain(plan: BedPlan, first: int, count: int) -> NDArray[np.float64]:
    """The bed's own start and end: raised cosines, or its side of a crossfade with a neighbour."""
    place, gain = plan.place, _ONE
    if first < place.fade_in:
        way = np.clip(np.arange(first, first + count) / place.fade_in, 0, 1)
        gain = gain * (np.sin(way * np.pi / 2) if place.crossed_in else 0.5 - 0.5 * np.cos(np.pi * way))
    if first + count > place.length - place.fade_out:
        left = np.clip((place.length - 1 - np.arange(first, first + count)) / place.fade_out, 0, 1)
        gain = gain * (np.sin(left * np.pi / 2) if place.crossed_out else 0.5 - 0.5 * np.cos(np.pi * left))
    return gain


def correlation_of(outgoing: NDArray[np.float32], incoming: NDArray[np.float32]) -> float:
    """How alike two stretches are, sample by sample: 1 the same, 0 unrelated or silent."""
    power = float(np.sqrt(np.square(outgoing, dtype=np.float64).sum() * np.square(incoming, dtype=np.float64).sum()))
    if power == 0:
        return 0.0
    return float(np.multiply(outgoing, incoming, dtype=np.float64).sum()) / power
