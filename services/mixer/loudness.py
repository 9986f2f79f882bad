"""Loudness after ITU-R BS.1770-4 and EBU R128, from the power spectrum of blocks of 100 ms.

The standard filters the signal and squares it. The mean square of a filtered block is also the sum of its power
spectrum times the filter's squared response (Parseval), which needs no recursive filter, works on blocks that come
one at a time, and gives one number per 100 ms from which the loudness of any stretch can be had later. It serves
to level the stems and to weigh voice against bed; the finished soundtrack is measured by ffmpeg's `ebur128`.
"""

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from shared.timeline import SAMPLE_RATE, Span

Samples = NDArray[np.float32]
"""Shape (samples, channels), full scale 1.0."""

Powers = NDArray[np.float64]
"""One K-weighted mean square per 100 ms, summed over channels: the `z` of BS.1770."""

SLICE_MS = 100
SLICE_SAMPLES = SLICE_MS * SAMPLE_RATE // 1000

ABSOLUTE_GATE_LUFS = -70.0  # BS.1770-4, annex 1
RELATIVE_GATE_LU = -10.0  # BS.1770-4, annex 1
_OFFSET_LUFS = -0.691  # BS.1770-4, annex 1: makes a 997 Hz sine at 0 dBFS in one channel -3.01 LUFS
_FULL_SCALE = 0.999  # 16 bit full scale as a float is 0.99997; resampling lowers a flat top a little
_SLICES_IN_BLOCK = 4  # a gating block lasts 400 ms and starts every 100 ms

# BS.1770-4, annex 1, tables 1 and 2: the shelf of the head and the high-pass, at 48 kHz (b0, b1, b2), (a0, a1, a2).
_HEAD_SHELF = ((1.53512485958697, -2.69169618940638, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))


@cache
def _bin_weights() -> NDArray[np.float32]:
    """What each bin of a slice's `|rfft|^2` adds to its K-weighted mean square."""
    turns = np.arange(SLICE_SAMPLES // 2 + 1) / SLICE_SAMPLES
    unit = np.exp(-2j * np.pi * turns)
    response = np.ones_like(unit)
    for numerator, denominator in (_HEAD_SHELF, _HIGH_PASS):
        response *= np.polyval(numerator[::-1], unit) / np.polyval(denominator[::-1], unit)
    both_sides = np.full(turns.size, 2.0)
    both_sides[[0, -1]] = 1.0  # the bins at 0 Hz and at half the sample rate have no twin
    return np.asarray(np.abs(response) ** 2 * both_sides / SLICE_SAMPLES**2, dtype=np.float32)


def slice_powers(samples: Samples) -> Powers:
    """One power per 100 ms of `samples`; a last slice that is not full counts as filled up with silence."""
    missing = -samples.shape[0] % SLICE_SAMPLES
    if missing:
        samples = np.concatenate([samples, np.zeros((missing, samples.shape[1]), np.float32)])
    slices = samples.T.reshape(samples.shape[1], -1, SLICE_SAMPLES)
    spectrum = np.fft.rfft(slices, axis=2)
    weighted: Powers = ((spectrum.real**2 + spectrum.imag**2) @ _bin_weights()).sum(axis=0).astype(np.float64)
    return weighted


def clipped_slices(samples: Samples) -> tuple[int, ...]:
    """The first sample of each slice in which three in a row stand at full scale: what was louder has been cut off."""
    high = np.abs(samples).max(axis=1) >= _FULL_SCALE
    starts = np.flatnonzero(high[:-2] & high[1:-1] & high[2:])
    _, firsts = np.unique(starts // SLICE_SAMPLES, return_index=True)
    return tuple(int(start) for start in starts[firsts])


def decibels(power: float) -> float:
    """A power as LUFS; silence is minus infinity."""
    return _OFFSET_LUFS + 10 * math.log10(power) if power > 0 else -math.inf


def integrated_lufs(powers: Powers) -> float | None:
    """The integrated loudness with both gates of BS.1770-4, or None where nothing passes the absolute gate.

    Anything shorter than one gating block counts as one block.
    """
    if powers.size == 0:
        return None
    blocks = np.convolve(powers, np.ones(_SLICES_IN_BLOCK), mode="valid") / _SLICES_IN_BLOCK
    if powers.size < _SLICES_IN_BLOCK:
        blocks = np.array([powers.mean()])
    heard = blocks[blocks > _power(ABSOLUTE_GATE_LUFS)]
    if heard.size == 0:
        return None
    loud = heard[heard > heard.mean() * 10 ** (RELATIVE_GATE_LU / 10)]
    return decibels(float(loud.mean()))


def mean_lufs(powers: Powers, chosen: NDArray[np.bool_]) -> float | None:
    """The ungated loudness of the chosen slices, or None where none is chosen or all are silent."""
    picked = powers[chosen[: powers.size]]
    if picked.size == 0 or picked.max() <= 0:
        return None
    return decibels(float(picked.mean()))


def slices_in(spans: tuple[Span, ...], count: int) -> NDArray[np.bool_]:
    """Which of `count` slices have their middle in one of the spans; a span too short for that marks its own slice.

    slices |....|....|....|....|....|
    span       [           )
    chosen       no   yes  yes  no   no
    """
    chosen = np.zeros(count, dtype=np.bool_)
    half = SLICE_MS // 2
    for span in spans:
        first = -(-(span.start - half) // SLICE_MS)
        last = -(-(span.end - half) // SLICE_MS)
        if last <= first:
            first = span.start // SLICE_MS
            last = first + 1
        chosen[max(0, first) : max(0, last)] = True
    return chosen


def slice_middles(count: int) -> NDArray[np.float64]:
    """The middles of `count` slices in milliseconds."""
    middles: NDArray[np.float64] = np.arange(count, dtype=np.float64) * SLICE_MS + SLICE_MS / 2
    return middles


def _power(lufs: float) -> float:
    return float(10 ** ((lufs - _OFFSET_LUFS) / 10))
