"""The project file: one video to be made, as its author writes it. Pydantic models and the published JSON Schema.

Reading a file, with errors that name the line, is `shared/project_file.py`.
"""

from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from shared.assets import Asset


class Section(BaseModel):
    """A part of the project file. Frozen, and unknown keys are refused: a typo must not become a silent default."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


def _rate(value: object) -> object:
    """Read `24`, `29.97`, `"30000/1001"`; the broadcast rates that people write as decimals become exact."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        return value
    try:
        rate = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{value!r} is not a frame rate; write 24, 25, 30 or 30000/1001") from None
    exact = {
        Fraction("23.976"): Fraction(24000, 1001),
        Fraction("23.98"): Fraction(24000, 1001),
        Fraction("29.97"): Fraction(30000, 1001),
        Fraction("59.94"): Fraction(60000, 1001),
    }
    rate = exact.get(rate, rate)
    # 240 fps is the fastest rate that H.264 level 5.2 allows at 1280x720; a clip model's highest is 60.
    if not 1 <= rate <= 240:
        raise ValueError(f"a frame rate lies between 1 and 240, not {value}; 24, 25 and 30 are usual")
    return rate


FrameRate = Annotated[
    Fraction,
    BeforeValidator(_rate),
    PlainSerializer(str, return_type=str),
    WithJsonSchema({"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\d+(/\d+)?$"}]}),
]

EvenPixels = Annotated[int, Field(ge=16, le=7680, multiple_of=2)]


class EncoderPreset(StrEnum):
    """x264's presets, slower meaning smaller files of the same quality."""

    ULTRAFAST = "ultrafast"
    SUPERFAST = "superfast"
    VERYFAST = "veryfast"
    FASTER = "faster"
    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"
    SLOWER = "slower"
    VERYSLOW = "veryslow"


class Encoder(Section):
    """How the picture is encoded, once, to H.264."""

    preset: EncoderPreset = EncoderPreset.MEDIUM
    """Slower presets make smaller files."""
    crf: int = Field(default=18, ge=0, le=40)
    """Quality: 18 is visually lossless, 23 is small."""


class Output(Section):
    """What the finished video is like."""

    width: EvenPixels = 1920
    height: EvenPixels = 1080
    fps: FrameRate = Fraction(30)
    """Frames per second: 24, 25, 30, 30000/1001, ..."""
    encoder: Encoder = Encoder()
    loudness: int = Field(default=-14, ge=-31, le=-9)
    """Integrated loudness of the finished soundtrack in LUFS (EBU R128); -14 is what the large platforms play at."""


class Voice(Section):
    """Who speaks. `recorded` uses your own file: here for one file that holds all scenes, or in each scene."""

    engine: Literal["espeak", "recorded"] = "espeak"
    name: str = Field(default="en-us", pattern=r"^[A-Za-z0-9_+-]{1,40}$")
    """The engine's name for the voice, e.g. `en-us`, `en-gb`, `en-us+f3`."""
    words_per_minute: int = Field(default=160, ge=80, le=300)
    file: str | None = None
    """Your own recording of the whole script (`engine: recorded`)."""


class Words(Section):
    """How the words are timed."""

    engine: Literal["pocketsphinx"] = "pocketsphinx"


class Scene(Section):
    """One scene: what is said, what is shown, and the silence after it."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")
    narration: str = Field(min_length=1, max_length=20_000)
    """What the voice says: plain text, or text with <break>, <prosody rate>, <p>, <s>, <sub>, <say-as>."""
    clips: tuple[str, ...] = Field(min_length=1, max_length=1)
    """The footage: one file path, relative to the project file."""
    pause_after_ms: int = Field(default=400, ge=0, le=60_000)
    """Silence after the narration, in milliseconds, where Lockstep records the voice."""
    recording: str | None = None
    """Your own recording of this scene (`engine: recorded`)."""


class Ducking(Section):
    """How the music makes room for the words. Milliseconds and decibels."""

    depth_db: float = Field(default=-16, ge=-60, le=0)
    """How far the bed is lowered under words."""
    pause_db: float = Field(default=-6, ge=-60, le=0)
    """How far it is lowered in the pauses between words."""
    merge_gap_ms: int = Field(default=700, ge=0, le=10_000)
    """Gaps shorter than this do not let the music back up."""
    lead_ms: int = Field(default=100, ge=0, le=5_000)
    """The bed is all the way down this long before the first word."""
    attack_ms: int = Field(default=300, ge=10, le=10_000)
    hold_ms: int = Field(default=250, ge=0, le=10_000)
    release_ms: int = Field(default=900, ge=10, le=20_000)


class Music(Section):
    """The bed under the voice."""

    file: str
    gain_db: float = Field(default=0, ge=-60, le=24)
    """Added to the levelled bed."""
    ducking: Ducking = Ducking()
    crossfade_ms: int = Field(default=2_000, ge=50, le=20_000)
    """Where a bed shorter than the voiceover is looped, its end and its start overlap this long."""
    fade_out_ms: int = Field(default=3_000, ge=0, le=30_000)


class Fit(Section):
    """How a clip may be changed to fill its window."""

    slowest: float = Field(default=0.85, ge=0.8, le=1)
    """The lowest speed, as a fraction of the source's own."""
    fastest: float = Field(default=1.15, ge=1, le=1.25)
    fill: Literal["boomerang", "hold"] = "boomerang"
    """What fills a window when the slowed clip is still too short."""
    frame: Literal["cover", "contain"] = "cover"
    """Crop the picture to the output's shape, or show all of it between bars."""


class Project(Section):
    """One video to be made."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")
    """Names the video and its file: small letters, digits and dashes."""
    output: Output = Output()
    voice: Voice = Voice()
    words: Words = Words()
    fit: Fit = Fit()
    music: Music | None = None
    scenes: tuple[Scene, ...] = Field(min_length=1, max_length=2_000)

    @field_validator("scenes")
    @classmethod
    def _scene_ids_are_unique(cls, scenes: tuple[Scene, ...]) -> tuple[Scene, ...]:
        seen: set[str] = set()
        for scene in scenes:
            if scene.id in seen:
                raise ValueError(f"two scenes have the id {scene.id!r}; give each its own")
            seen.add(scene.id)
        return scenes

    @model_validator(mode="after")
    def _recordings_fit_the_voice(self) -> "Project":
        per_scene = [scene.id for scene in self.scenes if scene.recording is not None]
        if self.voice.engine != "recorded":
            if self.voice.file is not None or per_scene:
                raise ValueError(
                    "a recording is named, but the voice's engine is not `recorded`; write `engine: recorded`"
                )
            return self
        if (self.voice.file is None) == (not per_scene):
            raise ValueError(
                "the voice `recorded` takes one `file` under `voice`, or a `recording` in every scene, not both"
            )
        if per_scene and len(per_scene) != len(self.scenes):
            missing = next(scene.id for scene in self.scenes if scene.recording is None)
            raise ValueError(f"scene {missing!r} has no `recording`, but others have; record every scene or none")
        return self


class SubmittedProject(BaseModel):
    """A project whose files are in the store: the document that `project.submitted` points to."""

    model_config = ConfigDict(frozen=True)

    project: Project
    sources: dict[str, Asset]
    """By the path that the project file names."""

    def source(self, path: str) -> Asset:
        """The stored source for a path of the project file."""
        return self.sources[path]
