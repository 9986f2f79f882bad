"""What a voice is asked to say and the words that it reports: pure values."""

from dataclasses import dataclass
from itertools import takewhile

from shared.assets import Asset
from shared.narration import Narration, Pause
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


def without_edge_pauses(narration: Narration) -> tuple[int, Narration, int]:
    """The pauses before the first and after the last word, in milliseconds, and what lies between them.

    <break/> words <break/> words <break/>
    [ head )[        between     )[ tail )
    """
    parts = narration.parts
    head = [part.ms for part in takewhile(lambda part: isinstance(part, Pause), parts) if isinstance(part, Pause)]
    tail = [
        part.ms for part in takewhile(lambda part: isinstance(part, Pause), reversed(parts)) if isinstance(part, Pause)
    ]
    return sum(head), Narration(parts[len(head) : len(parts) - len(tail)]), sum(tail)
