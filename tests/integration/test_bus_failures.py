"""What becomes of a message whose handler fails: tried again, given up in words, never lost and never in a loop."""

import asyncio
import logging
from pathlib import Path

import pytest

from shared.errors import Unrecoverable
from shared.events import ProjectSubmitted, ScenePlanned, StepFailed, VoiceoverRecorded
from shared.service import Service, Step
from tests.integration.bus_bench import Bus, provisioned_bus, recorded, scene_planned, submitted

pytestmark = pytest.mark.integration


async def test_a_handler_that_fails_is_tried_again_until_it_succeeds(bus: Bus) -> None:
    attempts: list[float] = []

    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        attempts.append(asyncio.get_running_loop().time())
        if len(attempts) < 3:
            raise ConnectionError("the store is away")
        return recorded(event.project_id)

    service = Service("voiceover", bus.settings.model_copy(update={"retry_delays_seconds": (0.2, 0.4)}))
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        await bus.said(VoiceoverRecorded, "lighthouse")
        await bus.settled("voiceover")
    assert len(attempts) == 3
    # The server holds a message back for at least the pause that it is told, so this does not depend on the machine.
    assert attempts[1] - attempts[0] >= 0.2
    assert attempts[2] - attempts[1] >= 0.4
    assert await bus.dead_letters() == []


async def test_a_step_that_never_succeeds_ends_the_project_and_leaves_a_dead_letter(bus: Bus) -> None:
    attempts: list[int] = []

    async def fit(event: ScenePlanned, step: Step) -> None:
        attempts.append(event.scene_number)
        raise RuntimeError("no answer from\nhttps://user:secret@host/path?token=secret")

    service = Service("clip_fitter", bus.settings.model_copy(update={"max_attempts": 3}))
    service.on(ScenePlanned, fit)
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 4))
        failure = await bus.failure("lighthouse")
        await bus.settled("clip_fitter")
    assert attempts == [4, 4, 4]
    assert (failure.service, failure.scene_id) == ("clip_fitter", "scene-4")
    assert failure.reason == (
        "The step clip_fitter failed 3 times, the last time with RuntimeError: no answer from https://host/path."
    )
    assert failure.remedy == "See the service's log for the cause; when it is gone, submit the project again."
    (letter,) = await bus.dead_letters()
    assert letter.data == scene_planned("lighthouse", 4).model_dump_json().encode()
    assert letter.subject == "lockstep-dead.lighthouse.clip_fitter.1"
    assert letter.headers is not None
    assert letter.headers["Lockstep-Subject"] == scene_planned("lighthouse", 4).address
    assert letter.headers["Lockstep-Deliveries"] == "3"
    assert letter.headers["Lockstep-Reason"] == failure.reason


async def test_an_unrecoverable_failure_ends_the_project_at_the_first_attempt(bus: Bus) -> None:
    attempts: list[str] = []

    async def record(event: ProjectSubmitted, step: Step) -> None:
        attempts.append(event.project_id)
        raise Unrecoverable("The narration is empty.", remedy="Write at least one word.", scene_id="intro")

    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        failure = await bus.failure("lighthouse")
        await bus.settled("voiceover")
    assert attempts == ["lighthouse"]
    assert failure == StepFailed(
        project_id="lighthouse",
        service="voiceover",
        scene_id="intro",
        reason="The narration is empty.",
        remedy="Write at least one word.",
    )
    assert await bus.dead_letters() == []


async def test_the_first_of_several_failures_is_the_one_that_is_told(bus: Bus) -> None:
    together = asyncio.Barrier(3)

    async def fit(event: ScenePlanned, step: Step) -> None:
        await together.wait()
        raise Unrecoverable(f"Scene {event.scene_number} has no clip.", remedy="Add one.", scene_id=event.scene_id)

    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, fit, at_once=3)
    async with bus.running(service.app):
        for number in (1, 2, 3):
            await bus.say(scene_planned("lighthouse", number))
        await bus.settled("clip_fitter")
    info = await bus.jetstream.stream_info("LOCKSTEP", subjects_filter="lockstep.lighthouse.step.failed")
    assert info.state.subjects == {"lockstep.lighthouse.step.failed": 1}


async def test_a_project_that_has_failed_is_left_alone(bus: Bus) -> None:
    handled: list[str] = []

    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        handled.append(event.project_id)
        return recorded(event.project_id)

    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    failure = StepFailed(project_id="lighthouse", service="user", scene_id=None, reason="Cancelled.", remedy="None.")
    await bus.say(failure)
    await bus.say(submitted("lighthouse"))
    await bus.say(submitted("harbour"))
    async with bus.running(service.app):
        await bus.said(VoiceoverRecorded, "harbour")
        await bus.settled("voiceover")
    assert handled == ["harbour"]


