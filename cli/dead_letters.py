"""`lockstep dead-letters`: messages that no attempt could handle, kept for a person to look at."""

import re
from dataclasses import dataclass
from datetime import datetime

import click
from nats.aio.client import Client
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError
from rich.console import Console
from rich.table import Table

from cli.client import connected
from cli.edge import Refused
from cli.remote import reachable_stack
from cli.retry import submit_again
from shared.events import DEAD_LETTER_PREFIX, DEAD_STREAM, DEAD_STREAM_SUBJECTS, tokens_of

LETTER_NAME = r"[\w-]+\.[\w-]+\.\d+"
"""Project, consumer and number: what `dead_letter_address` puts behind the prefix."""

SHOWN_BYTES = 4096
"""Of a message's body: what is longer is not an event of ours."""


@dataclass(frozen=True)
class DeadLetter:
    """One message that was given up, and what was noted about it."""

    name: str
    """What the commands call it."""
    stored_as: int
    """Its number in the stream of dead letters."""
    buried_at: datetime | None
    service: str
    subject: str
    deliveries: str
    error: str
    reason: str
    body: bytes

    @property
    def project_id(self) -> str | None:
        """The project that it belongs to; None where its subject names none."""
        return tokens_of(self.subject).get("project_id")


async def list_letters(nats_url: str | None) -> None:
    """Print all of them, oldest first."""
    async with connected(reachable_stack(nats_url).nats_url) as client:
        letters = await dead_letters(client)
    if not letters:
        click.echo("There are no dead letters.")
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("letter", no_wrap=True)
    for heading in ("since", "tried", "why"):
        table.add_column(heading)
    for letter in letters:
        since = f"{letter.buried_at:%Y-%m-%d %H:%M:%S}" if letter.buried_at else "-"
        table.add_row(letter.name, since, letter.deliveries, letter.reason)
    Console().print(table)


async def show_letter(name: str, nats_url: str | None) -> None:
    """Print one with all that is known about it. Raises `Refused` where there is none of that name."""
    async with connected(reachable_stack(nats_url).nats_url) as client:
        letter = await _named(client, name)
    facts = {
        "letter": letter.name,
        "project": letter.project_id or "none",
        "service": letter.service,
        "subject": letter.subject,
        "tried": letter.deliveries,
        "error": letter.error,
        "reason": letter.reason,
        "message": letter.body[:SHOWN_BYTES].decode(errors="backslashreplace"),
    }
    for fact, value in facts.items():
        click.echo(f"{fact:8}  {value}")


async def retry_letter(name: str, nats_url: str | None) -> None:
    """Submit the letter's project again and drop the letter; prints the new id.

    Its project has failed, so the message alone would be left alone.
    """
    async with connected(reachable_stack(nats_url).nats_url) as client:
        letter = await _named(client, name)
        if letter.project_id is None:
            raise Refused(f"The letter {name} belongs to no project. `lockstep dead-letters drop {name}` removes it.")
        again = await submit_again(client, letter.project_id)
        await _drop(client, letter)
    click.echo(again.project_id)


async def drop_letters(name: str, nats_url: str | None) -> None:
    """Throw one away, or `all`. Raises `Refused` where there is none of that name."""
    async with connected(reachable_stack(nats_url).nats_url) as client:
        letters = await dead_letters(client) if name == "all" else [await _named(client, name)]
        for letter in letters:
            await _drop(client, letter)
    click.echo(f"Dropped {len(letters)}.")


async def dead_letters(client: Client) -> list[DeadLetter]:
    """All dead letters, oldest first. Raises `Refused` where the bus is not provisioned."""
    jetstream = client.jetstream()
    try:
        info = await jetstream.stream_info(DEAD_STREAM, subjects_filter=DEAD_STREAM_SUBJECTS)
    except NotFoundError:
        raise Refused("The bus has no Lockstep streams. Run `python -m shared.stream` against it.") from None
    letters = [await _letter(jetstream, subject) for subject in info.state.subjects or {}]
    return sorted(letters, key=lambda letter: letter.stored_as)


async def _letter(jetstream: JetStreamContext, subject: str) -> DeadLetter:
    """The letter at an address. Raises `NotFoundError` where there is none."""
    message = await jetstream.get_last_msg(DEAD_STREAM, subject, direct=True)
    noted = message.headers or {}
    return DeadLetter(
        name=subject.removeprefix(DEAD_LETTER_PREFIX),
        stored_as=message.seq or 0,
        buried_at=message.time,
        service=noted.get("Lockstep-Service", "unknown"),
        subject=noted.get("Lockstep-Subject", "unknown"),
        deliveries=noted.get("Lockstep-Deliveries", "?"),
        error=noted.get("Lockstep-Error", "unknown"),
        reason=noted.get("Lockstep-Reason", "not noted"),
        body=message.data or b"",
    )


async def _named(client: Client, name: str) -> DeadLetter:
    refusal = Refused(f"There is no dead letter {name!r}. `lockstep dead-letters list` lists them.")
    if not re.fullmatch(LETTER_NAME, name):
        raise refusal  # it would stand for several, or for no subject at all
    try:
        return await _letter(client.jetstream(), f"{DEAD_LETTER_PREFIX}{name}")
    except NotFoundError:
        raise refusal from None


async def _drop(client: Client, letter: DeadLetter) -> None:
    await client.jetstream().delete_msg(DEAD_STREAM, letter.stored_as)
