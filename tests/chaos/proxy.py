"""A TCP proxy before a server: the server can move, be slow or be gone, and its clients see just that."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

BLOCK_BYTES = 65_536


@dataclass
class Proxy:
    """Passes bytes on. What stands in its fields holds from now on."""

    target_port: int
    port: int = 0
    refuses: bool = False
    """Every connection is closed at once, and those that are open are broken off."""
    pause_seconds: float = 0.0
    """How long each block waits, in both directions."""
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    def go_away(self) -> None:
        """Be gone until `come_back`."""
        self.refuses = True
        for writer in list(self._open):
            writer.transport.abort()

    def come_back(self, target_port: int | None = None) -> None:
        """Serve again, from another port where the server has moved."""
        self.target_port = target_port or self.target_port
        self.refuses = False

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection."""
        if self.refuses:
            writer.transport.abort()
            return
        try:
            to_server = await asyncio.open_connection("127.0.0.1", self.target_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, to_server[1]}
        self._open |= ends
        try:
            await asyncio.gather(self._pass_on(reader, to_server[1]), self._pass_on(to_server[0], writer))
        finally:
            self._open -= ends
            for end in ends:
                end.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while block := await reader.read(BLOCK_BYTES):
                if self.pause_seconds:
                    await asyncio.sleep(self.pause_seconds)
                writer.write(block)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()


@asynccontextmanager
async def proxy_before(port: int, encryption: ssl.SSLContext | None = None) -> AsyncIterator[Proxy]:
    """A proxy on a free port of this machine, before the server on `port`; its clients speak TLS where told."""
    proxy = Proxy(port)
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=encryption)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
