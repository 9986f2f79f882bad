"""The compose files as they are: they start, deliver a video, scale, and are as confined as they say.

Runs only with `LOCKSTEP_COMPOSE_TEST=1` (`make compose-check`), and wants Docker with Compose 2.24 or later, images
that can be pulled or are there, and the ports 4222 and 9000 of loopback. Whatever it starts is removed again. The store
is SeaweedFS, or what `docker-compose.yml` names with `LOCKSTEP_COMPOSE_STORE=minio`.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared.store_permissions import access_key_variable, secret_key_variable
from tests.architecture.deployment_files import ROOMS, ROOT, dashed, runs_ffmpeg
from tests.journey.conftest import write_project

pytestmark = [
    pytest.mark.compose,
    pytest.mark.timeout(2400),
    pytest.mark.skipif(
        os.environ.get("LOCKSTEP_COMPOSE_TEST") != "1",
        reason="LOCKSTEP_COMPOSE_TEST=1 (`make compose-check`) runs docker compose",
    ),
]

NAME = "lockstep-check"
FILES = {
    "minio": ("-f", "docker-compose.yml"),
    "seaweedfs": ("-f", "docker-compose.yml", "-f", "deploy/compose/seaweedfs.yml"),
}
FITTERS = 4
CLIPS = ("one", "two", "three")
SCENES = [
    {"id": f"scene-{number}", "narration": narration, "clips": [f"clips/{CLIPS[number % 3]}.mp4"]}
    for number, narration in enumerate(
        (
            "A small boat leaves the harbour before dawn.",
            "Nobody sees it go, and nobody waves.",
            "By noon it is a white speck on the water.",
            "In the evening the lamp is lit.",
            "The keeper climbs the stairs and waits.",
            "At midnight the boat comes home.",
        )
    )
]
"""Every clip is shown twice."""
SERVICES = pytest.mark.parametrize("service", [dashed(room) for room in ROOMS])


@dataclass(frozen=True)
class Composed:
    """The system under docker compose, and what a person on the host has."""

    folder: Path
    secrets: Mapping[str, str] = field(repr=False)

    def compose(self, *arguments: str, seconds: int = 600) -> str:
        files = FILES[os.environ.get("LOCKSTEP_COMPOSE_STORE", "seaweedfs")]
        command = ["docker", "compose", "-p", NAME, "--env-file", str(self.folder / ".env"), *files, *arguments]
        return _run(command, ROOT, os.environ, seconds)

    def containers(self, service: str) -> list[str]:
        return self.compose("ps", "-q", service).split()

    def inside(self, container: str, *command: str) -> str:
        return _run(["docker", "exec", container, *command], ROOT, os.environ, 60)

    def lockstep(self, *arguments: str) -> str:
        """The `lockstep` command on the host, with the client's password and keys and no others."""
        environment = {
            **os.environ,
            "LOCKSTEP_NATS_URL": f"nats://client:{self.secrets['NATS_CLIENT_PASSWORD']}@127.0.0.1:4222",
            "LOCKSTEP_S3_ENDPOINT": "127.0.0.1:9000",
            "LOCKSTEP_S3_ACCESS_KEY": self.secrets[access_key_variable("client")],
            "LOCKSTEP_S3_SECRET_KEY": self.secrets[secret_key_variable("client")],
        }
        return _run([sys.executable, "-m", "cli.main", *arguments], self.folder, environment, 900)

    def deliver(self, fps: int) -> Path:
        """Submit a project at a rate of its own, so that nothing is found in the store, and wait for its video."""
        output = {"width": 320, "height": 180, "fps": fps, "encoder": {"preset": "ultrafast", "crf": 28}}
        path = write_project(self.folder / f"at-{fps}", output=output, scenes=SCENES)
        project_id = self.lockstep("submit", str(path)).split()[-1]
        video = self.folder / f"{fps}.mp4"
        self.lockstep("watch", project_id, "-o", str(video))
        return video


def _run(command: list[str], folder: Path, environment: Mapping[str, str], seconds: int) -> str:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == 0, f"{' '.join(command[:12])}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composed]:
    folder = tmp_path_factory.mktemp("compose")
    text = _run([str(ROOT / "deploy/make-env")], ROOT, os.environ, 60)
    (folder / ".env").write_text(text)
    composed = Composed(folder, dict(re.findall(r"^(\w+)=(\w+)$", text, re.MULTILINE)))
    try:
        composed.compose("up", "-d", "--build", "--wait", "--wait-timeout", "300", seconds=1800)
        yield composed
    finally:
        composed.compose("down", "--volumes", "--timeout", "30")


def frames_in(video: Path) -> int:
    command = ["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v:0", "-of", "json"]
    shown = _run([*command, "-show_entries", "stream=nb_read_packets", str(video)], ROOT, os.environ, 60)
    return int(json.loads(shown)["streams"][0]["nb_read_packets"])


