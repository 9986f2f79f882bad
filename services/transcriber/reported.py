"""The engine `voice`: what the voice engine itself reported when it spoke."""

from dataclasses import dataclass

from services.transcriber.passage import Passage
from services.transcriber.reporter import Inquiry
from services.transcriber.reports import Report, ReportedWord
from shared import project
from shared.errors import Unrecoverable
from shared.timeline import Span
from shared.transcript import Take


@dataclass(frozen=True)
class VoiceReporter:
    """The word times that came with the takes. Nothing is listened to but whether there is sound."""

    name = "voice"

    def version(self, words: project.Words) -> str:
        """The report is part of the recording, so only the way of reading it counts."""
        return "voice/1"

    async def report(self, inquiry: Inquiry) -> tuple[Report, ...]:
        """The report of each passage's take. Raises `Unrecoverable` where the voice reported none."""
        takes = {take.span: take for take in inquiry.recording.takes}
        return tuple(_report(passage, takes[passage.span], inquiry.recording.engine) for passage in inquiry.passages)


def _report(passage: Passage, take: Take, voice: str) -> Report:
    if not take.reported_words:
        whole = len(passage.scene_ids) > 1
        raise Unrecoverable(
            f"The voice `{voice}` reports no times for its words{'' if whole else ' here'}.",
            remedy="Choose another engine under `words` in the project file, e.g. `engine: pocketsphinx`.",
            scene_id=None if whole else take.scene_id,
        )
    return Report(
        tuple(
            ReportedWord(
                word.text,
                _in_passage(word.span, passage.span.start),
                word.confidence,
                word.source,
            )
            for word in take.reported_words
        ),
        is_exact=True,
    )


def _in_passage(span: Span, passage_start: int) -> Span | None:
    """None for a word that has no length, or begins before its take."""
    if span.length == 0 or span.start < passage_start:
        return None
    return span.shifted(-passage_start)
