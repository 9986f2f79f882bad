"""Ctrl-C, kill -9 and a second stack: nothing is lost, nothing is left running."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.journey.conftest import Machine, make_clip, measure, write_project

pytestmark = [pytest.mark.journey, pytest.mark.chaos]


def wait_for(what: Callable[[], object], seconds: float, saying: str) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, saying
        time.sleep(0.05)


def encoders(machine: Machine) -> list[psutil.Process]:
    """ffmpeg processes of this machine that encode a picture."""
    found = []
    for process in machine.processes():
        try:
            if "libx264" in process.cmdline():
                found.append(process)
        except (psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@pytest.fixture(scope="module")
def heavy(machine: Machine) -> Path:
    """Scenes that take some seconds to encode, so that there is time to interrupt them."""
    folder = machine.folder / "heavy"
    output = {"width": 1280, "height": 720, "fps": 25, "encoder": {"preset": "slow", "crf": 20}}
    scenes = [
        {
            "id": f"scene-{number}",
            "narration": f"This is scene number {number}, and it is short.",
            "clips": ["clips/one.mp4"],
        }
        for number in range(1, 5)
    ]
    project = write_project(folder, output=output, scenes=scenes)
    make_clip(folder / "clips" / "one.mp4", seconds=5, size="1280x720")
    return project


def test_ctrl_c_stops_everything_and_the_next_run_goes_on_from_there(machine: Machine, heavy: Path) -> None:
    video = machine.folder / "interrupted.mp4"
    running = machine.start("render", heavy, "-o", video)
    wait_for(lambda: encoders(machine), 60, "no scene was being encoded")
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=60)
    assert running.returncode == 130, output
    assert "Traceback" not in output
    assert not video.exists()
    wait_for(lambda: machine.processes() == [], 15, f"left behind: {machine.processes()}")
    answer = machine.lockstep("render", heavy, "-o", video)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "(kept from before)" in answer.stdout


def test_a_fitter_killed_in_the_middle_of_a_scene_only_delays_the_video(machine: Machine, heavy: Path) -> None:
    text = heavy.read_text().replace("and it is short", "and it takes a moment")
    project = heavy.with_name("killed.yaml")
    project.write_text(text)
    environment = {**machine.environment, "LOCKSTEP_NATS_ACK_WAIT_SECONDS": "4"}
    up = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "up", "--fitters", "2"],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    try:
        assert up.stdout is not None
        while "Send projects" not in up.stdout.readline():
            assert up.poll() is None
        submitted = machine.lockstep("submit", project)
        assert submitted.returncode == 0, submitted.stderr
        project_id = submitted.stdout.strip()
        wait_for(lambda: encoders(machine), 60, "no scene was being encoded")
        fitter = encoders(machine)[0].parent()
        assert fitter is not None
        fitter.kill()
        video = machine.folder / "killed.mp4"
        watched = machine.lockstep("watch", project_id, "-o", video)
        assert watched.returncode == 0, watched.stdout + watched.stderr
        assert "In sync" in watched.stdout
        assert measure(video).frames > 0
        assert "assembled" in machine.lockstep("status", project_id).stdout
    finally:
        up.send_signal(signal.SIGINT)
        up.communicate(timeout=60)
    assert up.returncode == 130
    wait_for(lambda: machine.processes() == [], 15, f"left behind: {machine.processes()}")
