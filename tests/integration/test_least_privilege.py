"""Every service runs with its own user of `deploy/nats/nats.conf`, and can do nothing with it that is another's."""

import asyncio
import contextlib
import json
import secrets
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import nats
import pytest
import pytest_asyncio
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import SecretStr

from cli.cancel import cancel_project
from cli.client import history, history_so_far, project_ids
from cli.dead_letters import dead_letters, drop_letters
from cli.top import overview
from shared import stream
from shared.bus import BusSettings, connect, consumer_exists, inbox_of
from shared.events import (
    DEAD_STREAM,
    STREAM,
    AssemblyDue,
    Event,
    ProgressTicked,
    ProjectEnded,
    ProjectSubmitted,
    SceneFitted,
    ScenePlanned,
    SceneSounded,
    ScenesPlanned,
    SoundtrackMixed,
    StepFailed,
    VideoAssembled,
    VoiceoverRecorded,
    WordsTimed,
)
from shared.history import History
from shared.permissions import CLIENT, PROVISIONER, VOICES, users
from shared.publish import publish_events
from shared.servers import free_port
from shared.service import Service, Step, run_services
from shared.stream import consumer_named, provision
from shared.timeline import Span
from tests.integration.bus_bench import asset, plan_of, recorded, scene_planned, submitted, until

pytestmark = pytest.mark.integration

CONFIGURATION = Path(__file__).parents[2] / "deploy" / "nats" / "nats.conf"
PROJECT = "lighthouse"


@dataclass(frozen=True)
class Guarded:
    """A server that runs the configuration of the deployment, and everybody's password."""

    url: str
    folder: Path
    passwords: Mapping[str, str]

    def settings(self, user: str) -> BusSettings:
        return BusSettings(
            url=self.url,
            user=user,
            password=SecretStr(self.passwords[user]),
            ack_wait_seconds=2.0,
            max_attempts=1,
            retry_delays_seconds=(0.05,),
            graceful_timeout_seconds=5.0,
            startup_timeout_seconds=10.0,
            publish_timeout_seconds=2.0,
            scratch_dir=self.folder / "scratch",
            watchdog_seconds=0.2,
        )

    def refusals(self) -> list[str]:
        """What the server refused, in its own words: also what nobody noticed, since a refusal looks like a delay."""
        return [line for line in (self.folder / "nats.log").read_text().splitlines() if "Violation" in line]

    @asynccontextmanager
    async def connected(self, user: str) -> AsyncIterator[Client]:
        client = await connect(self.settings(user), user)
        try:
            yield client
        finally:
            await client.close()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        """As the `lockstep` command connects."""
        address = self.url.removeprefix("nats://")
        client = await nats.connect(f"nats://{CLIENT}:{self.passwords[CLIENT]}@{address}")
        try:
            yield client
        finally:
            await client.close()

    async def events(self, event_class: type[Event]) -> list[Event]:
        async with self.connected("assembler") as reader, self.client() as client:
            assert reader.is_connected
            return [event for event in await history_so_far(client, PROJECT) if isinstance(event, event_class)]


@pytest_asyncio.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Guarded]:
    passwords = {user.name: f"p{secrets.token_hex(12)}" for user in users()}
    port = free_port()
    binary = shutil.which("nats-server", path=str(Path(sys.executable).parent)) or "nats-server"
    flags = ["-c", str(CONFIGURATION), "-a", "127.0.0.1", "-p", str(port), "-m", str(free_port()), "-sd", str(tmp_path)]
    with (tmp_path / "nats.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            binary,
            *flags,
            stdout=log,
            stderr=log,
            env={user.password_variable: passwords[user.name] for user in users()},
        )
    server = Guarded(f"nats://127.0.0.1:{port}", tmp_path, passwords)
    try:
        await until(lambda: _answers(port), "nats-server does not start with deploy/nats/nats.conf")
        await provision(server.url, settings=server.settings(PROVISIONER))
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


async def _answers(port: int) -> bool:
    with contextlib.suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True
    return False


def words_timed() -> WordsTimed:
    voiceover = recorded(PROJECT)
    return WordsTimed(
        project_id=PROJECT,
        project=voiceover.project,
        recording=voiceover.recording,
        transcript=asset("transcripts/one.json"),
        word_count=3,
        from_store=False,
    )


