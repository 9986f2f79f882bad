"""What an engine reports in its own words becomes words of the transcript, or is not believed. Pure.

An aligner is given the script and answers with its tokens (`core.py`). Here is the other kind: the voice's own report,
a recogniser, a service. Its words are whatever it says, in whatever spelling; the scene planner brings them together
with the script. What is looked at here is whether the times can be those of speech, and whether it is this text at all.

reported   [ the )[ sea )   ?     [ lamp )      ? has no time, or the same as its neighbour
placed     [ the )[ sea )[ lit   )[ lamp )      it gets what lies between, and little confidence
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

import numpy as np

from services.transcriber.belief import (
    LEAST_HEARD_SHARE,
    MOST_DOUBTFUL_SHARE,
    TimedWord,
    check_times,
    is_doubtful,
    quoted,
)
from services.transcriber.passage import HeardToken, Passage
from services.transcriber.refinement import Envelope, refine_edges
from shared.errors import Unrecoverable
from shared.spoken_forms import normalised_words
from shared.timeline import Span
from shared.transcript import Recording, Transcript, Word

DOUBTED_CONFIDENCE = 0.1
"""Of a word whose time was missing, or cannot be that of such a word."""

OVERLAP_SLACK_MS = 30
"""Two words that run together are told with edges that cross by a frame of the model (judgement: 20 ms is the usual
frame). More is a muddle."""

FEW_WORDS = 4
"""Of so short a text all may be misheard, and it is still this text; the scene planner warns of it."""

_REFINED_AT_ONCE = 100


@dataclass(frozen=True)
class ReportedWord:
    """A word as an engine told it."""

    text: str
    passage_span: Span | None
    """In the passage's own time; None where the engine gave no time, or none that can be one."""
    confidence: float
    source: str


@dataclass(frozen=True)
class Report:
    """All that an engine told about one passage, in its order."""

    words: tuple[ReportedWord, ...]
    is_exact: bool = False
    """True where the times are the synthesiser's own: the signal does not know better."""


@dataclass(frozen=True)
class PassageSound:
    """What is measured in a passage's sound."""

    envelope: Envelope
    pauses: tuple[Span, ...]
    """In the passage's own time."""


def span_of_seconds(start: float | None, end: float | None) -> Span | None:
    """Two times in seconds as a span in whole milliseconds; None where they are none (missing, negative, reversed)."""
    if start is None or end is None or not 0 <= start < end < float("inf"):
        return None
    span = Span(round(start * 1000), round(end * 1000))
    return span if span.length else None


def assemble_reported(
    recording: Recording,
    passages: Sequence[Passage],
    reports: Sequence[Report],
    sounds: Sequence[PassageSound],
    engine: str,
) -> Transcript:
    """The transcript on the master clock. Raises `Unrecoverable` where the reports cannot be believed."""
    words = [
        word
        for passage, report, sound in zip(passages, reports, sounds, strict=True)
        for word in believe_report(passage, report, sound)
    ]
    return Transcript(words=tuple(words), length_ms=recording.length_ms, engine=engine)


def believe_report(passage: Passage, report: Report, sound: PassageSound) -> tuple[Word, ...]:
    """The passage's words on the master clock, in order, none beyond its sound. Raises `Unrecoverable`."""
    scene_id = passage.scene_ids[0] if len(passage.scene_ids) == 1 else None
    said = [word for word in report.words if normalised_words(word.text)]
    _check_text(passage, said, scene_id)
    _check_times_are_there(passage, said, scene_id)
    placed = _place(_without_crossings(_without_stuck(said)), passage.span.length)
    timed = [_timed(word, sound.envelope, passage.span.length, scene_id) for word in placed]
    check_times(timed, passage.span)
    spans = [one.passage_span for one in timed]
    if not report.is_exact:
        spans = _refine(spans, sound)
    return tuple(
        Word(
            text=word.text,
            span=span.shifted(passage.span.start),
            confidence=round(min(word.confidence, DOUBTED_CONFIDENCE) if is_doubtful(one) else word.confidence, 4),
            source=word.source,
        )
        for word, span, one in zip(placed, _in_order(spans, passage.span.length), timed, strict=True)
        if span.length
    )


def _check_text(passage: Passage, said: Sequence[ReportedWord], scene_id: str | None) -> None:
    """Is it this text at all? Spelling and order are the scene planner's to weigh."""
    wanted = Counter(normalised_words(" ".join(passage.tokens)))
    heard = Counter(plain for word in said for plain in normalised_words(word.text))
    found = (wanted & heard).total()
    if not said or (wanted.total() > FEW_WORDS and found < LEAST_HEARD_SHARE * wanted.total()):
        raise Unrecoverable(
            f"The recording does not say what the script says: {found} of {wanted.total()} words of "
            f"{quoted(passage.tokens)} were heard.",
            remedy="Check that the recording belongs to this narration, or record it again.",
            scene_id=scene_id,
        )


