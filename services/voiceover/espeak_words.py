"""espeak-ng's events as the words of a narration. Pure.

The library reports the sample at which each word and each phoneme begins; its positions are exact (they are the
synthesiser's own). Three things stand between its words and ours: "$25" is several of its words and one of ours;
"of the" is one of its words and two of ours; and a word's end is reported only as what comes next.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Literal

from services.voiceover.espeak_markup import EspeakMarkup
from services.voiceover.line import SpokenWord
from shared.timeline import Span

MERGED_WORD_CONFIDENCE = 0.5
"""Of a word whose start within a merged pair ("of the") is its share of the letters, not a measurement."""

_LONGEST_MERGE = 4  # words; espeak-ng merges pairs and a few triples ("out of the"): more is a misunderstanding


@dataclass(frozen=True)
class EspeakEvent:
    """Something begins at `sample`: a word, a phoneme that sounds or a phoneme that is silence.

    `position` is the character of the markup, counted from 0.
    """

    kind: Literal["word", "sound", "pause"]
    position: int
    sample: int


def time_words(markup: EspeakMarkup, events: Sequence[EspeakEvent], sample_rate: int) -> tuple[SpokenWord, ...]:
    """The narration's words with their spans in the take's own time; empty where the events cannot be believed.

    What is not spoken (a dash between spaces) is left out. Half a report would be worse than none, so there is
    either a time for every word or no word at all.

    events     w    .  .  w  .  .  _  w  . . _        (w word, . sound, _ silence)
    words     [of )[ the )[ sea )    [ end )
    """
    heard = _heard_words([word.start for word in markup.words], events)
    if not heard or any(_can_be_said(word.text) for word in markup.words[: heard[0].number]):
        return ()
    words: list[SpokenWord] = []
    next_numbers = [later.number for later in heard[1:]] + [len(markup.words)]
    for one, next_number in zip(heard, next_numbers, strict=True):
        covered = [word.text for word in markup.words[one.number : next_number]]
        texts = [text for text in covered if _can_be_said(text)] or covered[:1]
        words += _shared_out(texts, one, Fraction(1000, sample_rate))
        if len(texts) > _LONGEST_MERGE:
            return ()
    return () if any(word.take_span.length == 0 for word in words) else tuple(words)


@dataclass
class _Heard:
    """A word by its number in the markup, with its first sample and the one after its last."""

    number: int
    start: int
    end: int


def _heard_words(starts: Sequence[int], events: Sequence[EspeakEvent]) -> list[_Heard]:
    """The words that the events name; each ends where the silence before the next begins, or at the next.

    A quoted word may come without an event of its own; its first sound names it. Empty where the order is not the
    markup's.
    """
    heard: list[_Heard] = []
    silence: int | None = None
    for event in events:
        if event.kind == "pause":
            silence = event.sample if silence is None else silence
            continue
        number = bisect_right(starts, event.position + 1) - 1  # a word after a tag may be reported one late
        current = heard[-1].number if heard else -1
        if number < current and event.kind == "word":
            return []
        if number > current:
            if heard:
                heard[-1].end = event.sample if silence is None else silence
            heard.append(_Heard(number, event.sample, event.sample))
        silence = None
    if heard:
        heard[-1].end = events[-1].sample if silence is None else silence
    return heard


def _shared_out(texts: Sequence[str], heard: _Heard, ms: Fraction) -> list[SpokenWord]:
    """The words that one report covers, side by side; each has the share that it has of the letters."""
    letters = [max(1, len(text)) for text in texts]
    length = heard.end - heard.start
    edges = [heard.start + Fraction(length * sum(letters[:count]), sum(letters)) for count in range(len(texts) + 1)]
    confidence = 1.0 if len(texts) == 1 else MERGED_WORD_CONFIDENCE
    return [
        SpokenWord(text, Span(round(start * ms), round(end * ms)), confidence)
        for text, (start, end) in zip(texts, pairwise(edges), strict=True)
    ]


def _can_be_said(text: str) -> bool:
    return any(character.isalnum() for character in text)
