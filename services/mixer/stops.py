"""Where music without an ending of its own stops: at the end of a phrase, so that its fade out lands there.

    phrases    |               |               |               |
    bars       |   |   |   |   |   |   |   |   |   |   |   |   |
    bed           [=================================\\_________)    the stop is the bed's last sample
    left out   ...

What the bed does not need of the music is left out at its head, where it is covered by the first words.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from services.mixer.analysis import Analysis
from services.mixer.bed import BedPlace, Seam
from services.mixer.features import STEP_SAMPLES
from services.mixer.phrases import BAR_WEIGHT, BEAT_WEIGHT
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS

StopKind = Literal["phrase", "bar", "beat"]

MOST_LEFT_OUT = 20 * SAMPLE_RATE
"""Judgement: a song's first 20 s hold no more than an introduction."""

HEAD_FADE_SAMPLES = 250 * SAMPLES_PER_MS
"""Music that does not begin where it was composed to begin comes up within the silence before the first word."""

_COST_OF_A_SECOND = 0.03  # judgement: a phrase's end is worth ten seconds of introduction more than a bar's
_FILE_END_WEIGHT = 0.8  # whoever cut a loop cut it there
_PHRASE_WEIGHT = (1 + BAR_WEIGHT) / 2


@dataclass(frozen=True)
class Stop:
    """Where in the music a bed stops, and begins, in samples; and what ends where it stops."""

    at: int
    head: int
    kind: StopKind


def find_stop(
    analysis: Analysis, *, start: int, end: int, length: int, seam: Seam | None, is_whole: bool
) -> Stop | None:
    """Where the music, audible in its samples `[start, end)`, stops as a bed of `length` samples.

    It is played once, or, with a seam, looped as often as needed. None where no beat ends near enough.
    """
    stops, weights = analysis.beats.steps * STEP_SAMPLES, analysis.weights
    if is_whole:
        stops, weights = np.append(stops, end), np.append(weights, _FILE_END_WEIGHT)
    heads = stops - length
    possible = (stops > start) & (stops <= end)
    if seam is not None:
        repetitions = np.maximum(1, -(-(start - heads) // seam.period))
        heads = heads + repetitions * seam.period
        possible &= (heads + seam.overlap <= seam.leave) & (stops >= seam.enter + 2 * seam.overlap)
    possible &= (heads >= start) & (heads <= start + MOST_LEFT_OUT)
    if not possible.any():
        return None
    scores = np.where(possible, weights - _COST_OF_A_SECOND * (heads - start) / SAMPLE_RATE, -np.inf)
    best = int(scores.argmax())
    return Stop(int(stops[best]), int(heads[best]), _kind(float(weights[best])))


def stopped_place(place: BedPlace, *, music_starts_at: int, head: int) -> BedPlace:
    """The place of a bed that begins at `head` of its music: with a longer fade where that is not the music's start."""
    if place.crossed_in or head - music_starts_at < STEP_SAMPLES:
        return place
    return replace(place, fade_in=min(HEAD_FADE_SAMPLES, place.length - place.fade_out))


def _kind(weight: float) -> StopKind:
    if weight >= _PHRASE_WEIGHT:
        return "phrase"
    return "bar" if weight > BEAT_WEIGHT else "beat"
