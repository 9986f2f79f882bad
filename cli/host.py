"""Runs several services in one process: `python -m cli.host voiceover mixer`. The embedded stack starts two kinds of
these: one for everything light, and one per clip fitter, so that a fitter can die without taking others along."""

import asyncio
import importlib
import signal
import sys

from shared.service import NotReady, ServiceLost, run_services

READY = "ready"
"""What a host prints when all its services listen."""


async def host(names: list[str]) -> None:
    """Run the named services until SIGTERM or SIGINT; a second one hands over what is in work at once."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def told() -> None:
        if stop.is_set():
            hurry.set()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)
    apps = [importlib.import_module(f"services.{name}.app").create_app() for name in names]
    await run_services(apps, stop, hurry=hurry, on_ready=lambda: print(READY, flush=True))


if __name__ == "__main__":
    try:
        asyncio.run(host(sys.argv[1:]))
    except (NotReady, ServiceLost) as error:
        sys.exit(str(error))
