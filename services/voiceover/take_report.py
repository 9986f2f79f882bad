"""The document that is kept beside a take, so that a take found in the store is as good as one just spoken."""

from pydantic import Field

from shared.assets import Asset
from shared.timeline import Span
from shared.transcript import Confidence, Document, Side


class ReportedWord(Document):
    """A word as the voice itself timed it, in the take's own time."""

    text: str
    take_span: Span
    confidence: Confidence


class TakeReport(Document):
    """A take's sound, its length, and the words that the voice reported, if any."""

    audio: Asset
    take_ms: int = Field(gt=0, description="Whole milliseconds; the file has exactly 48 samples for each.")
    words: tuple[ReportedWord, ...] = ()
    opposed_take_spans: tuple[Span, ...] = Field(
        default=(), description="Where the recording's sides are opposed, in the take's own time."
    )
    kept_side: Side | None = Field(default=None, description="The only side that is heard; None where both are summed.")
