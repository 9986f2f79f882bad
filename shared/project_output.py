"""The picture of the finished video as the project file describes it: size, rate, encoder, presets, transitions."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from math import ceil, floor
from typing import Literal, get_args

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from shared.project_section import Section
from shared.project_values import EvenPixels, FrameRate, Misfit, TransitionLength
from shared.segments import CodecName


class EncoderPreset(StrEnum):
    """x264's presets, slower meaning smaller files of the same quality. Every codec's go by these names."""

    ULTRAFAST = "ultrafast"
    SUPERFAST = "superfast"
    VERYFAST = "veryfast"
    FASTER = "faster"
    FAST = "fast"
    MEDIUM = "medium"
    SLOW = "slow"
    SLOWER = "slower"
    VERYSLOW = "veryslow"


CRF_OF: Mapping[str, int] = {"h264": 18, "h265": 18, "av1": 20}
"""About the same quality in each codec's own measure. SSIM of 18 frames each of two of the house's clips, rain and a
quiet room, preset medium: 0.9933 and 0.9950 (H.264), 0.9907 and 0.9953 (H.265), 0.9936 and 0.9959 (AV1)."""


class Encoder(Section):
    """How the picture is encoded, once."""

    codec: CodecName = "h264"
    """`h264` plays everywhere and is the fastest; `av1` makes the smallest files."""
    preset: EncoderPreset = EncoderPreset.MEDIUM
    """Slower presets make smaller files of the same quality."""
    crf: int = Field(default=18, ge=0, le=51)
    """The quality of the picture in the codec's own measure, larger being worse: 18 looks lossless with `h264`."""

    @model_validator(mode="before")
    @classmethod
    def _the_same_quality_with_every_codec(cls, value: object) -> object:
        if not isinstance(value, dict) or "crf" in value or not isinstance(codec := value.get("codec"), str):
            return value
        return {**value, "crf": CRF_OF[codec]} if codec in CRF_OF else value


PRESETS: Mapping[str, Mapping[str, object]] = {
    "youtube-1080p": {"width": 1920, "height": 1080, "fps": 30, "loudness": -14},
    "youtube-4k": {"width": 3840, "height": 2160, "fps": 30, "loudness": -14},
    "shorts": {"width": 1080, "height": 1920, "fps": 30, "loudness": -14},
    "reels": {"width": 1080, "height": 1920, "fps": 30, "loudness": -14},
    "portrait": {"width": 1080, "height": 1350, "fps": 30, "loudness": -14},
    "square": {"width": 1080, "height": 1080, "fps": 30, "loudness": -14},
    "draft": {"width": 640, "height": 360, "fps": 24, "encoder": {"preset": "ultrafast", "crf": 30}},
}
"""What each preset sets. `portrait` is 4:5, a feed's tallest."""

MARGINS: Mapping[str, tuple[Fraction, Fraction, Fraction, Fraction]] = {
    "shorts": (Fraction(15, 100), Fraction(18, 100), Fraction(35, 100), Fraction(5, 100)),
    "reels": (Fraction(14, 100), Fraction(6, 100), Fraction(35, 100), Fraction(6, 100)),
}
"""What the apps cover of the picture with names, captions and buttons: shares from the top, right, bottom and left.

`reels`: Meta's advice to advertisers, 14 % at the top, 35 % at the bottom, 6 % at the sides. `shorts`: what is told as
Google's advice to advertisers, 288, 192, 672 and 48 of 1080x1920 pixels, rounded up. Both apps change: no promise.
"""

OTHER_MARGINS = (Fraction(5, 100),) * 4
"""Everywhere else, the graphics safe area of television, 5 % on each side (EBU R 95)."""


@dataclass(frozen=True)
class SafeArea:
    """The part of the picture that nothing covers, in pixels from its upper left corner."""

    left: int
    top: int
    width: int
    height: int


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

    @property
    def safe_area(self) -> SafeArea:
        """Where text and faces belong, so that no app's own writing covers them."""
        top, right, bottom, left = MARGINS.get(self.preset or "", OTHER_MARGINS)
        first = (ceil(left * self.width), ceil(top * self.height))
        last = (floor((1 - right) * self.width), floor((1 - bottom) * self.height))
        return SafeArea(*first, last[0] - first[0], last[1] - first[1])


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
        word = {"enum": list(get_args(TransitionKind)), "description": "The kind alone."}
        return {"description": keys.pop("description"), "anyOf": [word, keys]}


def transition_after_the_last(scene_count: int, *, written: bool) -> Misfit | None:
    """What is wrong where the last of `scene_count` scenes has a transition written: there is nothing to go on to."""
    if not written:
        return None
    reason = "The last scene has a `transition`, but no scene follows it."
    return Misfit(reason, "Remove it.", place=("scenes", scene_count - 1, "transition"))
