"""Where music may go on elsewhere unheard: two bars that sound alike and keep the beat.

    music      [---e~~~~~--------------------------------l~~~~~----)
    bars        |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |
                   ^ enter: what is around here ...      ^ leave: ... is like what is around here

What begins when is compared around both places, and which notes sound. Where the music has no bars, every place is
compared. Beats are exact to some 10 ms, so the places are settled on the onsets, and then on the samples themselves.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from services.mixer.analysis import Analysis
from services.mixer.beats import Steps, smoothed
from services.mixer.bed import Seam, correlation_of, longest_overlap
from services.mixer.features import STEP_MS, STEP_SAMPLES, STEPS_IN_COLOUR, Features, Vector

REFINE_SAMPLES = STEP_SAMPLES
"""How far the samples may move the place that the onsets found."""

WINDOW_STEPS = 600  # 6 s hold two bars at 80 beats a minute: enough for the pattern of a bar to count
HALF_WINDOW = WINDOW_STEPS // 2
_COLOUR_REACH = 20  # colours on each side: 2 s, a bar
_JITTER_STEPS = 4  # a beat is found to 40 ms at worst
_PLACES = 96
_FEWEST_BARS = 2  # fewer are no choice
_LATEST_ENTER_STEP = 9_000  # 90 s: with more, the windows of an hour of music would fill the memory
_COST_OF_UNUSED_MUSIC = 0.3  # judgement: where it is looped again and again, half the music unused must buy 0.15
_NOTICED = 2  # judgement: a short part that is repeated oftener is heard as stuck
_COST_OF_A_SECOND, _MOST_SECONDS = 0.03, 20.0  # judgement: three seconds of the head must buy 0.1 of likeness


@dataclass(frozen=True)
class Surroundings:
    """What is around every step of music, to compare places by."""

    onsets: NDArray[np.float64]
    """The onsets of every `WINDOW_STEPS` steps in a row."""
    colours: NDArray[np.float64]
    """Each colour's difference from the music's usual one, of length 1."""

    def likenesses(self, place: int, others: Steps) -> Vector:
        """How alike one place and each of the others is, at most 1: half by what begins when, half by what sounds."""
        return 0.5 * self.rhythms(place, others) + 0.5 * self.harmonies(place, others)

    def rhythms(self, place: int, others: Steps) -> Vector:
        """How alike the onsets are around the places, which need half a window on both sides."""
        here, there = self.onsets[place - HALF_WINDOW], self.onsets[others - HALF_WINDOW]
        sizes = np.linalg.norm(here) * np.linalg.norm(there, axis=1)
        alike: Vector = there @ here / np.maximum(sizes, 1e-9)
        return alike

    def harmonies(self, place: int, others: Steps) -> Vector:
        """How alike the colours are around the places."""
        around = np.arange(-_COLOUR_REACH, _COLOUR_REACH)

        last = len(self.colours) - 1
        here = np.clip(place // STEPS_IN_COLOUR + around, 0, last)
        there = np.clip(others[:, np.newaxis] // STEPS_IN_COLOUR + around, 0, last)
        alike: Vector = np.einsum("jk,ijk->i", self.colours[here], self.colours[there]) / len(around)
        return alike


def surroundings_of(features: Features) -> Surroundings:
    """The surroundings of all places of music that is longer than `WINDOW_STEPS`."""
    onsets = smoothed(features.onsets)
    colours = (features.colours - features.colours.mean(axis=0)) / np.maximum(features.colours.std(axis=0), 1e-6)
    colours = colours / np.maximum(np.linalg.norm(colours, axis=1, keepdims=True), 1e-9)
    return Surroundings(np.lib.stride_tricks.sliding_window_view(onsets - onsets.mean(), WINDOW_STEPS), colours)


def find_seam(analysis: Analysis, *, start: int, end: int, length: int, crossfade_ms: int) -> Seam:
    """The best seam inside the music's samples `[start, end)`, exact to 10 ms, for a bed of `length` samples.

    Best is where both sides are alike and hardly anything must be left out for the repetitions to add up to the length.
    End to start where the music is too short to choose.
    """
    overlap = longest_overlap(end - start, crossfade_ms)
    plain = Seam(leave=end - overlap, enter=start, overlap=overlap, correlation=0.0)
    size = analysis.features.onsets.size
    first, last = -(-start // STEP_SAMPLES), min(size, end // STEP_SAMPLES)
    overlap_steps = -(-overlap // STEP_SAMPLES)
    # Both places need half a window before them and a whole crossfade behind.
    leaves = np.arange(first + (last - first) // 2, last - max(HALF_WINDOW, overlap_steps) - _JITTER_STEPS - 1)
    enters = np.arange(first + HALF_WINDOW, last - overlap_steps)[:_LATEST_ENTER_STEP]
    if enters.size == 0 or leaves.size == 0:
        return plain
    around = surroundings_of(analysis.features)
    sizes = (overlap_steps, last - first, length // STEP_SAMPLES)
    bars = bars_among(analysis, leaves), bars_among(analysis, enters)
    best = _best_pair(around, *bars, *sizes) or _best_pair(around, leaves, enters, *sizes)
    if best is None:
        return plain
    enter = on_the_beat(around, *best)
    return Seam(leave=best[0] * STEP_SAMPLES, enter=enter * STEP_SAMPLES, overlap=overlap, correlation=0.0)


def _best_pair(
    around: Surroundings, leaves: Steps, enters: Steps, overlap: int, music: int, length: int
) -> tuple[int, int] | None:
    """The best of the places to leave and to enter, all in steps; None where no two are far enough apart."""
    best_score, best = -np.inf, None
    for leave in leaves[:: max(1, leaves.size // _PLACES)].tolist():
        before = enters[enters <= leave - max(2 * overlap, HALF_WINDOW)]
        if before.size:
            score = around.likenesses(leave, before) - _cost(leave - before, music, length)
            if score.max() > best_score:
                best_score, best = float(score.max()), (leave, int(before[int(score.argmax())]))
    return best


def _cost(periods: Steps, music: int, length: int) -> Vector:
    """What repetitions of these periods cost: music that is left out at the head, and the same short part heard again
    and again."""
    missing = length - music
    repetitions = np.maximum(1, -(-missing // periods))
    seconds_left_out = (repetitions * periods - missing) * STEP_MS / 1000
    unused = np.where(repetitions > _NOTICED, 1 - periods / music, 0.0)
    cost: Vector = _COST_OF_A_SECOND * np.minimum(seconds_left_out, _MOST_SECONDS) + _COST_OF_UNUSED_MUSIC * unused
    return cost + np.where(unused > 0.5, 1.0, 0.0)


def bars_among(analysis: Analysis, steps: Steps) -> Steps:
    """Those of the consecutive steps at which a bar begins; all of them where that leaves no choice."""
    bars = analysis.bars
    inside: Steps = bars[(bars >= steps[0]) & (bars <= steps[-1])]
    return inside if inside.size >= _FEWEST_BARS else steps


def on_the_beat(around: Surroundings, leave: int, enter: int) -> int:
    """The step near `enter` at which the beat goes on most evenly from `leave`."""
    near = np.arange(enter - _JITTER_STEPS, enter + _JITTER_STEPS + 1)
    near = near[(near >= HALF_WINDOW) & (near < HALF_WINDOW + len(around.onsets))]
    return int(near[int(around.rhythms(leave, near).argmax())])


def settle_seam(seam: Seam, outgoing: NDArray[np.float32], incoming: NDArray[np.float32]) -> Seam:
    """The seam moved to where the two sides are most alike, and how alike they are there.

    `outgoing` are the samples from `leave` on, `overlap` of them, summed to one channel; `incoming` those around
    `enter`, with the same number of samples more on both of its sides.
    """
    room = (incoming.size - outgoing.size) // 2
    size = incoming.size + outgoing.size
    products = np.fft.irfft(np.fft.rfft(incoming, size) * np.conj(np.fft.rfft(outgoing, size)), size)[: 2 * room + 1]
    powers = np.concatenate([[0.0], np.cumsum(np.square(incoming, dtype=np.float64))])
    sizes = np.sqrt(np.maximum(powers[outgoing.size :] - powers[: powers.size - outgoing.size], 1e-12))
    lag = int(np.argmax(products / sizes))
    correlation = correlation_of(outgoing, incoming[lag : lag + outgoing.size])
    return replace(seam, enter=seam.enter + lag - room, correlation=correlation)
