"""What is known of a media file, as plain values. `shared/ffmpeg.py` reads them; cores decide by them."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class VideoFacts:
    """What ffprobe says of a video stream. Width and height are as stored, before rotation."""

    codec: str
    width: int
    height: int
    sample_aspect: Fraction
    average_rate: Fraction | None
    nominal_rate: Fraction | None
    pixel_format: str
    colour_matrix: str | None
    colour_range: str | None
    colour_transfer: str | None
    colour_primaries: str | None
    rotation_degrees: int
    field_order: str | None
    start_ms: int
    duration_ms: int | None
    frame_count: int | None
    alpha_beside: bool = False
    """True where a second, hidden stream holds the transparency (VP8 and VP9), so the pixel format does not show it."""


@dataclass(frozen=True)
class AudioFacts:
    """What ffprobe says of an audio stream."""

    codec: str
    sample_rate: int
    channels: int
    duration_ms: int | None


@dataclass(frozen=True)
class MediaFacts:
    """What ffprobe says of a file: its container, its length and its first video and audio streams."""

    container: str
    duration_ms: int | None
    stream_count: int
    video: VideoFacts | None
    audio: AudioFacts | None
    start_ms: int = 0
    """Where the container's own clock starts."""


@dataclass(frozen=True)
class PictureTimes:
    """When a video stream's pictures are shown, read from its packets without decoding any.

    container clock   start_ms                     last_ms
                      [ first )[ second )  ...    [  last   )
    own time          0                                     length_ms
    """

    count: int
    start_ms: int
    """The first picture, on the container's clock."""
    last_ms: int
    """The last picture, in the clip's own time, which starts with the first picture."""
    length_ms: int
    """The end of the last picture, in the clip's own time."""
    longest_ms: int
    """The longest time that one picture is shown."""
    cut_short: bool
    """True where the file declares more than it holds: an interrupted download."""
    sizes: tuple[int, ...] = ()
    """The bytes of each picture's packet, in the order in which they are shown."""


INPUT_GUARD = ("-protocol_whitelist", "file")
"""Stands before every input of ffmpeg and ffprobe: media files may name others, and both would open them."""
