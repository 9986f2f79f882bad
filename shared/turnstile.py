"""How many requests may be on their way at the same time, where a service tells its limit with every answer."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turnstile:
    """Lets one through until the limit is known, then as many as the limit. One for a process and an account."""

    def __init__(self) -> None:
        self._limit = 1
        self._inside = 0
        self._moved = asyncio.Condition()

    @asynccontextmanager
    async def pass_through(self) -> AsyncIterator[None]:
        """Wait for a free place and hold it."""
        async with self._moved:
            await self._moved.wait_for(lambda: self._inside < self._limit)
            self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
            async with self._moved:
                self._moved.notify_all()

    def learn(self, limit: int) -> None:
        """What the service has just said. It counts from the next one that leaves."""
        self._limit = limit
