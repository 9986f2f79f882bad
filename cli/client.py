"""A client of the bus and the store: puts a project's sources into the store, submits it, and follows it."""

import asyncio
import mimetypes
import re
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import nats
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from pydantic import ValidationError

from cli.edge import Refused
from shared.assets import Asset, derived_key, source_key
from shared.bus import tell_nobody
from shared.events import (
    STREAM,
    Event,
    ProgressTicked,
    ProjectSubmitted,
    StepFailed,
    VideoAssembled,
    event_from,
    history_of,
    tokens_of,
)
from shared.project import Project, SubmittedProject
from shared.publish import publish_events
from shared.store import AssetStore, file_digest

UPLOADS_AT_ONCE = 4

LOOK_AGAIN_SECONDS = 1.0
"""How late an event may be shown whose hint came before it was stored."""

STORED_SECONDS = 0.05
"""From the hint to the look: a burst of events is read at once."""


def without_password(url: str) -> str:
    """The address without what must not be shown."""
    return url.rpartition("@")[2]


@asynccontextmanager
async def connected(nats_url: str) -> AsyncIterator[Client]:
    """A connection to the bus. Raises `Refused` where none answers."""
    try:
        client = await nats.connect(
            nats_url,
            connect_timeout=5,
            max_reconnect_attempts=5,
            allow_reconnect=True,
            error_cb=tell_nobody,
        )
    except (OSError, NatsError, TimeoutError) as error:
        raise Refused(
            f"No bus answers at {without_password(nats_url)} ({type(error).__name__}). "
            "Start one with `lockstep up`, or name it with --nats-url."
        ) from None
    try:
        yield client
    finally:
        await client.close()


async def store_project(project: Project, files: Mapping[str, Path], store: AssetStore) -> Asset:
    """Put the project and all its files into the store; what is there already is not sent again."""
    turnstile = asyncio.Semaphore(UPLOADS_AT_ONCE)

    async def put(path: Path) -> Asset:
        async with turnstile:
            key = source_key(await asyncio.to_thread(file_digest, path), path.suffix)
            media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            return await store.find(key) or await store.put_file(path, key, media_type)

    names = list(files)
    sources = dict(zip(names, await asyncio.gather(*(put(files[name]) for name in names)), strict=True))
    submitted = SubmittedProject(project=project, sources=sources)
    key = derived_key("projects", "json", recipe_version=1, submitted=submitted)
    return await store.find(key) or await store.put_document(submitted, key)


def new_project_id(name: str) -> str:
    """An id that no other submission has: the project's name, when it was submitted, and a few random digits."""
    return f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def name_in(project_id: str) -> str:
    """The project's name that such an id was made of."""
    return re.sub(r"-\d{8}-\d{6}-[0-9a-f]{4}$", "", project_id)


async def submit(project: Project, files: Mapping[str, Path], store: AssetStore, client: Client) -> ProjectSubmitted:
    """Store the project and say that it is submitted. Every submission is a project of its own in the stream."""
    document = await store_project(project, files, store)
    event = ProjectSubmitted(
        project_id=new_project_id(project.name),
        project=document,
        scene_count=len(project.scenes),
    )
    await publish_events(client, [event])
    return event


async def history(client: Client, project_id: str) -> AsyncGenerator[Event, None]:
    """The project's events, first what the stream holds and then each as it is said; ends with the project.

    Read from the stream, without a consumer of one's own: whoever may make one may also rewrite those of the services.
    What is overheard on the bus is a hint to look again, no more: it may not be stored yet, or be refused.
    """
    hinted = asyncio.Event()

    async def take_hint(_: Msg) -> None:
        hinted.set()

    subscription = await client.subscribe(history_of(project_id), cb=take_hint)
    known: set[str] = set()
    try:
        while True:
            hinted.clear()
            for event in await history_so_far(client, project_id, known):
                known.add(event.address)
                yield event
                if isinstance(event, VideoAssembled | StepFailed):
                    return
            with suppress(TimeoutError):
                await asyncio.wait_for(hinted.wait(), LOOK_AGAIN_SECONDS)
            await asyncio.sleep(STORED_SECONDS)
    finally:
        await subscription.unsubscribe()


@asynccontextmanager
async def ticks(client: Client, project_id: str) -> AsyncIterator["asyncio.Queue[ProgressTicked]"]:
    """The progress ticks of a project, as they come; a reader that is late loses none that matter."""
    queue: asyncio.Queue[ProgressTicked] = asyncio.Queue()

    async def take(message: Msg) -> None:
        queue.put_nowait(ProgressTicked.model_validate_json(message.data))

    subscription = await client.subscribe(ProgressTicked.subject.format(project_id=project_id), cb=take)
    try:
        yield queue
    finally:
        await subscription.unsubscribe()


async def history_so_far(client: Client, project_id: str, known: Collection[str] = frozenset()) -> list[Event]:
    """The project's events that the stream holds now, but the known subjects', in the order in which they were said.

    A message that cannot be read is none of them: it has failed its project already, and lies among the dead letters.
    """
    jetstream = client.jetstream()
    subjects = (await jetstream.stream_info(STREAM, subjects_filter=history_of(project_id))).state.subjects or {}
    unread = (subject for subject in subjects if subject not in known)
    messages = await asyncio.gather(*(jetstream.get_last_msg(STREAM, subject, direct=True) for subject in unread))
    ordered = sorted(messages, key=lambda message: message.seq or 0)
    events = (_readable(message.subject or "", message.data or b"") for message in ordered)
    return [event for event in events if event is not None]


def _readable(subject: str, body: bytes) -> Event | None:
    try:
        return event_from(subject, body)
    except ValidationError:
        return None


async def project_ids(client: Client) -> list[str]:
    """The ids of all projects that the stream knows, oldest first by name."""
    found = await client.jetstream().stream_info(STREAM, subjects_filter=ProjectSubmitted.wildcard())
    return sorted(tokens_of(subject)["project_id"] for subject in found.state.subjects or {})
