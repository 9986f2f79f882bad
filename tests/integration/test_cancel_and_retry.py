"""Projects are cancelled and taken up again, dead letters are looked at and dropped: all against a real server."""

import asyncio
import re

import pytest

from cli.cancel import cancel_project
from cli.client import name_in, new_project_id
from cli.dead_letters import dead_letters, drop_letters, list_letters, retry_letter, show_letter
from cli.edge import Refused
from cli.remote import show_status
from cli.retry import retry_project
from shared.events import PROJECT_ID_PATTERN, ProjectSubmitted, StepFailed, VideoAssembled, VoiceoverRecorded
from shared.publish import publish_events
from shared.service import Service, Step
from tests.integration.bus_bench import Bus, asset, recorded, submitted

pytestmark = pytest.mark.integration


def assembled(project_id: str) -> VideoAssembled:
    return VideoAssembled(
        project_id=project_id, video=asset("videos/a.mp4"), certificate=asset("certificates/a.json"), from_store=False
    )


async def ends_of(bus: Bus, project_id: str) -> set[str]:
    """How the project ended, as the stream has it."""
    ends = {StepFailed.wildcard(project_id), VideoAssembled.wildcard(project_id)}
    return set(await bus.subjects(project_id)) & ends


async def test_no_service_begins_work_for_a_cancelled_project(bus: Bus, capsys: pytest.CaptureFixture[str]) -> None:
    handled: list[str] = []

    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        handled.append(event.project_id)
        return recorded(event.project_id)

    await bus.say(submitted("lighthouse"))
    await bus.say(submitted("harbour"))
    await cancel_project("lighthouse", bus.server.url)
    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await bus.settled("voiceover")
    assert handled == ["harbour"]
    assert "lighthouse is cancelled" in capsys.readouterr().out
    await show_status("lighthouse", bus.server.url)
    status = capsys.readouterr().out
    assert "cancelled" in status
    assert "lockstep retry lighthouse" in status


async def test_a_step_that_runs_while_its_project_is_cancelled_gives_no_video(bus: Bus) -> None:
    begun, let_go = asyncio.Event(), asyncio.Event()

    async def record(event: ProjectSubmitted, step: Step) -> VideoAssembled:
        begun.set()
        await let_go.wait()
        return assembled(event.project_id)

    await bus.say(submitted("lighthouse"))
    service = Service("voiceover", bus.settings)
    service.on(ProjectSubmitted, record)
    async with bus.running(service.app):
        await begun.wait()
        await cancel_project("lighthouse", bus.server.url)
        let_go.set()
        await bus.settled("voiceover")
    assert await ends_of(bus, "lighthouse") == {StepFailed.wildcard("lighthouse")}


async def test_a_project_ends_once_however_many_say_its_end_at_the_same_time(bus: Bus) -> None:
    projects = [f"project-{number}" for number in range(10)]
    for project in projects:
        failure = StepFailed(project_id=project, service="mixer", scene_id=None, reason="It broke.", remedy="Mend it.")
        await asyncio.gather(
            *(publish_events(bus.client, [end]) for end in [assembled(project), failure, assembled(project), failure])
        )
    for project in projects:
        assert len(await ends_of(bus, project)) == 1
    info = await bus.jetstream.stream_info("LOCKSTEP", subjects_filter="lockstep.*.*.*")
    assert set((info.state.subjects or {}).values()) == {1}


async def test_a_project_that_has_ended_cannot_be_cancelled(bus: Bus) -> None:
    await bus.say(submitted("lighthouse"))
    await bus.say(assembled("lighthouse"))
    with pytest.raises(Refused, match="has its video already"):
        await cancel_project("lighthouse", bus.server.url)
    await bus.say(submitted("harbour"))
    await bus.say(StepFailed(project_id="harbour", service="mixer", scene_id=None, reason="It broke.", remedy="Mend."))
    with pytest.raises(Refused, match="had failed already"):
        await cancel_project("harbour", bus.server.url)
    with pytest.raises(Refused, match="knows no project 'nobody'"):
        await cancel_project("nobody", bus.server.url)


