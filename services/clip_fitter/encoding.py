"""How frames are encoded so that segments can be joined by copy, and what shows that a file is one of them. Pure.

A segment is joinable because all that could differ between scenes is fixed: the encoder's parameters, closed groups of
pictures, one track clock, one size, one rate, one set of colour tags.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

import ffmpeg

from services.clip_fitter.filters import Filter, strung
from services.clip_fitter.mp4_header import SegmentHeader
from shared.project import EncoderPreset, Output
from shared.segments import CODECS, track_clock


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
    settings = _lossless() if purpose is Purpose.INTERIM else _settings(output, threads)
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


SVT_PRESETS: Mapping[EncoderPreset, int] = {
    EncoderPreset.ULTRAFAST: 12,
    EncoderPreset.SUPERFAST: 11,
    EncoderPreset.VERYFAST: 10,
    EncoderPreset.FASTER: 9,
    EncoderPreset.FAST: 8,
    EncoderPreset.MEDIUM: 7,
    EncoderPreset.SLOW: 6,
    EncoderPreset.SLOWER: 5,
    EncoderPreset.VERYSLOW: 4,
}
"""SVT-AV1 counts its presets, 12 being the fastest."""


def _settings(output: Output, threads: int) -> dict[str, str | int]:
    fps, encoder = output.fps, output.encoder
    codec = CODECS[encoder.codec]
    seconds_apart = 2  # between two key frames: what players seek by
    longest = round(seconds_apart * fps)
    # Open groups are off everywhere: a segment never looks into its neighbour.
    grouped: dict[str, str | int] = {"keyint": longest, "min-keyint": max(1, round(fps)), "scenecut": 40, "open-gop": 0}
    match encoder.codec:
        case "h264":
            # x264 keeps its headers the same, whatever the pictures are.
            own: dict[str, str | int] = {"bf": 2, "x264-params": _listed({**grouped, "stitchable": 1})}
        case "h265":
            # Headers stand in the file's own header only, and do not tell with what options they were made.
            headers: dict[str, str | int] = {"repeat-headers": 0, "info": 0, "log-level": "error"}
            crew: dict[str, str | int] = {"pools": threads if threads > 1 else "none", "frame-threads": 1}
            own = {"tag:v": codec.tag, "x265-params": _listed({**grouped, "bframes": 2, **headers, **crew})}
        case "av1":
            # A refresh of type 2 is a key frame that nothing before it is needed for.
            own = {"g": longest, "svtav1-params": _listed({"irefresh-type": 2, "lp": threads})}
    preset = SVT_PRESETS[encoder.preset] if encoder.codec == "av1" else encoder.preset.value
    return {"c:v": codec.encoder, "preset": preset, "crf": encoder.crf, **own}


def _listed(parameters: Mapping[str, str | int]) -> str:
    return ":".join(f"{name}={value}" for name, value in parameters.items())


def _lossless() -> dict[str, str | int]:
    return {"c:v": CODECS["h264"].encoder, "preset": "ultrafast", "qp": 0}


def joined_tag(output: Output, purpose: Purpose) -> str:
    """How the mp4 file labels what `encode` has made for that purpose."""
    return CODECS["h264" if purpose is Purpose.INTERIM else output.encoder.codec].tag


def file_faults(output: Output, frame_count: int, header: SegmentHeader) -> list[str]:
    """In which ways a finished file is not a segment of `frame_count` frames; empty where it is."""
    clock = track_clock(output.fps)
    length_ticks = header.frame_count * clock.ticks_per_frame
    faults = {
        f"it has {header.frame_count} frames, not {frame_count}": header.frame_count == frame_count,
        f"its codec is {header.label}": header.label == CODECS[output.encoder.codec].tag,
        f"its size is {header.size}": header.size == (output.width, output.height),
        "its pixels are not 4:2:0 in 8 bits": header.is_eight_bit_420,
        f"its pixels' aspect is {header.pixel_aspect}": header.pixel_aspect == 1,
        f"its clock has {header.timescale} ticks": header.timescale == clock.timescale,
        f"its frames last {header.length_ticks} ticks, not {length_ticks}": header.length_ticks == length_ticks,
        f"its colours are {header.colours}": header.colours == BT_709,
        "its range is full": not header.has_full_range,
    }
    return [fault for fault, holds in faults.items() if not holds]


BT_709 = (1, 1, 1)


def rate_text(fps: Fraction) -> str:
    """A frame rate as ffmpeg reads it exactly: `30000/1001`."""
    return f"{fps.numerator}/{fps.denominator}"


def frame_seconds(frames: int, fps: Fraction) -> str:
    """How long so many frames last, as exact as ffmpeg's own clock for options."""
    microseconds = round(frames * 1_000_000 / fps)
    return f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"
