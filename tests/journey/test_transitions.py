"""A video with a transition at every cut: no frame, no word and no sample is elsewhere than without them."""

import re
import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from shared.certificate import Certificate
from tests.journey.conftest import Machine, measure, write_project

pytestmark = pytest.mark.journey

FPS = Fraction(30000, 1001)

DISSOLVE, FADE = {"kind": "dissolve", "length": "600ms"}, "fade"


@pytest.fixture(scope="module")
def project(machine: Machine) -> Path:
    path = write_project(machine.folder / "film", transition=DISSOLVE)
    path.write_text(re.sub(r"(- id: middle\n)", r"\1  transition: fade\n", path.read_text()))
    return path


@pytest.fixture(scope="module")
def rendered(machine: Machine, project: Path) -> tuple[Path, str]:
    video = machine.folder / "out" / "film.mp4"
    answer = machine.lockstep("render", project, "-o", video)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return video, answer.stdout


@pytest.fixture(scope="module")
def certificate(rendered: tuple[Path, str]) -> Certificate:
    return Certificate.model_validate_json(rendered[0].with_suffix(".certificate.json").read_text())


def test_the_certificate_holds_and_tells_of_both_transitions(certificate: Certificate) -> None:
    assert certificate.holds
    assert [scene.transition_frames for scene in certificate.scenes] == [0, 18, 14]
    assert certificate.largest_error_ms <= certificate.frame_ms / 2 + 0.001


def test_every_frame_is_decoded_and_picture_and_sound_end_together(
    rendered: tuple[Path, str], certificate: Certificate
) -> None:
    measured = measure(rendered[0])
    assert measured.frames == certificate.planned_frame_count
    assert abs(measured.video_seconds - measured.audio_seconds) <= 1 / FPS


def test_the_picture_is_dark_at_the_cut_that_fades_and_nowhere_else(
    rendered: tuple[Path, str], certificate: Certificate
) -> None:
    levels = np.frombuffer(
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(rendered[0]), "-vf", "scale=1:1:flags=area,format=gray",
             "-f", "rawvideo", "pipe:1"],
            capture_output=True, check=True,
        ).stdout,
        np.uint8,
    )  # fmt: skip
    cut = certificate.scenes[2].planned_first_frame
    assert len(levels) == certificate.frame_count
    assert levels[cut] < 20
    assert np.delete(levels, np.s_[cut - 7 : cut + 7]).min() > 40


def test_another_footage_behind_a_transition_encodes_what_it_touches_and_keeps_the_rest(
    machine: Machine, project: Path, rendered: tuple[Path, str]
) -> None:
    other = project.with_name("other.yaml")
    other.write_text(project.read_text().replace("clips/three.mp4", "clips/one.mp4"))
    answer = machine.lockstep("render", other, "-o", rendered[0].with_name("other.mp4"))
    assert answer.returncode == 0, answer.stdout + answer.stderr
    kept = [line for line in answer.stdout.splitlines() if line.startswith("scene ") and "kept from before" in line]
    assert [line.split()[2] for line in kept] == ["opening:"]


def test_the_plan_shows_every_transition(machine: Machine, project: Path) -> None:
    answer = machine.lockstep("plan", project, "--picture", machine.folder / "film.svg")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "dissolve, 18 frames" in answer.stdout
    assert "fade, 14 frames" in answer.stdout
