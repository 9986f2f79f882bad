"""The certificate: the measured proof that a finished video is in sync. Stored beside the video as JSON.

Every measured value is read back from the finished file, independently of how the file was made. Times that were
measured are exact fractions of a second (`"1001/30000"` in JSON); errors are milliseconds, positive meaning late.
"""

from fractions import Fraction
from typing import Self

from pydantic import Field, model_validator

from shared.soundtrack import SceneLoudness, SoundtrackWarning
from shared.timeline import SAMPLE_RATE, Span
from shared.transcript import Document


class CertifiedScene(Document):
    """Where one scene was planned to start and where it was found in the finished file.

    window, planned   [------------------)
    first frame           |                 found at `first_frame_at`
    error             <-->

    After a transition, the first frame is the one in the transition's middle: the cut's own frame, in which the scene
    has half of the picture. It is found among the transition's packets and held to the same place as a plain cut's.
    """

    number: int = Field(ge=1)
    scene_id: str
    window: Span = Field(description="Planned: its start is the cut, in milliseconds on the master clock.")
    planned_first_frame: int = Field(ge=0)
    planned_frame_count: int = Field(gt=0)
    first_frame_at: Fraction | None = Field(description="Seconds into the finished file; None where it was not found.")
    frame_count: int = Field(ge=0, description="Frames from its first to the next scene's first.")
    starts_with_key_frame: bool = Field(description="Or the transition into it does.")
    is_intact: bool = Field(
        description="True where its packets are its segment's, each one, in order, nothing between; with those of the"
        " transitions on both sides."
    )
    transition_frames: int = Field(default=0, ge=0, description="Of the transition into it; 0 at a plain cut.")
    error_ms: float | None = Field(
        description="First frame minus planned cut. Up to half a frame is the rounding of the cut to the frame grid."
    )
    frame_error_ms: float | None = Field(description="First frame minus the planned frame's own time; 0 in sync.")


class VoiceOffset(Document):
    """How far the voice in the finished soundtrack lies from the voiceover, found by cross-correlation."""

    heard_at: Span = Field(description="The stretch of the voiceover that was listened for.")
    offset_samples: int | None = Field(description="At 48 kHz, positive meaning late; None where it was not found.")
    likeness: float = Field(ge=-1, le=1, description="The correlation at that offset: 1 is the voice and nothing else.")

    @property
    def offset_ms(self) -> float | None:
        """The offset in milliseconds, positive meaning late."""
        return None if self.offset_samples is None else self.offset_samples * 1000 / SAMPLE_RATE


class CertifiedSoundtrack(Document):
    """How long the soundtrack was planned to be and what was found in the finished file, in 48 kHz samples."""

    planned_sample_count: int = Field(gt=0)
    sample_count: int = Field(ge=0, description="What the file declares to be heard: encoder padding taken off.")
    first_sample_at: Fraction = Field(description="Seconds into the finished file at which the first sample is due.")
    is_continuous: bool = Field(description="True where every packet starts where the one before it ended.")
    voice: tuple[VoiceOffset, ...] = Field(description="At the start, in the middle and at the end.")


class CertifiedLoudness(Document):
    """What the mixer measured on the soundtrack, and what a listener should be warned of.

    Loudness and true peak are those of the encoded soundtrack, which the finished file holds packet by packet.
    """

    loudness_lufs: float
    true_peak_dbtp: float
    scenes: tuple[SceneLoudness, ...] = Field(description="How far the voice stands above the bed in each scene.")
    warnings: tuple[SoundtrackWarning, ...] = ()


class CertificateFailure(Document):
    """One finding that breaks the promise of sync."""

    scene_id: str | None
    message: str = Field(description="What is wrong and by how much, in words, without a full stop.")


class Certificate(Document):
    """The measured proof of sync of one finished video."""

    fps: Fraction
    planned_frame_count: int = Field(gt=0)
    frame_count: int = Field(ge=0)
    largest_spacing_error_ms: float = Field(description="How far any frame is from its place n / fps on the grid.")
    scenes: tuple[CertifiedScene, ...]
    soundtrack: CertifiedSoundtrack
    loudness: CertifiedLoudness | None = Field(default=None, description="None where the mixer left no report.")
    video_length: Fraction = Field(description="Seconds that the picture lasts.")
    audio_length: Fraction = Field(description="Seconds that the soundtrack lasts.")
    length_difference_ms: float = Field(description="Soundtrack minus picture.")
    largest_error_ms: float = Field(description="The largest of the scenes' errors and the voice's offsets, unsigned.")
    failures: tuple[CertificateFailure, ...] = ()
    holds: bool = Field(description="True where nothing failed.")

    @model_validator(mode="after")
    def _holds_where_nothing_failed(self) -> Self:
        if self.holds == bool(self.failures):
            raise ValueError("a certificate holds where nothing failed, and only there")
        return self

    @property
    def frame_ms(self) -> float:
        """How long a frame is shown, in milliseconds: the measure of every error here."""
        return float(1000 / self.fps)

    @property
    def sentence(self) -> str:
        """The proof in one line for a person to read."""
        if not self.holds:
            return f"The certificate does not hold: {self.failures[0].message}."
        return (
            f"In sync: {self.frame_count} of {self.planned_frame_count} frames, every scene and the voice"
            f" within {self.largest_error_ms:.1f} ms (a frame is {self.frame_ms:.1f} ms),"
            f" soundtrack {self.length_difference_ms:+.1f} ms against the picture."
        )
