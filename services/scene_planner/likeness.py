"""How much likelier a heard word is as a rendition of a script word than by chance. Pure.

A word that is rare in the script proves more than "the"; a word that looks alike proves some. All odds are against
chance, so an inserted word costs only its own rarity.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

# How word errors divide in recognisers of clear speech: more than half are wrong words, one in five a missing one.
_WRONG, _MISSING, _INSERTED, _SPLIT, _MERGED = 0.55, 0.20, 0.12, 0.07, 0.07
_FLOOR = 0.002
"""No kind of error is ever ruled out, however clean the rest of the recording is."""

# For each fifth of similarity, lowest first: how often misheard words are so alike over how often random pairs are,
# both counted on 60 random scripts of the simulated recogniser; the last two are lowered because real scripts hold
# "lamp" and "lamps".
_ALIKE_ODDS = (0.2, 0.7, 6.0, 45.0, 600.0, 600.0)
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
    _known: dict[tuple[str, str], float] = field(default_factory=dict)

    @property
    def missing(self) -> float:
        """A word of the script was not heard."""
        return self.word_error_rate * _MISSING + _FLOOR

    @property
    def inserted(self) -> float:
        """A word was heard that stands for none of the script."""
        return self.word_error_rate * _INSERTED + _FLOOR

    def same(self, script: str, heard: str) -> float:
        """The one word stands for the other."""
        odds = self._known.get((script, heard))
        if odds is None:
            if script == heard:
                odds = (1 - self.word_error_rate) / self.frequencies.get(heard, self.unseen_frequency)
            else:
                odds = self.word_error_rate * _WRONG * _alike_odds(similarity(script, heard))
            self._known[script, heard] = odds
        return odds

    def split(self, script: str, heard: str, next_heard: str) -> float:
        """One word of the script was heard as two."""
        if abs(len(script) - len(heard) - len(next_heard)) > _LETTERS_LOST:
            return 0.0
        return (self.word_error_rate * _SPLIT + _FLOOR) * _joined_odds(script, heard + next_heard)

    def merged(self, script: str, next_script: str, heard: str) -> float:
        """Two words of the script were heard as one."""
        if abs(len(heard) - len(script) - len(next_script)) > _LETTERS_LOST:
            return 0.0
        return (self.word_error_rate * _MERGED + _FLOOR) * _joined_odds(heard, script + next_script)


def word_odds(script: Sequence[str], word_error_rate: float) -> WordOdds:
    """The odds for a script and the share of its words that this recogniser gets wrong."""
    total = len(script) + _VOCABULARY
    frequencies = {word: (count + _UNSEEN) / total for word, count in Counter(script).items()}
    return WordOdds(word_error_rate, frequencies, _UNSEEN / total)


def _alike_odds(likeness: float) -> float:
    return _ALIKE_ODDS[int(likeness * 5)]


def _joined_odds(whole: str, joined: str) -> float:
    if whole == joined:
        return _JOINED_EXACTLY_ODDS
    return _alike_odds(similarity(whole, joined))
