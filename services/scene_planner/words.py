"""The two sides of the comparison: the script's words and the heard words, both as plain words read aloud. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import lru_cache

from shared.narration import Narration, Speech
from shared.spoken_forms import normalised_words, script_tokens, spoken_forms
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
    token: int
    """The token that it is part of, counted within the scene: "$4.50" is five plain words and one token."""
    written: str
    """That token as the author wrote it."""
    break_after: Break
    pause_after_ms: int
    """Silence that the author asked for after it, in milliseconds."""
    letters: float
    """How many letters long it takes to say; those of a word that the author slowed down count for more."""


@dataclass(frozen=True)
class HeardWord:
    """One plain word that was heard. A word of the transcript may be several: "$5" is "five dollars"."""

    text: str
    word: int
    """Its place in the transcript."""
    gap_before_ms: int | None
    """Silence since the word before it; None inside a word of the transcript, where no cut can lie."""
    length_ms: float
    """Of several in one word of the transcript its even share."""


def script_words(narrations: Sequence[Narration]) -> tuple[ScriptWord, ...]:
    """All plain words of the scenes in order."""
    return tuple(word for scene, narration in enumerate(narrations) for word in _scene_words(scene, narration))


def _scene_words(scene: int, narration: Narration) -> list[ScriptWord]:
    words: list[ScriptWord] = []
    for part in narration.parts:
        if isinstance(part, Speech):
            rate = float(part.rate)
            for written in script_tokens(part.spoken):
                _add_token(words, written, scene, rate)
            if part.break_after != "none":
                _mark_break(words, Break.SENTENCE)
        else:
            _mark_break(words, Break.SENTENCE, part.ms)
    _mark_break(words, Break.SCENE)
    return words


def _add_token(words: list[ScriptWord], written: str, scene: int, rate: float) -> None:
    token = words[-1].token + 1 if words else 0
    plain, kind = spoken_forms(written)[0], _break_after(written)
    last = len(plain) - 1
    words.extend(
        ScriptWord(text, scene, token, written, kind if place == last else Break.NONE, 0, len(text) / rate)
        for place, text in enumerate(plain)
    )
    if not plain:
        _mark_break(words, kind)


def _mark_break(words: list[ScriptWord], kind: Break, pause_ms: int = 0) -> None:
    """The break belongs to the word before it, also where a lone dash or a tag stands in between."""
    if words and (kind > words[-1].break_after or pause_ms):
        last = words[-1]
        words[-1] = replace(
            last, break_after=max(last.break_after, kind), pause_after_ms=last.pause_after_ms + pause_ms
        )


@lru_cache(maxsize=50_000)
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


def heard_words(words: Sequence[Word]) -> tuple[HeardWord, ...]:
    """The plain words of a transcript's words. One that nobody can read aloud, such as a lone dash, is left out."""
    heard: list[HeardWord] = []
    end_before = words[0].span.start if words else 0
    for place, word in enumerate(words):
        gap = max(0, word.span.start - end_before)
        plain = _plain_words(word.text)
        length_ms = word.span.length / max(1, len(plain))
        heard.extend(HeardWord(text, place, None if inside else gap, length_ms) for inside, text in enumerate(plain))
        end_before = word.span.end
    return tuple(heard)


@lru_cache(maxsize=50_000)
def _plain_words(text: str) -> tuple[str, ...]:
    return normalised_words(text)
