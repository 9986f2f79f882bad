"""An author's own recording with faults that do not stop it: the video is made, and they are told where to listen."""

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from shared.certificate import Certificate
from tests.journey.conftest import Machine, write_project

pytestmark = pytest.mark.journey

NARRATION = {
    "one": "A small boat leaves the harbour before dawn, and nobody sees it go.",
    "two": "Nobody waves, and the water closes behind it without a sound.",
    "three": "By noon it is a white speck on a wide and very quiet sea.",
}


def record(folder: Path, scene: str) -> str:
    """A stereo recording of a scene's narration with its fault; its name in the project."""
    spoken = folder / "voice" / f"{scene}-spoken.wav"
    spoken.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["espeak-ng", "-s", "150", "-w", str(spoken), NARRATION[scene]], check=True)
    samples, rate = soundfile.read(spoken)
    left = samples / np.abs(samples).max() * {"one": 0.6, "two": 4.0, "three": 0.002}[scene]
    right = -0.9 * left if scene == "one" else left
    soundfile.write(folder / "voice" / f"{scene}.wav", np.stack([left, right], axis=1), rate, subtype="PCM_24")
    return f"voice/{scene}.wav"


@pytest.fixture(scope="module")
def rendered(machine: Machine) -> tuple[Path, str]:
    folder = machine.folder / "faults"
    clips = ("clips/one.mp4", "clips/three.mp4", "clips/one.mp4")
    scenes = [
        {"id": scene, "narration": text, "recording": record(folder, scene), "clips": [clip]}
        for (scene, text), clip in zip(NARRATION.items(), clips, strict=True)
    ]
    project = write_project(folder, voice={"engine": "recorded"}, scenes=scenes)
    video = machine.folder / "out" / "faults.mp4"
    answer = machine.lockstep("render", project, "-o", video)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return video, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("number", "scene", "said"), [(1, "one", "opposed"), (2, "two", "clipped"), (3, "three", "nearly silent")]
)
def test_each_fault_is_told_on_the_screen_and_in_the_certificate_with_its_scene_and_time(
    rendered: tuple[Path, str], number: int, scene: str, said: str
) -> None:
    video, screen = rendered
    certificate = Certificate.model_validate_json(video.with_suffix(".certificate.json").read_text())
    assert certificate.holds
    assert certificate.loudness is not None
    window = certificate.scenes[number - 1].window
    told = [one for one in certificate.loudness.warnings if said in one.message]
    assert [one.scene_number for one in told] == [number]
    assert told[0].at_ms is not None
    assert window.contains(told[0].at_ms)
    (line,) = [line for line in screen.splitlines() if said in line]
    assert re.match(rf"Scene '{scene}' at \d:\d\d\.\d{{3}}: ", line), line


def test_opposed_sides_are_heard_as_loud_as_the_others(rendered: tuple[Path, str]) -> None:
    video, _ = rendered
    certificate = Certificate.model_validate_json(video.with_suffix(".certificate.json").read_text())
    assert certificate.loudness is not None
    opposed, clipped = (scene.voice_lufs for scene in certificate.loudness.scenes[:2])
    assert opposed is not None
    assert clipped is not None
    assert abs(opposed - clipped) < 3


def test_a_faint_scene_does_not_take_the_music_from_the_others(rendered: tuple[Path, str]) -> None:
    video, _ = rendered
    certificate = Certificate.model_validate_json(video.with_suffix(".certificate.json").read_text())
    assert certificate.loudness is not None
    apart = [scene.voice_over_bed_lu for scene in certificate.loudness.scenes]
    assert all(lu is not None and lu >= 11.9 for lu in apart), apart
    assert all(lu is not None and lu < 20 for lu in apart[:2]), apart
