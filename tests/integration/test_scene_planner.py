"""The scene planner on a real bus with a real store, and behind a real voice and a real aligner."""

import asyncio
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from services.scene_planner.app import create_app
from services.scene_planner.handlers import Handlers
from services.scene_planner.settings import Settings
from services.transcriber.handlers import Handlers as TranscriberHandlers
from services.transcriber.workers import PocketsphinxEngine
from services.voiceover.app import create_handlers
from services.voiceover.settings import Settings as VoiceoverSettings
from shared.errors import Unrecoverable
from shared.events import ProjectSubmitted, ScenePlanned, ScenesPlanned, WordsTimed
from shared.plan import ScenePlan
from shared.project import Project, SubmittedProject
from shared.store import AssetStore, MinioStore, StoreSettings
from shared.testing import MemoryStore, RecordedStep
from shared.transcript import Recording
from tests.integration.bus_bench import Bus, asset

pytestmark = pytest.mark.integration

SCENES = {
    "dusk": "At the edge of the map stands a lighthouse. It has not missed a single night.",
    "lamp": "At the top waits a lens as tall as two men. One small flame throws its light far out to sea.",
    "storm": "Then comes the night of the great storm. Wind and rain reach the gallery.",
}


@dataclass
class Rooms:
    """The three rooms that lead to a plan, one after the other on the same store."""

    store: AssetStore
    folder: Path

    async def time_words(self, scenes: dict[str, str], recording: Path | None = None) -> WordsTimed:
        """The words of these scenes, spoken by espeak-ng, or of a recording that is said to be theirs."""
        voice = {"engine": "espeak"} if recording is None else {"engine": "recorded", "file": "voice.wav"}
        sources = {"clip.mp4": asset("sources/clip.mp4")}
        if recording is not None:
            sources["voice.wav"] = await self.store.put_file(recording, f"sources/{recording.name}", "audio/wav")
        project = Project.model_validate(
            {
                "name": "lighthouse",
                "output": {"fps": 25},
                "voice": voice,
                "scenes": [
                    {"id": name, "narration": narration, "clips": ["clip.mp4"]} for name, narration in scenes.items()
                ],
            }
        )
        submitted = await self.store.put_document(
            SubmittedProject(project=project, sources=sources), f"projects/{len(list(self.folder.iterdir()))}.json"
        )
        event = ProjectSubmitted(project_id="lighthouse", project=submitted, scene_count=len(scenes))
        recorded = await create_handlers(self.store, VoiceoverSettings()).record_voiceover(event, self.step())
        engine = PocketsphinxEngine(most_workers=1, timeout_seconds=120)
        return await TranscriberHandlers(self.store, {engine.name: engine}).time_words(recorded, self.step())

    async def plan(self, event: WordsTimed) -> ScenePlan:
        planned, *_ = await Handlers(self.store).plan_project(event, self.step())
        assert isinstance(planned, ScenesPlanned)
        return await self.store.get_document(planned.plan, ScenePlan)

    def step(self) -> RecordedStep:
        scratch = self.folder / f"scratch-{len(list(self.folder.iterdir()))}"
        scratch.mkdir()
        return RecordedStep(scratch)

    async def voice_of(self, scenes: dict[str, str]) -> Path:
        """A file that holds all of these scenes."""
        recording = await self.store.get_document((await self.time_words(scenes)).recording, Recording)
        path = self.folder / f"voice-{len(list(self.folder.iterdir()))}.wav"
        await self.store.fetch(recording.voiceover, path)
        return path


@pytest.fixture
def rooms(tmp_path: Path) -> Rooms:
    return Rooms(MemoryStore(), tmp_path)


async def test_a_spoken_script_is_cut_in_the_silence_between_its_takes(rooms: Rooms) -> None:
    event = await rooms.time_words(SCENES)
    recording = await rooms.store.get_document(event.recording, Recording)
    plan = await rooms.plan(event)
    assert [scene.scene_id for scene in plan.scenes] == list(SCENES)
    assert plan.warnings == ()
    for scene, (earlier, later) in zip(plan.scenes, pairwise(recording.takes), strict=False):
        assert earlier.span.end <= scene.window.end <= later.span.start
        assert scene.cut_kind == "silence"
        assert scene.window.end % 40 == 0


async def test_the_same_voice_as_one_recording_is_cut_at_the_same_places(rooms: Rooms) -> None:
    """Nothing but the sound and the script tell where the scenes lie."""
    takes = await rooms.store.get_document((await rooms.time_words(SCENES)).recording, Recording)
    plan = await rooms.plan(await rooms.time_words(SCENES, await rooms.voice_of(SCENES)))
    for scene, (earlier, later) in zip(plan.scenes, pairwise(takes.takes), strict=False):
        assert earlier.span.end - 60 <= scene.window.end <= later.span.start + 60
        assert scene.cut_kind == "silence"


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("At the top waits a lens as tall as two men.", "One small flame"),
        ("One small flame throws its light far out to sea.", "At the top waits"),
    ],
    ids=["second sentence skipped", "first sentence skipped"],
)
async def test_a_recording_that_skips_a_sentence_is_refused(rooms: Rooms, said: str, words: str) -> None:
    voice = await rooms.voice_of(SCENES | {"lamp": said})
    with pytest.raises(Unrecoverable) as caught:
        await rooms.plan(await rooms.time_words(SCENES, voice))
    assert caught.value.scene_id == "lamp"
    assert words in caught.value.reason


async def test_racing_planners_say_every_event_once(
    tmp_path: Path, bus: Bus, store: MinioStore, store_settings: StoreSettings
) -> None:
    event = await Rooms(store, tmp_path).time_words(SCENES)
    settings = Settings(bus=bus.settings, store=store_settings)
    projects = [f"lighthouse-{number}" for number in range(4)]
    async with bus.running(create_app(settings), create_app(settings)):
        await asyncio.gather(
            *(bus.say(event.model_copy(update={"project_id": project})) for project in projects for _ in range(2))
        )
        plans = [(await bus.said(ScenesPlanned, project))[0].plan for project in projects]
        await bus.settled("scene_planner")
        for project in projects:
            scenes = await bus.said(ScenePlanned, project, count=3)
            assert [scene.scene_number for scene in scenes] == [1, 2, 3]
    assert len({plan.digest for plan in plans}) == 1
