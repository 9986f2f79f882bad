"""What the house asks of whoever tells words in its own spelling: the voice itself, a recogniser, a service."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.transcriber.passage import Passage
from services.transcriber.reports import Report
from shared import project
from shared.transcript import Recording


@dataclass(frozen=True)
class Inquiry:
    """One voiceover whose words are wanted."""

    recording: Recording
    passages: Sequence[Passage]
    voiceover: Path
    words: project.Words
    folder: Path
    """Empty, and removed afterwards."""
    on_heard: Callable[[int], None]
    """Told the milliseconds of sound heard so far."""


class WordReporter(Protocol):
    """Tells the words of a voiceover."""

    @property
    def name(self) -> str:
        """The engine's name in the project file."""

    def version(self, words: project.Words) -> str:
        """Whatever changes its answers, the project's own keys included: a new value gives a new transcript."""

    async def report(self, inquiry: Inquiry) -> tuple[Report, ...]:
        """What it has to say about each passage, in order."""
