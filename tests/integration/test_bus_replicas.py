"""Several copies of a service share the work, and a copy that stops leaves nothing undone and nothing done twice."""

import asyncio
from collections import Counter
from pathlib import Path

import nats.errors
import pytest

from shared.events import STREAM, ProjectSubmitted, SceneFitted, ScenePlanned, VoiceoverRecorded
from shared.intake import Intake
from shared.servers import free_port
from shared.service import BusSettings, NotReady, Service, Step, run_services
from tests.integration.bus_bench import (
    PATIENCE_SECONDS,
    Bus,
    fitted,
    plan_of,
    provisioned_bus,
    recorded,
    submitted,
    until,
)

pytestmark = pytest.mark.integration


class Fitter:
    """A clip fitter that counts what it does, and how much of it at once."""

    def __init__(self, settings: BusSettings, done: Counter[int]) -> None:
        self._done = done
        self.own = 0
        self.in_work = 0
        self.most_in_work = 0
        service = Service("clip_fitter", settings)
        service.on(ScenePlanned, self.fit)
        self.app = service.app

    async def fit(self, event: ScenePlanned, step: Step) -> SceneFitted:
        self.in_work += 1
        self.most_in_work = max(self.most_in_work, self.in_work)
        await asyncio.sleep(0.02)
        self.in_work -= 1
        self.own += 1
        self._done[event.scene_number] += 1
        return fitted(event)


async def test_replicas_share_the_work_and_none_of_it_is_done_twice(bus: Bus) -> None:
    done: Counter[int] = Counter()
    fitters = [Fitter(bus.settings, done) for _ in range(3)]
    async with bus.running(*(fitter.app for fitter in fitters)):
        await bus.say(*plan_of("lighthouse", 30))
        await bus.said(SceneFitted, "lighthouse", count=30)
        await bus.settled("clip_fitter")
    assert done == Counter(range(1, 31))
    assert all(fitter.own > 0 for fitter in fitters)
    assert all(fitter.most_in_work == 1 for fitter in fitters)


async def test_a_service_works_on_as_many_at_once_as_it_was_told_and_holds_no_more(bus: Bus) -> None:
    done: list[int] = []
    held: list[int] = []
    together = asyncio.Barrier(4)  # opens only where four are in work at the same time

    async def fit(event: ScenePlanned, step: Step) -> SceneFitted:
        await together.wait()
        held.append((await bus.jetstream.consumer_info("LOCKSTEP", "clip_fitter")).num_ack_pending or 0)
        done.append(event.scene_number)
        return fitted(event)

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit, at_once=4)
    await bus.say(*plan_of("lighthouse", 24))
    async with bus.running(service.app):
        await bus.said(SceneFitted, "lighthouse", count=24)
        await bus.settled("clip_fitter")
    assert sorted(done) == list(range(1, 25))
    assert max(held) == 4


