"""How to reach the bus, and how patient everyone is with it."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import nats.errors
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo
from nats.js.errors import APIError, NotFoundError
from pydantic import AliasChoices, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.events import STREAM
from shared.health import FOLDER_VARIABLE
from shared.retry import RetryPolicy, describe, one_line

POLL_SECONDS = 0.25


class BusSettings(BaseSettings):
    """Where the bus is and how patient a service is with it. Read from `LOCKSTEP_NATS_*`."""

    model_config = SettingsConfigDict(
        env_prefix="LOCKSTEP_NATS_", extra="ignore", populate_by_name=True, use_attribute_docstrings=True
    )

    url: str = "nats://127.0.0.1:4222"
    user: str | None = None
    password: SecretStr | None = None
    replicas: int = Field(default=1, ge=1, le=5)
    """On how many servers the streams are kept."""
    ack_wait_seconds: float = Field(default=30.0, gt=0)
    """How long the bus waits for a sign of life before it gives a message to another. Applied by the provisioner."""
    max_attempts: int = Field(default=5, ge=1)
    """How often a handler may fail on one message."""
    retry_delays_seconds: tuple[float, ...] = (1.0, 5.0, 15.0, 60.0)
    """The pause after each failure; the last one repeats."""
    max_deliveries: int = Field(default=20, ge=1)
    """How often a message may be handed out at all: bounds a message that kills its process every time."""
    handler_timeout_seconds: float = Field(default=3600.0, gt=0)
    """A handler that takes longer hangs: it is cancelled and counts as failed."""
    graceful_timeout_seconds: float = Field(default=600.0, ge=0)
    """How long a service that is told to stop may finish what it is doing before it hands it over."""
    startup_timeout_seconds: float = Field(default=30.0, gt=0)
    """How long a service waits for the bus and for the provisioner before it gives up."""
    publish_timeout_seconds: float = Field(default=5.0, gt=0)
    # The client's own 0.5 s is too short: 400 of 400 publishes "timed out" on a synced disk although all were stored.
    watchdog_seconds: float = Field(default=5.0, gt=0)
    """How often a service asks whether its consumer still exists."""
    scratch_dir: Path = Field(
        default_factory=lambda: Path(tempfile.gettempdir()),
        validation_alias=AliasChoices("LOCKSTEP_SCRATCH_DIR", "scratch_dir"),
    )
    """Where handlers' scratch folders are made: `LOCKSTEP_SCRATCH_DIR`, else the system's own place."""
    health_dir: Path | None = Field(default=None, validation_alias=AliasChoices(FOLDER_VARIABLE, "health_dir"))
    """Where a service leaves its signs of life for a probe: `LOCKSTEP_HEALTH_DIR`; unset, it leaves none."""

    @property
    def retry_policy(self) -> RetryPolicy:
        """When to try again, as a value."""
        return RetryPolicy(self.max_attempts, self.retry_delays_seconds, self.max_deliveries)


class NotReady(Exception):
    """The bus is not there or not provisioned. The message is one sentence that says what to do."""


async def connect(settings: BusSettings, name: str) -> Client:
    """A plain connection to the bus, for whoever is not a service. Raises nats-py's errors where no bus answers."""
    client = Client()
    try:
        await client.connect(
            settings.url,
            name=name,
            inbox_prefix=inbox_of(name),
            user=settings.user,
            password=settings.password.get_secret_value() if settings.password else None,
            allow_reconnect=False,
            max_reconnect_attempts=1,  # even so the client tries, and by default for two minutes
            reconnect_time_wait=0,
            connect_timeout=5,
            error_cb=tell_nobody,
        )
    except BaseException:
        await client.close()
        raise
    return client


def inbox_of(name: str) -> str:
    """Where answers to `name` arrive: its own place, so that its user can be kept out of the others'."""
    return f"_INBOX_{name}"


async def tell_nobody(_: Exception) -> None:
    """For `error_cb`: what fails is raised as well, and the client's own callback prints a traceback."""


async def consumer_exists(
    jetstream: JetStreamContext, consumer: str, *, on_seen: Callable[[ConsumerInfo], None] = lambda _: None
) -> bool | None:
    """Whether the bus has such a consumer, which is shown to `on_seen`; None where it cannot be asked just now."""
    try:
        on_seen(await jetstream.consumer_info(STREAM, consumer))
    except NotFoundError:
        return False
    except (APIError, TimeoutError, OSError, nats.errors.Error):
        return None
    return True


async def wait_for_consumers(settings: BusSettings, service: str, consumers: Sequence[str]) -> float:
    """Wait until the bus has the consumers; the shortest time in seconds that any of them gives to a message.

    Raises `NotReady` where that takes longer than a start may take, and at once where the bus refuses the service.
    """
    address, limit = one_line(settings.url), settings.startup_timeout_seconds
    trouble = f"no bus answers at {address}"
    try:
        async with asyncio.timeout(limit):
            while True:
                try:
                    return await _shortest_ack_wait(settings, service, consumers)
                except NotFoundError:
                    trouble = (
                        f"the bus has no consumer {' or '.join(consumers)} on the stream {STREAM}, "
                        "run `python -m shared.stream` against it"
                    )
                except (nats.errors.Error, OSError, TimeoutError) as error:
                    if "authorization" in str(error).lower():
                        raise NotReady(f"{service}: the bus at {address} refuses the user and password.") from None
                    trouble = f"no bus answers at {address}, {describe(error)}"
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        raise NotReady(f"{service}: {trouble} (waited {limit:g} s).") from None


async def _shortest_ack_wait(settings: BusSettings, service: str, consumers: Sequence[str]) -> float:
    client = await connect(settings, service)
    try:
        jetstream = client.jetstream(timeout=settings.publish_timeout_seconds)
        infos = [await jetstream.consumer_info(STREAM, consumer) for consumer in consumers]
    finally:
        await client.close()
    return min(info.config.ack_wait or settings.ack_wait_seconds for info in infos)
