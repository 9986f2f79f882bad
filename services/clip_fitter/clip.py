"""What a clip is, and which clips are refused before anything is decoded. Pure."""

import re
from dataclasses import dataclass

from shared.errors import Unrecoverable
from shared.media import MediaFacts, PictureTimes, VideoFacts

CONTAINERS = "mov,matroska,mpegts,avi,gif,apng,png_pipe,jpeg_pipe,webp_pipe"
"""Containers that name no other file. A playlist or a concat script called `clip.mp4` would be opened without this list
and could read whatever lies beside it."""

DECODERS = (
    "h264,hevc,vp8,libvpx,vp9,libvpx-vp9,av1,libdav1d,libaom-av1,mpeg4,mpeg2video,prores,dnxhd,ffv1,qtrle,mjpeg,png,apng,gif,webp,"
    # ffprobe opens a decoder for every stream, so sound and captions that are not used have to be named too.
    "aac,aac_latm,ac3,eac3,alac,flac,mp2,mp2float,mp3,mp3float,opus,libopus,vorbis,libvorbis,"
    "pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_f32le,pcm_u8,pcm_mulaw,pcm_alaw,"
    "mov_text,subrip,srt,ass,ssa,webvtt,cc_dec"
)


@dataclass(frozen=True)
class ClipLimits:
    """What a clip may be at most. Anything beyond is a mistake or an attack, not footage."""

    pixels: int
    streams: int
    length_ms: int
    picture_ms: int
    """The longest that one picture may be shown: a few kilobytes can claim ten days of frames."""
    animation_pictures: int
    """Of an animated WebP, whose pictures are unpacked one by one."""

    def guard(self) -> tuple[str, ...]:
        """The options that stand before a clip wherever ffmpeg or ffprobe opens one."""
        return (
            *("-protocol_whitelist", "file"),
            *("-format_whitelist", CONTAINERS),
            *("-codec_whitelist", DECODERS),
            *("-max_pixels", str(self.pixels)),
            *("-max_streams", str(self.streams)),
        )


@dataclass(frozen=True)
class Clip:
    """Source footage that was found fit to use: its video stream and when its pictures are shown."""

    video: VideoFacts
    pictures: PictureTimes
    container_start_ms: int
    is_indexed: bool = False
    """True where ffmpeg can jump to any of its pictures without reading those before it."""

    @property
    def is_still(self) -> bool:
        """True for a photograph, and for a video of a single picture."""
        return self.pictures.count == 1

    @property
    def length_ms(self) -> int:
        """The clip's own length; 0 for a still picture, which has none."""
        return 0 if self.is_still else self.pictures.length_ms


ANOTHER_CLIP = "Put a video file (mp4, mov, mkv or webm) or a picture there."
DOWNLOAD_AGAIN = "Download or export the clip again."
ANOTHER_FORM = "Save it as a video (mp4, mov, mkv or webm)."
SMALLER = "Make the clip smaller, for example 1920x1080."


def is_unread_webp(media: MediaFacts) -> bool:
    """True for a WebP of which ffmpeg sees nothing: it leaves out all that is animated, and then nothing remains."""
    return media.video is not None and media.video.codec == "webp" and media.video.width <= 0


