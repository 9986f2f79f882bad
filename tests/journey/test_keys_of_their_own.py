"""A project becomes a video while every service holds the keys of its own user of the store, and nobody the root's."""

import asyncio
import importlib
import os
from pathlib import Path

import pytest
import yaml
from faststream import FastStream

from cli.client import connected, history, submit
from shared.events import StepFailed, VideoAssembled
from shared.permissions import CLIENT, VOICES
from shared.project_file import load_project
from shared.servers import nats_server
from shared.service import run_services
from shared.store import MinioStore
from shared.stream import provision
from tests.integration.object_stores import Guarded, guarded_store
from tests.journey.conftest import make_clip, write_project

pytestmark = pytest.mark.journey


def write_demanding_project(folder: Path) -> Path:
    """Clips that are heard, dissolves, stems, and a scene of the user's own voice: every kind of asset there is."""
    path = write_project(folder)
    project = yaml.safe_load(path.read_text())
    silent = make_clip(folder / "clips" / "silent.mp4", seconds=6)
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(silent), "-f", "lavfi", "-i", "sine=d=6", "-c:v", "copy"]
    os.spawnvp(os.P_WAIT, "ffmpeg", [*command, "-shortest", str(folder / "clips" / "heard.mp4")])
    project["scenes"][0]["clips"] = [{"file": "clips/heard.mp4", "keep_sound": True}]
    project["transition"] = "dissolve"
    project["output"]["stems"] = True
    path.write_text(yaml.safe_dump(project, sort_keys=False))
    return path


def services(guarded: Guarded, nats_url: str, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> list[FastStream]:
    """Every service, made from an environment that holds its own keys."""
    apps = []
    for name in VOICES:
        settings = guarded.settings_of(name)
        environment = {
            "LOCKSTEP_NATS_URL": nats_url,
            "LOCKSTEP_SCRATCH_DIR": str(scratch),
            "LOCKSTEP_S3_ENDPOINT": settings.endpoint,
            "LOCKSTEP_S3_ACCESS_KEY": settings.access_key,
            "LOCKSTEP_S3_SECRET_KEY": settings.secret_key.get_secret_value(),
            "LOCKSTEP_NATS_MAX_ATTEMPTS": "1",
        }
        for variable, value in environment.items():
            monkeypatch.setenv(variable, value)
        apps.append(importlib.import_module(f"services.{name}.app").create_app())
    return apps


@pytest.mark.parametrize("server", ["seaweedfs", "minio"])
async def test_every_service_finds_its_keys_enough(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = load_project(await asyncio.to_thread(write_demanding_project, tmp_path / "project"))
    async with nats_server(tmp_path / "nats") as bus, guarded_store(server, tmp_path / "store") as guarded:
        await provision(bus.url)
        stop, ready = asyncio.Event(), asyncio.Event()
        apps = services(guarded, bus.url, tmp_path / "scratch", monkeypatch)
        host = asyncio.create_task(run_services(apps, stop, on_ready=ready.set))
        try:
            await asyncio.wait_for(ready.wait(), 60)
            store = MinioStore(guarded.settings_of(CLIENT))
            async with connected(bus.url) as client:
                submitted = await submit(loaded.project, loaded.sources, store, client)
                said = [event async for event in history(client, submitted.project_id)]
            assert [event.sentence for event in said if isinstance(event, StepFailed)] == []
            [assembled] = [event for event in said if isinstance(event, VideoAssembled)]
            await store.fetch(assembled.video, tmp_path / "video.mp4")
        finally:
            stop.set()
            await host
