"""Runs several services in one process: `python -m cli.host voiceover mixer`. The embedded stack starts two kinds of
these: one for everything light, and one per clip fitter, so that a fitter can die without taking others along."""

import asyncio
import importlib
import signal
import sys

from shared.service import run_services

READY = "ready"
"""What a host prints when all its services listen."""


async def host(names: list[str]) -> None:
    """Run the named services until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    apps = [importlib.import_module(f"services.{name}.app").create_app() for name in names]
    await run_services(apps, stop, on_ready=lambda: print(READY, flush=True))


if __name__ == "__main__":
    asyncio.run(host(sys.argv[1:]))
