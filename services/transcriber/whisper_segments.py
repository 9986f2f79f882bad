"""faster-whisper's segments as reported words. Pure."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from services.transcriber.reports import Report, ReportedWord, span_of_seconds


class WhisperWord(Protocol):
    """`faster_whisper.transcribe.Word` of faster-whisper 1.2: seconds, and a text that begins with its space."""

    @property
    def start(self) -> float: ...
    @property
    def end(self) -> float: ...
    @property
    def word(self) -> str: ...
    @property
    def probability(self) -> float: ...


class WhisperSegment(Protocol):
    """`faster_whisper.transcribe.Segment`."""

    @property
    def words(self) -> Sequence[WhisperWord] | None: ...


def report_of_segments(segments: Iterable[WhisperSegment]) -> Report:
    """All words in order. A piece that begins with no space goes on with the word before it: " $4" and ".50"."""
    pieces: list[list[WhisperWord]] = []
    for segment in segments:
        for place, word in enumerate(segment.words or ()):
            if place and word.word[:1].strip():
                pieces[-1].append(word)
            else:
                pieces.append([word])
    return Report(tuple(_word(each) for each in pieces if any(piece.word.strip() for piece in each)))


def _word(pieces: Sequence[WhisperWord]) -> ReportedWord:
    return ReportedWord(
        "".join(piece.word for piece in pieces).strip(),
        span_of_seconds(float(pieces[0].start), float(pieces[-1].end)),
        max(0.0, min(1.0, *(float(piece.probability) for piece in pieces))),
        "whisper",
    )
