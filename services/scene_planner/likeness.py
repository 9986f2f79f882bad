"""How much likelier a heard word is as a rendition of a script word than by chance. Pure.

A word that is rare in the script proves more than "the"; a word that looks alike proves some. All odds are against
chance, so an inserted word costs only its own rarity.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

Table: TypeAlias = list[list[float]]
"""A number for each pair of words: those of the script down, those that were heard across."""

# How word errors divide in recognisers of clear speech: more than half are wrong words, one in five a missing one.
_WRONG, _MISSING, _INSERTED, _SPLIT, _MERGED = 0.55, 0.20, 0.12, 0.07, 0.07
_FLOOR = 0.002
"""No kind of error is ever ruled out, however clean the rest of the recording is."""

# For each fifth of similarity, lowest first: how often misheard words are so alike over how often random pairs are,
# both counted on 60 random scripts of the simulated recogniser; the last two are lowered because real scripts hold
# "lamp" and "lamps".
_ALIKE_ODDS = np.array([0.2, 0.7, 6.0, 45.0, 600.0, 600.0])
_JOINED_EXACTLY_ODDS = 3_000.0
"""Two words that spell a third exactly: five random letters coincide more rarely still."""
_LETTERS_LOST = 2
"""Of two words joined or of one parted; where more letters differ, something else happened as well."""

_UNSEEN = 0.3
_VOCABULARY = 100
"""Smoothing of word frequencies, as if each word had been seen 0.3 times more among 100 more words."""


@lru_cache(maxsize=100_000)
def similarity(one: str, other: str) -> float:
    """1 for equal words, 0 for words without a common letter in place: Levenshtein's distance over the longer."""
    return float(Levenshtein.normalized_similarity(one, other))


@dataclass(frozen=True)
class WordOdds:
    """The odds of every way in which heard words can stand for script words."""

    word_error_rate: float
    frequencies: dict[str, float]
    unseen_frequency: float

    @property
    def missing(self) -> float:
        """A word of the script was not heard."""
        return self.word_error_rate * _MISSING + _FLOOR

    @property
    def inserted(self) -> float:
        """A word was heard that stands for none of the script."""
        return self.word_error_rate * _INSERTED + _FLOOR

    def same(self, script: Sequence[str], heard: Sequence[str]) -> Table:
        """Each word of the script, down, stands for each heard word, across."""
        chances = [self.frequencies.get(word, self.unseen_frequency) for word in heard]
        exact = (1 - self.word_error_rate) / np.array(chances, dtype=np.float64)
        alike = _similarities(script, heard)
        odds: Table = np.where(alike == 1, exact, self.word_error_rate * _WRONG * _odds_of(alike)).tolist()
        return odds

    def split(self, script: Sequence[str], joined: Sequence[str]) -> Table:
        """Each word of the script was heard as two: as each of these, which are two heard words joined."""
        return _joined_odds(script, joined, self.word_error_rate * _SPLIT + _FLOOR)

    def merged(self, joined: Sequence[str], heard: Sequence[str]) -> Table:
        """Two words of the script, which are joined here, were heard as one: as each of these."""
        return _joined_odds(joined, heard, self.word_error_rate * _MERGED + _FLOOR)


def word_odds(script: Sequence[str], word_error_rate: float) -> WordOdds:
    """The odds for a script and the share of its words that this recogniser gets wrong."""
    total = len(script) + _VOCABULARY
    frequencies = {word: (count + _UNSEEN) / total for word, count in Counter(script).items()}
    return WordOdds(word_error_rate, frequencies, _UNSEEN / total)


def _similarities(down: Sequence[str], across: Sequence[str]) -> NDArray[np.float64]:
    """`similarity` of all pairs at once: words around a boundary are mostly compared with words they never met."""
    return process.cdist(down, across, scorer=Levenshtein.normalized_similarity, dtype=np.float64)


def _odds_of(likeness: NDArray[np.float64]) -> NDArray[np.float64]:
    odds: NDArray[np.float64] = _ALIKE_ODDS[(likeness * 5).astype(np.intp)]
    return odds


def _joined_odds(down: Sequence[str], across: Sequence[str], share: float) -> Table:
    alike = _similarities(down, across)
    longer = np.subtract.outer([len(word) for word in down], [len(word) for word in across])
    odds = share * np.where(alike == 1, _JOINED_EXACTLY_ODDS, _odds_of(alike))
    table: Table = np.where(np.abs(longer) <= _LETTERS_LOST, odds, 0.0).tolist()
    return table
