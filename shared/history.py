"""A project's history: its events, as the stream holds them. There is no other record of what is done."""

import asyncio
from dataclasses import dataclass
from typing import TypeVar

from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from shared.events import STREAM, Event, ProjectEnded, StepFailed, history_of

E = TypeVar("E", bound=Event)

READS_AT_ONCE = 32


@dataclass(frozen=True)
class History:
    """What the stream holds about one project."""

    jetstream: JetStreamContext
    project_id: str

    async def subjects(self) -> frozenset[str]:
        """All subjects on which something was said about the project. One request."""
        return await self._subjects(history_of(self.project_id))

    async def events(self, event_class: type[E]) -> list[E]:
        """The project's events of one class, in the order of their subjects' scene numbers. One request for each."""
        subjects = await self._subjects(event_class.wildcard(self.project_id))
        turnstile = asyncio.Semaphore(READS_AT_ONCE)

        async def read(subject: str) -> E | None:
            async with turnstile:
                return await self._read(subject, event_class)

        found = await asyncio.gather(*(read(subject) for subject in sorted(subjects, key=_natural)))
        return [event for event in found if event is not None]

    async def holds(self, subject: str) -> bool:
        """Whether something was said on the subject. One request, however long the history is."""
        try:
            await self.jetstream.get_last_msg(STREAM, subject, direct=True)
        except NotFoundError:
            return False
        return True

    async def has_ended(self) -> bool:
        """Whether the project has its video or its failure. One request."""
        return await self.holds(ProjectEnded.wildcard(self.project_id))

    async def failure(self) -> StepFailed | None:
        """Why the project ended without a video, where it did. One request."""
        return await self._read(StepFailed.wildcard(self.project_id), StepFailed)

    async def _read(self, subject: str, event_class: type[E]) -> E | None:
        try:
            message = await self.jetstream.get_last_msg(STREAM, subject, direct=True)
        except NotFoundError:
            return None
        return event_class.model_validate_json(message.data or b"")

    async def _subjects(self, pattern: str) -> frozenset[str]:
        info = await self.jetstream.stream_info(STREAM, subjects_filter=pattern)
        return frozenset(info.state.subjects or ())


def _natural(subject: str) -> list[tuple[int, str]]:
    return [(int(token), "") if token.isdigit() else (-1, token) for token in subject.split(".")]
