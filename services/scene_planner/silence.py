"""Where a signal is quiet, from its energy over time. Pure.

    level    ▂▇▇▆▁▁▁▂▇▇▇▂▁▁▁▁▁▁▆▇
    quiet         ~~~      ~~~~~~

Thresholds come from the signal's own floor and speech level, with hysteresis, so that a voice's tail or a breath does
not break a pause into pieces. Values: `reference/alignment.md` section 2, measured on synthetic speech.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from shared.timeline import SAMPLE_RATE, Span

Samples: TypeAlias = NDArray[np.float32]
Levels: TypeAlias = NDArray[np.float64]

HOP_SAMPLES = SAMPLE_RATE // 400
"""2.5 ms: the grid on which energy is measured."""

_HOP_MS = 2.5
_WINDOW_HOPS = 4
"""Energy is averaged over 10 ms: one period of the lowest voice."""

_LEAST_QUIET_MS = 60
"""Shorter quiet lies inside words: the closure of a p, t or k lasts up to about 60 ms."""

_LONGEST_CLICK_MS = 20
"""A shorter burst inside a pause is a click of lips or file, not speech."""

_DEEPEST_DB = 60
"""A floor further below speech than this is digital silence, and says nothing about how speech fades."""

_LEAST_DISTANCE_DB = 15
"""With speech nearer to the floor than this (music under the voice, a noisy room) quiet cannot be told from speech."""

_QUIET_BELOW, _SPEECH_ABOVE = 0.20, 0.35
"""Shares of the way from floor to speech level, in decibels: quiet begins below the one and ends above the other."""


def hop_powers(samples: Samples) -> Levels:
    """The power of each 2.5 ms of a mono signal, weak fricatives counted: signal plus 4 times its slope.

    The signal's length must be a multiple of `HOP_SAMPLES`.
    """
    slope = np.diff(samples, prepend=samples[:1])
    power = samples.astype(np.float64) ** 2 + 4 * slope.astype(np.float64) ** 2
    powers: Levels = power.reshape(-1, HOP_SAMPLES).mean(axis=1)
    return powers


def quiet_spans(powers: Levels) -> tuple[Span, ...]:
    """The quiet stretches of at least 60 ms, on the master clock. None where quiet cannot be told from speech."""
    if powers.size < _WINDOW_HOPS:
        return ()
    smooth = np.convolve(powers, np.full(_WINDOW_HOPS, 1 / _WINDOW_HOPS), mode="same")
    levels = 10 * np.log10(np.maximum(smooth, 1e-12))
    speech = float(np.percentile(levels, 90))
    floor = max(float(np.percentile(levels, 5)), speech - _DEEPEST_DB)
    if speech - floor < _LEAST_DISTANCE_DB:
        return ()
    below = floor + _QUIET_BELOW * (speech - floor)
    above = floor + _SPEECH_ABOVE * (speech - floor)
    return _long_enough(_bridged(_runs(levels, below, above)))


def _runs(levels: Levels, below: float, above: float) -> list[tuple[float, float]]:
    """Runs in milliseconds that begin where the level falls below the one and end where it rises above the other."""
    # Hops between both thresholds keep the state of the last hop that was clearly one or the other.
    state = np.where(levels < below, 1, np.where(levels > above, 0, -1))
    decided = np.where(state >= 0, np.arange(len(state)), 0)
    quiet = state[np.maximum.accumulate(decided)] == 1
    edges = np.flatnonzero(np.diff(np.concatenate(([0], quiet.astype(np.int8), [0]))))
    return [(first * _HOP_MS, last * _HOP_MS) for first, last in edges.reshape(-1, 2).tolist()]


def _bridged(runs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    bridged: list[tuple[float, float]] = []
    for run in runs:
        if bridged and run[0] - bridged[-1][1] < _LONGEST_CLICK_MS:
            bridged[-1] = (bridged[-1][0], run[1])
        else:
            bridged.append(run)
    return bridged


def _long_enough(runs: list[tuple[float, float]]) -> tuple[Span, ...]:
    # Rounded inwards: a half millisecond of doubt belongs to the speech.
    return tuple(Span(int(np.ceil(start)), int(np.floor(end))) for start, end in runs if end - start >= _LEAST_QUIET_MS)
