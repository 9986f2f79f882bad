"""Answers of ElevenLabs about words, as reports. Pure. Shapes as in the vendor's OpenAPI file of August 2026.

speech-to-text     {"language_code": "en", "text": "...", "words": [{"text": "The", "start": 0.1, "end": 0.2,
                    "type": "word" | "spacing" | "audio_event", "logprob": -0.02}, ...]}
forced-alignment   {"characters": [...], "words": [{"text": "The", "start": 0.1, "end": 0.2, "loss": 0.3}, ...],
                    "loss": 0.2}

Times are seconds, may be null or missing, and may stand still for several words.
"""

import math

from pydantic import BaseModel, ValidationError

from services.transcriber.reports import Report, ReportedWord, span_of_seconds

UNRATED_CONFIDENCE = 0.8
"""Where the service rates no word: less than a synthesiser's own counting (1.0). Judgement, not measured."""


class BrokenAnswer(Exception):
    """An answer that was paid for and cannot be used; the text is a sentence."""


class _HeardWord(BaseModel):
    text: str
    start: float | None = None
    end: float | None = None
    type: str = "word"
    logprob: float | None = None


class _Transcription(BaseModel):
    words: tuple[_HeardWord, ...]


class _AlignedWord(BaseModel):
    text: str
    start: float | None = None
    end: float | None = None
    loss: float | None = None


class _Alignment(BaseModel):
    words: tuple[_AlignedWord, ...]


def read_transcription(body: bytes) -> Report:
    """The words of a speech-to-text answer, without spacing and sounds. Raises `BrokenAnswer`."""
    try:
        heard = _Transcription.model_validate_json(body).words
    except ValidationError:
        raise _broken() from None
    return Report(
        tuple(
            ReportedWord(
                word.text.strip(),
                span_of_seconds(word.start, word.end),
                _probability(word.logprob),
                "elevenlabs-scribe",
            )
            for word in heard
            if word.type == "word" and word.text.strip()
        )
    )


def read_alignment(body: bytes) -> Report:
    """The words of a forced-alignment answer. Raises `BrokenAnswer`.

    A word's loss becomes a confidence as a logarithm of a probability would. The service does not say what it is, and
    no account was at hand to measure it.
    """
    try:
        aligned = _Alignment.model_validate_json(body).words
    except ValidationError:
        raise _broken() from None
    return Report(
        tuple(
            ReportedWord(
                word.text.strip(),
                span_of_seconds(word.start, word.end),
                _probability(None if word.loss is None else -word.loss),
                "elevenlabs-alignment",
            )
            for word in aligned
            if word.text.strip()
        )
    )


def _broken() -> BrokenAnswer:
    return BrokenAnswer("The answer of ElevenLabs is cut off or is no answer at all.")


def _probability(logarithm: float | None) -> float:
    if logarithm is None or not math.isfinite(logarithm):
        return UNRATED_CONFIDENCE
    return math.exp(min(0.0, logarithm))
