"""The two sides of the comparison: the script's words and the heard words, both as plain words read aloud. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from fractions import Fraction
from itertools import pairwise

from shared.narration import Narration, Speech
from shared.spoken_forms import script_tokens, spoken_forms
from shared.transcript import Word


class Break(IntEnum):
    """What stands after a word of the script: the longer the pause that it suggests, the greater."""

    NONE = 0
    CLAUSE = 1
    SENTENCE = 2
    SCENE = 3


@dataclass(frozen=True)
class ScriptWord:
    """One plain word that the script wants to hear. `scene` counts from 0."""

    text: str
    scene: int
    written: str
    """The token that it is part of, as the author wrote it."""
    break_after: Break
    pause_after_ms: int
    """Silence that the author asked for after it, in milliseconds."""
    rate: Fraction
    """The speed that the author asked for, as a factor of the voice's own."""


@dataclass(frozen=True)
class HeardWord:
    """One plain word that was heard. A word of the transcript may be several: "$5" is "five dollars"."""

    text: str
    word: int
    """Its place in the transcript."""
    gap_before_ms: int | None
    """Silence since the word before it; None inside a word of the transcript, where no cut can lie."""


def script_words(narrations: Sequence[Narration]) -> tuple[ScriptWord, ...]:
    """All plain words of the scenes in order."""
    return tuple(word for scene, narration in enumerate(narrations) for word in _scene_words(scene, narration))


def _scene_words(scene: int, narration: Narration) -> list[ScriptWord]:
    words: list[ScriptWord] = []
    for part in narration.parts:
        if isinstance(part, Speech):
            for token in script_tokens(part.spoken):
                _add_token(words, token, scene, part.rate)
            if part.break_after != "none":
                _mark_break(words, Break.SENTENCE)
        else:
            _mark_break(words, Break.SENTENCE, part.ms)
    _mark_break(words, Break.SCENE)
    return words


def _add_token(words: list[ScriptWord], token: str, scene: int, rate: Fraction) -> None:
    plain = spoken_forms(token)[0]
    words.extend(ScriptWord(text, scene, token, Break.NONE, 0, rate) for text in plain)
    _mark_break(words, _break_after(token))


def _mark_break(words: list[ScriptWord], kind: Break, pause_ms: int = 0) -> None:
    """The break belongs to the word before it, also where a lone dash or a tag stands in between."""
    if words:
        last = words[-1]
        words[-1] = replace(
            last, break_after=max(last.break_after, kind), pause_after_ms=last.pause_after_ms + pause_ms
        )


def _break_after(token: str) -> Break:
    """What the punctuation at a token's end suggests. An abbreviation's point ends no sentence."""
    bare = token.rstrip("\"'”’)]}»*_")
    if bare.endswith("."):
        is_abbreviation = "." in bare.rstrip(".") or spoken_forms(bare)[0] != spoken_forms(bare.rstrip("."))[0]
        return Break.NONE if is_abbreviation else Break.SENTENCE
    if bare.endswith(("!", "?", "…")):
        return Break.SENTENCE
    if bare.endswith((",", ";", ":", "—", "–", "-")):
        return Break.CLAUSE
    return Break.NONE


def heard_words(words: Sequence[Word], first: int = 0) -> tuple[HeardWord, ...]:
    """The plain words of these words of the transcript, the first of which stands at place `first` in it.

    A word that nobody can read aloud, such as a lone dash, is left out.
    """
    gaps = [0, *(max(0, later.span.start - earlier.span.end) for earlier, later in pairwise(words))]
    return tuple(
        HeardWord(text, first + place, gap if not inside else None)
        for place, (word, gap) in enumerate(zip(words, gaps, strict=True))
        for inside, text in enumerate(_plain_words(word.text))
    )


def _plain_words(text: str) -> tuple[str, ...]:
    return tuple(word for token in script_tokens(text) for word in spoken_forms(token)[0])
