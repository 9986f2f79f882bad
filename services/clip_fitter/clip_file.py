"""Opens a clip's file and finds out what it is. An animated WebP, which ffmpeg does not read, is unpacked first."""

import asyncio
import sys
from pathlib import Path

from services.clip_fitter.clip import Clip, ClipLimits, is_unread_webp, read_clip, unreadable_clip, unreadable_webp
from shared.child import child_process, end_of, last_line
from shared.ffmpeg import FfmpegError, probe_pictures
from shared.media import MediaFacts, PictureTimes

UNPACKER = Path(__file__).with_name("unpack_webp.py")

MACHINE_TROUBLE = ("No space left", "Resource temporarily unavailable", "Too many open files")


async def open_clip(path: Path, unpacked: Path, limits: ClipLimits, *, timeout_seconds: float) -> tuple[Clip, Path]:
    """The clip and the file that ffmpeg reads it from: `path`, or `unpacked` where ffmpeg needs another form of it.

    Raises `Unrecoverable` for a file that is no footage, and anything else where the file is not to blame.
    """
    media, pictures = await _probed(path, limits, timeout_seconds)
    if not is_unread_webp(media):
        return read_clip(media, pictures, limits), path
    await _unpack(path, unpacked, limits, timeout_seconds)
    return read_clip(*await _probed(unpacked, limits, timeout_seconds), limits), unpacked


async def _probed(path: Path, limits: ClipLimits, timeout_seconds: float) -> tuple[MediaFacts, PictureTimes | None]:
    try:
        return await probe_pictures(path, guard=limits.guard(), timeout_seconds=timeout_seconds)
    except FfmpegError as error:
        if is_the_machines_fault(error.exit_code, error.complaints):
            raise
        raise unreadable_clip(error.complaints.replace(f"{path}: ", "").replace(str(path), "the file")) from error


async def _unpack(source: Path, target: Path, limits: ClipLimits, timeout_seconds: float) -> None:
    # Not `-m`, and isolated: what reads a hostile file imports nothing but Pillow.
    asked = (str(source), str(target), str(limits.pixels), str(limits.animation_pictures))
    async with child_process((sys.executable, "-I", str(UNPACKER), *asked), timeout_seconds) as (
        process,
        output,
        errors,
    ):
        complaints, _, exit_code = await asyncio.gather(end_of(errors), end_of(output), process.wait())
    if exit_code == 0:
        return
    if is_the_machines_fault(exit_code, complaints):
        raise RuntimeError(f"an animated WebP was not unpacked (exit code {exit_code}): {last_line(complaints)}")
    raise unreadable_webp(last_line(complaints))


def is_the_machines_fault(exit_code: int, complaints: str) -> bool:
    """True where a killed process or a full disk ended the work: that may go better next time, a broken clip never."""
    return exit_code < 0 or any(trouble in complaints for trouble in MACHINE_TROUBLE)
