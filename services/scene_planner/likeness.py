"""How much likelier a heard word is as a rendition of a script word than by chance. Pure.

A word that is rare in the script proves more than "the"; a word that looks alike proves some. All odds are against
chance, so an inserted word costs only its own rarity.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

Likenesses: TypeAlias = NDArray[np.float64]
Odds: TypeAlias = NDArray[np.float64]
"""A number for each pair of words: those of the script down, those that were heard across."""

# How word errors divide in recognisers of clear speech: more than half are wrong words, one in five a missing one.
_WRONG, _MISSING, _INSERTED, _SPLIT, _MERGED = 0.55, 0.20, 0.12, 0.07, 0.07
_FLOOR = 0.002
"""No kind of error is ever ruled out, however clean the rest of the recording is."""

# For each tenth of likeness, lowest first: how often misheard words are so alike over how often random pairs are, both
# counted on 40 random scripts of the simulated recogniser; the last three are lowered because real scripts hold "lamp"
# and "lamps".
_ALIKE_ODDS = np.array([0.02, 0.02, 0.05, 0.15, 1.3, 6.0, 30.0, 85.0, 600.0, 600.0, 600.0])
_UNRELATED = 0.12
"""Of wrong words those that are no more alike than any two."""
_JOINED_EXACTLY_ODDS = 3_000.0
"""Two words that spell a third exactly: five random letters coincide more rarely still."""
_HOSTED = 0.9
"""Of inserted words those found in the sound of a scripted one; the others are a cough, a breath or a hesitation."""
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
class Spellings:
    """Some words by their letters, and by how they roughly sound: vowels all one, consonants by their sound."""

    letters: Sequence[str]
    sounds: Sequence[str]

    def part(self, first: int, last: int) -> "Spellings":
        """Some of the words, the end excluded."""
        return Spellings(self.letters[first:last], self.sounds[first:last])

    def joined(self) -> "Spellings":
        """Each word together with the next: one fewer."""
        return Spellings(
            [one + two for one, two in pairwise(self.letters)], [one + two for one, two in pairwise(self.sounds)]
        )


_SPELLED_ALIKE = tuple(
    (re.compile(spelled, re.MULTILINE), sound)
    for spelled, sound in (
        ("^kn|^gn", "n"),
        ("^wr", "r"),
        ("^wh", "w"),
        ("ph", "f"),
        ("gh|'", ""),
        ("c(?=[eiy])|z", "s"),
        ("ck|q|c(?!h)", "k"),
        ("x", "ks"),
        ("(?<=.)e$", ""),
        ("[aeiouy]+w?", "a"),
        (r"([^\n])\1+", r"\1"),
    )
)


def spell(words: Sequence[str]) -> Spellings:
    """English words with their sounds: "write" and "right" are both "rat"."""
    sounds = "\n".join(words)
    for spelled, sound in _SPELLED_ALIKE:
        sounds = spelled.sub(sound, sounds)
    return Spellings(words, sounds.split("\n") if words else [])


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

    @property
    def inserted_in_its_own_time(self) -> float:
        """The same, where it has not taken the time of the word beside it."""
        return (1 - _HOSTED) * self.inserted

    def same(self, script: Spellings, heard: Spellings) -> Odds:
        """Each word of the script, down, stands for each heard word, across."""
        chances = [self.frequencies.get(word, self.unseen_frequency) for word in heard.letters]
        exact = (1 - self.word_error_rate) / np.array(chances, dtype=np.float64)
        alike = _likenesses(script, heard)
        odds: Odds = np.where(alike == 1, exact, self.word_error_rate * _WRONG * _odds_of(alike))
        return odds

    def split(self, script: Spellings, joined: Spellings) -> Odds:
        """Each word of the script was heard as two: as each of these, which are two heard words joined."""
        return _joined_odds(script, joined, self.word_error_rate * _SPLIT + _FLOOR)

    def hosted(self, same: Odds, lengths: tuple[Odds, Odds]) -> Odds:
        """Each word of the script was heard as itself or alike, and a word too many in its time, after or before it."""
        after, before = lengths
        odds: Odds = _HOSTED * self.inserted * (same[:, :-1] * after + same[:, 1:] * before) / 2
        return odds

    def merged(self, joined: Spellings, heard: Spellings) -> Odds:
        """Two words of the script, which are joined here, were heard as one: as each of these."""
        return _joined_odds(joined, heard, self.word_error_rate * _MERGED + _FLOOR)


def word_odds(script: Sequence[str], word_error_rate: float) -> WordOdds:
    """The odds for a script and the share of its words that this recogniser gets wrong."""
    total = len(script) + _VOCABULARY
    frequencies = {word: (count + _UNSEEN) / total for word, count in Counter(script).items()}
    return WordOdds(word_error_rate, frequencies, _UNSEEN / total)


def _likenesses(down: Spellings, across: Spellings) -> Likenesses:
    """How alike all pairs are, 0 to 1, by letters and by sounds in equal parts; 1 for equal words only.

    By letters alone "oar" and "or" are as unlike as "oar" and "of"; both together tell misheard words from others
    better than either (counted as above).
    """
    likenesses: Likenesses = (
        _similarities(down.letters, across.letters) + _similarities(down.sounds, across.sounds)
    ) / 2
    return likenesses


def _similarities(down: Sequence[str], across: Sequence[str]) -> Likenesses:
    """`similarity` of all pairs at once: words around a boundary are mostly compared with words they never met."""
    return process.cdist(down, across, scorer=Levenshtein.normalized_similarity, dtype=np.float64)


def _odds_of(likeness: Likenesses) -> Likenesses:
    odds: Likenesses = _UNRELATED + (1 - _UNRELATED) * _ALIKE_ODDS[(likeness * 10).astype(np.intp)]
    return odds


def _joined_odds(down: Spellings, across: Spellings, share: float) -> Odds:
    letters = _similarities(down.letters, across.letters)
    alike = (letters + _similarities(down.sounds, across.sounds)) / 2
    longer = np.subtract.outer([len(word) for word in down.letters], [len(word) for word in across.letters])
    odds = share * np.where(letters == 1, _JOINED_EXACTLY_ODDS, _odds_of(alike))
    of_like_length: Odds = np.where(np.abs(longer) <= _LETTERS_LOST, odds, 0.0)
    return of_like_length
