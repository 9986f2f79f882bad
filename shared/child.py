"""Child processes that end with us: limits to what they take, and the last line of what they complained about."""

import asyncio
import contextlib
import math
import os
import resource
import shutil
from collections.abc import AsyncIterator, Sequence
from functools import cache

FILE_LIMIT_BYTES = 16 * 1024**3
"""The largest file that a child may write: more than an hour of 4K, and less than a disk."""

COMPLAINTS_KEPT_BYTES = 64 * 1024
"""A broken file can make a program complain without end; the last lines name the cause."""


@contextlib.asynccontextmanager
async def child_process(
    command: Sequence[str], timeout_seconds: float
) -> AsyncIterator[tuple[asyncio.subprocess.Process, asyncio.StreamReader, asyncio.StreamReader]]:
    """The running child, its standard output and its standard error. It is killed where the caller leaves before its
    end; raises `TimeoutError` past the limit."""
    process = await asyncio.create_subprocess_exec(
        *_child_prefix(timeout_seconds),
        *command,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a drain signals our process group, and must not stop the encode that it waits for
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(timeout_seconds):
            yield process, process.stdout, process.stderr
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


_installed = cache(shutil.which)
"""Where a program is; looked for once, not before each of the processes that a scene starts."""


def _child_prefix(timeout_seconds: float) -> tuple[str, ...]:
    # A service that is killed with SIGKILL cannot stop its children; the kernel does it for us.
    setpriv, prlimit = _installed("setpriv"), _installed("prlimit")
    dies_with_us = (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
    return (*dies_with_us, prlimit, *_limits(timeout_seconds)) if prlimit else dies_with_us


def _limits(timeout_seconds: float) -> tuple[str, ...]:
    """What a file made to break a decoder can take at most; never above what this process may give."""
    processors, memory_bytes = os.cpu_count() or 1, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    wanted = {
        "fsize": (resource.RLIMIT_FSIZE, FILE_LIMIT_BYTES),
        "data": (resource.RLIMIT_DATA, memory_bytes),
        "cpu": (resource.RLIMIT_CPU, math.ceil(timeout_seconds) * processors),
        "core": (resource.RLIMIT_CORE, 0),
    }
    given = {name: (limit, resource.getrlimit(kind)[1]) for name, (kind, limit) in wanted.items()}
    return tuple(f"--{name}={limit if most < 0 else min(limit, most)}" for name, (limit, most) in given.items())


async def end_of(stream: asyncio.StreamReader) -> str:
    """The end of what comes out of a stream, read until it closes."""
    kept = b""
    while block := await stream.read(65_536):
        kept = (kept + block)[-COMPLAINTS_KEPT_BYTES:]
    return kept.decode(errors="replace")


def last_line(text: str) -> str:
    """The last line that says anything, and no more than a sentence of it."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it printed nothing"
