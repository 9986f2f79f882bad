"""An answer of ElevenLabs as sound and words. Pure.

{"audio_base64": "...", "alignment": {"characters": [...], "character_start_times_seconds": [...],
 "character_end_times_seconds": [...]}, "normalized_alignment": ...}

`alignment` follows the text that was sent, in seconds. It may be null, hold nulls, stand still or run away from the
sound, so it is believed as a whole or not at all: without it the words are found in the sound, as for any voice.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, JsonValue, ValidationError

from services.voiceover.line import SpokenWord
from shared.timeline import Span

PCM_RATE = 24_000
"""As `output_format=pcm_24000` gives it: 16 bit, mono, no header; MP3 would add silence and shift the times."""

PCM_SAMPLES_PER_MS = 24

CONFIDENCE = 0.8
"""The service gives none. Its times are estimates of the model, which users saw drift: less than espeak-ng's own
counting of samples (1.0), more than a share of the letters (0.5). Judgement, not measured."""

_END_SLACK_MS = 50
"""The last sound may be timed a little beyond the sound's end, by rounding to the model's frames (judgement)."""


class BrokenAnswer(Exception):
    """An answer that was paid for and cannot be used; the text is a sentence."""


@dataclass(frozen=True)
class Answer:
    """What was said, and the words in the time of that sound; none where they are not to be believed."""

    samples: NDArray[np.int16]
    words: tuple[SpokenWord, ...]


class _Body(BaseModel):
    audio_base64: str
    alignment: JsonValue = None


class _Alignment(BaseModel):
    characters: tuple[str, ...]
    character_start_times_seconds: tuple[float | None, ...]
    character_end_times_seconds: tuple[float | None, ...]


def read_answer(body: bytes, text: str) -> Answer:
    """The answer to a request for `text`. Raises `BrokenAnswer`."""
    try:
        document = _Body.model_validate_json(body)
        sound = base64.b64decode(document.audio_base64, validate=True)
    except (ValidationError, binascii.Error):
        raise BrokenAnswer("The answer of ElevenLabs is cut off or is no answer at all.") from None
    if not sound or len(sound) % 2:
        raise BrokenAnswer(f"The sound in the answer of ElevenLabs is cut off: it has {len(sound):,} bytes.")
    samples = np.frombuffer(sound, dtype="<i2")
    length_ms = samples.size // PCM_SAMPLES_PER_MS
    timed = _timed_characters(document.alignment)
    claimed_ms = max((end for _, _, end in timed), default=0)
    if length_ms < claimed_ms * 3 / 4:  # far beyond any drift that was reported
        raise BrokenAnswer(
            f"The sound in the answer of ElevenLabs is cut off: it lasts {length_ms / 1000:.1f} s, its words "
            f"{claimed_ms / 1000:.1f} s."
        )
    return Answer(samples, group_words(timed, text, length_ms))


def group_words(timed: Sequence[tuple[str, int, int]], text: str, length_ms: int) -> tuple[SpokenWord, ...]:
    """The words between white space, given (character, start, end) in milliseconds, a start of -1 meaning none.

    None of them where the characters are not the text, where a word has no length, where two overlap, or where one ends
    after the sound.

    characters   t  h  e  _  s  e  a
    words       [ the   )   [ sea   )
    """
    letters = "".join(character for character, _, _ in timed)
    if letters.split() != text.split():
        return ()
    words: list[SpokenWord] = []
    for found in re.finditer(r"\S+", letters):
        spans = [(start, end) for _, start, end in timed[found.start() : found.end()] if start >= 0]
        if not spans:
            continue
        start, end = spans[0][0], min(spans[-1][1], length_ms)
        if start >= end or spans[-1][1] > length_ms + _END_SLACK_MS or (words and start < words[-1].take_span.end):
            return ()
        words.append(SpokenWord(found[0], Span(start, end), CONFIDENCE))
    return tuple(words)


def _timed_characters(written: JsonValue) -> list[tuple[str, int, int]]:
    try:
        alignment = _Alignment.model_validate(written)
    except ValidationError:
        return []
    starts, ends = alignment.character_start_times_seconds, alignment.character_end_times_seconds
    if not len(alignment.characters) == len(starts) == len(ends):
        return []
    timed: list[tuple[str, int, int]] = []
    for characters, start, end in zip(alignment.characters, starts, ends, strict=True):
        known = start is not None and end is not None and 0 <= start <= end < 86_400
        span = (round(start * 1000), round(end * 1000)) if known and start is not None and end is not None else (-1, -1)
        timed += [(character, *span) for character in characters]
    return timed
