"""`lockstep top` says what the bus says: what waits, what is in work, who listens, how fast scenes get done."""

import asyncio

import pytest
from rich.console import Console

from cli.edge import Refused
from cli.top import Overview, drawn, overview
from shared.events import STREAM, SceneFitted, ScenePlanned
from shared.service import Service, Step
from tests.integration.bus_bench import Bus, fitted, plan_of, until

pytestmark = pytest.mark.integration


def shown(seen: Overview) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        console.print(drawn(seen, "127.0.0.1:4222"))
    return captured.get()


async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
    return fitted(event)


async def test_scenes_that_nobody_takes_are_seen_waiting(bus: Bus) -> None:
    await bus.say(*plan_of("lighthouse", 5))
    seen = await overview(bus.client)
    fitter = next(each for each in seen.consumers if each.name == "clip_fitter")
    assert (fitter.waiting, fitter.in_work, fitter.listening) == (5, 0, 0)
    assert fitter.state == "nobody takes it"
    assert seen.scenes_last_minute == 0
    assert "nobody takes it" in shown(seen)


async def test_work_is_seen_while_it_lasts_and_scenes_are_counted_when_they_are_fitted(bus: Bus) -> None:
    held = asyncio.Event()

    async def hold(event: ScenePlanned, step: Step) -> SceneFitted:
        await held.wait()
        return await fit(event, step)

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, hold)
    async with bus.running(service.app):
        await bus.say(*plan_of("lighthouse", 3))

        async def one_is_in_work() -> bool:
            seen = await overview(bus.client)
            fitter = next(each for each in seen.consumers if each.name == "clip_fitter")
            return (fitter.waiting, fitter.in_work, fitter.state) == (2, 1, "in work")

        await until(one_is_in_work, "no scene was seen in work")
        held.set()
        await bus.said(SceneFitted, "lighthouse", count=3)
        await bus.settled("clip_fitter")
        seen = await overview(bus.client)
    assert seen.scenes_last_minute == 3
    assert "3 scenes fitted in the last minute" in shown(seen)
    consumers = await bus.jetstream.consumers_info(STREAM)
    assert len(consumers) == len(seen.consumers)  # looking leaves nothing behind


async def test_a_bus_without_streams_is_refused_in_words(bus: Bus) -> None:
    await bus.jetstream.delete_stream(STREAM)
    with pytest.raises(Refused, match=r"python -m shared\.stream"):
        await overview(bus.client)
