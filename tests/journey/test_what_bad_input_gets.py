"""A clear sentence, an exit code other than 0, nothing half-written."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from tests.journey.conftest import Machine, make_clip, write_project

pytestmark = pytest.mark.journey


def changed(path: Path, change: Callable[[dict[str, object]], None]) -> Path:
    project = yaml.safe_load(path.read_text())
    change(project)
    target = path.with_name("bad.yaml")
    target.write_text(yaml.safe_dump(project, sort_keys=False))
    return target


@pytest.fixture(scope="module")
def good(machine: Machine) -> Path:
    return write_project(machine.folder / "project")


def refused(machine: Machine, project: Path, *words: str) -> str:
    """Render; assert that it is refused in one clear message that holds all words, and nothing is written."""
    video = machine.folder / "bad.mp4"
    answer = machine.lockstep("render", project, "-o", video)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "Traceback" not in answer.stdout + answer.stderr
    for word in words:
        assert word in answer.stderr, answer.stderr
    assert list(machine.folder.glob("*bad*")) == []
    return answer.stderr


def test_a_missing_clip_is_named_with_its_line(machine: Machine, good: Path) -> None:
    bad = changed(good, lambda project: project["scenes"][1].update(clips=["clips/gone.mp4"]))  # type: ignore[index]
    line = 1 + next(i for i, text in enumerate(bad.read_text().splitlines()) if "gone.mp4" in text)
    refused(machine, bad, "clips/gone.mp4", f":{line}:")


def test_a_missing_music_file_is_named(machine: Machine, good: Path) -> None:
    refused(machine, changed(good, lambda project: project.update(music={"file": "no.wav"})), "no.wav")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.mp4", b"this is not a video\n"),
        ("playlist.mp4", b"#EXTM3U\n#EXTINF:5,\none.mp4\n"),
        ("concat.mp4", b"ffconcat version 1.0\nfile one.mp4\n"),
        ("empty.mp4", b""),
    ],
)
def test_a_clip_that_is_no_video_is_named(machine: Machine, good: Path, name: str, content: bytes) -> None:
    (good.parent / "clips" / name).write_bytes(content)
    bad = changed(good, lambda project: project["scenes"][2].update(clips=[f"clips/{name}"]))  # type: ignore[index]
    refused(machine, bad, name)


def test_a_truncated_clip_is_named(machine: Machine, good: Path) -> None:
    whole = make_clip(good.parent / "clips" / "whole.mp4", seconds=5)
    fast = good.parent / "clips" / "truncated.mp4"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", str(whole), "-c", "copy", "-movflags", "+faststart", str(fast)],
        check=True,
    )
    os.truncate(fast, fast.stat().st_size // 2)
    bad = changed(good, lambda project: project["scenes"][0].update(clips=["clips/truncated.mp4"]))  # type: ignore[index]
    refused(machine, bad, "clips/truncated.mp4", "scenes[0]", "cut off")


@pytest.mark.parametrize(
    ("narration", "word"),
    [
        ("", "narration"),
        ("<break time='1s'/>", "narration"),
        ("One <prosody rate='80%'>two", "prosody"),
        ("<emphasis>no</emphasis>", "emphasis"),
    ],
)
def test_narration_that_cannot_be_spoken_is_refused(machine: Machine, good: Path, narration: str, word: str) -> None:
    bad = changed(good, lambda project: project["scenes"][0].update(narration=narration))  # type: ignore[index]
    refused(machine, bad, word, "scenes[0]")


@pytest.mark.parametrize("fps", [0, -25, "30/0", "fast"])
def test_an_impossible_frame_rate_is_refused(machine: Machine, good: Path, fps: object) -> None:
    refused(machine, changed(good, lambda project: project["output"].update(fps=fps)), "fps")  # type: ignore[attr-defined]


def test_a_misspelt_key_is_answered_with_the_right_one(machine: Machine, good: Path) -> None:
    bad = changed(good, lambda project: project["scenes"][0].update(naration="x"))  # type: ignore[index]
    refused(machine, bad, "naration", "narration")


def test_a_missing_program_is_answered_with_its_install_command(machine: Machine, good: Path, tmp_path: Path) -> None:
    for program in ("setpriv", "ffmpeg", "ffprobe", "env", "apt-get"):
        found = next(Path(f, program) for f in os.get_exec_path() if Path(f, program).exists())
        (tmp_path / program).symlink_to(found)
    environment = {**machine.environment, "PATH": str(tmp_path)}
    answer = subprocess.run(
        [sys.executable, "-m", "cli.main", "render", str(good)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 1
    assert "espeak-ng is missing" in answer.stderr
    assert "apt-get install -y espeak-ng" in answer.stderr
