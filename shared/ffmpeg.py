"""Runs ffmpeg and ffprobe as child processes: time limits, progress, and errors that name the cause.

What to run is a value that a core decides; this module only runs it.
"""

import asyncio
import contextlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

INPUT_GUARD = ("-protocol_whitelist", "file")
"""Stands before every input: media files may name others, and ffmpeg would open them."""

DEFAULT_TIMEOUT_SECONDS = 900.0


class FfmpegError(Exception):
    """ffmpeg or ffprobe refused: `cause` is the last line that it printed."""

    def __init__(self, program: str, exit_code: int, cause: str) -> None:
        super().__init__(f"{program} stopped with exit code {exit_code}: {cause}")
        self.exit_code = exit_code
        self.cause = cause


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


async def run_ffmpeg(
    arguments: Sequence[str],
    *,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
    on_progress: Callable[[int], None] | None = None,
) -> str:
    """Run `ffmpeg <arguments>` to its end and return what it printed on standard error.

    `on_progress` is told the output time reached, in milliseconds. Raises `FfmpegError` when ffmpeg refuses and
    `TimeoutError` past the limit. A cancelled caller kills the child.
    """
    command = [
        *_child_prefix(),
        "ffmpeg",
        "-nostdin",
        "-hide_banner",
        "-nostats",
        "-y",
        "-progress",
        "pipe:1",
        *arguments,
    ]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a drain signals our process group, and must not stop the encode that it waits for
    )
    assert process.stdout is not None
    assert process.stderr is not None

    async def follow(stream: asyncio.StreamReader) -> None:
        async for line in stream:
            name, _, value = line.decode(errors="replace").strip().partition("=")
            if name == "out_time_us" and value.lstrip("-").isdigit() and on_progress is not None:
                on_progress(max(0, int(value)) // 1000)

    try:
        async with asyncio.timeout(timeout_seconds):
            _, errors, _ = await asyncio.gather(follow(process.stdout), process.stderr.read(), process.wait())
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    text = errors.decode(errors="replace")
    if process.returncode != 0:
        raise FfmpegError("ffmpeg", process.returncode or -1, _last_line(text))
    return text


async def run_ffprobe(arguments: Sequence[str], *, timeout_seconds: float = 30.0) -> str:
    """Run `ffprobe <arguments>` and return its standard output. Raises `FfmpegError` and `TimeoutError`."""
    process = await asyncio.create_subprocess_exec(
        *_child_prefix(),
        "ffprobe",
        "-hide_banner",
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            output, errors = await process.communicate()
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if process.returncode != 0:
        raise FfmpegError("ffprobe", process.returncode or -1, _last_line(errors.decode(errors="replace")))
    return output.decode(errors="replace")


def _child_prefix() -> tuple[str, ...]:
    # A service that is killed with SIGKILL cannot stop its children; the kernel does it for us.
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"


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


class _Format(_Tolerant):
    format_name: str = ""
    duration: str | None = None
    nb_streams: int = 0


class _Report(_Tolerant):
    streams: list[_Stream] = Field(default_factory=list)
    format: _Format = _Format()


async def probe_media(path: Path, *, guard: Sequence[str] = INPUT_GUARD, timeout_seconds: float = 30.0) -> MediaFacts:
    """The facts of a media file. Reads headers, decodes nothing. Raises `FfmpegError` when it is not media."""
    text = await run_ffprobe(
        ["-v", "error", *guard, "-show_format", "-show_streams", "-of", "json", "-i", str(path)],
        timeout_seconds=timeout_seconds,
    )
    return media_facts(text)


def media_facts(report_json: str) -> MediaFacts:
    """The facts in ffprobe's JSON report."""
    report = _Report.model_validate(json.loads(report_json))
    # A song's cover picture is a video stream by name only.
    videos = [s for s in report.streams if s.codec_type == "video" and not s.disposition.get("attached_pic")]
    audios = [s for s in report.streams if s.codec_type == "audio"]
    return MediaFacts(
        container=report.format.format_name,
        duration_ms=_milliseconds(report.format.duration),
        stream_count=report.format.nb_streams,
        video=_video_facts(videos[0]) if videos else None,
        audio=_audio_facts(audios[0]) if audios else None,
    )


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
    )


def _audio_facts(stream: _Stream) -> AudioFacts:
    return AudioFacts(
        codec=stream.codec_name,
        sample_rate=int(stream.sample_rate) if stream.sample_rate.isdigit() else 0,
        channels=stream.channels,
        duration_ms=_milliseconds(stream.duration),
    )


def _ratio(text: str) -> Fraction | None:
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        return None
    return value if value > 0 else None


def _milliseconds(text: str | None) -> int | None:
    try:
        return None if text is None else round(Fraction(text) * 1000)
    except ValueError:
        return None
