"""The provisioner is the only one that configures the bus; services notice when it has not been, or no longer is."""

import asyncio
import os
import sys
from pathlib import Path

import nats.errors
import pytest
from nats.js.api import ConsumerConfig, RetentionPolicy

from shared.bus import BusSettings, NotReady, connect
from shared.events import DEAD_STREAM, STREAM, ProjectSubmitted, VoiceoverRecorded
from shared.servers import ServerFailed, free_port, nats_server
from shared.service import Service, ServiceLost, Step, run_services
from shared.store import MinioStore, StoreSettings
from shared.stream import CONSUMERS, provision, provision_when_ready
from tests.integration.bus_bench import Bus, recorded, submitted

pytestmark = pytest.mark.integration


async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
    return recorded(event.project_id)


def voiceover(settings: BusSettings) -> Service:
    service = Service("voiceover", settings)
    service.on(ProjectSubmitted, record)
    return service


async def test_provisioning_twice_changes_nothing(bus: Bus) -> None:
    await bus.say(submitted("lighthouse"))
    before = await bus.jetstream.stream_info(STREAM)
    await provision(bus.settings.url, settings=bus.settings)
    after = await bus.jetstream.stream_info(STREAM)
    assert after.config == before.config
    assert (after.state.messages, after.state.consumer_count) == (1, len(CONSUMERS))


async def test_provisioning_puts_right_what_has_drifted_and_keeps_what_was_said(bus: Bus) -> None:
    await bus.say(submitted("lighthouse"))
    drifted = (await bus.jetstream.stream_info(STREAM)).config
    await bus.jetstream.update_stream(drifted, max_age=600, allow_atomic=False, allow_direct=False)
    slow = ConsumerConfig(name="mixer", durable_name="mixer", ack_wait=999, max_deliver=1)
    await bus.jetstream.add_consumer(STREAM, config=slow)
    await bus.jetstream.delete_consumer(STREAM, "assembler")

    await provision(bus.settings.url, settings=bus.settings)

    stream = await bus.jetstream.stream_info(STREAM)
    assert stream.config.max_age == 7 * 24 * 3600
    assert stream.config.allow_atomic
    assert stream.config.allow_direct
    assert stream.state.messages == 1
    mixer = (await bus.jetstream.consumer_info(STREAM, "mixer")).config
    assert mixer.ack_wait == bus.settings.ack_wait_seconds
    assert mixer.max_deliver == bus.settings.max_deliveries + 30
    assert mixer.filter_subjects == ["lockstep.*.scenes.planned", "lockstep.*.scene.*.sounded"]
    assert (await bus.jetstream.consumer_info(STREAM, "assembler")).name == "assembler"


async def test_events_are_kept_after_they_were_heard_and_synced_to_disk(bus: Bus) -> None:
    stream = await bus.jetstream.stream_info(STREAM)
    assert stream.config.retention == RetentionPolicy.LIMITS
    assert (await bus.jetstream.stream_info(DEAD_STREAM)).config.retention == RetentionPolicy.LIMITS
    async with bus.running(voiceover(bus.settings).app):
        await bus.say(submitted("lighthouse"))
        await bus.said(VoiceoverRecorded, "lighthouse")
        await bus.settled("voiceover")
    assert submitted("lighthouse").address in await bus.subjects("lighthouse")


async def test_the_bucket_is_made_with_the_streams(bus: Bus, store_settings: StoreSettings, tmp_path: Path) -> None:
    await provision(bus.settings.url, store_settings, settings=bus.settings)
    (tmp_path / "clip").write_bytes(b"clip")
    await MinioStore(store_settings).put_file(tmp_path / "clip", "sources/clip.mp4", "video/mp4")


async def test_a_service_does_not_touch_the_configuration_of_what_it_reads(bus: Bus) -> None:
    stream = (await bus.jetstream.stream_info(STREAM)).config
    consumer = (await bus.jetstream.consumer_info(STREAM, "voiceover")).config
    async with bus.running(voiceover(bus.settings).app):
        await bus.say(submitted("lighthouse"))
        await bus.said(VoiceoverRecorded, "lighthouse")
    assert (await bus.jetstream.stream_info(STREAM)).config == stream
    assert (await bus.jetstream.consumer_info(STREAM, "voiceover")).config == consumer


async def test_a_service_that_starts_before_the_provisioner_waits_for_it(tmp_path: Path) -> None:
    async with nats_server(tmp_path / "nats") as server:
        settings = BusSettings(url=server.url, scratch_dir=tmp_path)
        starting = asyncio.create_task(voiceover(settings).app.start())
        await asyncio.sleep(0.3)
        assert not starting.done()
        await provision(server.url)
        await starting


