"""What may happen to a running batch. Each fault is over when its function returns, or mends itself soon after."""

import asyncio
import contextlib
import random
import resource
import signal
from collections.abc import Awaitable, Callable, Mapping

import nats.errors
import psutil
from nats.js.errors import APIError

from shared.events import STREAM, ProjectSubmitted, ScenePlanned
from tests.chaos.crew import ACK_WAIT_SECONDS, Crew, Member
from tests.integration.bus_bench import until
from tests.integration.speech_server import Reply

Fault = Callable[[Crew, random.Random], Awaitable[None]]

STORE_DOWN_SECONDS = 8.0

JUMPS_SECONDS = (-400 * 86_400, -86_400, -600, 600, 7200, 86_400, 400 * 86_400)
"""Up to a quarter of an hour an S3 server takes a request for one of now; beyond it refuses."""

WITH_FFMPEG = ("clip_fitter", "mixer", "assembler")


async def _busy(crew: Crew, service: str, chance: random.Random) -> Member:
    """One of the service's members that has something in work; one that runs an ffmpeg, where any does."""
    await crew.begun(service)
    for _ in range(500 if service in WITH_FFMPEG else 1):
        if at_work := [member for member in crew.of(service) if member.children()]:
            return chance.choice(at_work)
        await asyncio.sleep(0.02)
    return chance.choice(crew.of(service))


async def kill_a_service(crew: Crew, chance: random.Random, service: str) -> None:
    """kill -9 of a service in the middle of a message."""
    member = await _busy(crew, service, chance)
    ended = len(member.exit_codes)
    member.signal(signal.SIGKILL)
    await member.ended(ended + 1)


async def kill_any_service(crew: Crew, chance: random.Random) -> None:
    await kill_a_service(crew, chance, chance.choice(["transcriber", "scene_planner", "clip_fitter", "assembler"]))


async def terminate_a_busy_fitter(crew: Crew, chance: random.Random) -> None:
    """SIGTERM: it finishes and leaves in order."""
    member = await _busy(crew, "clip_fitter", chance)
    ended = len(member.exit_codes)
    member.signal(signal.SIGTERM)
    await member.ended(ended + 1)
    assert member.exit_codes[-1] in (0, -signal.SIGTERM)  # the latter where it was just starting


async def terminate_a_busy_fitter_twice(crew: Crew, chance: random.Random) -> None:
    """A second SIGTERM: what is in work goes back to the bus at once."""
    member = await _busy(crew, "clip_fitter", chance)
    ended = len(member.exit_codes)
    member.signal(signal.SIGTERM)
    await asyncio.sleep(0.1)
    member.signal(signal.SIGTERM)
    await member.ended(ended + 1)


async def kill_the_bus(crew: Crew, chance: random.Random) -> None:
    """kill -9 of nats-server, and a restart after a moment."""
    await crew.kill_bus(away_seconds=chance.uniform(0.2, 2))


async def kill_the_store(crew: Crew, chance: random.Random) -> None:
    """kill -9 of the object store, and a restart."""
    await crew.kill_store()


async def cut_off_the_store(crew: Crew, chance: random.Random) -> None:
    """The store cannot be reached for a while."""
    await _without_the_store(crew, STORE_DOWN_SECONDS)


async def cut_off_the_store_for_long(crew: Crew, chance: random.Random) -> None:
    """The store cannot be reached for half a minute: for the patience that services have by default."""
    await _without_the_store(crew, 30)


async def _without_the_store(crew: Crew, seconds: float) -> None:
    crew.proxy.go_away()
    await asyncio.sleep(seconds)
    crew.proxy.come_back()


async def slow_the_store_down(crew: Crew, chance: random.Random) -> None:
    """Every block to and from the store waits."""
    crew.proxy.pause_seconds = 0.1
    await asyncio.sleep(10)
    crew.proxy.pause_seconds = 0.0


async def fill_the_store(crew: Crew, chance: random.Random) -> None:
    """The store's files cannot grow, so it refuses what is put."""
    _bound_files(crew.store_server.process_id, 4096)
    await asyncio.sleep(4)
    with contextlib.suppress(psutil.NoSuchProcess):
        _bound_files(crew.store_server.process_id, resource.RLIM_INFINITY)
    if not psutil.pid_exists(crew.store_server.process_id):  # some servers die of it
        await crew.kill_store()


async def fill_the_disk_of_a_fitter(crew: Crew, chance: random.Random) -> None:
    """Neither the fitter nor its ffmpeg can write more than a few bytes."""
    member = await _busy(crew, "clip_fitter", chance)

    async def noticed() -> bool:
        """The fitter cannot say so itself: its log is on the same full disk."""
        return await _handed_out_again(crew, "clip_fitter")

    ended = len(member.exit_codes)
    with contextlib.suppress(psutil.NoSuchProcess, TimeoutError):
        # Both limits: a fitter gives its ffmpeg as much as it may give.
        _bound_files(member.process_id, 2048, most_given_bytes=2048)
        async with asyncio.timeout(15):
            await until(noticed, "the fitter did not notice")
    # What may be given cannot be raised again: a fitter whose disk was full is replaced by one on another.
    if len(member.exit_codes) == ended:
        member.signal(signal.SIGTERM)
        await member.ended(ended + 1)


