"""The streams and consumers of the house. This is the only place that configures them: services just use them.

`python -m shared.stream` applies it, as often as one likes: what is missing is made, what has drifted is put right, and
nothing that was said is lost.
"""

import asyncio
import logging
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import nats.errors
from minio.error import MinioAdminException, MinioException
from nats.js import JetStreamContext
from nats.js.api import AckPolicy, ConsumerConfig, DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError
from urllib3.exceptions import HTTPError

from shared.bus import BusSettings, NotReady, connect
from shared.default_passwords import default_password_problem
from shared.events import (
    DEAD_STREAM,
    DEAD_STREAM_SUBJECTS,
    STREAM,
    STREAM_SUBJECTS,
    AssemblyDue,
    Event,
    ProjectSubmitted,
    SceneFitted,
    ScenePlanned,
    SceneSounded,
    ScenesPlanned,
    SoundtrackMixed,
    VoiceoverRecorded,
    WordsTimed,
)
from shared.store import MinioStore, StoreSettings
from shared.store_users import StoreKeys, StoreUsers, make_users

logger = logging.getLogger("lockstep.stream")

DAY_SECONDS = 24 * 60 * 60


@dataclass(frozen=True)
class Consumer:
    """A durable pull consumer: one reader's place in the stream, shared by all replicas of a service."""

    name: str
    hears: tuple[type[Event], ...]
    max_ack_pending: int = 1000
    """How many messages may be in work at once over all replicas: never the limit of a scale-out."""


CONSUMERS: tuple[Consumer, ...] = (
    Consumer("voiceover", (ProjectSubmitted,)),
    Consumer("transcriber", (VoiceoverRecorded,)),
    Consumer("scene_planner", (WordsTimed,)),
    Consumer("clip_fitter", (ScenePlanned,)),
    Consumer("mixer", (ScenesPlanned, SceneSounded)),
    Consumer("assembler_join", (SceneFitted, SoundtrackMixed)),
    Consumer("assembler", (AssemblyDue,)),
)

SPARE_DELIVERIES = 30
"""Above a service's own limit of deliveries: a service gives a message up in words before the bus does in silence."""


def consumer_named(name: str) -> Consumer:
    """The consumer of that name. Raises `LookupError` with the remedy."""
    for consumer in CONSUMERS:
        if consumer.name == name:
            return consumer
    raise LookupError(f"no consumer is named {name!r}: add it to CONSUMERS in shared/stream.py")


