"""A video whose clips are heard: their sound is where their pictures are, through every service and a transition."""

import subprocess
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.certificate import Certificate
from shared.timeline import SAMPLE_RATE
from tests.journey.conftest import Machine, make_clip, measure, write_project

pytestmark = pytest.mark.journey

FPS = Fraction(30000, 1001)

HERTZ = 15_000
"""Above all that the voice and the bed have."""

BEEP_SECONDS = Fraction(1)
"""When the clip beeps, in its own time."""


def make_beeping_clip(path: Path) -> Path:
    """Five seconds of moving pictures, in which a beep of 0.2 s starts after one second."""
    silent = make_clip(path.with_name("silent.mp4"), seconds=5)
    beep = f"sine=frequency={HERTZ}:sample_rate=48000:duration=5,volume='between(t,1,1.2)':eval=frame"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-i", str(silent), "-f", "lavfi", "-i", beep, "-map", "0:v", "-map", "1:a",
         "-c:v", "copy", "-c:a", "pcm_s16le", str(path)],
        check=True,
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def rendered(machine: Machine) -> Path:
    folder = machine.folder / "film"
    heard = {"file": "clips/heard.mov", "in": 0, "keep_sound": True}
    scenes = [
        {"id": "opening", "narration": "A small boat leaves the harbour before dawn.", "clips": [heard]},
        {"id": "middle", "narration": "Nobody sees it go, and nobody waves.", "clips": ["clips/two.mp4"]},
        {"id": "end", "narration": "By noon it is a white speck.", "clips": [{**heard}]},
    ]
    loud = {"gain_db": 0, "depth_db": 0}
    project = write_project(folder, scenes=scenes, transition="dissolve", clip_sound=loud)
    make_beeping_clip(folder / "clips" / "heard.mov")
    video = machine.folder / "out" / "film.mp4"
    answer = machine.lockstep("render", project, "-o", video)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return video


def beeps_at(video: Path) -> list[float]:
    """When the finished video beeps, in seconds."""
    decoded = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", str(video), "-ac", "1", "-ar", str(SAMPLE_RATE), "-f", "f32le", "pipe:1"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    samples: NDArray[np.float32] = np.frombuffer(decoded, np.float32)
    turned = samples * np.exp(-2j * np.pi * HERTZ * np.arange(samples.size) / SAMPLE_RATE)
    # How much there is of the one tone, in steps of 5 ms.
    steps = np.abs(turned[: samples.size // 240 * 240].reshape(-1, 240).mean(axis=1))
    loud = np.flatnonzero(steps > 0.3 * steps.max())
    starts = loud[np.concatenate(([True], np.diff(loud) > 100))]
    return [float(start) * 0.005 for start in starts]


def test_each_clip_beeps_in_the_video_where_its_picture_does(rendered: Path) -> None:
    certificate = Certificate.model_validate_json(rendered.with_suffix(".certificate.json").read_text())
    assert certificate.holds
    # The last scene's clip starts with the transition into it, half of that before the cut.
    last = certificate.scenes[2]
    starts = [0, last.planned_first_frame - last.transition_frames // 2]
    expected = [float(frame / FPS + BEEP_SECONDS) for frame in starts]
    assert beeps_at(rendered) == pytest.approx(expected, abs=0.025)
    assert measure(rendered).frames == certificate.planned_frame_count
