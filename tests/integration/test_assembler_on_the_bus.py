"""Two assemblers on a real bus with a real store: one assembly for each project, however its parts arrive."""

import asyncio
import random
from fractions import Fraction
from pathlib import Path

import pytest

from services.assembler.app import create_app
from services.assembler.settings import Settings
from shared.certificate import Certificate
from shared.events import AssemblyDue, Event, StepFailed, VideoAssembled
from shared.store import MinioStore, StoreSettings
from tests.integration.assembler_project import make_project, make_segment
from tests.integration.bus_bench import Bus

pytestmark = pytest.mark.integration

FPS = Fraction(24)


def of_project(project_id: str, events: list[Event]) -> list[Event]:
    return [event.model_copy(update={"project_id": project_id}) for event in events]


async def test_racing_replicas_assemble_every_project_once(
    tmp_path: Path, bus: Bus, store: MinioStore, store_settings: StoreSettings
) -> None:
    history = await make_project(tmp_path, FPS).submit(store)
    settings = Settings(bus=bus.settings, store=store_settings)
    projects = [f"tiny-{number}" for number in range(6)]
    parts = [event for project in projects for event in of_project(project, history)]
    random.Random(7).shuffle(parts)
    async with bus.running(create_app(settings), create_app(settings)):
        await asyncio.gather(*(bus.say(part) for part in parts))
        answers = [(await bus.said(VideoAssembled, project))[0] for project in projects]
        await bus.settled("assembler_join", "assembler")
        for project in projects:
            assert len(await bus.said(AssemblyDue, project)) == 1
            assert len(await bus.said(VideoAssembled, project)) == 1
    assert len({answer.video.digest for answer in answers}) == 1
    assert (await store.get_document(answers[0].certificate, Certificate)).holds


async def test_a_video_that_is_not_in_sync_is_said_to_have_failed_and_not_published(
    tmp_path: Path, bus: Bus, store: MinioStore, store_settings: StoreSettings
) -> None:
    project = make_project(tmp_path, FPS, [1500, 1000, 1500])
    project.segments[1] = make_segment(tmp_path / "wrong.mp4", 23, FPS, look=5)
    history = of_project("broken", await project.submit(store))
    async with bus.running(create_app(Settings(bus=bus.settings, store=store_settings))):
        await bus.say(*history)
        failure = await bus.failure("broken")
        await bus.settled("assembler")
    assert failure.service == "assembler"
    assert failure.scene_id == "scene-2"
    assert "scene 'scene-2' has 23 frames, not 24" in failure.reason
    assert VideoAssembled.wildcard("broken") not in await bus.subjects("broken")
    assert StepFailed.wildcard("broken") in await bus.subjects("broken")
