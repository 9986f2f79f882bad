"""The soundtrack's report: what was measured on it, scene by scene. Travels from the mixer to the certificate."""

from typing import Literal

from pydantic import Field

from shared.assets import Asset
from shared.timeline import Span
from shared.transcript import Document

BedEnd = Literal["ending", "phrase", "bar", "beat", "fade", "next bed"]


class SceneLoudness(Document):
    """How far the voice stands above the bed while a scene's words are spoken, measured on the stems."""

    number: int = Field(ge=1)
    voice_lufs: float | None = Field(description="None where the scene's words are silent.")
    bed_lufs: float | None = Field(description="None without music, or where it is silent.")
    voice_over_bed_lu: float | None


class DuckedSpan(Document):
    """Where the bed is lowered for words, and how far."""

    span: Span
    depth_db: float


class SoundtrackWarning(Document):
    """Something odd that can be heard but does not stop the project."""

    scene_number: int | None
    at_ms: int | None
    message: str


class KeptStems(Document):
    """The layers of the soundtrack as WAV files of the same length, aligned to the sample. They add up to the mix
    but for its limiter."""

    voice: Asset
    bed: Asset | None
    effects: Asset | None = None
    mix: Asset


class SoundtrackReport(Document):
    """The soundtrack and what was measured on it. Integrated loudness and true peak are those of the encoded file."""

    soundtrack: Asset
    sample_count: int
    loudness_lufs: float
    true_peak_dbtp: float
    encode_count: int = Field(description="How often the AAC was encoded: twice where the first missed its target.")
    scenes: tuple[SceneLoudness, ...]
    pauses_bed_lufs: float | None = Field(description="The bed's loudness where it is up between the words.")
    ducked: tuple[DuckedSpan, ...]
    beds: tuple[Span, ...] = Field(default=(), description="Where each of the project's beds plays, in their order.")
    bed_ends: tuple[BedEnd, ...] = Field(
        default=(),
        description="What each bed ends with: its music's own ending; a phrase, bar or beat, where its fade lands; a"
        " fade that lands anywhere; the next bed.",
    )
    sounds: tuple[Span, ...] = Field(default=(), description="Where each sound effect that was heard plays.")
    kept_sounds: tuple[Span, ...] = Field(default=(), description="Where the clips' own sound plays.")
    seams_ms: tuple[int, ...] = Field(description="Where a bed crosses over to another part of its music.")
    stems: KeptStems | None = None
    warnings: tuple[SoundtrackWarning, ...] = ()
