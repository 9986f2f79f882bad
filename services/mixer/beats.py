"""Where the beats and bars of music are, found in what begins every 10 ms.

    onsets   |  .  :  .  |  .  :  .  |  .  :  .  |
    beats    ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^  ^
    bars     ^           ^           ^           ^

The tempo is the strongest period of the onsets. Beats are the series of places that have strong onsets and keep the
tempo, by dynamic programming: D. Ellis, "Beat Tracking by Dynamic Programming", J. of New Music Research 36 (2007).
A bar begins with the beat, of every three or four, where the harmony changes and most begins.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.mixer.features import STEP_MS, STEPS_IN_COLOUR, Features, Vector

_USUAL_PERIOD = 500 / STEP_MS  # Ellis: listeners prefer 120 beats a minute, an octave off is half as likely
_OCTAVES = 0.9
_PERIODS = (250 // STEP_MS, 1_500 // STEP_MS)  # 240 to 40 beats a minute
_TIGHTNESS = 100.0  # Ellis, table 1
_LONGEST_LOOKED_AT = 60_000  # steps: ten minutes tell the tempo
_METRES = (4, 3)
_THREE_MUST_BE_CLEARER_BY = 1.3  # judgement: nine songs of ten are in four

Steps = NDArray[np.int64]


@dataclass(frozen=True)
class Beats:
    """The beats of music in ascending steps of 10 ms, and which of them begin a bar."""

    steps: Steps
    begins_bar: NDArray[np.bool_]


def find_beats(features: Features) -> Beats:
    """The beats, none where the music is shorter than a few of them. Music without a beat gets an even grid, which does
    no harm: what follows from it is weighed by what is heard there."""
    onsets = features.onsets
    if onsets.size < 4 * _PERIODS[1] or onsets.std() == 0:
        return Beats(np.zeros(0, np.int64), np.zeros(0, np.bool_))
    onsets = smoothed(onsets / onsets.std())
    steps = _track(onsets, beat_period(onsets))
    return Beats(steps, _bar_starts(steps, onsets, features.colours))


def smoothed(onsets: Vector) -> Vector:
    """Onsets spread over 30 ms: two places are alike that are a step apart."""
    return np.convolve(onsets, [0.25, 0.5, 0.25], mode="same")


def beat_period(onsets: Vector) -> float:
    """Steps from beat to beat, to a tenth of a step."""
    heard = onsets[:_LONGEST_LOOKED_AT] - onsets[:_LONGEST_LOOKED_AT].mean()
    size = 2 * heard.size
    spectrum = np.fft.rfft(heard, size)
    likeness = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: 4 * _PERIODS[1] + 2]
    periods = np.arange(*_PERIODS, 0.1)
    # A beat's period is one of its multiples' too: those of noise are not.
    every = np.arange(likeness.size)
    strength = sum(np.interp(periods * times, every, likeness) / times for times in (1, 2, 4))
    preference = np.exp(-0.5 * (np.log2(periods / _USUAL_PERIOD) / _OCTAVES) ** 2)
    return float(periods[int(np.argmax(strength * preference))])


def _track(onsets: Vector, period: float) -> Steps:
    nearest, furthest = round(period / 2), round(period * 2)
    back = np.arange(nearest, furthest + 1)
    cost = _TIGHTNESS * np.log(back / period) ** 2
    best = onsets.copy()
    before = np.full(onsets.size, -1, np.int64)
    for at in range(furthest, onsets.size):
        scores = best[at - furthest : at - nearest + 1][::-1] - cost
        chosen = int(scores.argmax())
        if scores[chosen] > 0:
            best[at] += scores[chosen]
            before[at] = at - back[chosen]
    at = onsets.size - furthest + int(best[-furthest:].argmax())
    found: list[int] = []
    while at >= 0:
        found.append(at)
        at = int(before[at])
    return np.array(found[::-1], dtype=np.int64)


def _bar_starts(steps: Steps, onsets: Vector, colours: NDArray[np.float64]) -> NDArray[np.bool_]:
    begins = np.zeros(steps.size, np.bool_)
    if steps.size < 2 * _METRES[0]:
        return begins
    accents = _standardised(onsets[steps]) + 2 * _standardised(harmonic_changes(steps, colours))
    clearest, best = 0.0, (_METRES[0], 0)
    for metre in _METRES:
        for first in range(metre):
            clearness = float(accents[first::metre].mean())
            if clearness > clearest * (1.0 if metre == best[0] else _THREE_MUST_BE_CLEARER_BY):
                clearest, best = clearness, (metre, first)
    begins[best[1] :: best[0]] = True
    return begins


def harmonic_changes(steps: Steps, colours: NDArray[np.float64]) -> Vector:
    """How much the notes after each beat differ from those before it: 0 the same, 1 none in common."""
    means = between(steps, colours)[:, :12]
    means = means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-9)
    changes = np.zeros(steps.size)
    changes[1:] = 1 - np.einsum("ij,ij->i", means[1:], means[:-1])
    return changes


def between(steps: Steps, colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean colour from each beat to the next."""
    starts = np.minimum(steps // STEPS_IN_COLOUR, len(colours) - 1)
    ends = np.append(starts[1:], len(colours))
    sums = np.concatenate([np.zeros((1, colours.shape[1])), np.cumsum(colours, axis=0)])
    counts = np.maximum(ends - starts, 1)[:, np.newaxis]
    means: NDArray[np.float64] = (sums[np.maximum(ends, starts + 1)] - sums[starts]) / counts
    return means


def _standardised(values: Vector) -> Vector:
    spread = float(values.std())
    return (values - values.mean()) / spread if spread else np.zeros(values.size)