def scene_fitted() -> SceneFitted:
    return SceneFitted(
        project_id=PROJECT,
        scene_number=1,
        scene_id="scene-1",
        segment=asset("segments/one.mp4"),
        frame_count=24,
        clip_ms=1_000,
        fit="as it is",
        from_store=False,
    )


def scene_sounded() -> SceneSounded:
    return SceneSounded(
        project_id=PROJECT,
        scene_number=1,
        scene_id="scene-1",
        sound=asset("kept-sounds/one.flac"),
        span=Span(0, 1_000),
        from_store=False,
    )


def soundtrack_mixed() -> SoundtrackMixed:
    return SoundtrackMixed(
        project_id=PROJECT,
        soundtrack=asset("soundtracks/one.m4a"),
        sample_count=48_000,
        loudness_lufs=-14.0,
        true_peak_dbtp=-1.0,
        from_store=False,
    )


def video_assembled() -> VideoAssembled:
    return VideoAssembled(
        project_id=PROJECT, video=asset("videos/one.mp4"), certificate=asset("certificates/one.json"), from_store=False
    )


ANSWERS: Mapping[type[Event], list[Event]] = {
    ProjectSubmitted: [recorded(PROJECT)],
    VoiceoverRecorded: [words_timed()],
    WordsTimed: list(plan_of(PROJECT, 3)),
    ScenePlanned: [scene_fitted(), scene_sounded()],
    ScenesPlanned: [soundtrack_mixed()],
    SceneSounded: [soundtrack_mixed()],
    SceneFitted: [AssemblyDue(project_id=PROJECT)],
    SoundtrackMixed: [AssemblyDue(project_id=PROJECT)],
    AssemblyDue: [video_assembled()],
}
"""What whoever hears an event says."""

HEARD: Mapping[type[Event], Event] = {
    ProjectSubmitted: submitted(PROJECT),
    VoiceoverRecorded: recorded(PROJECT),
    WordsTimed: words_timed(),
    ScenesPlanned: plan_of(PROJECT, 1)[0],
    ScenePlanned: scene_planned(PROJECT, 1),
    SceneFitted: scene_fitted(),
    SceneSounded: scene_sounded(),
    SoundtrackMixed: soundtrack_mixed(),
    AssemblyDue: AssemblyDue(project_id=PROJECT),
}

CONSUMERS = {
    "voiceover": ("voiceover",),
    "transcriber": ("transcriber",),
    "scene_planner": ("scene_planner",),
    "clip_fitter": ("clip_fitter",),
    "mixer": ("mixer",),
    "assembler": ("assembler_join", "assembler"),
}


async def say_as_who_may(guarded: Guarded, event: Event) -> None:
    """Say an event with the user whose event it is, which every event has."""
    speakers = [name for name, voice in VOICES.items() if type(event) in voice.says]
    if speakers:
        async with guarded.connected(speakers[0]) as client:
            await publish_events(client, [event])
    else:
        async with guarded.client() as client:
            await publish_events(client, [event])


@asynccontextmanager
async def running(service: Service) -> AsyncIterator[None]:
    stop, ready = asyncio.Event(), asyncio.Event()
    host = asyncio.create_task(run_services([service.app], stop, on_ready=ready.set))
    started = asyncio.create_task(ready.wait())
    await asyncio.wait({host, started}, return_when=asyncio.FIRST_COMPLETED)
    started.cancel()
    if host.done():
        host.result()
    try:
        yield
    finally:
        stop.set()
        await host


