"""What every segment of a project has in common, so that the assembler may join them by stream copy."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

CodecName = Literal["h264", "h265", "av1"]
"""What a project calls the codecs that its picture can be encoded with."""


@dataclass(frozen=True)
class Codec:
    """How ffmpeg names what makes a codec, what comes out of it, and how an mp4 file must label that."""

    encoder: str
    stream: str
    tag: str
    """Its sample entry. Apple's players want H.265's parameter sets in the header, which `hvc1` promises."""


CODECS: Mapping[CodecName, Codec] = {
    "h264": Codec("libx264", "h264", "avc1"),
    "h265": Codec("libx265", "hevc", "hvc1"),
    "av1": Codec("libsvtav1", "av1", "av01"),
}


def tag_of(stream: str) -> str:
    """The mp4 label of a codec that ffmpeg calls `stream`. Raises `LookupError` for one that no segment has."""
    tags = {codec.stream: codec.tag for codec in CODECS.values()}
    return tags[stream]


LARGEST_TIMESCALE = 2**31 - 1
"""mp4 keeps a track's ticks per second in 32 bits (ISO/IEC 14496-12, `mdhd`); ffmpeg reads them as a signed number."""


@dataclass(frozen=True)
class TrackClock:
    """The clock of a video track: `timescale` ticks a second, of which a frame lasts a whole number."""

    timescale: int
    ticks_per_frame: int

    def ticks_at(self, frame: int) -> int:
        """The tick at which `frame` starts, exact at any rate and any length."""
        return frame * self.ticks_per_frame


def track_clock(fps: Fraction) -> TrackClock:
    """The clock of all segments at `fps` and of the video that they are joined to.

    24 -> 12288 ticks a second, 512 a frame; 30000/1001 -> 30000 and 1001. The numerator is doubled until a second has
    at least 10,000 ticks, which is what ffmpeg's own mp4 writer does (libavformat/movenc.c), so that both agree.
    Raises `ValueError` for a rate so crooked that a second has too many ticks for an mp4 file.
    """
    if fps <= 0:
        raise ValueError("a frame rate must be above 0")
    timescale, ticks_per_frame = fps.numerator, fps.denominator
    while timescale < 10_000:
        timescale, ticks_per_frame = timescale * 2, ticks_per_frame * 2
    if timescale > LARGEST_TIMESCALE:
        raise ValueError(f"{fps} frames a second cannot be written to an mp4 file; write 24, 25, 30 or 30000/1001")
    return TrackClock(timescale, ticks_per_frame)
