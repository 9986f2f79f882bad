"""What a handler returns is said once, and all of it or nothing."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from shared.events import (
    Event,
    ProgressTicked,
    ProjectSubmitted,
    SceneFitted,
    ScenePlanned,
    ScenesPlanned,
    SoundtrackMixed,
    StepFailed,
    VoiceoverRecorded,
    WordsTimed,
)
from shared.publish import publish_events
from shared.service import Service, Step
from tests.integration.bus_bench import Bus, plan_of, recorded, scene_planned, submitted

pytestmark = pytest.mark.integration


async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
    return recorded(event.project_id)


def words_timed(project_id: str) -> WordsTimed:
    voiceover = recorded(project_id)
    return WordsTimed(
        project_id=project_id,
        project=voiceover.project,
        recording=voiceover.recording,
        transcript=voiceover.recording,
        word_count=3,
        from_store=False,
    )


async def test_an_event_is_answered_by_what_its_handler_returns(bus: Bus) -> None:
    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        assert await bus.said(VoiceoverRecorded, "lighthouse") == [recorded("lighthouse")]
        await bus.settled("voiceover")


async def test_an_event_that_is_said_often_is_held_once(bus: Bus) -> None:
    await asyncio.gather(*(bus.say(submitted("lighthouse")) for _ in range(20)))
    info = await bus.jetstream.stream_info("LOCKSTEP")
    assert info.state.messages == 1


async def test_a_project_that_was_purged_can_be_said_again_at_once(bus: Bus) -> None:
    await bus.say(submitted("lighthouse"))
    await bus.jetstream.purge_stream("LOCKSTEP", subject="lockstep.lighthouse.>")
    await bus.say(submitted("lighthouse"))
    assert await bus.subjects("lighthouse") == {"lockstep.lighthouse.project.submitted"}


async def test_a_message_that_is_delivered_again_is_answered_once(bus: Bus) -> None:
    handled: list[str] = []

    async def record_and_lose_the_answer(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        handled.append(event.project_id)
        if len(handled) == 1:
            # As if the process had died between saying the answer and acknowledging the message.
            await publish_events(bus.client, [recorded(event.project_id)])
            raise ConnectionError("the acknowledgement was lost")
        return recorded(event.project_id)

    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record_and_lose_the_answer)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        await bus.settled("voiceover")
    assert len(handled) == 2
    assert (await bus.jetstream.stream_info("LOCKSTEP")).state.messages == 2


async def test_a_plan_and_its_scenes_are_said_together(bus: Bus) -> None:
    async def plan(event: WordsTimed, step: Step) -> Sequence[Event]:
        return plan_of(event.project_id, 40)

    service = Service("scene_planner", bus.settings)
    service.on(WordsTimed, plan)
    async with bus.running(service.app):
        await bus.say(words_timed("lighthouse"))
        scenes = await bus.said(ScenePlanned, "lighthouse", count=40)
        await bus.settled("scene_planner")
    assert [scene.scene_number for scene in scenes] == list(range(1, 41))
    said = [await bus.jetstream.get_last_msg("LOCKSTEP", event.address) for event in plan_of("lighthouse", 40)]
    assert len({(message.headers or {})["Nats-Batch-Id"] for message in said}) == 1


class DyingClient(Client):
    """A client whose process dies while it says the third event of an answer."""

    def __init__(self, living: Client) -> None:
        super().__init__()
        self._living = living
        self._left = 2

    async def request(self, *args: Any, **kwargs: Any) -> Msg:
        return await self._living.request(*args, **kwargs)

    async def publish(self, *args: Any, **kwargs: Any) -> None:
        self._left -= 1
        if self._left < 0:
            raise ConnectionError("killed")
        await self._living.publish(*args, **kwargs)


async def test_nobody_sees_half_an_answer(bus: Bus) -> None:
    answer = plan_of("lighthouse", 5)
    with pytest.raises(ConnectionError):
        await publish_events(DyingClient(bus.client), answer)
    await bus.client.flush()
    assert await bus.subjects("lighthouse") == frozenset()
    await publish_events(bus.client, answer)
    assert await bus.subjects("lighthouse") == {event.address for event in answer}


async def test_what_a_crash_left_out_of_a_long_answer_is_said_by_the_next_delivery(
    bus: Bus, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.publish.BATCH_LIMIT", 10)
    answer = plan_of("lighthouse", 34)
    await publish_events(bus.client, answer[:20])  # two chunks of four, and then the process died
    await publish_events(bus.client, answer)
    assert await bus.subjects("lighthouse") == {event.address for event in answer}
    assert (await bus.jetstream.stream_info("LOCKSTEP")).state.messages == len(answer)


async def test_an_answer_whose_parts_were_said_alone_is_completed(bus: Bus) -> None:
    answer = plan_of("lighthouse", 6)
    await bus.say(answer[3])
    await publish_events(bus.client, answer)
    assert await bus.subjects("lighthouse") == {event.address for event in answer}


async def test_a_plan_of_more_scenes_than_a_batch_holds_is_said_whole(bus: Bus) -> None:
    answer = plan_of("lighthouse", 2_100)
    await publish_events(bus.client, answer)
    await publish_events(bus.client, answer)
    assert (await bus.jetstream.stream_info("LOCKSTEP")).state.messages == len(answer)


async def test_a_step_knows_what_was_said_about_its_project_and_no_other(bus: Bus) -> None:
    seen: list[tuple[list[bool], list[ScenePlanned]]] = []
    asked = [*(event.address for event in plan_of("lighthouse", 13)), submitted("lighthouse").address]

    async def look(event: ScenesPlanned, step: Step) -> None:
        seen.append(([await step.holds(subject) for subject in asked], await step.events(ScenePlanned)))

    service = Service("mixer", bus.settings)
    service.on(ScenesPlanned, look)
    await bus.say(*plan_of("lighthouse", 12))
    await bus.say(*plan_of("harbour", 2)[1:])
    async with bus.running(service.app):
        await bus.settled("mixer")
    held, scenes = seen[0]
    assert held == [True] * 13 + [False, False]
    assert scenes == plan_of("lighthouse", 12)[1:]


async def test_scratch_folders_are_gone_when_the_handler_is(bus: Bus) -> None:
    folders: list[Path] = []

    async def scribble(event: ProjectSubmitted, step: Step) -> None:
        folders.append(step.scratch)
        assert list(step.scratch.iterdir()) == []
        (step.scratch / "half-written.mp4").write_bytes(b"\0" * 1000)
        if len(folders) == 1:
            raise RuntimeError("out of luck")

    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, scribble)
    async with bus.running(service.app):
        await bus.say(submitted("lighthouse"))
        await bus.settled("voiceover")
        assert len(set(folders)) == 2
        assert not any(folder.exists() for folder in folders)
    assert list(bus.settings.scratch_dir.iterdir()) == []


async def test_progress_is_told_a_few_times_a_second_and_always_at_the_end(bus: Bus) -> None:
    ticks: list[ProgressTicked] = []

    async def encode(event: ScenePlanned, step: Step) -> None:
        for percent in range(101):
            await asyncio.to_thread(step.report_progress, percent)  # wherever it is called from

    async def take(message: Msg) -> None:
        ticks.append(ProgressTicked.model_validate_json(message.data))

    await bus.client.subscribe("lockstep-progress.lighthouse", cb=take)
    service = Service("clip_fitter", bus.settings)
    service.on(ScenePlanned, encode)
    async with bus.running(service.app):
        await bus.say(scene_planned("lighthouse", 7))
        await bus.settled("clip_fitter")
    await bus.client.flush()
    assert ticks[0].percent == 0
    assert ticks[-1].percent == 100
    assert len(ticks) < 20
    assert {(tick.service, tick.scene_number) for tick in ticks} == {("clip_fitter", 7)}


async def test_two_kinds_of_event_can_share_a_consumer(bus: Bus) -> None:
    heard: list[str] = []

    async def take(event: Event, step: Step) -> None:
        heard.append(type(event).__name__)

    service = Service("assembler", bus.settings)
    service.on(SceneFitted, take, consumer="assembler_join")
    service.on(SoundtrackMixed, take, consumer="assembler_join")
    segment = recorded("lighthouse").recording
    async with bus.running(service.app):
        await bus.say(
            SceneFitted(
                project_id="lighthouse",
                scene_number=1,
                scene_id="a",
                segment=segment,
                frame_count=1,
                clip_ms=1,
                fit="",
                from_store=False,
            )
        )
        await bus.say(
            SoundtrackMixed(
                project_id="lighthouse",
                soundtrack=segment,
                sample_count=1,
                loudness_lufs=-16,
                true_peak_dbtp=-1,
                from_store=False,
            )
        )
        await bus.settled("assembler_join")
    assert sorted(heard) == ["SceneFitted", "SoundtrackMixed"]


async def test_a_consumer_refuses_events_that_it_does_not_hear(bus: Bus) -> None:
    with pytest.raises(LookupError, match="does not hear StepFailed"):
        Service("mixer", bus.settings).on(StepFailed, record)  # type: ignore[arg-type]
