"""Services and the bus itself are killed while a message is in work: it is done by another, and told once."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from shared.bus import connect
from shared.events import STREAM, VoiceoverRecorded
from shared.servers import nats_server
from tests.chaos.processes import Services
from tests.integration.bus_bench import Bus, recorded, submitted, until

pytestmark = pytest.mark.chaos


async def test_a_message_whose_service_is_killed_is_finished_by_another(bus: Bus, services: Services) -> None:
    services.hold()
    await bus.say(submitted("lighthouse"))
    first = await services.start()
    await services.noted("began lighthouse")
    second = await services.start()
    services.kill(first)
    assert await services.ended(first) == -signal.SIGKILL
    services.let_go()
    assert await bus.said(VoiceoverRecorded, "lighthouse") == [recorded("lighthouse")]
    await bus.settled("voiceover")
    assert services.journal() == [
        f"began lighthouse by {first.pid}",
        f"began lighthouse by {second.pid}",
        f"ended lighthouse by {second.pid}",
    ]
    second.terminate()
    assert await services.ended(second) == 0


async def test_what_a_killed_service_left_in_its_scratch_space_is_swept_by_the_next(
    bus: Bus, services: Services
) -> None:
    services.hold()
    await bus.say(submitted("lighthouse"))
    first = await services.start()
    await services.noted("began lighthouse")
    services.kill(first)
    await services.ended(first)
    left = list(bus.settings.scratch_dir.rglob("take.wav"))
    assert len(left) == 1
    services.let_go()
    second = await services.start()
    await bus.said(VoiceoverRecorded, "lighthouse")
    assert not left[0].exists()
    second.terminate()
    assert await services.ended(second) == 0
    assert list(bus.settings.scratch_dir.iterdir()) == []


async def test_a_busy_service_that_is_terminated_finishes_first(bus: Bus, services: Services) -> None:
    services.hold()
    await bus.say(submitted("lighthouse"))
    service = await services.start()
    await services.noted("began lighthouse")
    service.terminate()
    await asyncio.sleep(0.5)
    assert service.returncode is None
    services.let_go()
    assert await services.ended(service) == 0
    assert await bus.said(VoiceoverRecorded, "lighthouse") == [recorded("lighthouse")]
    assert await bus.unsettled("voiceover") == 0


async def test_a_second_signal_hands_the_message_over_at_once(bus: Bus, services: Services) -> None:
    services.hold()
    await bus.say(submitted("lighthouse"))
    first = await services.start()
    await services.noted("began lighthouse")
    first.terminate()
    await asyncio.sleep(0.5)
    first.terminate()
    assert await services.ended(first) == 0
    assert "handed over to another" in services.log(first)
    services.let_go()
    second = await services.start()
    await bus.said(VoiceoverRecorded, "lighthouse")
    assert services.journal()[-1] == f"ended lighthouse by {second.pid}"


async def test_a_service_outlives_its_bus(tmp_path: Path, bus: Bus, services: Services) -> None:
    services.hold()
    await bus.say(submitted("lighthouse"))
    service = await services.start()
    await services.noted("began lighthouse")
    os.kill(bus.server.process_id, signal.SIGKILL)
    services.let_go()
    await services.noted("ended lighthouse")  # it finishes while there is nobody to tell
    password = bus.server.url.split(":")[2].split("@")[0]
    async with nats_server(tmp_path / "nats", port=bus.server.port, password=password) as again:
        assert again.url == bus.server.url
        client = Bus(bus.settings, await connect(bus.settings, "test"), again)
        assert await client.said(VoiceoverRecorded, "lighthouse") == [recorded("lighthouse")]
        await client.say(submitted("harbour"))
        await client.said(VoiceoverRecorded, "harbour")
        await client.settled("voiceover")
        assert service.returncode is None
        service.terminate()
        assert await services.ended(service) == 0
        await client.client.close()


async def test_a_service_whose_consumer_is_deleted_stops_with_its_own_exit_code(bus: Bus, services: Services) -> None:
    services.hold()
    service = await services.start()
    await bus.say(submitted("lighthouse"))
    await services.noted("began lighthouse")
    await bus.jetstream.delete_consumer(STREAM, "voiceover")
    assert await services.ended(service) == 71
    assert "the consumer voiceover is gone from the bus" in services.log(service)


async def test_a_service_that_cannot_start_says_why_in_one_sentence(bus: Bus, services: Services) -> None:
    services.environment["LOCKSTEP_NATS_STARTUP_TIMEOUT_SECONDS"] = "0.5"
    await bus.jetstream.delete_consumer(STREAM, "voiceover")
    service = await services.start()
    assert await services.ended(service) == 1
    assert services.log(service).strip() == (
        "voiceover: the bus has no consumer voiceover on the stream LOCKSTEP, "
        "run `python -m shared.stream` against it (waited 0.5 s)."
    )


async def test_killing_services_again_and_again_only_delays_the_work(bus: Bus, services: Services) -> None:
    projects = [f"project-{number}" for number in range(12)]
    await asyncio.gather(*(bus.say(submitted(project)) for project in projects))
    for _ in range(3):
        services.hold()
        victim = await services.start()
        begun = len(services.journal())

        async def at_work(begun: int = begun) -> bool:
            return len(services.journal()) > begun

        await until(at_work, "nothing was begun")
        services.let_go()
        services.kill(victim)
        await services.ended(victim)
    await services.start()
    for project in projects:
        await bus.said(VoiceoverRecorded, project)
    await bus.settled("voiceover")
    info = await bus.jetstream.stream_info(STREAM, subjects_filter="lockstep.*.voiceover.recorded")
    assert info.state.subjects == {recorded(project).address: 1 for project in projects}
    assert await bus.dead_letters() == []
