"""Music made of drums and chords for tests, its beats, bars and phrases known, and its analysis."""

import numpy as np
from numpy.typing import NDArray

from services.mixer.analysis import Analysis, analyse
from services.mixer.features import MARGIN_SAMPLES, STEP_SAMPLES, STEPS_IN_COLOUR, features_of
from shared.timeline import SAMPLE_RATE

PHRASE_BARS = 8
_CHORDS = ((57, 60, 64), (53, 57, 60), (48, 52, 55), (55, 59, 62))
"""Am, F, C and G, one for each bar, in note numbers."""


def analysed(samples: NDArray[np.float32]) -> Analysis:
    """The analysis of samples of any number of channels."""
    whole = len(samples) // (STEPS_IN_COLOUR * STEP_SAMPLES) * STEPS_IN_COLOUR * STEP_SAMPLES
    return analyse(features_of(np.pad(samples[:whole], ((MARGIN_SAMPLES, MARGIN_SAMPLES), (0, 0)))))


def composed(bars: int, *, beats_per_minute: float, beats_in_bar: int = 4) -> NDArray[np.float32]:
    """A chord for each bar, a soft hit on each beat and a harder one on each bar's first; every second phrase of eight
    bars is an octave higher and brighter. It stops where its last bar ends; shape (samples, 1)."""
    generator = np.random.default_rng(4)
    beat = 60 / beats_per_minute
    sound = np.zeros(round(bars * beats_in_bar * beat * SAMPLE_RATE))
    for bar in range(bars):
        first, last = (round(number * beats_in_bar * beat * SAMPLE_RATE) for number in (bar, bar + 1))
        inside = np.arange(last - first) / SAMPLE_RATE
        octave = bar // PHRASE_BARS % 2
        for note in _CHORDS[bar % 4]:
            hertz = 440 * 2 ** ((note - 69) / 12 + octave)
            tones = sum(np.sin(2 * np.pi * hertz * part * inside) / part ** (2 - octave) for part in (1, 2, 3))
            sound[first:last] += 0.06 * tones * np.minimum(1, inside / 0.02)
    for number in range(bars * beats_in_bar):
        first = round(number * beat * SAMPLE_RATE)
        length = min(6_000, sound.size - first)
        hit = generator.standard_normal(length) * np.exp(-np.arange(length) / 900)
        sound[first : first + length] += hit * (0.3 if number % beats_in_bar == 0 else 0.12)
    return (0.5 * sound).astype(np.float32)[:, np.newaxis]
