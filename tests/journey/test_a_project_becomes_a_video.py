"""From a project file to a measured video, with the command that a user types."""

import re
from fractions import Fraction
from pathlib import Path

import pytest

from shared.certificate import Certificate
from tests.journey.conftest import Machine, measure, write_project

pytestmark = pytest.mark.journey

FPS = Fraction(30000, 1001)


@pytest.fixture(scope="module")
def rendered(machine: Machine) -> tuple[Path, str]:
    project = write_project(machine.folder / "project")
    video = machine.folder / "out" / "journey.mp4"
    answer = machine.lockstep("render", project, "-o", video)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return video, answer.stdout


@pytest.fixture(scope="module")
def certificate(rendered: tuple[Path, str]) -> Certificate:
    return Certificate.model_validate_json(rendered[0].with_suffix(".certificate.json").read_text())


def test_the_video_has_exactly_the_frames_of_the_voiceover(
    rendered: tuple[Path, str], certificate: Certificate
) -> None:
    measured = measure(rendered[0])
    voiceover_seconds = Fraction(certificate.soundtrack.planned_sample_count, 48_000)
    assert measured.frames == round(voiceover_seconds * FPS)
    assert measured.fps == FPS
    assert (measured.width, measured.height) == (320, 180)


def test_picture_and_sound_are_equally_long_to_within_a_frame(rendered: tuple[Path, str]) -> None:
    measured = measure(rendered[0])
    assert abs(measured.video_seconds - measured.audio_seconds) <= 1 / FPS


def test_every_cut_is_within_half_a_frame_of_its_plan(certificate: Certificate) -> None:
    assert certificate.holds
    assert len(certificate.scenes) == 3
    for scene in certificate.scenes:
        assert scene.error_ms is not None
        assert abs(scene.error_ms) <= float(500 / FPS) + 0.001


def test_the_table_tells_what_was_done_to_each_clip(rendered: tuple[Path, str]) -> None:
    for scene in ("opening", "middle", "end"):
        assert any(line.startswith(scene) and " ms" in line for line in rendered[1].splitlines())


def test_progress_names_every_step(rendered: tuple[Path, str]) -> None:
    for step in ("voiceover:", "words:", "plan:", "scene 1 opening:", "soundtrack:", "video:"):
        assert step in rendered[1]


def test_nothing_half_written_is_left_beside_the_video(rendered: tuple[Path, str]) -> None:
    assert {path.name for path in rendered[0].parent.iterdir()} == {"journey.mp4", "journey.certificate.json"}


def test_rendering_again_encodes_nothing_and_says_so(machine: Machine, rendered: tuple[Path, str]) -> None:
    before = rendered[0].read_bytes()
    answer = machine.lockstep("render", machine.folder / "project" / "project.yaml", "-o", rendered[0])
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Nothing was encoded" in answer.stdout
    assert rendered[0].read_bytes() == before


def test_changing_one_clip_encodes_one_scene(machine: Machine, rendered: tuple[Path, str]) -> None:
    folder = machine.folder / "project"
    text = (folder / "project.yaml").read_text().replace("clips/three.mp4", "clips/one.mp4")
    other = folder / "changed.yaml"
    other.write_text(text)
    answer = machine.lockstep("render", other, "-o", machine.folder / "out" / "changed.mp4")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    fitted = [line for line in answer.stdout.splitlines() if re.match(r"scene \d", line)]
    assert ["kept from before" in line for line in sorted(fitted)] == [True, True, False]
    assert "soundtrack" in answer.stdout
    assert "kept from before" in next(line for line in answer.stdout.splitlines() if line.startswith("soundtrack:"))


def test_no_process_is_left_behind(machine: Machine, rendered: tuple[Path, str]) -> None:
    assert machine.processes() == []
