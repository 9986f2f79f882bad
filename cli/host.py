"""Runs several services in one process: `python -m cli.host voiceover mixer`. The embedded stack starts two kinds of
these: one for everything light, and one per clip fitter, so that a fitter can die without taking others along.

A host imports its services while the servers are still starting, and is told on standard input, in one line of JSON,
the environment that says where they are. Where standard input ends, whoever started the host is gone; the host follows.
"""

import asyncio
import importlib
import json
import os
import signal
import sys
from types import ModuleType

from shared.service import NotReady, ServiceLost, run_services

READY = "ready"
"""What a host prints when all its services listen."""


async def host(modules: list[ModuleType]) -> None:
    """Run the services until SIGTERM, SIGINT or the end of standard input; a second one hands over what is in work."""
    stop, hurry = asyncio.Event(), asyncio.Event()

    def told() -> None:
        if stop.is_set():
            hurry.set()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)

    def deserted() -> None:
        if not os.read(sys.stdin.fileno(), 1024):
            loop.remove_reader(sys.stdin.fileno())
            stop.set()
            hurry.set()

    loop.add_reader(sys.stdin.fileno(), deserted)
    apps = [module.create_app() for module in modules]
    await run_services(apps, stop, hurry=hurry, on_ready=lambda: print(READY, flush=True))


def main() -> None:
    """Import, be told where the servers are, run."""
    modules = [importlib.import_module(f"services.{name}.app") for name in sys.argv[1:]]
    os.environ.update(json.loads(sys.stdin.readline() or "{}"))
    try:
        asyncio.run(host(modules))
    except (NotReady, ServiceLost) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