@pytest.mark.parametrize("name", sorted(VOICES))
async def test_a_service_does_its_work_with_its_own_user(guarded: Guarded, name: str) -> None:
    """It starts, hears, reads the history that it needs, tells how far it is, and says its events."""
    handled: list[Event] = []
    others_handled = asyncio.Event()

    async def handle(event: Event, step: Step) -> list[Event]:
        for event_class in (*VOICES[name].reads, *VOICES[name].says):
            await step.holds(event_class.wildcard(PROJECT).replace("*", "1"))
        for event_class in VOICES[name].reads:
            await step.events(event_class)
        step.report_progress(100)
        if isinstance(event, AssemblyDue):
            await others_handled.wait()  # its answer ends the project, and what comes after is left alone
        handled.append(event)
        if len(handled) == len(heard) - 1:
            others_handled.set()
        return ANSWERS[type(event)]

    ticks: list[bytes] = []
    service = Service(name, guarded.settings(name))
    heard = [(consumer, event_class) for consumer in CONSUMERS[name] for event_class in consumer_named(consumer).hears]
    for consumer, event_class in heard:
        service.on(event_class, handle, consumer=consumer)

    async def take_tick(message: object) -> None:
        ticks.append(b"tick")

    async with guarded.client() as client:
        await client.subscribe(ProgressTicked.subject.format(project_id=PROJECT), cb=take_tick)
        async with running(service):
            for _, event_class in heard:
                await say_as_who_may(guarded, HEARD[event_class])

            async def all_said() -> bool:
                said = {event.address for event in await history_so_far(client, PROJECT)}
                expected = {event.address for _, event_class in heard for event in ANSWERS[event_class]}
                return len(handled) == len(heard) and expected <= said and bool(ticks)

            await until(all_said, f"{name} did not say what it has to say; it handled {handled}")
    assert guarded.refusals() == []


@pytest.mark.parametrize("name", sorted(VOICES))
async def test_a_service_can_give_up_with_its_own_user(guarded: Guarded, name: str) -> None:
    """The message becomes a dead letter, and the project's failure is told."""

    async def fail(event: Event, step: Step) -> None:
        raise ConnectionError("the store is away")

    consumer = CONSUMERS[name][-1]
    event_class = consumer_named(consumer).hears[0]
    service = Service(name, guarded.settings(name))
    service.on(event_class, fail, consumer=consumer)
    async with running(service), guarded.client() as client:
        await say_as_who_may(guarded, HEARD[event_class])

        async def failed() -> bool:
            return await History(client.jetstream(), PROJECT).failure() is not None

        await until(failed, f"{name} could not say that it gave up")
    async with guarded.connected(PROVISIONER) as owner:
        info = await owner.jetstream().stream_info(DEAD_STREAM)
        assert info.state.messages == 1
    assert guarded.refusals() == []


@pytest.mark.parametrize("name", sorted(VOICES))
async def test_a_service_can_say_no_event_of_another(guarded: Guarded, name: str) -> None:
    others = [event for event in HEARD.values() if type(event) not in VOICES[name].says]
    async with guarded.connected(name) as client:
        for event in others:
            with pytest.raises((TimeoutError, nats.errors.Error)):
                await publish_events(client, [event], timeout_seconds=0.2)
    assert await guarded.events(Event) == []


@pytest.mark.parametrize("name", sorted(VOICES))
async def test_a_service_cannot_change_the_bus(guarded: Guarded, name: str) -> None:
    async with guarded.connected(name) as client:
        jetstream = client.jetstream(timeout=0.2)
        attempts = [
            jetstream.add_stream(name="MINE", subjects=["mine.>"]),
            jetstream.delete_stream(STREAM),
            jetstream.purge_stream(STREAM),
            jetstream.delete_consumer(STREAM, CONSUMERS[name][0]),
            jetstream.pull_subscribe("lockstep.>", durable="mine", stream=STREAM),
            jetstream.get_msg(STREAM, 1),
        ]
        for attempt in attempts:
            with pytest.raises((TimeoutError, nats.errors.Error)):
                await attempt
    async with guarded.connected(PROVISIONER) as owner:
        assert (await owner.jetstream().stream_info(STREAM)).state.consumer_count == 7


async def test_a_service_can_hear_neither_anothers_inbox_nor_the_events_of_the_stream(guarded: Guarded) -> None:
    heard: list[str] = []

    async def take(message: Msg) -> None:
        heard.append(message.subject)

    async with guarded.connected("clip_fitter") as fitter, guarded.connected("mixer") as mixer:
        for subject in (f"{inbox_of('mixer')}.>", "_INBOX.>", ">", "lockstep.>"):
            await fitter.subscribe(subject, cb=take)
        await fitter.flush()
        await mixer.request(f"$JS.API.CONSUMER.INFO.{STREAM}.mixer", b"", timeout=2)
        await mixer.publish(ProgressTicked.subject.format(project_id=PROJECT), b"{}")
        await mixer.flush()
        await fitter.flush()
    assert heard == []


