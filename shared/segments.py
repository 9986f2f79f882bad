"""What every segment of a project has in common, so that the assembler may join them by stream copy."""

from dataclasses import dataclass
from fractions import Fraction

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