def _check_times_are_there(passage: Passage, said: Sequence[ReportedWord], scene_id: str | None) -> None:
    without = [word.text for word in _without_stuck(said) if word.passage_span is None]
    if len(without) > max(1, MOST_DOUBTFUL_SHARE * len(said)):
        raise Unrecoverable(
            f"{len(without)} of {len(said)} words have no time of their own, {quoted(without)}.",
            remedy="Choose another engine under `words` in the project file.",
            scene_id=scene_id,
        )


def _without_stuck(words: Sequence[ReportedWord]) -> list[ReportedWord]:
    """Neighbours that begin at the same time are stuck: none of their times is believed."""
    freed: list[ReportedWord] = []
    for start, group in groupby(words, key=lambda word: word.passage_span.start if word.passage_span else None):
        alike = list(group)
        freed += alike if start is None or len(alike) == 1 else [replace(word, passage_span=None) for word in alike]
    return freed


def _without_crossings(words: Sequence[ReportedWord]) -> list[ReportedWord]:
    """Edges of neighbours that cross a little meet in the middle."""
    parted = list(words)
    timed = [place for place, word in enumerate(words) if word.passage_span is not None]
    for one, other in pairwise(timed):
        earlier, later = parted[one].passage_span, parted[other].passage_span
        assert earlier is not None
        assert later is not None
        if later.start < earlier.end <= later.start + OVERLAP_SLACK_MS and earlier.end < later.end:
            middle = max((later.start + earlier.end) // 2, earlier.start)
            parted[one] = replace(parted[one], passage_span=Span(earlier.start, middle))
            parted[other] = replace(parted[other], passage_span=Span(middle, later.end))
    return parted


def _place(words: Sequence[ReportedWord], length_ms: int) -> list[ReportedWord]:
    """Words without a time share what lies between their neighbours by their letters; where nothing does, they go."""
    placed: list[ReportedWord] = []
    end = 0
    for is_timed, group in groupby(enumerate(words), key=lambda item: item[1].passage_span is not None):
        run = list(group)
        if is_timed:
            placed += [word for _, word in run]
            last = run[-1][1].passage_span
            end = last.end if last else end
            continue
        after = words[run[-1][0] + 1].passage_span if run[-1][0] + 1 < len(words) else None
        placed += _share_out([word for _, word in run], Span(end, max(end, after.start if after else length_ms)))
    return placed


def _share_out(words: Sequence[ReportedWord], room: Span) -> list[ReportedWord]:
    edges = np.cumsum([0, *(len(word.text) for word in words)])
    ends = [room.start + int(edge) * room.length // int(edges[-1]) for edge in edges]
    return [
        replace(word, passage_span=Span(start, end), confidence=DOUBTED_CONFIDENCE)
        for word, (start, end) in zip(words, pairwise(ends), strict=True)
        if start < end
    ]


def _timed(word: ReportedWord, envelope: Envelope, length_ms: int, scene_id: str | None) -> TimedWord:
    assert word.passage_span is not None
    hop = length_ms / max(1, envelope.db.size)
    stretch = envelope.db[int(word.passage_span.start / hop) : max(1, int(word.passage_span.end / hop))]
    loudest = float(stretch.max()) if stretch.size else envelope.floor_db
    spoken = " ".join(normalised_words(word.text))
    return TimedWord(word.text, spoken, word.passage_span, loudest - envelope.speech_db, scene_id)


def _refine(spans: Sequence[Span], sound: PassageSound) -> list[Span]:
    """The edges that touch a pause, moved to where the sound begins or ends."""
    refined: list[Span] = []
    for first in range(0, len(spans), _REFINED_AT_ONCE):  # every edge is compared with every pause near it
        some = [*refined[-1:], *spans[first : first + _REFINED_AT_ONCE]]
        near = Span(max(0, some[0].start - 1000), max(some[0].start, some[-1].end) + 1000)
        tokens = [HeardToken(place, "", span, 0.0, 0.0) for place, span in enumerate(some)]
        pauses = [pause for pause in sound.pauses if pause.overlaps(near)]
        refined[-1:] = [token.passage_span for token in refine_edges(tokens, sound.envelope, pauses)]
    return refined


def _in_order(spans: Sequence[Span], length_ms: int) -> list[Span]:
    """The spans within the sound, each ending where the next begins at the latest."""
    inside = [Span(min(span.start, length_ms), min(span.end, length_ms)) for span in spans]
    return [Span(span.start, max(span.start, min(span.end, later.start))) for span, later in pairwise(inside)] + inside[
        -1:
    ]
