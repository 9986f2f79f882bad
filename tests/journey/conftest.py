"""A newcomer's machine in miniature: a home of its own, tiny clips, and the `lockstep` command as a real process."""

import json
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import psutil
import pytest
import yaml

LONGEST_RENDER_SECONDS = 240


@dataclass(frozen=True)
class Machine:
    """Where a test runs the command: its own `LOCKSTEP_HOME` and working folder."""

    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "LOCKSTEP_HOME": str(self.folder / "home"),
            "TMPDIR": str(self.folder / "tmp"),
            "COLUMNS": "200",
        }

    def lockstep(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run the command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "cli.main", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=LONGEST_RENDER_SECONDS,
            check=False,
        )

    def start(self, *arguments: str | Path) -> subprocess.Popen[str]:
        """Start the command and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-m", "cli.main", *map(str, arguments)],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def processes(self) -> list[psutil.Process]:
        """Every process that was started with this machine's home in its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("LOCKSTEP_HOME") == str(self.folder / "home"):
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
        return found


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("machine")
    (folder / "tmp").mkdir()
    machine = Machine(folder)
    yield machine
    for process in machine.processes():
        process.send_signal(signal.SIGKILL)


def make_clip(path: Path, *, seconds: int, size: str = "320x180", fps: str = "24", source: str = "testsrc2") -> Path:
    """A small moving clip."""
    path.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"{source}=size={size}:rate={fps}:duration={seconds}",
         "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(path)],
        check=True,
    )  # fmt: skip
    return path


def make_bed(path: Path, *, seconds: float) -> Path:
    """A steady chord."""
    path.parent.mkdir(parents=True, exist_ok=True)
    time = np.arange(int(seconds * 48_000)) / 48_000
    tone = np.sum([np.sin(2 * np.pi * pitch * time) for pitch in (220, 277.2, 329.6)], axis=0) / 6
    with wave.open(str(path), "wb") as stream:
        stream.setnchannels(1)
        stream.setsampwidth(2)
        stream.setframerate(48_000)
        stream.writeframes((tone * 32767).astype("<i2").tobytes())
    return path


def write_project(folder: Path, **changes: object) -> Path:
    """Three short scenes over clips of different shapes, with music; `changes` replace keys of the file."""
    make_clip(folder / "clips" / "one.mp4", seconds=5)
    make_clip(folder / "clips" / "two.mp4", seconds=2, size="180x320", fps="30000/1001")
    make_clip(folder / "clips" / "three.mp4", seconds=5, size="250x250", fps="25", source="smptebars")
    make_bed(folder / "bed.wav", seconds=4)
    project: dict[str, object] = {
        "name": "journey",
        "output": {"width": 320, "height": 180, "fps": "30000/1001", "encoder": {"preset": "ultrafast", "crf": 28}},
        "music": {"file": "bed.wav"},
        "scenes": [
            {"id": "opening", "narration": "A small boat leaves the harbour before dawn.", "clips": ["clips/one.mp4"]},
            {
                "id": "middle",
                "narration": "Nobody sees it go, <break time='500ms'/> and nobody waves.",
                "clips": ["clips/two.mp4"],
            },
            {"id": "end", "narration": "By noon it is a white speck.", "clips": ["clips/three.mp4"]},
        ],
    }
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump({**project, **changes}, sort_keys=False))
    return path


@dataclass(frozen=True)
class Measured:
    """What ffprobe and a full decode say of a finished video."""

    frames: int
    fps: Fraction
    width: int
    height: int
    video_seconds: Fraction
    audio_seconds: Fraction


def measure(video: Path) -> Measured:
    """Decode the whole file and count."""
    output = subprocess.run(
        ["ffprobe", "-v", "error", "-count_frames", "-show_entries",
         "stream=codec_type,nb_read_frames,r_frame_rate,width,height,duration_ts,time_base", "-of", "json", str(video)],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    streams = {stream["codec_type"]: stream for stream in json.loads(output)["streams"]}
    picture, sound = streams["video"], streams["audio"]
    return Measured(
        frames=int(picture["nb_read_frames"]),
        fps=Fraction(picture["r_frame_rate"]),
        width=int(picture["width"]),
        height=int(picture["height"]),
        video_seconds=int(picture["duration_ts"]) * Fraction(picture["time_base"]),
        audio_seconds=int(sound["duration_ts"]) * Fraction(sound["time_base"]),
    )
