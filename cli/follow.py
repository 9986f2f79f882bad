"""Follows one project to its end and fetches what it made."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nats.aio.client import Client

from cli.client import history, ticks
from cli.edge import Refused
from cli.screen import Screen
from shared.certificate import Certificate
from shared.events import ProgressTicked, SceneFitted, ScenesPlanned, SoundtrackMixed, StepFailed, VideoAssembled
from shared.plan import ScenePlan
from shared.store import AssetStore


@dataclass
class Story:
    """What was said about a project until it ended."""

    planned: ScenesPlanned | None = None
    fitted: dict[int, SceneFitted] = field(default_factory=dict)
    mixed: SoundtrackMixed | None = None
    assembled: VideoAssembled | None = None
    failed: StepFailed | None = None

    @property
    def nothing_was_encoded(self) -> bool:
        """True where every segment, the soundtrack and the video were in the store already."""
        kept = [self.mixed is not None and self.mixed.from_store, *(event.from_store for event in self.fitted.values())]
        return self.assembled is not None and self.assembled.from_store and all(kept)


async def follow(client: Client, project_id: str, screen: Screen) -> Story:
    """Show the project's progress until it ends; the story of it. Raises `Refused` where a step failed."""
    story = Story()
    async with ticks(client, project_id) as queue, _shown(queue, screen):
        async for event in history(client, project_id):
            screen.show_event(event)
            match event:
                case ScenesPlanned():
                    story.planned = event
                case SceneFitted():
                    story.fitted[event.scene_number] = event
                case SoundtrackMixed():
                    story.mixed = event
                case VideoAssembled():
                    story.assembled = event
                case StepFailed():
                    story.failed = event
    if story.failed is not None:
        raise Refused(story.failed.sentence)
    return story


@asynccontextmanager
async def _shown(queue: "asyncio.Queue[ProgressTicked]", screen: Screen) -> AsyncIterator[None]:
    async def show() -> None:
        while True:
            screen.show_tick(await queue.get())

    task = asyncio.create_task(show())
    try:
        yield
    finally:
        task.cancel()


async def fetch_video(story: Story, store: AssetStore, output: Path) -> tuple[Certificate, ScenePlan]:
    """Write the video and, beside it, its certificate; nothing half-written stands at `output` at any time."""
    if story.assembled is None or story.planned is None:
        raise Refused("The project has not ended with a video.")
    output.parent.mkdir(parents=True, exist_ok=True)
    for asset, path in (
        (story.assembled.video, output),
        (story.assembled.certificate, output.with_suffix(".certificate.json")),
    ):
        arriving = path.with_name(f".{path.name}.{os.getpid()}.part")
        try:
            await store.fetch(asset, arriving)
            arriving.replace(path)
        finally:
            arriving.unlink(missing_ok=True)
    certificate, plan = await asyncio.gather(
        store.get_document(story.assembled.certificate, Certificate), store.get_document(story.planned.plan, ScenePlan)
    )
    return certificate, plan