async def test_a_service_without_its_consumer_says_what_to_run(tmp_path: Path) -> None:
    async with nats_server(tmp_path / "nats") as server:
        settings = BusSettings(url=server.url, scratch_dir=tmp_path, startup_timeout_seconds=0.5)
        app = voiceover(settings).app
        with pytest.raises(
            NotReady, match=r"no consumer voiceover on the stream LOCKSTEP, run `python -m shared.stream`"
        ):
            await app.start()
        await app.stop()


async def test_a_service_without_a_bus_names_its_address_and_no_password(tmp_path: Path) -> None:
    url = f"nats://user:hunter2@127.0.0.1:{free_port()}"
    app = voiceover(BusSettings(url=url, scratch_dir=tmp_path, startup_timeout_seconds=0.5)).app
    with pytest.raises(
        NotReady, match=r"voiceover: no bus answers at nats://127\.0\.0\.1:\d+, .*\(waited 0\.5 s\)"
    ) as refusal:
        await app.start()
    assert "hunter2" not in str(refusal.value)
    await app.stop()


async def test_a_wrong_password_is_named_as_the_cause(bus: Bus) -> None:
    wrong = bus.settings.model_copy(update={"url": f"nats://lockstep:wrong@127.0.0.1:{bus.server.port}"})
    app = voiceover(wrong).app
    with pytest.raises(NotReady, match="refuses the user and password"):
        await app.start()
    await app.stop()


async def test_user_and_password_can_come_apart_from_the_address(bus: Bus) -> None:
    password = bus.server.url.split(":")[2].split("@")[0]
    settings = BusSettings.model_validate(
        bus.settings.model_dump()
        | {"url": f"nats://127.0.0.1:{bus.server.port}", "user": "lockstep", "password": password}
    )
    await provision(settings.url, settings=settings)
    async with bus.running(voiceover(settings).app):
        await bus.say(submitted("lighthouse"))
        await bus.said(VoiceoverRecorded, "lighthouse")


async def test_a_stranger_cannot_connect_to_the_embedded_bus(bus: Bus) -> None:
    with pytest.raises(nats.errors.Error):
        await connect(BusSettings(url=f"nats://127.0.0.1:{bus.server.port}"), "stranger")


async def test_services_in_one_process_stop_when_one_loses_its_consumer(bus: Bus) -> None:
    ready = asyncio.Event()
    host = asyncio.create_task(run_services([voiceover(bus.settings).app], asyncio.Event(), on_ready=ready.set))
    await ready.wait()
    await bus.jetstream.delete_consumer(STREAM, "voiceover")
    with pytest.raises(ServiceLost, match="the consumer voiceover is gone"):
        await host


async def test_the_provisioner_says_so_when_there_is_nothing_to_provision(tmp_path: Path) -> None:
    settings = BusSettings(url=f"nats://127.0.0.1:{free_port()}", startup_timeout_seconds=0.5)
    with pytest.raises(NotReady, match=r"could not be provisioned within 0\.5 s"):
        await provision_when_ready(settings, None)


async def test_a_port_in_use_is_refused_in_words(bus: Bus, tmp_path: Path) -> None:
    with pytest.raises(ServerFailed, match="address already in use"):
        async with nats_server(tmp_path / "second", port=bus.server.port):
            pass


async def test_two_servers_at_once_do_not_meet(tmp_path: Path) -> None:
    async with nats_server(tmp_path / "a") as first, nats_server(tmp_path / "b") as second:
        assert first.port != second.port


async def test_the_provisioner_is_a_command(tmp_path: Path, store_settings: StoreSettings) -> None:
    async with nats_server(tmp_path / "nats") as server:
        environment = {
            **os.environ,
            "LOCKSTEP_NATS_URL": server.url,
            "LOCKSTEP_S3_ENDPOINT": store_settings.endpoint,
            "LOCKSTEP_S3_ACCESS_KEY": store_settings.access_key,
            "LOCKSTEP_S3_SECRET_KEY": store_settings.secret_key.get_secret_value(),
            "LOCKSTEP_S3_BUCKET": store_settings.bucket,
        }
        for _ in range(2):
            command = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "shared.stream"), env=environment, stderr=asyncio.subprocess.PIPE
            )
            _, printed = await command.communicate()
            assert command.returncode == 0
            assert printed == b"Streams, consumers and the bucket are as they should be.\n"
        async with voiceover(BusSettings(url=server.url, scratch_dir=tmp_path)).app:
            pass