def frames_certified(video: Path) -> int:
    [certificate] = video.parent.glob(f"{video.stem}*certificate.json")
    return int(json.loads(certificate.read_text())["frame_count"])


def test_a_project_from_the_host_becomes_a_video(composed: Composed) -> None:
    video = composed.deliver(fps=25)
    assert frames_in(video) == frames_certified(video) > 25 * 6


def test_more_fitters_share_the_scenes(composed: Composed) -> None:
    """And the clips: each was fetched for the first video, and is not fetched again by a fitter that never had it."""
    composed.compose("up", "-d", "--no-recreate", "--wait", "--scale", f"clip-fitter={FITTERS}", seconds=600)
    fitters = composed.containers("clip-fitter")
    assert len(fitters) == FITTERS
    video = composed.deliver(fps=24)
    assert frames_in(video) == frames_certified(video) > 24 * 6
    logs = [_logs(fitter) for fitter in fitters]
    assert sum("SceneFitted" in log for log in logs) >= 2, logs
    kept = {composed.inside(fitter, "ls", "/scratch/lockstep-clips") for fitter in fitters}
    assert len(kept) == 1
    assert len(kept.pop().split()) == len(CLIPS)
    hits = [_clip_cache_hits(composed, fitter) for fitter in fitters]
    assert sum(hits) == 2 * len(SCENES) - len(CLIPS), hits


def _logs(container: str) -> str:
    """What a container has logged; services log to the standard error."""
    command = ["docker", "logs", container]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout


def _clip_cache_hits(composed: Composed, container: str) -> int:
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:9464/metrics').read().decode())"
    shown = composed.inside(container, "python", "-c", ask)
    found = re.search(r"^lockstep_clip_cache_hits_total(?:\{[^}]*\})? (\S+)$", shown, re.MULTILINE)
    return int(float(found.group(1))) if found else 0


@SERVICES
def test_a_container_can_do_no_more_than_it_needs(composed: Composed, service: str) -> None:
    for container in composed.containers(service):
        status = composed.inside(container, "cat", "/proc/self/status")
        assert re.search(r"^Uid:\s+10001\s+10001", status, re.MULTILINE)
        assert re.search(r"^CapEff:\s+0+$", status, re.MULTILINE)
        assert re.search(r"^CapBnd:\s+0+$", status, re.MULTILINE)
        assert re.search(r"^NoNewPrivs:\s+1$", status, re.MULTILINE)
        for folder in ("/", "/app", "/venv", "/home"):
            refused = f"! touch {folder}/written 2>/dev/null"
            composed.inside(container, "sh", "-c", refused)
        composed.inside(container, "sh", "-c", "touch /scratch/written && rm /scratch/written")


@SERVICES
def test_a_container_holds_its_own_code_and_programs_only(composed: Composed, service: str) -> None:
    [container, *_] = composed.containers(service)
    code = set(composed.inside(container, "ls", "/app/services").split()) - {"__pycache__"}
    assert code == {"__init__.py", service.replace("-", "_")}
    found = composed.inside(container, "sh", "-c", "command -v ffmpeg || echo none").strip()
    assert (found != "none") == runs_ffmpeg(service.replace("-", "_"))
    first = composed.inside(container, "cat", "/proc/1/comm").strip()
    assert first in {"docker-init", "tini"}


@SERVICES
def test_only_who_asks_engines_on_the_network_has_a_way_out(composed: Composed, service: str) -> None:
    [container, *_] = composed.containers(service)
    shown = json.loads(_run(["docker", "inspect", container], ROOT, os.environ, 60))[0]["NetworkSettings"]["Networks"]
    assert (f"{NAME}_outside" in shown) == (service in {"voiceover", "transcriber"})


def test_a_service_has_no_secret_of_another(composed: Composed) -> None:
    for room in ROOMS:
        [container, *_] = composed.containers(dashed(room))
        environment = composed.inside(container, "env")
        others = {
            name: value
            for name, value in composed.secrets.items()
            if name not in {f"NATS_{room.upper()}_PASSWORD", access_key_variable(room), secret_key_variable(room)}
        }
        assert not [name for name, value in others.items() if value in environment]


def test_it_does_not_start_without_passwords(composed: Composed, tmp_path: Path) -> None:
    (tmp_path / ".env").touch()
    command = ["docker", "compose", "-p", f"{NAME}-without", "--env-file", str(tmp_path / ".env"), "up", "-d"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode != 0
    assert "run deploy/make-env" in done.stderr


def test_a_fitter_that_is_told_to_stop_stops_soon_when_it_has_nothing_to_do(composed: Composed) -> None:
    """`init: true` passes the signal on; a process that never got it would be killed after 15 minutes."""
    fitter = composed.containers("clip-fitter")[-1]
    _run(["docker", "stop", fitter], ROOT, os.environ, 60)
    state = json.loads(_run(["docker", "inspect", fitter], ROOT, os.environ, 60))[0]["State"]
    assert state["ExitCode"] == 0
