"""How a service is put together, without a bus: its settings, its scratch space, the consumers that it may use."""

import fcntl
import os
from collections import Counter
from pathlib import Path

import pytest
from faststream.nats import NatsBroker

from shared.bus import BusSettings
from shared.events import Event, ProjectSubmitted, SceneFitted, ScenePlanned, ScenesPlanned, SoundtrackMixed
from shared.scratch import LOCK, Scratch
from shared.service import Service, Step
from shared.stream import CONSUMERS, consumer_config, consumer_named, stream_configs


async def take(event: Event, step: Step) -> None:
    return


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LOCKSTEP_NATS_URL", "nats://bus:4222")
    monkeypatch.setenv("LOCKSTEP_NATS_PASSWORD", "secret")
    monkeypatch.setenv("LOCKSTEP_NATS_RETRY_DELAYS_SECONDS", "[1, 2.5]")
    monkeypatch.setenv("LOCKSTEP_SCRATCH_DIR", str(tmp_path))
    settings = BusSettings()
    assert settings.url == "nats://bus:4222"
    assert settings.retry_policy.delays_seconds == (1.0, 2.5)
    assert settings.scratch_dir == tmp_path
    assert "secret" not in repr(settings)


def test_a_consumer_is_needed_for_every_event_that_a_service_hears() -> None:
    service = Service("mixer", BusSettings())
    service.on(ScenesPlanned, take)
    with pytest.raises(LookupError, match="the consumer 'mixer' does not hear SceneFitted"):
        service.on(SceneFitted, take)
    with pytest.raises(
        LookupError, match=r"no consumer is named 'subtitler': add it to CONSUMERS in shared/stream\.py"
    ):
        Service("subtitler", BusSettings()).on(ScenesPlanned, take)


def test_a_consumer_is_read_by_one_subscriber_for_each_message_at_once() -> None:
    service = Service("assembler", BusSettings())
    service.on(SceneFitted, take, consumer="assembler_join", at_once=3)
    service.on(SoundtrackMixed, take, consumer="assembler_join")
    broker = service.app.broker
    assert isinstance(broker, NatsBroker)
    assert len(broker.subscribers) == 3


def test_making_an_app_touches_neither_the_bus_nor_the_disk(tmp_path: Path) -> None:
    service = Service("clip_fitter", BusSettings(url="nats://nowhere.invalid:1", scratch_dir=tmp_path / "scratch"))
    service.on(ScenePlanned, take)
    assert service.app is service.app
    assert not (tmp_path / "scratch").exists()


def test_consumers_have_names_of_their_own_and_hear_everything_that_has_to_be_done() -> None:
    assert max(Counter(consumer.name for consumer in CONSUMERS).values()) == 1
    assert consumer_named("voiceover").hears == (ProjectSubmitted,)
    heard = {event_class.__name__ for consumer in CONSUMERS for event_class in consumer.hears}
    ends = {"ProjectEnded", "VideoAssembled", "StepFailed"}
    assert heard | ends == {event_class.__name__ for event_class in Event.catalogue()}


def test_the_bus_gives_up_on_a_message_later_than_a_service_does() -> None:
    settings = BusSettings(max_deliveries=20)
    for consumer in CONSUMERS:
        config = consumer_config(consumer, settings)
        assert (config.max_deliver or 0) > settings.max_deliveries > settings.max_attempts
        assert config.backoff is None
        assert config.ack_wait == 30


def test_streams_are_kept_on_disk_for_a_week_and_admit_guards_and_batches() -> None:
    history, dead = stream_configs(BusSettings(replicas=3))
    assert history.max_age == 604_800
    assert history.allow_atomic
    assert history.allow_direct
    assert {history.num_replicas, dead.num_replicas} == {3}


async def test_scratch_space_is_gone_with_its_owner(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, "mixer")
    scratch.open()

    async def fail_half_way() -> None:
        async with scratch.folder() as folder:
            folders.append(folder.path)
            (folder.path / "bed.wav").write_bytes(b"noise")
            raise RuntimeError("half way")

    folders: list[Path] = []
    with pytest.raises(RuntimeError, match="half way"):
        await fail_half_way()
    assert not folders[0].exists()
    scratch.close()
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - a blocking call of no moment


async def test_no_folder_is_made_for_a_message_that_needs_none(tmp_path: Path) -> None:
    scratch = Scratch(tmp_path, "assembler")
    scratch.open()
    root = scratch._root
    assert root is not None
    async with scratch.folder():
        assert os.listdir(root) == [LOCK]  # noqa: PTH208 - a blocking call of no moment
    async with scratch.folder() as folder:
        assert folder.path.is_dir()
    assert os.listdir(root) == [LOCK]  # noqa: PTH208 - a blocking call of no moment
    scratch.close()


def test_what_a_dead_owner_left_is_swept_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    dead, living, newcomer, stranger = (Scratch(tmp_path, name) for name in ("mixer", "mixer", "mixer", "transcriber"))
    for scratch in (dead, living, stranger):
        scratch.open()
    folders = {path.name for path in tmp_path.iterdir()}
    assert len(folders) == 3
    assert all(f"-{os.getpid()}-" in name for name in folders)
    (left,) = (path for path in tmp_path.iterdir() if dead._root == path)
    assert dead._lock is not None
    fcntl.flock(dead._lock, fcntl.LOCK_UN)  # as its death would
    newcomer.open()
    assert not left.exists()
    assert living._root is not None
    assert (living._root / LOCK).exists()
    assert stranger._root is not None
    assert stranger._root.exists()
    for scratch in (dead, living, newcomer, stranger):
        scratch.close()
    assert list(tmp_path.iterdir()) == []
