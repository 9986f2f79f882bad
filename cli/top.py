"""`lockstep top`: what every service has in work and what waits for it, live, from the bus itself."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from nats.aio.client import Client
from nats.js.errors import NotFoundError
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.client import connected, without_password
from cli.edge import Refused
from cli.remote import reachable_stack
from cli.waterfall import counted
from shared.events import DEAD_STREAM, STREAM, SceneFitted
from shared.stream import CONSUMERS

EVERY_SECONDS = 1.0

MINUTE = timedelta(minutes=1)

ANSWER_SECONDS = 5.0

NOT_FOUND = "404"


@dataclass(frozen=True)
class Standing:
    """One consumer of the stream, as the bus sees it."""

    name: str
    waiting: int
    """Messages that nobody has taken yet: the consumer's lag."""
    in_work: int
    redelivered: int
    """Of those in work: taken before by somebody who did not end them."""
    listening: int
    """Copies of the service that ask for work now; those that work do not ask."""

    @property
    def state(self) -> str:
        """The standing in words."""
        if self.waiting + self.in_work == 0:
            return "idle" if self.listening else "nobody listens"
        return "in work" if self.in_work else "nobody takes it" if not self.listening else "about to be taken"


@dataclass(frozen=True)
class Overview:
    """All consumers, and how fast scenes get done."""

    consumers: tuple[Standing, ...]
    scenes_last_minute: int
    dead_letters: int


async def show_top(nats_url: str | None, *, once: bool) -> None:
    """Show the overview until Ctrl-C; once, where it goes to a pipe or is asked for so."""
    stack = reachable_stack(nats_url)
    console = Console()
    async with connected(stack.nats_url) as client:
        if once or not console.is_terminal:
            console.print(drawn(await overview(client), without_password(stack.nats_url)))
            return
        with Live(console=console, auto_refresh=False, screen=True) as live:
            while True:
                live.update(drawn(await overview(client), without_password(stack.nats_url)), refresh=True)
                await asyncio.sleep(EVERY_SECONDS)


async def overview(client: Client) -> Overview:
    """How the stack stands now. Raises `Refused` where the bus has no streams."""
    try:
        standings = await asyncio.gather(*(_standing(client, consumer.name) for consumer in CONSUMERS))
        dead = await client.jetstream().stream_info(DEAD_STREAM)
        return Overview(tuple(standings), await _fitted_since(client, datetime.now(UTC) - MINUTE), dead.state.messages)
    except NotFoundError:
        raise Refused("The bus has no Lockstep streams. Run `python -m shared.stream` against it.") from None


def drawn(seen: Overview, bus: str) -> Group:
    """The overview for a terminal."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("service", no_wrap=True)
    for heading in ("waiting", "in work", "taken again", "listening"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    for each in seen.consumers:
        style = "red" if each.state.startswith("nobody") else "dim" if each.state == "idle" else ""
        numbers = (str(number) if number else "·" for number in _numbers(each))
        table.add_row(each.name, *numbers, Text(each.state, style=style))
    dead = f", {counted(seen.dead_letters, 'dead letter')}" if seen.dead_letters else ""
    fitted = f"{counted(seen.scenes_last_minute, 'scene')} fitted in the last minute"
    return Group(Text(f"{bus}: {fitted}{dead}", style="bold"), table)


def _numbers(standing: Standing) -> Sequence[int]:
    return standing.waiting, standing.in_work, standing.redelivered, standing.listening


async def _standing(client: Client, consumer: str) -> Standing:
    info = await client.jetstream().consumer_info(STREAM, consumer)
    return Standing(
        consumer, info.num_pending or 0, info.num_ack_pending or 0, info.num_redelivered or 0, info.num_waiting or 0
    )


async def _fitted_since(client: Client, since: datetime) -> int:
    """How many scenes were fitted since then. One request: the first of them comes with the number that follow it. A
    consumer would tell it too, but the command's user may create none (`shared/permissions.py`)."""
    asked = {"start_time": since.isoformat(), "next_by_subj": SceneFitted.wildcard(), "batch": 1}
    answer = await client.request(f"$JS.API.DIRECT.GET.{STREAM}", json.dumps(asked).encode(), timeout=ANSWER_SECONDS)
    headers = answer.headers or {}
    if headers.get("Status") == NOT_FOUND:
        return 0
    return 1 + int(headers["Nats-Num-Pending"])
