"""What a pause between two words says about the script: is there a comma, a sentence's end, a scene's end? Pure.

Voices and recognisers differ a hundredfold in their pauses, so the odds are learned from the recording itself, from
the pauses between words that were heard exactly, and lean on usual values while there are few.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.scene_planner.words import Break

SOFTENING_MS = 30
"""Added before the logarithm: a difference below the error of word edges (about 20 ms) must mean little."""

INSIDE_A_WORD_ODDS = 1e-3
"""A break inside a single word of the transcript: the recogniser merged two words across a comma, at best."""


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
_HOLE = (math.log(430), 0.5)
"""A missing word leaves a hole as long as a word, which looks like a pause: logarithm of its median, spread."""

_ANY_PAUSE = 0.004
"""Density of a pause that follows no rule, so that no single pause can outweigh words: about 3 in 100 over the
range of 8 in logarithm from 0 ms to a minute."""


@dataclass(frozen=True)
class PauseOdds:
    """How much likelier a pause is after each kind of break than in the middle of a phrase."""

    shapes: Mapping[Break, tuple[float, float]]
    """The mean and the spread of the pause's logarithm."""
    hole_share: float
    """How often a word is missing at any given place."""
    _known: dict[tuple[Break, int], float] = field(default_factory=dict)

    def of(self, kind: Break, pause_ms: int | None) -> float:
        """The odds for a break of this kind; None stands for the inside of a word of the transcript."""
        if kind is Break.NONE:
            return 1.0
        if pause_ms is None:
            return INSIDE_A_WORD_ODDS
        odds = self._known.get((kind, pause_ms))
        if odds is None:
            odds = self._density(kind, pause_ms) / self._density(Break.NONE, pause_ms)
            self._known[kind, pause_ms] = odds
        return odds

    def _density(self, kind: Break, pause_ms: int) -> float:
        at = math.log(pause_ms + SOFTENING_MS)
        pause, hole = _bell(at, *self.shapes[kind]), _bell(at, *_HOLE)
        return _ANY_PAUSE + (1 - self.hole_share) * pause + self.hole_share * hole


def learn_pauses(observed: Mapping[Break, Sequence[int]], *, hole_share: float) -> PauseOdds:
    """The odds from pauses in milliseconds that were observed after each kind of break."""
    return PauseOdds({kind: _shape(_USUAL[kind], observed.get(kind, ())) for kind in Break}, hole_share)


def _shape(usual: _Usual, observed: Sequence[int]) -> tuple[float, float]:
    logarithms = [math.log(pause + SOFTENING_MS) for pause in observed]
    count = usual.weight + len(logarithms)
    mean = (usual.weight * math.log(usual.median_ms + SOFTENING_MS) + sum(logarithms)) / count
    squares = usual.weight * usual.spread**2 + sum((value - mean) ** 2 for value in logarithms)
    return mean, math.sqrt(squares / count)


def _bell(at: float, mean: float, spread: float) -> float:
    return math.exp(-(((at - mean) / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi))
