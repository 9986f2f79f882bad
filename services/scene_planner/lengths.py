"""Whose time an inserted word has taken. Pure.

A recogniser that hears a word too many finds it in the sound of its neighbour, which then is too short for its letters:

    said      [    dinosaur    )[ in )
    heard     [ dinosaur )[ so )[ in )        together as long as "dinosaur": "so" is on its side of a boundary
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Values: TypeAlias = NDArray[np.float64]

SPREAD = 0.35
"""Of the logarithm of a word's length: two words in three of equal letters last 0.7 to 1.4 times as long as usual
(judgement; less for synthetic voices)."""

SHORTEST_WORD_LETTERS = 2
"""Added to each word's letters: "a" lasts about as long as three letters of a longer word."""

USUAL_MS_PER_LETTER = 55.0
"""Used where no word was heard exactly: about 160 words a minute."""

_ANY_LENGTH = 0.05
"""So much of a usual length's density has any other: no length alone decides."""


@dataclass(frozen=True)
class Lengths:
    """How long the words of a script should last, and how long the heard ones do: logarithms of milliseconds."""

    wanted: Values
    heard: Values
    pairs: Values
    """Of each heard word together with the next."""

    def host_odds(self, script: slice, heard: slice) -> tuple[Values, Values]:
        """How much likelier two heard words in a row last as long as one script word than the first, or the second, of
        them alone. Script words down, pairs across.
        """
        wanted = self.wanted[script, None]
        alone = _density(self.heard[heard] - wanted)
        together = _density(self.pairs[heard.start : max(heard.start, heard.stop - 1)] - wanted)
        return together / alone[:, :-1], together / alone[:, 1:]


def learn_lengths(letters: Sequence[int], heard_ms: Sequence[float], exact: Sequence[tuple[int, int]]) -> Lengths:
    """The lengths of script words of so many letters and of heard words; `exact` are the places of some that are the
    same word on both sides.
    """
    per_letter = [heard_ms[place] / (letters[word] + SHORTEST_WORD_LETTERS) for word, place in exact]
    unit_ms = max(1.0, median(per_letter)) if per_letter else USUAL_MS_PER_LETTER
    each = np.maximum(1.0, np.array(heard_ms, dtype=np.float64))
    wanted = np.log((np.array(letters, dtype=np.float64) + SHORTEST_WORD_LETTERS) * unit_ms)
    return Lengths(wanted, np.log(each), np.log(each[:-1] + each[1:]))


def _density(apart: Values) -> Values:
    density: Values = np.exp(-((apart / SPREAD) ** 2) / 2) + _ANY_LENGTH
    return density
