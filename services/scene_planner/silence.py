"""Where a signal is quiet and where somebody speaks up, from its energy over time. Pure.

    level    ▂▇▇▆▁▁▁▂▇▇▇▂▁▁▁▁▁▁▆▇
    quiet         ~~~      ~~~~~~
    loud      ###     ###        ##       what is neither may be a breath, noise or a weak consonant

Thresholds come from the signal's own floor and speech level, with hysteresis, so that a voice's tail or a breath does
not break a pause into pieces. Values: `reference/alignment.md` section 2, measured on synthetic speech.
"""

from dataclasses import dataclass
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

_LOUD_BELOW_SPEECH_DB = 20
"""Vowels lie within this of the speech level; a breath is 25 dB and more below it (judgement)."""

_LEAST_LOUD_MS = 40
"""Shorter is a click; the shortest vowels last about as long."""


@dataclass(frozen=True)
class SoundSpans:
    """What is measured of a voiceover, in milliseconds on the master clock."""

    quiet: tuple[Span, ...] = ()
    loud: tuple[Span, ...] = ()


UNMEASURED = SoundSpans()


def hop_powers(samples: Samples) -> Levels:
    """The power of each 2.5 ms of a mono signal, weak fricatives counted: signal plus 4 times its slope.

    The signal's length must be a multiple of `HOP_SAMPLES`.
    """
    slope = np.diff(samples, prepend=samples[:1])
    power = samples.astype(np.float64) ** 2 + 4 * slope.astype(np.float64) ** 2
    powers: Levels = power.reshape(-1, HOP_SAMPLES).mean(axis=1)
    return powers


def sound_spans(powers: Levels) -> SoundSpans:
    """The quiet stretches of at least 60 ms and the loud ones of at least 40 ms.

    None where quiet cannot be told from speech.
    """
    if powers.size < _WINDOW_HOPS:
        return SoundSpans()
    smooth = np.convolve(powers, np.full(_WINDOW_HOPS, 1 / _WINDOW_HOPS), mode="same")
    levels = 10 * np.log10(np.maximum(smooth, 1e-12))
    speech = float(np.percentile(levels, 90))
    floor = max(float(np.percentile(levels, 5)), speech - _DEEPEST_DB)
    if speech - floor < _LEAST_DISTANCE_DB:
        return SoundSpans()
    below = floor + _QUIET_BELOW * (speech - floor)
    above = floor + _SPEECH_ABOVE * (speech - floor)
    quiet = _bridged(_runs(_with_hysteresis(levels, below, above)))
    loud = _runs(levels > speech - _LOUD_BELOW_SPEECH_DB)
    return SoundSpans(_long_enough(quiet, _LEAST_QUIET_MS), _long_enough(loud, _LEAST_LOUD_MS))


def _with_hysteresis(levels: Levels, below: float, above: float) -> NDArray[np.bool_]:
    """True from where the level falls below the one to where it rises above the other."""
    # Hops between both thresholds keep the state of the last hop that was clearly one or the other.
    state = np.where(levels < below, 1, np.where(levels > above, 0, -1))
    decided = np.where(state >= 0, np.arange(len(state)), 0)
    quiet: NDArray[np.bool_] = state[np.maximum.accumulate(decided)] == 1
    return quiet


def _runs(flags: NDArray[np.bool_]) -> list[tuple[float, float]]:
    """The runs of True in milliseconds."""
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flags.astype(np.int8), [0]))))
    return [(first * _HOP_MS, last * _HOP_MS) for first, last in edges.reshape(-1, 2).tolist()]


def _bridged(runs: list[tuple[float, float]]) -> list[tuple[float, float]]:
    bridged: list[tuple[float, float]] = []
    for run in runs:
        if bridged and run[0] - bridged[-1][1] < _LONGEST_CLICK_MS:
            bridged[-1] = (bridged[-1][0], run[1])
        else:
            bridged.append(run)
    return bridged


def _long_enough(runs: list[tuple[float, float]], least_ms: int) -> tuple[Span, ...]:
    # Rounded inwards: a half millisecond of doubt belongs to what is neither.
    return tuple(Span(int(np.ceil(start)), int(np.floor(end))) for start, end in runs if end - start >= least_ms)
