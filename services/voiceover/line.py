"""What a voice is asked to say and the words that it reports: pure values."""

from dataclasses import dataclass

from shared.assets import Asset
from shared.narration import Narration
from shared.timeline import Span


@dataclass(frozen=True)
class Line:
    """What one take is to say."""

    scene_id: str | None
    """None where one take is all scenes."""
    narration: Narration
    """Begins and ends with speech: pauses at its edges are not the voice's business."""
    recording: Asset | None = None
    """The user's own recording of this line."""


@dataclass(frozen=True)
class SpokenWord:
    """A word of the narration that the voice reports. `take_span` is in the time of the voice's own audio."""

    text: str
    take_span: Span
    confidence: float
