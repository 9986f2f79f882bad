"""What ffmpeg may take of a machine, whatever it is given to read."""

import re
import resource
from pathlib import Path

import pytest

from shared import child
from shared.ffmpeg import FfmpegError, run_ffmpeg

pytestmark = pytest.mark.integration

TEN_SECONDS = ("-f", "lavfi", "-i", "testsrc2=s=640x360:d=10")


async def test_a_file_that_grows_without_end_is_stopped_and_nobodys_input_is_blamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child, "FILE_LIMIT_BYTES", 1_000_000)
    target = tmp_path / "endless.yuv"
    with pytest.raises(FfmpegError) as stopped:
        await run_ffmpeg([*TEN_SECONDS, "-f", "rawvideo", str(target)])
    assert stopped.value.exit_code < 0
    assert target.stat().st_size <= 1_000_000


async def test_processor_time_memory_and_files_are_bounded(tmp_path: Path) -> None:
    """The child's own view: ffmpeg copies the file in which the kernel says what it may take."""
    target = tmp_path / "limits"
    await run_ffmpeg(["-f", "data", "-i", "/proc/self/limits", "-map", "0", "-c", "copy", "-f", "data", str(target)])
    said = target.read_text()
    for what in ("Max cpu time", "Max file size", "Max data size"):
        assert re.search(rf"^{what}\s+\d+\s+\d+", said, re.MULTILINE), said
    assert re.search(r"^Max core file size\s+0\s+0", said, re.MULTILINE)


async def test_a_limit_that_is_tighter_already_stays(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    soft, hard = 500_000, 700_000
    real = resource.getrlimit

    def tighter(kind: int) -> tuple[int, int]:
        return (soft, hard) if kind == resource.RLIMIT_FSIZE else real(kind)

    monkeypatch.setattr(resource, "getrlimit", tighter)
    with pytest.raises(FfmpegError):
        await run_ffmpeg([*TEN_SECONDS, "-f", "rawvideo", str(tmp_path / "endless.yuv")])
    assert (tmp_path / "endless.yuv").stat().st_size <= hard