class Slow:
    """A voiceover service whose work takes until it is allowed to end."""

    def __init__(self, settings: BusSettings) -> None:
        self.begun = asyncio.Event()
        self.allowed = asyncio.Event()
        self.ended: list[str] = []
        service = Service("voiceover", settings)
        service.on(ProjectSubmitted, self.record)
        self.app = service.app

    async def record(self, event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        self.begun.set()
        await self.allowed.wait()
        self.ended.append(event.project_id)
        return recorded(event.project_id)


async def test_a_service_that_is_told_to_stop_finishes_what_it_does_and_takes_nothing_new(bus: Bus) -> None:
    slow = Slow(bus.settings)
    async with bus.running(slow.app) as stop:
        await bus.say(submitted("lighthouse"))
        await slow.begun.wait()
        stop.set()
        await bus.say(submitted("harbour"))
        await asyncio.sleep(0.2)
        slow.allowed.set()
    assert slow.ended == ["lighthouse"]
    assert (await bus.said(VoiceoverRecorded, "lighthouse")) == [recorded("lighthouse")]
    info = await bus.jetstream.consumer_info("LOCKSTEP", "voiceover")
    assert (info.num_pending, info.num_ack_pending, info.num_redelivered) == (1, 0, 0)


async def test_what_reaches_a_service_that_stops_is_handed_back_at_once(tmp_path: Path) -> None:
    # A message that was dropped would come again after ten minutes: longer than the test waits for anything.
    async with provisioned_bus(tmp_path, ack_wait_seconds=600.0) as bus:
        intake = Intake(bus.client)
        pull = await intake.pull_subscribe("", durable="voiceover", stream=STREAM)
        asking = asyncio.create_task(pull.fetch(timeout=PATIENCE_SECONDS))

        async def asked() -> bool:
            return bool((await bus.jetstream.consumer_info(STREAM, "voiceover")).num_waiting == 1)

        await until(asked, "the bus was not asked for a message")
        asking.cancel()
        await bus.say(submitted("lighthouse"))

        async def arrived() -> bool:
            return bool(pull.pending_msgs == 1)

        await until(arrived, "the message did not arrive")
        await intake.close()
        slow = Slow(bus.settings)
        slow.allowed.set()
        async with bus.running(slow.app):
            await bus.settled("voiceover")
        assert slow.ended == ["lighthouse"]


async def test_a_service_that_stops_takes_nothing_more_while_it_finishes(tmp_path: Path) -> None:
    async with provisioned_bus(tmp_path, ack_wait_seconds=600.0) as bus:
        intake = Intake(bus.client)
        pull = await intake.pull_subscribe("", durable="voiceover", stream=STREAM)
        asking = asyncio.create_task(pull.fetch(timeout=1))
        await intake.close()
        await bus.say(submitted("lighthouse"))
        with pytest.raises(nats.errors.TimeoutError):
            await asking
        with pytest.raises(nats.errors.TimeoutError):
            await pull.fetch(timeout=0.01)
        info = await bus.jetstream.consumer_info(STREAM, "voiceover")
        assert (info.num_pending, info.num_ack_pending) == (1, 0)


async def test_a_service_in_a_hurry_hands_its_message_to_another_at_once(bus: Bus) -> None:
    patient = bus.settings.model_copy(update={"graceful_timeout_seconds": 600.0})
    first, second = Slow(patient), Slow(patient)
    second.allowed.set()
    hurry = asyncio.Event()
    async with bus.running(first.app, hurry=hurry) as stop:
        await bus.say(submitted("lighthouse"))
        await first.begun.wait()
        stop.set()
        hurry.set()
    async with bus.running(second.app):
        await bus.said(VoiceoverRecorded, "lighthouse")
        await bus.settled("voiceover")
    assert (first.ended, second.ended) == ([], ["lighthouse"])
    assert await bus.dead_letters() == []


async def test_a_service_that_cannot_finish_in_time_hands_its_message_over(bus: Bus) -> None:
    first, second = Slow(bus.settings.model_copy(update={"graceful_timeout_seconds": 0.1})), Slow(bus.settings)
    second.allowed.set()
    async with bus.running(first.app) as stop:
        await bus.say(submitted("lighthouse"))
        await first.begun.wait()
        stop.set()
    async with bus.running(second.app):
        await bus.said(VoiceoverRecorded, "lighthouse")
    assert (first.ended, second.ended) == ([], ["lighthouse"])


async def test_a_service_can_be_started_again_after_it_was_stopped(bus: Bus) -> None:
    slow = Slow(bus.settings)
    slow.allowed.set()
    for project_id in ("lighthouse", "harbour"):
        async with bus.running(slow.app):
            await bus.say(submitted(project_id))
            await bus.said(VoiceoverRecorded, project_id)
    assert slow.ended == ["lighthouse", "harbour"]


async def test_a_host_that_is_told_to_stop_while_it_waits_for_the_bus_stops(tmp_path: Path) -> None:
    nowhere = BusSettings(url=f"nats://127.0.0.1:{free_port()}", startup_timeout_seconds=600, scratch_dir=tmp_path)
    stop = asyncio.Event()
    ready: list[str] = []
    host = asyncio.create_task(
        run_services([Slow(nowhere).app, Slow(nowhere).app], stop, on_ready=lambda: ready.append("ready"))
    )
    await asyncio.sleep(0.3)
    stop.set()
    await host
    assert ready == []


async def test_a_service_that_cannot_start_stops_the_others_of_its_host(bus: Bus, tmp_path: Path) -> None:
    nowhere = BusSettings(url=f"nats://127.0.0.1:{free_port()}", startup_timeout_seconds=0.5, scratch_dir=tmp_path)
    with pytest.raises(NotReady, match="no bus answers"):
        await run_services([Slow(bus.settings).app, Slow(nowhere).app], asyncio.Event())
    assert (await bus.jetstream.consumer_info("LOCKSTEP", "voiceover")).num_waiting == 0