async def test_a_cancelled_project_is_submitted_again_with_all_that_it_had(
    bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    old = new_project_id("lighthouse")
    await bus.say(submitted(old))
    with pytest.raises(Refused, match="still in work"):
        await retry_project(old, bus.server.url)
    await cancel_project(old, bus.server.url)
    capsys.readouterr()
    await retry_project(old, bus.server.url)
    again = capsys.readouterr().out.strip()
    assert name_in(again) == "lighthouse"
    assert await bus.said(ProjectSubmitted, again) == [submitted(again)]
    await bus.say(assembled(again))
    with pytest.raises(Refused, match="has its video"):
        await retry_project(again, bus.server.url)
    with pytest.raises(Refused, match="knows no project 'nobody'"):
        await retry_project("nobody", bus.server.url)


async def test_an_id_holds_the_name_it_was_made_of_and_can_be_made_of_any() -> None:
    for name in ("lighthouse", "a", "night-20260101", "x" * 50):
        assert name_in(new_project_id(name)) == name
        assert re.match(PROJECT_ID_PATTERN, new_project_id(name))


async def test_dead_letters_are_listed_shown_and_dropped(bus: Bus, capsys: pytest.CaptureFixture[str]) -> None:
    await list_letters(bus.server.url)
    assert "no dead letters" in capsys.readouterr().out
    await give_up(bus, "lighthouse", "harbour")
    await list_letters(bus.server.url)
    listed = capsys.readouterr().out
    assert "lighthouse.voiceover.1" in listed
    assert "harbour.voiceover.2" in listed
    await show_letter("lighthouse.voiceover.1", bus.server.url)
    shown = capsys.readouterr().out
    assert "the store is away" in shown
    assert submitted("lighthouse").model_dump_json() in shown
    with pytest.raises(Refused, match="no dead letter 'nonsense'"):
        await show_letter("nonsense", bus.server.url)
    await drop_letters("lighthouse.voiceover.1", bus.server.url)
    assert [letter.project_id for letter in await dead_letters(bus.client)] == ["harbour"]
    await drop_letters("all", bus.server.url)
    assert await dead_letters(bus.client) == []


async def test_a_dead_letter_that_is_retried_submits_its_project_again(
    bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    await give_up(bus, "lighthouse")
    capsys.readouterr()
    await retry_letter("lighthouse.voiceover.1", bus.server.url)
    again = capsys.readouterr().out.strip()
    assert await bus.said(ProjectSubmitted, again) == [submitted(again)]
    assert await dead_letters(bus.client) == []


async def test_a_project_with_a_message_that_nobody_can_read_is_shown_and_retried(
    bus: Bus, capsys: pytest.CaptureFixture[str]
) -> None:
    async def record(event: VoiceoverRecorded, step: Step) -> None:
        raise AssertionError("nobody can read it")

    await bus.say(submitted("lighthouse"))
    await bus.client.publish(VoiceoverRecorded.wildcard("lighthouse"), b"\0")
    service = Service("transcriber", bus.settings)
    service.on(VoiceoverRecorded, record)
    async with bus.running(service.app):
        await bus.failure("lighthouse")
    await show_status("lighthouse", bus.server.url)
    assert "failed" in capsys.readouterr().out
    (letter,) = await dead_letters(bus.client)
    await retry_letter(letter.name, bus.server.url)
    again = capsys.readouterr().out.strip()
    assert await bus.said(ProjectSubmitted, again) == [submitted(again)]


async def give_up(bus: Bus, *projects: str) -> None:
    """Have a service give up on these projects."""

    async def record(event: ProjectSubmitted, step: Step) -> None:
        raise ConnectionError("the store is away")

    service = Service("voiceover", bus.settings.model_copy(update={"max_attempts": 1}))
    service.on(ProjectSubmitted, record)
    for project in projects:
        await bus.say(submitted(project))
    async with bus.running(service.app):
        await bus.settled("voiceover")
