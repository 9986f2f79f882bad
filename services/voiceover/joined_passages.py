"""The sounds of a line's passages as one sound, with the silence between them that was asked for. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from services.voiceover.core import EDGE_MARGIN_MS, FADE_MS, TakeCut, audible_span
from services.voiceover.elevenlabs_answers import PCM_SAMPLES_PER_MS, Answer
from services.voiceover.line import SpokenWord
from shared.timeline import Span


def join_passages(passages: Sequence[tuple[Answer, int]]) -> Answer:
    """Answers, each with the pause after it in milliseconds, as one. One alone is left as it is.

    The silence that a model leaves at the edges is cut, so that a pause is as long as it was asked for:

    answers   ...[ sound )....      ..[ sound )...
    joined      [ sound )[  silence  )[ sound )
    """
    if len(passages) == 1:
        return passages[0][0]
    sounds: list[NDArray[np.int16]] = []
    words: list[SpokenWord] = []
    believed, position_ms = True, 0
    for number, (answer, pause_ms) in enumerate(passages):
        kept = _kept_span(answer.samples)
        # The margins on both sides are silence already.
        silence_ms = max(0, pause_ms - 2 * EDGE_MARGIN_MS) if number < len(passages) - 1 else 0
        cut = TakeCut(position_ms, kept, silence_ms)
        spans = [cut.in_take(word.take_span) for word in answer.words]
        believed = believed and bool(spans) and all(span.length > 0 for span in spans)
        words += [SpokenWord(word.text, span, word.confidence) for word, span in zip(answer.words, spans, strict=True)]
        sounds.append(_faded(answer.samples[kept.start * PCM_SAMPLES_PER_MS : kept.end * PCM_SAMPLES_PER_MS]))
        sounds.append(np.zeros(silence_ms * PCM_SAMPLES_PER_MS, dtype=np.int16))
        position_ms += kept.length + silence_ms
    return Answer(np.concatenate(sounds), tuple(words) if believed else ())


def _kept_span(samples: NDArray[np.int16]) -> Span:
    whole = samples[: samples.size - samples.size % PCM_SAMPLES_PER_MS].astype(np.float64)
    powers = (whole * whole).reshape(-1, PCM_SAMPLES_PER_MS).mean(axis=1)
    audible = audible_span(powers)
    if audible is None:
        return Span(0, powers.size)
    return Span(max(0, audible.start - EDGE_MARGIN_MS), min(powers.size, audible.end + EDGE_MARGIN_MS))


def _faded(samples: NDArray[np.int16]) -> NDArray[np.int16]:
    length = min(FADE_MS * PCM_SAMPLES_PER_MS, samples.size // 2)
    envelope = np.ones(samples.size)
    envelope[:length] = np.linspace(0, 1, length)
    envelope[samples.size - length :] = np.linspace(1, 0, length)
    return (samples * envelope).astype(np.int16)
