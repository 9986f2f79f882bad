"""`lockstep plan` on the example with the user's own recording: the right timeline, and of a wrong one the refusal."""

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.journey.conftest import Machine, make_bed, make_clip

pytestmark = pytest.mark.journey

SVG = "{http://www.w3.org/2000/svg}"
EXAMPLE = Path(__file__).parents[2] / "examples" / "recorded"


@pytest.fixture(scope="module")
def example(machine: Machine) -> Path:
    """The example as a user has it, its recordings made, with small footage beside it."""
    folder = machine.folder / "examples" / "recorded"
    folder.mkdir(parents=True)
    for file in (*EXAMPLE.glob("*.yaml"), EXAMPLE / "make_recordings.py"):
        shutil.copy(file, folder)
    subprocess.run([sys.executable, str(folder / "make_recordings.py")], check=True, capture_output=True)
    for name in ("harbour", "keeper", "storm", "dawn"):
        make_clip(folder.parent / "lighthouse" / "clips" / f"{name}.mp4", seconds=9)
    make_bed(folder.parent / "lighthouse" / "music" / "bed.wav", seconds=20)
    return folder


def classes(picture: Path, tag: str) -> list[str]:
    return [node.get("class") or "" for node in ElementTree.parse(picture).iter(f"{SVG}{tag}")]


def test_a_recording_of_the_script_is_planned_and_drawn(machine: Machine, example: Path) -> None:
    picture = machine.folder / "recorded.svg"
    answer = machine.lockstep("plan", example / "project.yaml", "--picture", picture)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    lines = [line.split() for line in answer.stdout.splitlines()]
    scenes = [line[0] for line in lines if line and line[0] in {"promise", "price", "storm", "morning"}]
    assert scenes == ["promise", "price", "storm", "morning"]
    assert classes(picture, "line").count("cut") == 3
    assert "stop-mark" not in classes(picture, "rect")


def test_a_skipped_sentence_is_refused_by_name_and_marked_where_it_is_missing(machine: Machine, example: Path) -> None:
    picture = machine.folder / "skipped.svg"
    answer = machine.lockstep("plan", example / "skipped-sentence.yaml", "--picture", picture)
    assert answer.returncode != 0
    assert "scene 'storm': The recording skips “They ask about the light.”" in answer.stdout + answer.stderr
    assert classes(picture, "rect").count("stop-mark") == 1
    assert classes(picture, "text").count("stop") == 1
