"""The demo of awkward sources, small: every clip is what it claims to be, and every scene starts where it should."""

import asyncio
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import yaml

from services.clip_fitter.picture import has_alpha
from shared.certificate import Certificate
from shared.ffmpeg import probe_pictures
from shared.media import MediaFacts, PictureTimes, VideoFacts
from shared.media_makers import decode_grey
from tests.journey.conftest import Machine, measure

pytestmark = pytest.mark.journey

DEMO = Path(__file__).parents[2] / "examples" / "awkward"
SCENES = 12


@pytest.fixture(scope="module")
def project(machine: Machine) -> Path:
    folder = machine.folder / "awkward"
    maker = [sys.executable, str(DEMO / "make_footage.py"), "--size", "192x108", "--into", str(folder / "clips")]
    subprocess.run(maker, check=True, capture_output=True)
    written = yaml.safe_load((DEMO / "project.yaml").read_text())
    written["output"] = {"preset": "draft", "width": 192, "height": 108, "fps": 25}
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump(written, sort_keys=False))
    return path


@pytest.fixture(scope="module")
def video(machine: Machine, project: Path) -> Path:
    target = machine.folder / "out" / "awkward.mp4"
    answer = machine.lockstep("render", project, "-o", target)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return target


def probed(clip: Path) -> tuple[MediaFacts, VideoFacts, PictureTimes]:
    media, pictures = asyncio.run(probe_pictures(clip))
    assert media.video is not None
    assert pictures is not None
    return media, media.video, pictures


def test_every_clip_is_as_awkward_as_it_claims(project: Path) -> None:
    clips = {path.stem: probed(path) for path in (project.parent / "clips").iterdir()}
    assert len(clips) == SCENES
    video = {name: facts for name, (_, facts, _) in clips.items()}
    assert clips["phone"][2].longest_ms > 1.5 * clips["phone"][2].length_ms / clips["phone"][2].count
    assert video["tilted"].rotation_degrees in {90, 270}
    assert video["anamorphic"].sample_aspect == Fraction(4, 3)
    assert (video["ten-bit"].codec, video["ten-bit"].pixel_format) == ("hevc", "yuv420p10le")
    assert video["bright"].colour_transfer == "smpte2084"
    assert has_alpha(video["sticker"])
    assert video["broadcast"].field_order in {"tt", "tb"}
    assert clips["late"][0].start_ms > 7_000
    assert video["edited"].frame_count is not None
    assert video["edited"].frame_count > clips["edited"][2].count, "no picture is hidden by an edit list"
    assert clips["photograph"][2].count == 1
    assert video["sketch"].codec == "gif"
    assert video["vertical"].height > video["vertical"].width
    assert video["vertical"].nominal_rate == Fraction(60_000, 1_001)


def test_every_scene_starts_within_half_a_frame_of_its_plan(video: Path) -> None:
    certificate = Certificate.model_validate_json(video.with_suffix(".certificate.json").read_text())
    assert certificate.holds
    assert len(certificate.scenes) == SCENES
    for scene in certificate.scenes:
        assert scene.is_intact
        assert scene.error_ms is not None
        assert abs(scene.error_ms) <= 1000 / 25 / 2
    assert measure(video).frames == certificate.planned_frame_count


def test_every_scene_shows_something_and_moves(video: Path) -> None:
    certificate = Certificate.model_validate_json(video.with_suffix(".certificate.json").read_text())
    pictures = decode_grey(video).astype(int)
    for scene in certificate.scenes:
        own = pictures[scene.planned_first_frame : scene.planned_first_frame + scene.planned_frame_count]
        assert own.std() > 4, f"{scene.scene_id} is empty"
        assert np.abs(own[len(own) // 2] - own[0]).mean() > 0.5, f"{scene.scene_id} stands still"