@pytest.mark.parametrize(
    "poison",
    [
        b"\xff\xfe not even text",
        b"{",
        b'{"project_id": "lighthouse"}',
        submitted("another").model_dump_json().encode(),
    ],
    ids=["binary", "cut short", "fields missing", "of another project"],
)
async def test_a_message_that_cannot_be_read_is_put_aside_at_once(bus: Bus, poison: bytes) -> None:
    handled: list[str] = []

    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        handled.append(event.project_id)
        return recorded(event.project_id)

    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.jetstream.publish(submitted("lighthouse").address, poison)
        failure = await bus.failure("lighthouse")
        await bus.say(submitted("harbour"))  # and the service goes on
        await bus.said(VoiceoverRecorded, "harbour")
        await bus.settled("voiceover")
    assert handled == ["harbour"]
    assert failure.reason.startswith("A message for voiceover cannot be read: lockstep.lighthouse.project.submitted: ")
    (letter,) = await bus.dead_letters()
    assert letter.data == poison
    assert (letter.headers or {})["Lockstep-Deliveries"] == "1"


async def test_an_unknown_field_is_no_reason_to_refuse_a_message(bus: Bus) -> None:
    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        return recorded(event.project_id)

    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    newer = submitted("lighthouse").model_dump_json().replace("{", '{"from_a_later_release": 1, ', 1)
    async with bus.running(service.app):
        await bus.jetstream.publish(submitted("lighthouse").address, newer.encode())
        await bus.said(VoiceoverRecorded, "lighthouse")


async def test_a_long_handler_keeps_its_message(bus: Bus) -> None:
    began: list[str] = []

    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        began.append(event.project_id)
        await asyncio.sleep(bus.settings.ack_wait_seconds * 3)
        return recorded(event.project_id)

    services = [Service("voiceover", bus.settings) for _ in range(2)]
    for service in services:
        service.on(ProjectSubmitted, record)
    async with bus.running(*(service.app for service in services)):
        await bus.say(submitted("lighthouse"))
        await bus.said(VoiceoverRecorded, "lighthouse")
        await bus.settled("voiceover")
    assert began == ["lighthouse"]


async def test_a_handler_that_hangs_is_cancelled_and_counts_as_failed(bus: Bus) -> None:
    ended: list[str] = []

    async def record(event: ProjectSubmitted, step: Step) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(event.project_id)

    impatient = {"handler_timeout_seconds": 0.2, "max_attempts": 2}
    service = Service("voiceover", bus.settings.model_copy(update=impatient))
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        failure = await bus.failure("lighthouse")
    assert ended == ["lighthouse", "lighthouse"]
    assert "TimeoutError: it took longer than 0.2 s" in failure.reason


async def test_a_handler_that_is_cancelled_from_within_does_not_stop_the_service(bus: Bus) -> None:
    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        if event.project_id == "lighthouse":
            raise asyncio.CancelledError
        return recorded(event.project_id)

    service = Service("voiceover", bus.settings.model_copy(update={"max_attempts": 1}))
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        assert "cancelled from within" in (await bus.failure("lighthouse")).reason
        await bus.say(submitted("harbour"))
        await bus.said(VoiceoverRecorded, "harbour")


async def test_a_message_that_kills_every_process_is_given_up_in_the_end(tmp_path: Path) -> None:
    handled: list[str] = []

    async def record(event: ProjectSubmitted, step: Step) -> None:
        handled.append(event.project_id)

    async with provisioned_bus(tmp_path, max_deliveries=2, ack_wait_seconds=0.2) as bus:
        await bus.say(submitted("lighthouse"))
        reader = await bus.jetstream.pull_subscribe_bind(consumer="voiceover", stream="LOCKSTEP")
        for _ in range(2):  # two processes take it, and are never heard of again
            await reader.fetch(1, timeout=10)
        service = Service("voiceover", bus.settings)
        service.on(ProjectSubmitted, record)
        async with bus.running(service.app):
            failure = await bus.failure("lighthouse")
            await bus.settled("voiceover")
        (letter,) = await bus.dead_letters()
    assert handled == []
    assert failure.reason == "The step voiceover was begun 2 times and never came to an end."
    assert (letter.headers or {})["Lockstep-Error"] == "WornOut"


async def test_one_line_is_logged_for_a_failed_attempt(bus: Bus, caplog: pytest.LogCaptureFixture) -> None:
    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        if not (bus.settings.scratch_dir / "tried").exists():
            (bus.settings.scratch_dir / "tried").touch()
            raise ConnectionError("the store\nis away")
        return recorded(event.project_id)

    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    with caplog.at_level(logging.INFO, "lockstep"):
        async with bus.running(service.app):
            await bus.say(submitted("lighthouse"))
            await bus.said(VoiceoverRecorded, "lighthouse")
    warnings = [line.getMessage() for line in caplog.records if line.levelno >= logging.WARNING]
    assert warnings == ["attempt 1 of 5 failed, the next in 0.05 s: ConnectionError: the store is away"]
