"""What the house asks of whoever times words."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from services.transcriber.passage import Heard, Passage


class WordEngine(Protocol):
    """Hears a script in a recording of it."""

    @property
    def name(self) -> str:
        """The engine's name in the project file, which every word carries as its source."""

    @property
    def version(self) -> str:
        """Whatever changes its answers: a new value gives new keys."""

    async def listen(
        self, voiceover: Path, passages: Sequence[Passage], on_heard: Callable[[int], None]
    ) -> tuple[Heard, ...]:
        """What is heard in each passage, in order. `on_heard` is told the milliseconds of sound heard so far."""
