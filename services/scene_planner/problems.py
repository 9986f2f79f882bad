"""A problem of the recording as a sentence for a person: where, which words, what to do. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from services.scene_planner.hearing import Hearing
from services.scene_planner.words import HeardWord, ScriptWord
from shared.plan import ProblemKind
from shared.timeline import Span
from shared.transcript import Word

MOST_QUOTED_WORDS = 8
"""Enough to find the place in the script, few enough to read at a glance."""

RECORD_AGAIN = "Record the scene as it is written, or change its narration to what is said."
CUT_OUT = "Cut it out of the recording, or write it into the narration."


@dataclass(frozen=True)
class Problem:
    """Something that is wrong or odd. One that stops is an error, another a warning in the plan."""

    kind: ProblemKind
    scene_id: str | None
    message: str
    remedy: str
    stops: bool
    span: Span | None = None
    """Where in the recording, where it has a place there."""


@dataclass(frozen=True)
class HeardScene:
    """One scene: what the script wants, what was heard in its place, and how the two match."""

    scene_id: str
    script: tuple[ScriptWord, ...]
    words: tuple[Word, ...]
    """Of the transcript."""
    heard: tuple[HeardWord, ...]
    """The same as plain words."""
    first_word: int
    """The place in the transcript from which `words` count."""
    hearing: Hearing
    room: Span
    """Where on the master clock the scene's words can lie: its take, or the whole recording."""

    @cached_property
    def missing(self) -> tuple[int, ...]:
        """Places of the script words that were not heard. A token of which any word was heard was heard: there are
        many ways to say "$4.50".
        """
        found = {word.token for word, as_ in zip(self.script, self.hearing.heard_as, strict=True) if as_ is not None}
        return tuple(place for place, word in enumerate(self.script) if word.token not in found)

    @property
    def missing_words(self) -> tuple[ScriptWord, ...]:
        """The script words that were not heard."""
        return tuple(self.script[place] for place in self.missing)

    def heard_span(self, place: int) -> Span | None:
        """Where a script word was heard; None where it was not."""
        found = self.hearing.heard_as[place]
        if found is None:
            return None
        return self.span_of(found)

    def span_of(self, heard: tuple[int, int]) -> Span:
        """From the start to the end of a run of plain words that were heard."""
        first, last = self.heard[heard[0]].word - self.first_word, self.heard[heard[1] - 1].word - self.first_word
        return Span(self.words[first].span.start, self.words[last].span.end)


def quote_script(words: Sequence[ScriptWord]) -> str:
    """Script words as they are written, at most eight: “The old lamp has stood here for a …”."""
    return quote_words(written(words))


def written(words: Sequence[ScriptWord]) -> tuple[str, ...]:
    """These words as they are written: the five of "$4.50" are one."""
    return tuple({(word.scene, word.token): word.written for word in words}.values())


def token_count(words: Sequence[ScriptWord]) -> int:
    """How many words these are as they are written."""
    return len({(word.scene, word.token) for word in words})


def quote_words(words: Sequence[str]) -> str:
    """Words in quotation marks, at most eight."""
    shown = " ".join(words[:MOST_QUOTED_WORDS])
    return f"“{shown} …”" if len(words) > MOST_QUOTED_WORDS else f"“{shown.rstrip(',;:')}”"


def at(at_ms: int) -> str:
    """A moment of the recording for a person: `12.3 s`, `4:05.2`."""
    tenths = round(at_ms / 100)
    minutes, rest = divmod(tenths, 600)
    return f"{minutes}:{rest / 10:04.1f}" if minutes else f"{rest / 10:.1f} s"