def stream_configs(settings: BusSettings) -> tuple[StreamConfig, StreamConfig]:
    """The stream of all events, and the stream of messages that were given up."""
    # Limits retention: the stream is the projects' history, and the guard of the join ("nothing stands on this subject
    # yet") holds only while the event is kept. On a work queue it would end with the acknowledgement.
    history = StreamConfig(
        name=STREAM,
        description="Every project's history",
        subjects=[STREAM_SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=7 * DAY_SECONDS,
        duplicate_window=120,
        num_replicas=settings.replicas,
        allow_direct=True,
        allow_atomic=True,
        max_consumers=-1,
        max_msgs=-1,
        max_bytes=-1,
    )
    dead = StreamConfig(
        name=DEAD_STREAM,
        description="Messages that no attempt could handle, for a person to look at",
        subjects=[DEAD_STREAM_SUBJECTS],
        retention=RetentionPolicy.LIMITS,
        storage=StorageType.FILE,
        discard=DiscardPolicy.OLD,
        max_age=30 * DAY_SECONDS,
        duplicate_window=120,
        num_replicas=settings.replicas,
        allow_direct=True,
        max_consumers=-1,
        max_msgs=-1,
        max_bytes=-1,
    )
    return history, dead


def consumer_config(consumer: Consumer, settings: BusSettings) -> ConsumerConfig:
    """The consumer as the server wants it. No `backoff`: it would replace `ack_wait`, and paces only lost messages."""
    return ConsumerConfig(
        name=consumer.name,
        durable_name=consumer.name,
        filter_subjects=[event_class.wildcard() for event_class in consumer.hears],
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=settings.ack_wait_seconds,
        max_deliver=settings.max_deliveries + SPARE_DELIVERIES,
        max_ack_pending=consumer.max_ack_pending,
    )


async def provision(nats_url: str, store: StoreSettings | None = None, *, settings: BusSettings | None = None) -> None:
    """Make or put right the streams, the consumers and, where `store` is given, the bucket. Idempotent.

    `settings` gives what else is not a default: user and password, replicas, how long an acknowledgement may take.
    Raises nats-py's and the store's errors where one of them is not there.
    """
    settings = (settings or BusSettings()).model_copy(update={"url": nats_url})
    client = await connect(settings, "provisioner")
    try:
        jetstream = client.jetstream(timeout=settings.publish_timeout_seconds)
        for config in stream_configs(settings):
            await _apply_stream(jetstream, config)
        for consumer in CONSUMERS:
            # Creates or updates. (Subscribing does not: a service would go on with whatever an older one had made.)
            await jetstream.add_consumer(STREAM, config=consumer_config(consumer, settings))
    finally:
        await client.close()
    if store is not None:
        await MinioStore(store).ensure_bucket()


async def _apply_stream(jetstream: JetStreamContext, config: StreamConfig) -> None:
    assert config.name is not None
    try:
        await jetstream.stream_info(config.name)
    except NotFoundError:
        await jetstream.add_stream(config)
    else:
        await jetstream.update_stream(config)


TROUBLE = (nats.errors.Error, OSError, TimeoutError, HTTPError, MinioException, MinioAdminException)
"""What is raised where a server is not there yet, or does not let us in."""


async def provision_when_ready(
    settings: BusSettings, store: StoreSettings | None, users: Mapping[str, StoreKeys] | None = None
) -> None:
    """Provision as soon as the servers answer; `users` are those of the store, where it is a MinIO.

    Raises `NotReady` where they do not within the start-up time, and at once where a password is one that everybody
    knows: no service starts before this is done.
    """
    if problem := _known_password(settings, store, users or {}):
        raise NotReady(problem)
    cause: Exception = TimeoutError()
    try:
        async with asyncio.timeout(settings.startup_timeout_seconds):
            while True:
                try:
                    await provision(settings.url, store, settings=settings)
                    if store is not None and users:
                        await make_users(store, users)
                except TROUBLE as error:
                    cause = error
                    await asyncio.sleep(1)
                else:
                    return
    except TimeoutError:
        raise NotReady(
            f"The bus or the store could not be provisioned within {settings.startup_timeout_seconds:g} s "
            f"({type(cause).__name__}: {cause})."
        ) from None


def _known_password(settings: BusSettings, store: StoreSettings | None, users: Mapping[str, StoreKeys]) -> str | None:
    bus = urlsplit(settings.url)
    passwords = {
        "LOCKSTEP_NATS_PASSWORD": settings.password.get_secret_value() if settings.password else None,
        "The password in LOCKSTEP_NATS_URL": bus.password,
    }
    problem = default_password_problem(bus.hostname or "", passwords)
    if problem or store is None:
        return problem
    host = store.endpoint.rpartition(":")[0] or store.endpoint
    secrets = {f"The secret key of {user} in LOCKSTEP_S3_USERS": keys.secret_key for user, keys in users.items()}
    secrets["LOCKSTEP_S3_SECRET_KEY"] = store.secret_key
    return default_password_problem(host, {name: secret.get_secret_value() for name, secret in secrets.items()})


def main() -> None:
    """Provision the bus and the store that the environment names."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        asyncio.run(provision_when_ready(BusSettings(), StoreSettings(), StoreUsers().users))
    except NotReady as error:
        sys.exit(str(error))
    logger.info("Streams, consumers and the bucket are as they should be.")


if __name__ == "__main__":
    main()
