"""How a service takes messages, and how it stops taking them without one being left in nobody's hands.

A pull request stands open while a service has nothing to do. What the bus hands over between the decision to stop and
the end of the subscription is dropped by the framework, and would wait until its time (30 s) is up. Here it is handed
back at once.
"""

import asyncio
from contextlib import suppress
from typing import Any

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext

FLUSH_SECONDS = 5


class Pull(JetStreamContext.PullSubscription):
    """A pull subscription that can be closed while the connection lives on."""

    _open = True

    async def fetch(self, batch: int = 1, timeout: float | None = 5, heartbeat: float | None = None) -> list[Msg]:  # noqa: ASYNC109
        """As the client's own; once closed, nothing comes any more."""
        if not self._open:
            await asyncio.sleep(timeout or 1)  # the framework asks again and again until it is told to stop
            raise nats.errors.TimeoutError
        messages: list[Msg] = await super().fetch(batch, timeout=timeout, heartbeat=heartbeat)
        if self._open:
            return messages
        for message in messages:
            await message.nak()
        raise nats.errors.TimeoutError

    async def close(self) -> None:
        """Take nothing more, and hand back what has come and was not begun."""
        self._open = False
        # The client's own ways to unsubscribe forget the subscription here before the server knows of it, and what
        # arrives in between is dropped. So: told, then a round trip, after which nothing more can come.
        with suppress(nats.errors.Error, OSError, TimeoutError):
            await self._nc._send_unsubscribe(self._sub._id)
            await self._nc.flush(FLUSH_SECONDS)
        while self.pending_msgs:
            message = self._sub._pending_queue.get_nowait()
            if not JetStreamContext.is_status_msg(message):
                await message.nak()


class Intake(JetStreamContext):
    """The JetStream context that a service's subscribers pull from."""

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._pulls: list[Pull] = []

    async def pull_subscribe(self, *args: Any, **kwargs: Any) -> Pull:
        """As the client's own, but for what it returns."""
        plain = await super().pull_subscribe(*args, **kwargs)
        pull = Pull(self, plain._sub, plain._stream, plain._consumer, plain._deliver.encode())
        self._pulls.append(pull)
        return pull

    async def close(self) -> None:
        """Close all that was pulled from. Never raises where the bus is away: it hands out again by itself."""
        with suppress(nats.errors.Error, OSError):
            await asyncio.gather(*(pull.close() for pull in self._pulls))