async def test_a_service_can_take_no_message_of_another(guarded: Guarded) -> None:
    async with guarded.connected("clip_fitter") as fitter:
        jetstream = fitter.jetstream(timeout=0.2)
        with pytest.raises((TimeoutError, nats.errors.Error)):
            await jetstream.consumer_info(STREAM, "mixer")
        with pytest.raises((TimeoutError, nats.errors.Error)):
            await fitter.request(f"$JS.API.CONSUMER.MSG.NEXT.{STREAM}.mixer", b"1", timeout=0.2)
        assert await consumer_exists(jetstream, "mixer") is None
        assert await consumer_exists(jetstream, "clip_fitter") is True


async def test_the_command_submits_follows_and_lists_with_its_own_user(guarded: Guarded) -> None:
    async with guarded.client() as client:
        await publish_events(client, [submitted(PROJECT)])
        assert await project_ids(client) == [PROJECT]
        follows = history(client, PROJECT)
        assert await anext(follows) == submitted(PROJECT)
        async with guarded.connected("voiceover") as voiceover:
            failure = StepFailed(project_id=PROJECT, service="voiceover", scene_id=None, reason="No.", remedy="None.")
            await publish_events(voiceover, [failure])
        assert [event async for event in follows] == [ProjectEnded(project_id=PROJECT), failure]
    assert guarded.refusals() == []


async def test_the_command_sees_how_every_service_stands_with_its_own_user(guarded: Guarded) -> None:
    async with guarded.client() as client:
        seen = await overview(client)
        assert {each.name for each in seen.consumers} == {consumer.name for consumer in stream.CONSUMERS}
        assert seen.scenes_last_minute == 0


async def test_the_command_cancels_and_drops_dead_letters_with_its_own_user(guarded: Guarded) -> None:
    address = f"nats://{CLIENT}:{guarded.passwords[CLIENT]}@{guarded.url.removeprefix('nats://')}"

    async def fail(event: Event, step: Step) -> None:
        raise ConnectionError("the store is away")

    service = Service("voiceover", guarded.settings("voiceover"))
    service.on(ProjectSubmitted, fail)
    async with guarded.client() as client:
        await publish_events(client, [submitted(PROJECT)])
        async with running(service):
            await until(lambda: _has_failed(client), "the service did not give up")
        (letter,) = await dead_letters(client)
        await drop_letters(letter.name, address)
        assert await dead_letters(client) == []
        await publish_events(client, [submitted("harbour")])
    await cancel_project("harbour", address)
    assert guarded.refusals() == []


async def _has_failed(client: Client) -> bool:
    return await History(client.jetstream(), PROJECT).failure() is not None


async def test_the_command_can_say_no_step_of_a_service(guarded: Guarded) -> None:
    async with guarded.client() as client:
        for event in HEARD.values():
            if not isinstance(event, ProjectSubmitted):
                with pytest.raises((TimeoutError, nats.errors.Error)):
                    await publish_events(client, [event], timeout_seconds=0.2)
        assert await history_so_far(client, PROJECT) == []


async def test_the_command_can_make_no_consumer_and_so_rewrite_none(guarded: Guarded) -> None:
    config = {"name": "clip_fitter", "filter_subject": "lockstep.>", "ack_policy": "explicit"}
    request = json.dumps({"stream_name": STREAM, "config": config}).encode()
    async with guarded.client() as client, guarded.connected("clip_fitter") as fitter:
        with pytest.raises((TimeoutError, nats.errors.Error)):
            await client.request(f"$JS.API.CONSUMER.CREATE.{STREAM}", request, timeout=0.2)
        found = await fitter.jetstream().consumer_info(STREAM, "clip_fitter")
    assert found.config.filter_subjects == [ScenePlanned.wildcard()]


async def test_nobody_gets_in_without_a_password(guarded: Guarded) -> None:
    with pytest.raises(nats.errors.Error, match="Authorization"):
        await connect(BusSettings(url=guarded.url), "stranger")


async def test_an_acknowledged_event_is_on_the_disk(guarded: Guarded) -> None:
    assert "sync_interval: always" in CONFIGURATION.read_text()
    async with guarded.connected(PROVISIONER) as owner:
        assert (await owner.jetstream().stream_info(STREAM)).config.storage == "file"
