"""Watches a service's connection to the bus and its consumers: says what happens, and stops what can no longer work."""

import asyncio
import logging
import os
from collections.abc import Callable, Sequence

from nats.aio.client import Client
from nats.js.api import ConsumerInfo

from shared.bus import BusSettings, consumer_exists
from shared.health import show_signs
from shared.retry import describe

logger = logging.getLogger("lockstep.watch")

LOST_EXIT_CODE = 71
"""EX_OSERR: the consumer that a service reads is gone for good. Whoever started the service starts it again."""


class ServiceLost(Exception):
    """The bus no longer has what a service reads from."""


class Watch:
    """One service's watch over its connection."""

    def __init__(self, service: str, settings: BusSettings) -> None:
        self.on_lost: Callable[[str], None] = exit_process
        """What to do when the service can no longer work. A host of several services puts its own in place."""
        self.on_seen: Callable[[ConsumerInfo], None] = lambda _: None
        """What to do with what the bus says of a consumer."""
        self._service = service
        self._settings = settings
        self._client: Client | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self, client: Client, consumers: Sequence[str]) -> None:
        """Watch from now on."""
        self._client = client
        show_signs(self._settings.health_dir, "alive", "ready")  # it was asked for its consumers a moment ago
        self._task = asyncio.create_task(self._look_after(client, consumers))

    def stop(self) -> None:
        """What happens from now on is meant to happen."""
        self._client = None
        if self._task is not None:
            self._task.cancel()

    async def _look_after(self, client: Client, consumers: Sequence[str]) -> None:
        """Without this the framework would ask a consumer that is gone for messages, silently and in a tight loop."""
        jetstream = client.jetstream(timeout=self._settings.publish_timeout_seconds)
        missing = dict.fromkeys(consumers, 0)
        while True:
            await asyncio.sleep(self._settings.watchdog_seconds)
            show_signs(self._settings.health_dir, "alive")
            states = {
                consumer: await consumer_exists(jetstream, consumer, on_seen=self.on_seen) for consumer in consumers
            }
            if all(states.values()):
                show_signs(self._settings.health_dir, "ready")
            for consumer, exists in states.items():
                missing[consumer] = missing[consumer] + 1 if exists is False else 0
                if missing[consumer] == 2:
                    self.on_lost(f"{self._service}: the consumer {consumer} is gone from the bus.")

    async def note_error(self, error: Exception) -> None:
        """A refusal, for example of a permission. While there is no connection each attempt ends here too: not told."""
        if self._client is not None and self._client.is_connected:
            logger.error("%s: the bus says: %s", self._service, describe(error))

    async def note_disconnect(self) -> None:
        """The connection is lost; the client tries again for ever."""
        if self._client is not None:
            logger.warning("%s: the connection to the bus is lost", self._service)

    async def note_reconnect(self) -> None:
        """The connection is back."""
        logger.info("%s: the connection to the bus is back", self._service)

    async def note_closed(self) -> None:
        """The client gave up."""
        if self._client is not None:
            self.on_lost(f"{self._service}: the connection to the bus was closed for good.")


def exit_process(reason: str) -> None:
    """End this process: its work is handed to another when its time is up."""
    logger.critical(reason)
    logging.shutdown()
    os._exit(LOST_EXIT_CODE)
