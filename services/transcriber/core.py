"""The transcriber's decisions: what is listened to, and when an engine's answer becomes words that can be believed."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.transcriber.belief import check_words
from services.transcriber.health import confidence, median_score, missing_runs
from services.transcriber.passage import Heard, Passage
from shared.spoken_forms import script_tokens, spoken_forms
from shared.timeline import Span
from shared.transcript import Recording, Transcript, TranscriptIssue, Word

SENTENCE_OF_WORDS = 4
"""So many neighbouring words that were not heard are a skipped part of the scene, not slips of the tongue."""


@dataclass(frozen=True)
class SceneText:
    """What a scene says, markup removed."""

    scene_id: str
    text: str


def passages_of(recording: Recording, scenes: Sequence[SceneText]) -> tuple[Passage, ...]:
    """What is listened to: each take on its own, or one recording of all scenes as a whole."""
    if recording.take_boundaries_known:
        return tuple(
            Passage(take.span, script_tokens(take.text), (take.scene_id,), (0,))
            for take in recording.takes
            if any(spoken_forms(token) != ((),) for token in script_tokens(take.text))
        )
    tokens: list[str] = []
    starts: list[int] = []
    for scene in scenes:
        starts.append(len(tokens))
        tokens += script_tokens(scene.text)
    span = recording.takes[0].span
    return (Passage(span, tuple(tokens), tuple(scene.scene_id for scene in scenes), tuple(starts)),)


def assemble_transcript(
    recording: Recording, passages: Sequence[Passage], heard: Sequence[Heard], engine: str
) -> Transcript:
    """The transcript on the master clock. Raises `Unrecoverable` where the answers cannot be believed."""
    median = median_score([token for answer in heard for token in answer.tokens])
    words: list[Word] = []
    issues: list[TranscriptIssue] = []
    for passage, answer in zip(passages, heard, strict=True):
        check_words(passage, answer)
        words += _words(passage, answer, median, engine)
        issues += issues_of(passage, answer)
    return Transcript(words=tuple(_in_order(words)), length_ms=recording.length_ms, engine=engine, issues=tuple(issues))


def _words(passage: Passage, answer: Heard, median: float, engine: str) -> list[Word]:
    """The passage's words on the master clock, none beyond its sound and none shorter than a millisecond."""
    latest = passage.span.end
    return [
        Word(
            text=passage.tokens[token.token],
            span=Span(
                min(passage.span.start + token.passage_span.start, latest - 1),
                min(
                    max(passage.span.start + token.passage_span.end, passage.span.start + token.passage_span.start + 1),
                    latest,
                ),
            ),
            confidence=round(confidence(token.score, median), 4),
            source=engine,
        )
        for token in answer.tokens
    ]


def _in_order(words: Sequence[Word]) -> list[Word]:
    """The words, each ending where the next begins at the latest."""
    ordered = [
        word.model_copy(update={"span": Span(word.span.start, min(word.span.end, later.span.start))})
        for word, later in pairwise(words)
    ]
    return [*ordered, *words[-1:]]


def issues_of(passage: Passage, answer: Heard) -> list[TranscriptIssue]:
    """What of the script is not in the passage's sound, and the reverse, on the master clock and in its order."""
    scene_of = [passage.scene_of(token) for token in range(len(passage.tokens))]
    issues: list[TranscriptIssue] = []
    for run in missing_runs(answer.missing, scene_of, passage.tokens):
        partly = len(run.tokens) >= SENTENCE_OF_WORDS
        issues.append(
            TranscriptIssue(
                kind="scene_missing" if run.is_whole_scene else "scene_partly_missing" if partly else "words_missing",
                scene_id=run.scene_id,
                span=_where_missing(passage, answer, run.tokens),
                words=tuple(passage.tokens[token] for token in run.tokens),
            )
        )
    issues += [
        TranscriptIssue(
            kind="unscripted_speech",
            scene_id=_scene_near(passage, answer, span),
            span=span.shifted(passage.span.start),
        )
        for span in answer.unscripted
    ]
    return sorted(issues, key=lambda issue: issue.span.start if issue.span else 0)


def _where_missing(passage: Passage, answer: Heard, tokens: Sequence[int]) -> Span:
    """The gap in which the words should have been said."""
    before = [token.passage_span.end for token in answer.tokens if token.token < tokens[0]]
    after = [token.passage_span.start for token in answer.tokens if token.token > tokens[-1]]
    start = before[-1] if before else 0
    return Span(start, max(start, after[0] if after else passage.span.length)).shifted(passage.span.start)


def _scene_near(passage: Passage, answer: Heard, span: Span) -> str:
    """The scene of the last word before the span, or the first scene."""
    before = [token.token for token in answer.tokens if token.passage_span.start < span.start]
    return passage.scene_of(before[-1]) if before else passage.scene_ids[0]
