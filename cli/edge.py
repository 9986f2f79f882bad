"""The one place where a failure becomes words on the screen and an exit code."""

import asyncio
import signal
from collections.abc import Coroutine

import click
from minio.error import MinioException
from nats.errors import Error as NatsError
from urllib3.exceptions import HTTPError

from shared.errors import Unrecoverable
from shared.retry import describe

FAILED = 1
INTERRUPTED = 130
"""128 + SIGINT, as shells report it."""


class Refused(Exception):
    """The user's input or machine is not as it must be; the message is the whole answer, remedy included."""


def run_to_exit(work: Coroutine[object, object, None]) -> int:
    """Run a command to its end and return the exit code. Ctrl-C and SIGTERM cancel it, so that its children stop."""
    try:
        asyncio.run(_cancelled_by_signals(work))
    except (Refused, Unrecoverable) as error:
        click.secho(str(error), fg="red", err=True)
        return FAILED
    except (NatsError, MinioException, HTTPError) as error:
        server = "bus" if isinstance(error, NatsError) else "object store"
        click.secho(f"The {server} does not answer just now ({describe(error)}). Try again.", fg="red", err=True)
        return FAILED
    except (asyncio.CancelledError, KeyboardInterrupt):
        click.secho("Stopped. What is done is kept: the next run continues from it.", fg="yellow", err=True)
        return INTERRUPTED
    return 0


async def _cancelled_by_signals(work: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    await task
