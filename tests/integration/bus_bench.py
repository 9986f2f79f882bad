"""A real bus for tests: its own server for every test, services that run in the test's process, events to say."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from faststream import FastStream
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from shared.assets import Asset
from shared.bus import BusSettings, connect
from shared.events import (
    DEAD_STREAM,
    DEAD_STREAM_SUBJECTS,
    STREAM,
    Event,
    ProjectSubmitted,
    SceneFitted,
    ScenePlanned,
    ScenesPlanned,
    StepFailed,
    VoiceoverRecorded,
)
from shared.history import History
from shared.project import Fit, Output
from shared.publish import publish_events
from shared.servers import NatsServer, nats_server
from shared.service import run_services
from shared.stream import consumer_named, provision
from shared.timeline import Span

E = TypeVar("E", bound=Event)

PATIENCE_SECONDS = 60
"""How long a test waits for what must come; it fails by its own sentence before pytest's limit."""


@dataclass(frozen=True)
class Bus:
    """A provisioned bus and a client of it."""

    settings: BusSettings
    client: Client
    server: NatsServer

    @property
    def jetstream(self) -> JetStreamContext:
        return self.client.jetstream()

    @asynccontextmanager
    async def running(self, *apps: FastStream, hurry: asyncio.Event | None = None) -> AsyncIterator[asyncio.Event]:
        """Run services in this process; yields the event that stops them, which is set at the end of the block."""
        stop, ready = asyncio.Event(), asyncio.Event()
        host = asyncio.create_task(run_services(apps, stop, hurry=hurry, on_ready=ready.set))
        started = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait({host, started}, return_when=asyncio.FIRST_COMPLETED)
            if host.done():
                host.result()
            yield stop
        finally:
            started.cancel()
            stop.set()
            await host

    async def say(self, *events: Event) -> None:
        await publish_events(self.client, events)

    async def subjects(self, project_id: str) -> frozenset[str]:
        return await History(self.jetstream, project_id).subjects()

    async def said(self, event_class: type[E], project_id: str, *, count: int = 1) -> list[E]:
        """Wait until the project has `count` events of that class, and return them."""
        history = History(self.jetstream, project_id)
        found: list[E] = []

        async def enough() -> bool:
            found[:] = await history.events(event_class)
            return len(found) >= count

        await until(enough, f"{event_class.__name__} was not said about {project_id}")
        return found

    async def failure(self, project_id: str) -> StepFailed:
        return (await self.said(StepFailed, project_id))[0]

    async def dead_letters(self) -> list[RawStreamMsg]:
        info = await self.jetstream.stream_info(DEAD_STREAM, subjects_filter=DEAD_STREAM_SUBJECTS)
        return [await self.jetstream.get_last_msg(DEAD_STREAM, subject) for subject in info.state.subjects or ()]

    async def unsettled(self, consumer: str) -> int:
        """How many messages the consumer has still to hand out or to see acknowledged.

        It counts a message a moment after the stream has it, so the stream is asked what there is for it.
        """
        last = max([await self._last_sequence(heard.wildcard()) for heard in consumer_named(consumer).hears])
        info = await self.jetstream.consumer_info(STREAM, consumer)
        counted = (info.num_pending or 0) + (info.num_ack_pending or 0)
        delivered = info.delivered.stream_seq if info.delivered else 0
        return counted or int(delivered < last)

    async def _last_sequence(self, subject: str) -> int:
        """Of the last message on a subject; 0 where there is none."""
        try:
            return (await self.jetstream.get_last_msg(STREAM, subject)).seq or 0
        except NotFoundError:
            return 0

    async def settled(self, *consumers: str) -> None:
        """Wait until the consumers have nothing more to do."""

        async def nothing_left() -> bool:
            return not any([await self.unsettled(consumer) for consumer in consumers])

        await until(nothing_left, f"{consumers} still have something to do")


def fitted(event: ScenePlanned, *, segment: Asset | None = None, from_store: bool = False) -> SceneFitted:
    """What a fitter says that has nothing to fit."""
    return SceneFitted(
        project_id=event.project_id,
        scene_number=event.scene_number,
        scene_id=event.scene_id,
        segment=segment or asset("segments/one.mp4"),
        frame_count=event.frame_count,
        clip_ms=5_000,
        fit="as it is",
        from_store=from_store,
    )


async def until(condition: Callable[[], Awaitable[bool]], otherwise: str) -> None:
    """Wait until the condition holds; fail with a sentence where it does not in a minute."""
    for _ in range(PATIENCE_SECONDS * 50):
        if await condition():
            return
        await asyncio.sleep(0.02)
    raise AssertionError(otherwise)


@asynccontextmanager
async def provisioned_bus(folder: Path, **settings: Any) -> AsyncIterator[Bus]:
    """A new server with the house's streams and consumers. Services on it are quick to try again and to stop."""
    async with nats_server(folder / "nats") as server:
        values: dict[str, Any] = {
            "url": server.url,
            "ack_wait_seconds": 1.5,
            "retry_delays_seconds": (0.05,),
            "graceful_timeout_seconds": 20.0,
            "scratch_dir": folder / "scratch",
            "watchdog_seconds": 0.2,
        }
        chosen = BusSettings(**(values | settings))
        await provision(server.url, settings=chosen)
        client = await connect(chosen, "test")
        try:
            yield Bus(chosen, client, server)
        finally:
            await client.close()


def asset(name: str = "projects/lighthouse.json") -> Asset:
    return Asset(
        key=name, digest=hashlib.sha256(name.encode()).hexdigest(), media_type="application/json", size=len(name)
    )


def submitted(project_id: str) -> ProjectSubmitted:
    return ProjectSubmitted(project_id=project_id, project=asset(), scene_count=1)


def recorded(project_id: str) -> VoiceoverRecorded:
    return VoiceoverRecorded(
        project_id=project_id,
        project=asset(),
        recording=asset("recordings/one.json"),
        length_ms=2_000,
        from_store=False,
    )


def plan_of(project_id: str, scene_count: int) -> Sequence[Event]:
    """What the scene planner says: the plan, and every scene of it."""
    plan = ScenesPlanned(
        project_id=project_id,
        project=asset(),
        recording=asset("recordings/one.json"),
        plan=asset("plans/one.json"),
        scene_count=scene_count,
        frame_count=scene_count * 24,
    )
    return [plan, *(scene_planned(project_id, number) for number in range(1, scene_count + 1))]


def scene_planned(project_id: str, number: int) -> ScenePlanned:
    return ScenePlanned(
        project_id=project_id,
        scene_number=number,
        scene_id=f"scene-{number}",
        window=Span((number - 1) * 1_000, number * 1_000),
        frame_count=24,
        clips=(asset("sources/clip.mp4"),),
        output=Output(),
        fit=Fit(),
    )
