"""What is measured of music, stretch by stretch: how loud every 10 ms are, what begins there, and which notes sound.

Beats, bars and phrases are found in these numbers (`beats.py`, `phrases.py`), and places that sound alike (`seams.py`).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS

STEP_MS = 10
STEP_SAMPLES = STEP_MS * SAMPLES_PER_MS

STEPS_IN_COLOUR = 10
"""A colour stands for 100 ms: chords do not change faster."""

MARGIN_SAMPLES = 4_096
"""How much sound on both sides of a stretch is looked at with it: half of the longest window."""

PITCH_CLASSES = 12
_ONSET_WINDOW = 2_048  # 43 ms: short enough that a drum hit is exact to a step
_COLOUR_WINDOW = 2 * MARGIN_SAMPLES  # 171 ms: 6 Hz apart, which tells neighbouring notes from about 110 Hz on
_NOTES_HZ = (110.0, 1_760.0)  # A2 to A6: fundamentals and first harmonics of most that carries harmony
_BANDS_HZ = (40.0, 12_000.0)
_ONSET_BANDS, _TIMBRE_BANDS = 20, 8
_COMPRESSION = 1e4  # Mueller, Fundamentals of Music Processing, 6.1: log(1 + c * power) lets soft onsets count

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Features:
    """The features of a stretch of music that is a whole number of colours long, or of all of it."""

    energies: Vector
    """The mean square of every step of 10 ms."""
    onsets: Vector
    """How much begins in every step: the rise of compressed power, summed over bands."""
    colours: NDArray[np.float64]
    """One row for every 100 ms: twelve pitch classes and eight bands."""


def features_of(samples: NDArray[np.float32]) -> Features:
    """The features of a stretch; `samples`, of shape (samples, channels), hold `MARGIN_SAMPLES` more on both sides.

    margin [....)[ stretch: n * 100 ms )[....) margin
    """
    stretch = samples[MARGIN_SAMPLES:-MARGIN_SAMPLES]
    steps = stretch.reshape(-1, STEP_SAMPLES * samples.shape[1])
    energies = np.einsum("ij,ij->i", steps, steps, dtype=np.float64) / steps.shape[1]
    mono = samples.mean(axis=1)
    return Features(energies, _onsets(mono, len(steps)), _colours(mono, len(steps) // STEPS_IN_COLOUR))


def joined(stretches: list[Features]) -> Features:
    """The features of stretches that follow one another."""
    return Features(
        np.concatenate([stretch.energies for stretch in stretches]),
        np.concatenate([stretch.onsets for stretch in stretches]),
        np.concatenate([stretch.colours for stretch in stretches]),
    )


def _onsets(mono: NDArray[np.float32], count: int) -> Vector:
    # One step more before the first: a rise needs the step that it rises from.
    first = MARGIN_SAMPLES + STEP_SAMPLES // 2 - _ONSET_WINDOW // 2 - STEP_SAMPLES
    powers = _power_spectra(mono, first, STEP_SAMPLES, count + 1, _ONSET_WINDOW)
    levels = np.log1p(_COMPRESSION * (powers @ _band_weights(_ONSET_WINDOW, _ONSET_BANDS)))
    rises: Vector = np.maximum(0.0, np.diff(levels, axis=0)).sum(axis=1)
    return rises


def _colours(mono: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    hop = STEPS_IN_COLOUR * STEP_SAMPLES
    powers = _power_spectra(mono, MARGIN_SAMPLES + hop // 2 - _COLOUR_WINDOW // 2, hop, count, _COLOUR_WINDOW)
    notes = np.sqrt(powers @ _note_weights(_COLOUR_WINDOW))
    notes /= np.maximum(np.linalg.norm(notes, axis=1, keepdims=True), 1e-6)
    timbre = np.log1p(_COMPRESSION * (powers @ _band_weights(_COLOUR_WINDOW, _TIMBRE_BANDS)))
    return np.hstack([notes, timbre / np.log1p(_COMPRESSION)])


def _power_spectra(mono: NDArray[np.float32], first: int, hop: int, count: int, window: int) -> NDArray[np.float64]:
    frames = np.lib.stride_tricks.sliding_window_view(mono, window)[first : first + count * hop : hop]
    spectrum = np.fft.rfft(frames * np.hanning(window).astype(np.float32), axis=1)
    # 8 / 3 is the Hann window's power, 2 the other half of the spectrum: a full sine comes to 1 / 2.
    return np.asarray((spectrum.real**2 + spectrum.imag**2) * (8 / 3 * 2 / window**2), dtype=np.float64)


def _frequencies(window: int) -> Vector:
    return np.asarray(np.fft.rfftfreq(window, 1 / SAMPLE_RATE), dtype=np.float64)


def _band_weights(window: int, bands: int) -> NDArray[np.float64]:
    edges = np.geomspace(*_BANDS_HZ, bands + 1)
    frequencies = _frequencies(window)[:, np.newaxis]
    return ((frequencies >= edges[:-1]) & (frequencies < edges[1:])).astype(np.float64)


def _note_weights(window: int) -> NDArray[np.float64]:
    """How much each bin adds to each pitch class: all to the nearest, C first."""
    frequencies = _frequencies(window)
    heard = (frequencies >= _NOTES_HZ[0]) & (frequencies <= _NOTES_HZ[1])
    notes = 69 + 12 * np.log2(np.maximum(frequencies, 1.0) / 440)
    weights = np.zeros((frequencies.size, PITCH_CLASSES))
    weights[np.flatnonzero(heard), np.round(notes[heard]).astype(int) % PITCH_CLASSES] = 1.0
    return weights