def read_clip(media: MediaFacts, pictures: PictureTimes | None, limits: ClipLimits) -> Clip:
    """The clip that was probed. Raises `Unrecoverable` for anything that is no footage or is beyond the limits."""
    video = media.video
    if video is None:
        raise Unrecoverable("The clip has no picture, only sound or nothing at all.", remedy=ANOTHER_CLIP)
    if media.stream_count > limits.streams:
        raise Unrecoverable(
            f"The clip has {media.stream_count} streams, and more than {limits.streams} are not footage.",
            remedy=ANOTHER_CLIP,
        )
    if video.width <= 0 or video.height <= 0:
        raise Unrecoverable(
            f"The clip's picture has no readable size, or more than {limits.pixels // 1_000_000} million pixels.",
            remedy=SMALLER,
        )
    if video.width * video.height > limits.pixels:
        raise Unrecoverable(
            f"The clip is {video.width}x{video.height}, more than {limits.pixels // 1_000_000} million pixels.",
            remedy=SMALLER,
        )
    if pictures is None:
        raise Unrecoverable("The clip holds no pictures: it is empty or was cut off.", remedy=DOWNLOAD_AGAIN)
    if pictures.cut_short:
        declared = f" of {media.duration_ms / 1000:.2f} s" if media.duration_ms else ""
        raise Unrecoverable(
            f"The clip is cut off: only {pictures.length_ms / 1000:.2f} s{declared} are in the file.",
            remedy=DOWNLOAD_AGAIN,
        )
    if pictures.longest_ms > limits.picture_ms:
        raise Unrecoverable(
            f"The clip shows one picture for {pictures.longest_ms / 1000:.0f} s, which no footage does.",
            remedy="Use the picture itself as a still, or export the clip again at a steady frame rate.",
        )
    if pictures.length_ms > limits.length_ms:
        raise Unrecoverable(
            f"The clip is {pictures.length_ms / 1000:.0f} s long; at most {limits.length_ms // 1000} s can be used.",
            remedy="Cut the part that you need into a file of its own.",
        )
    if pictures.count > 1 and pictures.length_ms <= 0:
        raise Unrecoverable("The clip's pictures all claim the same time.", remedy=DOWNLOAD_AGAIN)
    is_indexed = media.container.startswith(("mov,", "matroska,"))
    return Clip(video=video, pictures=pictures, container_start_ms=media.start_ms, is_indexed=is_indexed)


def usable_ms(clip: Clip, in_ms: int | None) -> int:
    """How much of a clip may be shown where the project says from where on; 0 for a still picture.

    Raises `Unrecoverable` where the clip has ended before.
    """
    if clip.is_still or in_ms is None:
        return clip.length_ms
    if in_ms >= clip.pictures.last_ms:
        raise Unrecoverable(
            f"The clip is {clip.length_ms / 1000:.2f} s long and is to be shown from {in_ms / 1000:.2f} s on.",
            remedy="Write an earlier `in`, or remove it.",
        )
    return clip.length_ms - in_ms


def unreadable_clip(complaints: str) -> Unrecoverable:
    """The failure for a file that ffprobe or ffmpeg refused; `complaints` is what it printed."""
    if "not on whitelist" in complaints:
        return Unrecoverable(
            "The clip is not footage but a playlist, a script or an unusual format, and such files are not opened.",
            remedy=ANOTHER_CLIP,
        )
    if "max_streams" in complaints:
        return Unrecoverable("The clip has far too many streams to be footage.", remedy=ANOTHER_CLIP)
    if "max pixel count" in complaints:
        return Unrecoverable("The clip's picture has far too many pixels.", remedy=SMALLER)
    lines = [line.strip() for line in complaints.splitlines() if line.strip()] or ["no reason was given"]
    # "[mov @ 0x55c7802] moov atom not found": the address says nothing to anybody.
    cause = re.sub(r"\[[^\]]* @ 0x[0-9a-f]+\]\s*", "", lines[-1])[:200].rstrip(".")
    return Unrecoverable(f"The clip cannot be read as a video ({cause}).", remedy=DOWNLOAD_AGAIN)


def unreadable_webp(cause: str) -> Unrecoverable:
    """The failure for an animated WebP that was not unpacked; `cause` says why."""
    return Unrecoverable(f"The clip is a WebP that cannot be read ({cause.rstrip('.')}).", remedy=ANOTHER_FORM)


def empty_clip() -> Unrecoverable:
    """The failure for a file of 0 bytes."""
    return Unrecoverable("The clip is empty: a file of 0 bytes.", remedy=DOWNLOAD_AGAIN)
