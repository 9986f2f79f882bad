"""The picture of the finished video as the project file describes it: size, rate, encoder, presets, transitions."""

from collections.abc import Mapping
from enum import StrEnum
from fractions import Fraction
from typing import Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared.project_section import Section
from shared.project_values import EvenPixels, FrameRate, Misfit, TransitionLength


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
    """Slower presets make smaller files of the same quality."""
    crf: int = Field(default=18, ge=0, le=40)
    """The quality of the picture: 18 looks lossless, 23 is small, larger is worse."""


PRESETS: Mapping[str, Mapping[str, object]] = {
    "youtube-1080p": {"width": 1920, "height": 1080, "fps": 30},
    "youtube-4k": {"width": 3840, "height": 2160, "fps": 30},
    "shorts": {"width": 1080, "height": 1920, "fps": 30},
    "reels": {"width": 1080, "height": 1920, "fps": 30},
    "portrait": {"width": 1080, "height": 1350, "fps": 30},
    "square": {"width": 1080, "height": 1080, "fps": 30},
    "draft": {"width": 640, "height": 360, "fps": 24, "encoder": {"preset": "ultrafast", "crf": 30}},
}
"""What each preset sets; all others play at -14 LUFS, which is the default. `portrait` is 4:5, a feed's tallest."""


class Output(Section):
    """What the finished video is like."""

    preset: Literal["youtube-1080p", "youtube-4k", "shorts", "reels", "portrait", "square", "draft"] | None = None
    """Sets size, rate and encoder for where the video is published, or for a quick look; keys that are written win."""
    width: EvenPixels = 1920
    """The width of the picture in pixels, an even number."""
    height: EvenPixels = 1080
    """The height of the picture in pixels, an even number."""
    fps: FrameRate = Fraction(30)
    """Frames per second: 24, 25, 30, 30000/1001, ... (29.97 is read as 30000/1001)."""
    encoder: Encoder = Encoder()
    """How the picture is encoded."""
    loudness: int = Field(default=-14, ge=-31, le=-9)
    """How loud the finished soundtrack is, in LUFS (EBU R128); -14 is what the large platforms play at."""
    stems: bool = False
    """Keep the soundtrack's layers (voice, music, mix) as WAV files too."""

    @model_validator(mode="before")
    @classmethod
    def _written_keys_outweigh_the_preset(cls, value: object) -> object:
        if not isinstance(value, dict) or not isinstance(name := value.get("preset"), str) or name not in PRESETS:
            return value
        preset, written = PRESETS[name], value.get("encoder")
        own = preset.get("encoder")
        encoder = {"encoder": {**own, **written}} if isinstance(own, dict) and isinstance(written, dict) else {}
        return {**preset, **value, **encoder}


TransitionKind = Literal["cut", "dissolve", "fade", "wipe"]
"""How a scene gives way to the next: at once, by mixing both, through black, or behind a moving edge."""


class Transition(Section):
    """How a scene gives way to the next. In the file it is the kind alone, or a group of keys."""

    kind: TransitionKind
    """A plain `cut`; both pictures mixed (`dissolve`); a `fade` through black; a `wipe` from the left to the right."""
    length_ms: TransitionLength = Field(default=500, alias="length")
    """How long both scenes are seen, half of it on each side of the cut: milliseconds, or `400ms`, `1.5s`."""

    @model_validator(mode="before")
    @classmethod
    def _a_word_is_a_kind(cls, value: object) -> object:
        return {"kind": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        keys = handler.resolve_ref_schema(handler(core_schema))
        word = {"enum": ["cut", "dissolve", "fade", "wipe"], "description": "The kind alone."}
        return {"description": keys.pop("description"), "anyOf": [word, keys]}


def transition_after_the_last(scene_count: int, *, written: bool) -> Misfit | None:
    """What is wrong where the last of `scene_count` scenes has a transition written: there is nothing to go on to."""
    if not written:
        return None
    reason = "The last scene has a `transition`, but no scene follows it."
    return Misfit(reason, "Remove it.", place=("scenes", scene_count - 1, "transition"))
