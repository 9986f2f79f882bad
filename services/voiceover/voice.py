"""The protocol of a voice: whatever can say one take. To add one, write one file and name it in `app.py`."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from services.voiceover.line import Line, SpokenWord
from services.voiceover.sides import OpposedSides
from shared import project
from shared.assets import Determinant


@dataclass(frozen=True)
class SpokenTake:
    """What a voice hands over: sound in any format that ffmpeg reads, and the words that it reports, or none."""

    audio: Path
    words: tuple[SpokenWord, ...] = ()
    declared_ms: int | None = None
    """How long the file claims to be; None where it does not say or cannot know."""
    opposed: OpposedSides | None = None
    """Where its sides would cancel each other; only the louder one is then heard."""


class Voice(Protocol):
    """One project's voice, ready to speak."""

    def determinants(self, line: Line) -> Mapping[str, Determinant]:
        """Everything that determines what `speak` returns for this line: it becomes the take's key.

        Raises `Unrecoverable` where the voice cannot say such a line at all.
        """

    async def speak(self, line: Line, folder: Path) -> SpokenTake:
        """Say the line, once, into a file in `folder`.

        Raises `Unrecoverable` where the same line would fail again, and anything else where a second try may help.
        """


OpenVoice = Callable[[project.Voice], Awaitable[Voice]]
"""Makes the voice that a project names ready. Raises `Unrecoverable` where there is no such voice."""