def _bound_files(process_id: int, most_bytes: int, *, most_given_bytes: int = resource.RLIM_INFINITY) -> None:
    psutil.Process(process_id).rlimit(psutil.RLIMIT_FSIZE, (most_bytes, most_given_bytes))


async def freeze(crew: Crew, chance: random.Random, service: str) -> None:
    """A process sleeps longer than the bus waits: another gets the same message, then the first goes on with it."""
    for _ in range(4):  # short work may have ended in the moment before the signal
        member = await _busy(crew, service, chance)
        member.signal(signal.SIGSTOP)
        handed_out_again = False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ACK_WAIT_SECONDS + 1.5):
                while not handed_out_again:
                    handed_out_again = await _handed_out_again(crew, service)
                    await asyncio.sleep(0.02)
        member.signal(signal.SIGCONT)
        if handed_out_again:
            return


async def _handed_out_again(crew: Crew, consumer: str) -> bool:
    """Whether somebody works on a message that another had."""
    with contextlib.suppress(nats.errors.Error, APIError):  # the bus may be away
        return bool((await crew.client.jetstream().consumer_info(STREAM, consumer)).num_redelivered)
    return False


async def deliver_twice_and_out_of_order(crew: Crew, chance: random.Random) -> None:
    await freeze(crew, chance, "clip_fitter")


async def race_two_assemblers(crew: Crew, chance: random.Random) -> None:
    await freeze(crew, chance, "assembler")


async def poison(crew: Crew, chance: random.Random) -> None:
    """Messages that nobody can read."""
    for number in range(3):
        name = f"poison-{chance.randrange(10**9)}-{number}"
        scene = ScenePlanned.subject.format(project_id=name, scene_number=1)
        # Without waiting to hear that it is stored: the bus may be away.
        await crew.client.publish(ProjectSubmitted.wildcard(name), b"\0" + chance.randbytes(200))
        await crew.client.publish(scene, b'{"project_id": "another"}')


async def hang_a_handler(crew: Crew, chance: random.Random) -> None:
    """An ffmpeg that never comes to its end: the handler's time is up, and the message is handed out again."""
    await _with_an_encoder(crew, signal.SIGSTOP)


async def kill_an_encoder(crew: Crew, chance: random.Random) -> None:
    """An ffmpeg is killed, as the kernel does it where memory is short."""
    await _with_an_encoder(crew, signal.SIGKILL)


async def _with_an_encoder(crew: Crew, number: signal.Signals) -> None:
    async def caught() -> bool:
        for encoder in crew.encoders("clip_fitter") + crew.encoders("mixer") + crew.encoders("assembler"):
            with contextlib.suppress(psutil.Error):
                encoder.send_signal(number)
                return True
        return False

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(15):
            await until(caught, "nothing was encoded")


async def delete_a_consumer(crew: Crew, chance: random.Random) -> None:
    """The fitters' consumer is deleted; they notice and stop, the provisioner makes it again."""
    ends = [len(member.exit_codes) for member in crew.of("clip_fitter")]
    await crew.client.jetstream().delete_consumer("LOCKSTEP", "clip_fitter")
    for member, before in zip(crew.of("clip_fitter"), ends, strict=True):
        await member.ended(before + 1)
    await crew.provision()


async def answer_after_the_client_gave_up(crew: Crew, chance: random.Random) -> None:
    """The paid voice answers its next request when nobody waits for it any more."""
    crew.paid_voice.replies.append(Reply(body=b"{}", after_seconds=16))


async def let_clocks_jump(crew: Crew, chance: random.Random) -> None:
    """Everyone's clock jumps, each to a time of its own, again and again; at the end all are right."""
    for _ in range(3):
        for member in crew.members:
            assert member.clock is not None
            member.clock.jump(chance.choice(JUMPS_SECONDS))
        await asyncio.sleep(4)
        for member in crew.members:
            assert member.clock is not None
            member.clock.jump(0)
        await asyncio.sleep(4)


COMBINED: Mapping[str, Fault] = {
    "a service killed": kill_any_service,
    "a busy fitter terminated": terminate_a_busy_fitter,
    "a busy fitter terminated twice": terminate_a_busy_fitter_twice,
    "the bus killed": kill_the_bus,
    "the store killed": kill_the_store,
    "the store slow": slow_the_store_down,
    "a fitter frozen": deliver_twice_and_out_of_order,
    "an assembler frozen": race_two_assemblers,
    "poison": poison,
    "an ffmpeg killed": kill_an_encoder,
    "a fitter's disk full": fill_the_disk_of_a_fitter,
}
"""What is drawn from for a random combination."""
