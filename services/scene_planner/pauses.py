"""What a pause between two words says about the script: is there a comma, a sentence's end, a scene's end? Pure.

Voices and recognisers differ a hundredfold in their pauses, so the odds are learned from the recording itself, from
the pauses between words that were heard exactly, and lean on usual values while there are few. At any break the voice
may also run on as if there were none; how often it does is learned, too.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from services.scene_planner.words import Break, HeardWord

Values: TypeAlias = NDArray[np.float64]

SOFTENING_MS = 30
"""Added before the logarithm: a difference below the error of word edges (about 20 ms) must mean little."""

INSIDE_A_WORD_ODDS = 1e-3
"""A break inside a single word of the transcript: the recogniser merged two words across a comma, at best."""

USUAL_SHARE_RUN_ON = 0.1
"""Of breaks at which nobody pauses, while there are few observations."""

ESTIMATES = 4
"""Of shape and share, each from the one before."""


@dataclass(frozen=True)
class _Usual:
    """Usual pauses: the median in milliseconds, the spread of its logarithm, and how many observations it weighs."""

    median_ms: int
    spread: float
    weight: int


# Pauses are log-normal: brief below 200 ms, medium up to 1 s, long above (Campione and Véronis, "A large-scale
# multilingual study of silent pause duration", Speech Prosody 2002). The medians are judgement within those bounds; the
# weights decide how soon the recording's own pauses take over.
_USUAL = {
    Break.NONE: _Usual(15, 0.6, 20),
    Break.CLAUSE: _Usual(170, 0.7, 4),
    Break.SENTENCE: _Usual(400, 0.7, 4),
    Break.SCENE: _Usual(600, 0.7, 6),
}

_ANY_PAUSE = 0.004
"""Density of a pause that follows no rule, so that no single pause can outweigh words: about 3 in 100 over the
range of 8 in logarithm from 0 ms to a minute."""


@dataclass(frozen=True)
class _Shape:
    """The mean and the spread of a pause's logarithm, which is normal."""

    mean: float
    spread: float

    def density(self, at: Values) -> Values:
        apart = (at - self.mean) / self.spread
        density: Values = np.exp(-(apart**2) / 2) / (self.spread * math.sqrt(2 * math.pi))
        return density


_HOLE = _Shape(math.log(430), 0.5)
"""A missing word leaves a hole as long as a word, which looks like a pause."""


@dataclass(frozen=True)
class PauseOdds:
    """How much likelier the pause before each heard word is at each kind of break than in the middle of a phrase."""

    before: Mapping[Break, Sequence[float]]


def learn_pauses(heard: Sequence[HeardWord], breaks: Mapping[int, Break], *, hole_share: float) -> PauseOdds:
    """The odds before each heard word. `breaks` are those that surely lie before a heard word, by its place."""
    at = np.log(np.array([word.gap_before_ms or 0 for word in heard], dtype=np.float64) + SOFTENING_MS)
    inside = np.array([word.gap_before_ms is None for word in heard], dtype=np.bool_)
    observed = {
        kind: at[[place for place, one in breaks.items() if one is kind and not inside[place]]] for kind in Break
    }
    hole = _HOLE.density(at)

    def with_accidents(density: Values) -> Values:
        return _ANY_PAUSE + (1 - hole_share) * density + hole_share * hole

    phrase = _learned(_USUAL[Break.NONE], observed[Break.NONE])
    run_on = phrase.density(at)
    by_chance = with_accidents(run_on)
    before: dict[Break, Sequence[float]] = {}
    for kind in (Break.CLAUSE, Break.SENTENCE, Break.SCENE):
        pause, share = _learned_break(_USUAL[kind], phrase, observed[kind])
        density = with_accidents(share * run_on + (1 - share) * pause.density(at))
        before[kind] = np.where(inside, INSIDE_A_WORD_ODDS, density / by_chance).tolist()
    return PauseOdds(before)


def _learned(usual: _Usual, observed: Values, weights: Values | None = None) -> _Shape:
    """The shape of observations, each of a weight from 0 to 1, with the usual ones as some more."""
    weights = np.ones_like(observed) if weights is None else weights
    count = usual.weight + weights.sum()
    mean = (usual.weight * math.log(usual.median_ms + SOFTENING_MS) + weights @ observed) / count
    squares = usual.weight * usual.spread**2 + weights @ (observed - mean) ** 2
    return _Shape(float(mean), math.sqrt(squares / count))


def _learned_break(usual: _Usual, phrase: _Shape, observed: Values) -> tuple[_Shape, float]:
    """The shape of the pauses at one kind of break, and the share of those breaks at which the voice runs on.

    Which of the observed ones are pauses is not known: it is estimated together with their shape (expectation and
    maximisation; Dempster, Laird and Rubin, 1977).
    """
    pause, share = _learned(usual, observed[:0]), USUAL_SHARE_RUN_ON
    run_on = phrase.density(observed)
    for _ in range(ESTIMATES):
        pausing = (1 - share) * pause.density(observed)
        weights = pausing / (pausing + share * run_on + 1e-300)
        pause = _learned(usual, observed, weights)
        ran_on = len(observed) - float(weights.sum())
        share = (usual.weight * USUAL_SHARE_RUN_ON + ran_on) / (usual.weight + len(observed))
    return pause, share
