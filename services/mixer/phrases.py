"""Where a phrase of music ends and another begins: on a bar, where what follows sounds unlike what came before.

    bars       |   |   |   |   |   |   |   |   |   |   |
    sound      a   a   a   a   b   b   b   b   a   a   a
    novelty                    ^               ^

Novelty is J. Foote's, "Automatic audio segmentation using a measure of audio novelty" (ICME 2000): beats are compared
with one another, and a place is new where both sides are alike within themselves and unlike each other.
"""

import numpy as np
from numpy.typing import NDArray

from services.mixer.beats import Beats, between
from services.mixer.features import Features, Vector

BEAT_WEIGHT, BAR_WEIGHT = 0.15, 0.45  # judgement: a bar is a better place to stop than a beat, a phrase than a bar
_NOVELTY_WEIGHT = 0.4
_HYPERMETRE = 4  # bars: most phrases are four or eight
_HYPERMETRE_WEIGHT = 0.15
_SIDE_BEATS = 16  # four bars on either side


def stop_weights(features: Features, beats: Beats) -> Vector:
    """How good a place each beat is to stop at: a beat, a bar, or a phrase (near 1)."""
    if beats.steps.size == 0:
        return np.zeros(0)
    new = novelty(between(beats.steps, features.colours))
    weights = np.where(beats.begins_bar, BAR_WEIGHT + _NOVELTY_WEIGHT * new, BEAT_WEIGHT)
    bars = np.flatnonzero(beats.begins_bar)
    if bars.size >= _HYPERMETRE:
        in_fours = [new[bars[first::_HYPERMETRE]].mean() for first in range(_HYPERMETRE)]
        weights[bars[int(np.argmax(in_fours)) :: _HYPERMETRE]] += _HYPERMETRE_WEIGHT
    return weights


def novelty(colours: NDArray[np.float64]) -> Vector:
    """How new each beat is against those before it, 0 to 1; `colours` has one row for each beat."""
    side = min(_SIDE_BEATS, len(colours) // 2)
    new = np.zeros(len(colours))
    if side < 2:
        return new
    spread = colours.std(axis=0)
    unlike = (colours - colours.mean(axis=0)) / np.maximum(spread, 1e-6)
    unlike /= np.maximum(np.linalg.norm(unlike, axis=1, keepdims=True), 1e-9)
    taper = np.exp(-0.5 * ((np.arange(-side, side) + 0.5) / (side / 2)) ** 2)
    signs = np.sign(np.arange(-side, side) + 0.5)
    kernel = np.outer(taper * signs, taper * signs)
    for at in range(side, len(colours) - side + 1):
        around = unlike[at - side : at + side]
        if at < len(colours):
            new[at] = max(0.0, float((kernel * (around @ around.T)).sum()))
    top = float(new.max())
    return new / top if top else new
