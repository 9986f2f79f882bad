"""One message being handled, as its handler sees it."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

import nats.errors
from nats.aio.client import Client

from shared.events import Event, ProgressTicked
from shared.history import History
from shared.scratch import ScratchFolder

E = TypeVar("E", bound=Event)

TICK_SECONDS = 0.25
"""Progress is for eyes: four times a second is enough."""


class Step(Protocol):
    """What a handler may use besides its event. `shared.testing.RecordedStep` is its twin for tests."""

    @property
    def scratch(self) -> Path:
        """An empty folder for this message, removed afterwards whatever happens."""

    def report_progress(self, percent: int) -> None:
        """Say how far the step is. Cheap, callable from any thread, never raises; kept by nobody."""

    async def holds(self, subject: str) -> bool:
        """Whether the stream holds an event on this subject of the project."""

    async def events(self, event_class: type[E]) -> list[E]:
        """This project's events of that class, from the stream, by scene number."""


@dataclass
class LiveStep:
    """A `Step` over the bus."""

    folder: ScratchFolder
    client: Client
    history: History
    service: str
    scene_number: int | None
    _loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    _next_tick: float = 0.0
    _ticks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def scratch(self) -> Path:
        return self.folder.path

    def report_progress(self, percent: int) -> None:
        now = time.monotonic()
        if now < self._next_tick and percent < 100:
            return
        self._next_tick = now + TICK_SECONDS
        with suppress(RuntimeError):  # the loop has stopped: there is nobody left to tell
            self._loop.call_soon_threadsafe(self._send, min(100, max(0, percent)))

    async def holds(self, subject: str) -> bool:
        return await self.history.holds(subject)

    async def events(self, event_class: type[E]) -> list[E]:
        return await self.history.events(event_class)

    def _send(self, percent: int) -> None:
        tick = ProgressTicked(
            project_id=self.history.project_id, service=self.service, scene_number=self.scene_number, percent=percent
        )
        task = self._loop.create_task(self._publish(tick))
        self._ticks.add(task)
        task.add_done_callback(self._ticks.discard)

    async def _publish(self, tick: ProgressTicked) -> None:
        with suppress(nats.errors.Error, OSError):
            if self.client.is_connected:  # while the bus is away a tick would be kept, and be stale when it arrives
                await self.client.publish(tick.address, tick.model_dump_json().encode())
