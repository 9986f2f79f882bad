"""How soon the embedded stack takes a project, how much memory it uses then, and what starting and stopping it costs.

    python -m benchmarks.start_up

Memory is the sum of the proportional set sizes of all its processes: pages that several share are counted once.
"""

import asyncio
import tempfile
import time
from pathlib import Path

import psutil

from cli.stack import default_fitters, embedded_stack


def memory_mb() -> float:
    """This process and all its descendants."""
    me = psutil.Process()
    return sum(process.memory_full_info().pss for process in [me, *me.children(recursive=True)]) / 1e6


async def measure() -> None:
    """Start, look, stop; print."""
    with tempfile.TemporaryDirectory() as home:
        began = time.monotonic()
        async with embedded_stack(Path(home), fitters=default_fitters(), keep_history=False, say=print):
            ready = time.monotonic() - began
            print(f"ready to take a project after {ready:5.1f} s, with {default_fitters()} clip fitters")
            print(f"memory of all processes       {memory_mb():5.0f} MB")
            began = time.monotonic()
        print(f"stopped after                 {time.monotonic() - began:5.1f} s")


if __name__ == "__main__":
    asyncio.run(measure())
