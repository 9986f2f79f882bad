"""Runs a module of this room as a child process that answers line by line, and leaves none behind."""

import asyncio
import contextlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

ANSWER_LIMIT_BYTES = 16 * 1024 * 1024

_ROOT = Path(__file__).parents[2]


async def run_child(module: str, request: str, on_line: Callable[[bytes], None]) -> tuple[int, str]:
    """Hand the child its request and each line that it prints to `on_line`; returns its exit code and last complaint.

    A child whose caller is cancelled is killed.
    """
    process = await asyncio.create_subprocess_exec(
        *_killed_with_us(),
        *(sys.executable, "-m", module),
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a drain signals our process group, and must not stop the takes that it waits for
        limit=ANSWER_LIMIT_BYTES,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    told = asyncio.create_task(process.stderr.read())
    try:
        process.stdin.write(request.encode())
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died: its exit code says why
            await process.stdin.drain()
        process.stdin.close()
        async for line in process.stdout:
            on_line(line)
        code = await process.wait()
        complaints = (await told).decode(errors="replace").strip().splitlines()
    finally:
        told.cancel()
        if process.returncode is None:
            process.kill()
            await process.wait()
    return code, complaints[-1] if complaints else ""


def _killed_with_us() -> tuple[str, ...]:
    # A service that is killed with SIGKILL cannot stop its children; the kernel does it for us.
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL", "--") if setpriv else ()
