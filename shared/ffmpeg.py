"""Runs ffmpeg and ffprobe as child processes: time limits, progress, and errors that name the cause.

What to run is a value that a core decides; this module only runs it.
"""

import asyncio
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from shared.child import child_process, end_of, last_line
from shared.media import INPUT_GUARD, AudioFacts, MediaFacts, PictureTimes, VideoFacts
from shared.telemetry_stages import staged

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS",
    "INPUT_GUARD",
    "AudioFacts",
    "FfmpegError",
    "MediaFacts",
    "PictureTimes",
    "VideoFacts",
    "media_facts",
    "picture_times",
    "probe_media",
    "probe_pictures",
    "run_ffmpeg",
    "run_ffprobe",
    "stream_ffprobe_lines",
]

DEFAULT_TIMEOUT_SECONDS = 900.0

OUTPUT_LIMIT_BYTES = 128 * 1024 * 1024
"""ffprobe prints about 120 bytes a packet: a million packets fit, and a file that would fill the memory does not."""


class FfmpegError(Exception):
    """ffmpeg or ffprobe refused: `cause` is the last line that it printed, `complaints` all of them or their end.

    A negative `exit_code` is the signal that ended it: then the input is not to blame.
    """

    def __init__(self, program: str, exit_code: int, complaints: str) -> None:
        self.cause = last_line(complaints)
        super().__init__(f"{program} stopped with exit code {exit_code}: {self.cause}")
        self.exit_code = exit_code
        self.complaints = complaints


