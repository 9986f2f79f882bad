"""How frames are encoded so that segments can be joined by copy, and what shows that a file is one of them. Pure.

A segment is joinable because all that could differ between scenes is fixed: the encoder's parameters, closed groups of
pictures, one track clock, one size, one rate, one set of colour tags.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import ffmpeg

from services.clip_fitter.filters import Filter, strung
from shared.media import MediaFacts, PictureTimes
from shared.project import Output
from shared.segments import track_clock


@dataclass(frozen=True)
class Stretch:
    """A run of frames, `first` inclusive and `end` exclusive."""

    first: int
    end: int

    @property
    def length(self) -> int:
        """How many frames it has."""
        return self.end - self.first

    def within(self, other: "Stretch") -> "Stretch | None":
        """The frames that both have, counted from the other's first; None where there are none.

        this         [      )
        other   [        )
        answer  0    [   )
        """
        first, end = max(self.first, other.first), min(self.end, other.end)
        return Stretch(first - other.first, end - other.first) if first < end else None


class Purpose(StrEnum):
    """What frames are encoded for."""

    FINAL = "final"
    """To be seen: with the project's settings, once."""
    INTERIM = "interim"
    """To be mixed into a transition: without any loss, since they are encoded once more."""


@dataclass(frozen=True)
class Encode:
    """One call of ffmpeg that encodes `frame_count` frames into `target`."""

    arguments: tuple[str, ...]
    frame_count: int
    target: str


def encode(
    stream: Any, shown: Stretch, *, target: str, output: Output, threads: int, purpose: Purpose = Purpose.FINAL
) -> Encode:
    """The call that encodes those frames of the stream that are `shown`, each exactly on its place of the grid."""
    fps = output.fps
    cut = {"start_frame": shown.first} if shown.first else {}
    stamped = [
        Filter("trim", {**cut, "end_frame": shown.end}),
        Filter("settb", {"expr": f"{fps.denominator}/{fps.numerator}"}),
        Filter("setpts", {"expr": "N"}),
    ]
    settings = _lossless() if purpose is Purpose.INTERIM else _settings(output)
    options = {
        **settings,
        "frames:v": shown.length,
        "r": rate_text(fps),
        "threads": threads,
        "pix_fmt": "yuv420p",
        "video_track_timescale": track_clock(fps).timescale,
        "map_metadata": -1,
        "f": "mp4",
    }
    call = ffmpeg.output(strung(stream, stamped), target, **options)
    before = ("-v", "error", "-xerror", "-filter_complex_threads", str(threads))
    return Encode((*before, *ffmpeg.get_args(call)), shown.length, target)


def _settings(output: Output) -> dict[str, str | int]:
    fps, encoder = output.fps, output.encoder
    seconds_apart = 2  # between two key frames: what players seek by
    parameters = {
        "keyint": round(seconds_apart * fps),
        "min-keyint": max(1, round(fps)),
        "scenecut": 40,
        "open-gop": 0,  # a segment never looks into its neighbour
        "stitchable": 1,  # x264 keeps its headers the same, whatever the pictures are
    }
    return {
        "c:v": "libx264",
        "preset": encoder.preset.value,
        "crf": encoder.crf,
        "bf": 2,
        "x264-params": ":".join(f"{name}={value}" for name, value in parameters.items()),
    }


def _lossless() -> dict[str, str | int]:
    return {"c:v": "libx264", "preset": "ultrafast", "qp": 0}


def file_faults(output: Output, frame_count: int, media: MediaFacts, pictures: PictureTimes | None) -> list[str]:
    """In which ways a finished file is not a segment of `frame_count` frames; empty where it is."""
    video = media.video
    if video is None or pictures is None:
        return ["it holds no pictures"]
    tags = (video.colour_matrix, video.colour_transfer, video.colour_primaries, video.colour_range)
    faults = {
        f"it has {pictures.count} frames, not {frame_count}": pictures.count == frame_count,
        f"its codec is {video.codec}": video.codec == "h264",
        f"its size is {video.width}x{video.height}": (video.width, video.height) == (output.width, output.height),
        f"its pixels are {video.pixel_format}": video.pixel_format == "yuv420p",
        f"its pixels' aspect is {video.sample_aspect}": video.sample_aspect == 1,
        f"its rate is {video.nominal_rate}": video.nominal_rate == output.fps or pictures.count == 1,
        f"its colour tags are {tags}": tags == ("bt709", "bt709", "bt709", "tv"),
    }
    return [fault for fault, holds in faults.items() if not holds]


def rate_text(fps: Fraction) -> str:
    """A frame rate as ffmpeg reads it exactly: `30000/1001`."""
    return f"{fps.numerator}/{fps.denominator}"


def frame_seconds(frames: int, fps: Fraction) -> str:
    """How long so many frames last, as exact as ffmpeg's own clock for options."""
    microseconds = round(frames * 1_000_000 / fps)
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"
