"""`lockstep up`: the embedded stack, until Ctrl-C."""

import asyncio
import time

import click

from cli.client import without_password
from cli.doctor import missing_programs
from cli.edge import Refused
from cli.home import home_folder
from cli.stack import default_fitters, embedded_stack


async def keep_running(fitters: int | None) -> None:
    """Keep the stack running until the command is interrupted."""
    if missing := missing_programs():
        raise Refused(" ".join(f"{finding.name} is missing. {finding.remedy}." for finding in missing))
    began = time.monotonic()
    workers = fitters or default_fitters()
    async with embedded_stack(home_folder(), fitters=workers, keep_history=True, say=click.echo) as stack:
        click.echo(f"Ready after {time.monotonic() - began:.1f} s, with {workers} clip fitters.")
        click.echo(f"  bus    {without_password(stack.nats_url)}")
        click.echo(f"  store  {stack.store.endpoint}")
        click.echo("Send projects with `lockstep submit PROJECT.yaml`; stop with Ctrl-C.")
        await asyncio.Event().wait()