@staged("ffmpeg")
async def run_ffmpeg(
    arguments: Sequence[str],
    *,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    on_progress: Callable[[int], None] | None = None,
) -> str:
    """Run `ffmpeg <arguments>` to its end and return the end of what it printed on standard error.

    `on_progress` is told the output time reached, in milliseconds. Raises `FfmpegError` when ffmpeg refuses and
    `TimeoutError` past the limit. A cancelled caller kills the child.
    """
    command = ("ffmpeg", "-nostdin", "-hide_banner", "-nostats", "-y", "-progress", "pipe:1", *arguments)

    async def follow(stream: asyncio.StreamReader) -> None:
        async for line in stream:
            name, _, value = line.decode(errors="replace").strip().partition("=")
            if name == "out_time_us" and value.lstrip("-").isdigit() and on_progress is not None:
                on_progress(max(0, int(value)) // 1000)

    async with child_process(command, timeout_seconds) as (process, output, errors):
        _, text, exit_code = await asyncio.gather(follow(output), end_of(errors), process.wait())
    if exit_code != 0:
        raise FfmpegError("ffmpeg", exit_code, text)
    return text


async def run_ffprobe(arguments: Sequence[str], *, timeout_seconds: float = 30.0) -> str:
    """Run `ffprobe <arguments>` and return its standard output. Raises `FfmpegError` and `TimeoutError`."""
    output, _ = await _run_ffprobe(arguments, timeout_seconds)
    return output


@staged("probe")
async def stream_ffprobe_lines(
    arguments: Sequence[str], on_line: Callable[[str], None], *, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
) -> None:
    """Run `ffprobe <arguments>` and hand over each line that it prints, so that no long report fills the memory.

    Raises `FfmpegError` and `TimeoutError`.
    """

    async def follow(stream: asyncio.StreamReader) -> None:
        rest = b""
        while block := await stream.read(65_536):  # a readline for each of 280,000 lines costs a second
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                on_line(line.decode(errors="replace"))
        if rest:
            on_line(rest.decode(errors="replace"))

    async with child_process(("ffprobe", "-hide_banner", *arguments), timeout_seconds) as (process, output, errors):
        _, complaints, exit_code = await asyncio.gather(follow(output), end_of(errors), process.wait())
    if exit_code != 0:
        raise FfmpegError("ffprobe", exit_code, complaints)


@staged("probe")
async def _run_ffprobe(arguments: Sequence[str], timeout_seconds: float) -> tuple[str, str]:
    async with child_process(("ffprobe", "-hide_banner", *arguments), timeout_seconds) as (process, output, errors):
        text, complaints, exit_code = await asyncio.gather(_all_of(output), end_of(errors), process.wait())
    if exit_code != 0:
        raise FfmpegError("ffprobe", exit_code, complaints)
    return text, complaints


async def _all_of(stream: asyncio.StreamReader) -> str:
    kept = bytearray()
    while block := await stream.read(65_536):
        kept += block
        if len(kept) > OUTPUT_LIMIT_BYTES:
            raise FfmpegError("ffprobe", 1, f"it printed more than {OUTPUT_LIMIT_BYTES} bytes")
    return kept.decode(errors="replace")


class _Tolerant(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _SideData(_Tolerant):
    rotation: float | None = None


class _Stream(_Tolerant):
    codec_type: str = ""
    codec_name: str = ""
    width: int = 0
    height: int = 0
    sample_aspect_ratio: str = ""
    avg_frame_rate: str = ""
    r_frame_rate: str = ""
    pix_fmt: str = ""
    color_space: str | None = None
    color_range: str | None = None
    color_transfer: str | None = None
    color_primaries: str | None = None
    field_order: str | None = None
    start_time: str | None = None
    duration: str | None = None
    nb_frames: str | None = None
    sample_rate: str = "0"
    channels: int = 0
    side_data_list: list[_SideData] = Field(default_factory=list)
    disposition: dict[str, int] = Field(default_factory=dict)
    tags: dict[str, str] = Field(default_factory=dict)


class _Format(_Tolerant):
    format_name: str = ""
    duration: str | None = None
    start_time: str | None = None
    nb_streams: int = 0


class _Packet(_Tolerant):
    pts_time: str | None = None
    dts_time: str | None = None
    duration_time: str | None = None
    size: int = 0
    flags: str = ""

    @property
    def shown_at(self) -> Fraction | None:
        return _seconds(self.pts_time) if self.pts_time is not None else _seconds(self.dts_time)


class _Report(_Tolerant):
    streams: list[_Stream] = Field(default_factory=list)
    format: _Format = _Format()
    packets: list[_Packet] = Field(default_factory=list)


async def probe_media(path: Path, *, guard: Sequence[str] = INPUT_GUARD, timeout_seconds: float = 30.0) -> MediaFacts:
    """The facts of a media file. Reads headers, decodes nothing. Raises `FfmpegError` when it is not media."""
    text = await run_ffprobe(
        ["-v", "error", *guard, "-show_format", "-show_streams", "-of", "json", "-i", str(path)],
        timeout_seconds=timeout_seconds,
    )
    return media_facts(text)


async def probe_pictures(
    path: Path, *, guard: Sequence[str] = INPUT_GUARD, most_packets: int = 500_000, timeout_seconds: float = 60.0
) -> tuple[MediaFacts, PictureTimes | None]:
    """The facts of a media file's first video stream and when its pictures are shown; no times without pictures.

    One ffprobe run, since starting it costs as much as the reading. Reads packets, decodes nothing, and stops after
    `most_packets`. The facts hold no audio. Raises `FfmpegError` when the file is not media.
    """
    arguments = [
        *("-v", "error", *guard),
        *("-select_streams", "V:0", "-read_intervals", f"%+#{most_packets}"),
        *("-show_format", "-show_streams", "-show_entries", "packet=pts_time,dts_time,duration_time,size,flags"),
        *("-of", "json", "-i", str(path)),
    ]
    text, complaints = await _run_ffprobe(arguments, timeout_seconds)
    report = _Report.model_validate_json(text)
    return _facts(report), _times(report, complaints)


def media_facts(report_json: str) -> MediaFacts:
    """The facts in ffprobe's JSON report."""
    return _facts(_Report.model_validate_json(report_json))


def _facts(report: _Report) -> MediaFacts:
    # A song's cover picture is a video stream by name only.
    videos = [s for s in report.streams if s.codec_type == "video" and not s.disposition.get("attached_pic")]
    audios = [s for s in report.streams if s.codec_type == "audio"]
    return MediaFacts(
        container=report.format.format_name,
        duration_ms=_milliseconds(report.format.duration),
        stream_count=report.format.nb_streams,
        video=_video_facts(videos[0]) if videos else None,
        audio=_audio_facts(audios[0]) if audios else None,
        start_ms=_milliseconds(report.format.start_time) or 0,
    )


def picture_times(report_json: str, complaints: str = "") -> PictureTimes | None:
    """When the pictures of the one video stream in ffprobe's JSON report are shown; None where there are none.

    `complaints` is what ffprobe printed beside the report: it says there when a file ends in the middle of a packet.
    """
    return _times(_Report.model_validate_json(report_json), complaints)


def _times(report: _Report, complaints: str) -> PictureTimes | None:
    # A packet that is flagged D is decoded but not shown: an edit list starts behind it.
    shown = [
        (at, packet) for packet in report.packets if "D" not in packet.flags and (at := packet.shown_at) is not None
    ]
    if not shown or not report.streams:
        return None
    shown.sort(key=lambda pair: pair[0])
    starts = [at for at, _ in shown]
    lengths = [later - earlier for earlier, later in pairwise(starts)]
    last_length = _seconds(shown[-1][1].duration_time) or (
        sorted(lengths)[len(lengths) // 2] if lengths else Fraction(0)
    )
    end = starts[-1] + last_length
    declared = _declared_end(report.streams[0], report.format, starts[0])
    return PictureTimes(
        count=len(shown),
        start_ms=round(starts[0] * 1000),
        last_ms=round((starts[-1] - starts[0]) * 1000),
        length_ms=round((end - starts[0]) * 1000),
        longest_ms=round(max(*lengths, last_length) * 1000) if lengths else round(last_length * 1000),
        cut_short="partial file" in complaints
        or "ended prematurely" in complaints
        or (declared is not None and declared - end > Fraction(1, 2)),
        sizes=tuple(packet.size for _, packet in shown),
    )


def _declared_end(stream: _Stream, container: _Format, start: Fraction) -> Fraction | None:
    """Where the file says that its pictures end, in seconds on the container's clock; None where it does not say."""
    whole = _seconds(container.duration)
    if (length := _seconds(stream.duration)) is not None:
        # An edit list shortens the container's length, a longer sound track lengthens it: the smaller of the two holds.
        return start + (length if whole is None else min(length, whole))
    if (clock := stream.tags.get("DURATION")) is not None:  # Matroska: 00:00:05.000000000, an end and not a length
        hours, _, rest = clock.partition(":")
        minutes, _, seconds = rest.partition(":")
        parts = [_seconds(part) for part in (hours, minutes, seconds)]
        return sum((part * 60**power for part, power in zip(parts, (2, 1, 0), strict=True) if part), Fraction(0))
    return start + whole if whole is not None and container.nb_streams == 1 else None


def _video_facts(stream: _Stream) -> VideoFacts:
    rotation = next((s.rotation for s in stream.side_data_list if s.rotation is not None), 0.0)
    return VideoFacts(
        codec=stream.codec_name,
        width=stream.width,
        height=stream.height,
        sample_aspect=_ratio(stream.sample_aspect_ratio.replace(":", "/")) or Fraction(1),
        average_rate=_ratio(stream.avg_frame_rate),
        nominal_rate=_ratio(stream.r_frame_rate),
        pixel_format=stream.pix_fmt,
        colour_matrix=stream.color_space,
        colour_range=stream.color_range,
        colour_transfer=stream.color_transfer,
        colour_primaries=stream.color_primaries,
        rotation_degrees=round(rotation) % 360,
        field_order=stream.field_order,
        start_ms=_milliseconds(stream.start_time) or 0,
        duration_ms=_milliseconds(stream.duration),
        frame_count=int(stream.nb_frames) if stream.nb_frames and stream.nb_frames.isdigit() else None,
        alpha_beside=stream.tags.get("alpha_mode") == "1",
    )


def _audio_facts(stream: _Stream) -> AudioFacts:
    return AudioFacts(
        codec=stream.codec_name,
        sample_rate=int(stream.sample_rate) if stream.sample_rate.isdigit() else 0,
        channels=stream.channels,
        duration_ms=_milliseconds(stream.duration),
    )


def _ratio(text: str) -> Fraction | None:
    value = _seconds(text)
    return value if value is not None and value > 0 else None


def _seconds(text: str | None) -> Fraction | None:
    try:
        return None if text is None else Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None


def _milliseconds(text: str | None) -> int | None:
    seconds = _seconds(text)
    return None if seconds is None else round(seconds * 1000)
