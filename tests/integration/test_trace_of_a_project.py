"""A real project on the embedded stack, told from its spans alone and held against the stream's own timestamps."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from nats.aio.client import Client

from cli.client import connected, history, submit
from cli.home import SPANS
from cli.stack import Stack, embedded_stack
from cli.trace_path import Kind, critical_path, with_fitters
from cli.trace_story import read_story
from shared.events import STREAM, Event, ProjectSubmitted, SceneFitted, VideoAssembled
from shared.project_file import load_project
from shared.spans import SpanRecord, spans_of
from shared.store import MinioStore
from tests.integration.bus_bench import until
from tests.journey.conftest import write_project

pytestmark = pytest.mark.integration

TOLERANCE_NS = 20_000_000


@asynccontextmanager
async def submitted_project(folder: Path, **changes: object) -> AsyncIterator[tuple[Client, Stack, ProjectSubmitted]]:
    """A small project that has just been submitted to a stack of its own."""
    loaded = load_project(write_project(folder, **changes))
    async with (
        embedded_stack(folder / "home", fitters=2, keep_history=False, say=print) as stack,
        connected(stack.nats_url) as client,
    ):
        yield client, stack, await submit(loaded.project, loaded.sources, MinioStore(stack.store), client)


async def ended(client: Client, project_id: str) -> list[Event]:
    async with asyncio.timeout(200):
        return [event async for event in history(client, project_id)]


async def told(folder: Path, project_id: str) -> list[SpanRecord]:
    """The project's spans, as soon as its end is among them."""

    async def whole() -> bool:
        return any(span.name == "project" for span in spans_of(folder / "home" / SPANS, project_id))

    await until(whole, "nobody told of the project's end")
    return spans_of(folder / "home" / SPANS, project_id)


async def said_ns(client: Client, event: Event) -> int:
    message = await client.jetstream().get_last_msg(STREAM, event.address)
    assert message.time is not None
    return int(message.time.timestamp() * 1e9)


async def test_a_project_is_one_trace_that_agrees_with_the_stream(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    async with submitted_project(tmp_path) as (client, stack, event):
        events = await ended(client, event.project_id)
        spans = await told(tmp_path, event.project_id)
        at = {each.address: await said_ns(client, each) for each in events}
    story = read_story(spans)

    assert len({span.trace_id for span in spans}) == 1
    assert [span.name for span in spans if span.parent_id is None] == ["project"]
    known = {span.span_id for span in spans}
    assert all(span.parent_id in known for span in spans if span.parent_id is not None)

    video = next(each for each in events if isinstance(each, VideoAssembled))
    makespan = at[video.address] - at[event.address]
    assert abs(story.end_ns - makespan) < TOLERANCE_NS
    fitted = [each for each in events if isinstance(each, SceneFitted)]
    assert [scene.number for scene in story.scenes] == sorted(each.scene_number for each in fitted) == [1, 2, 3]
    for each in fitted:
        latency = at[each.address] - at[each.address.replace("fitted", "planned")]
        assert abs(story.scenes[each.scene_number - 1].latency_ns - latency) < TOLERANCE_NS

    legs = critical_path(story)
    assert sum(leg.length_ns for leg in legs) == story.end_ns
    assert {leg.kind for leg in legs} <= {Kind.QUEUE, Kind.WORK}
    on_path = list(dict.fromkeys(leg.step.name for leg in legs if leg.step))
    assert on_path[:3] == ["voiceover", "transcriber", "scene_planner"]
    assert on_path[-2:] == ["assembler_join", "assembler"]

    for scene in story.scenes:
        assert scene.step is not None
        assert scene.step.deliveries == 1
        assert {"fetch", "probe", "ffmpeg", "store"} <= {stage.name for stage in scene.step.attempts[0].stages}
    assert with_fitters(story)[0].makespan_ns >= with_fitters(story)[-1].makespan_ns

    everything = repr(spans)
    assert not [word for word in ("harbour before dawn", "nobody", "speck") if word in everything.lower()]
    keys = (urlsplit(stack.nats_url).password or "", stack.store.access_key, stack.store.secret_key.get_secret_value())
    assert all(keys)
    assert not [key for key in keys if key in everything]
    assert all("{project_id}" in span.name for span in spans if "lockstep." in span.name)


@pytest.mark.chaos
async def test_a_killed_fitter_shows_as_a_second_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCKSTEP_NATS_ACK_WAIT_SECONDS", "2")
    (tmp_path / "home").mkdir()
    victims: list[int] = []
    output = {"width": 640, "height": 360, "fps": 30, "encoder": {"preset": "veryslow", "crf": 18}}
    async with submitted_project(tmp_path, output=output) as (client, _, event):

        async def kill_one() -> bool:
            """Kill the first fitter that has told that it took a scene."""
            spans = (
                spans_of(tmp_path / "home" / SPANS, event.project_id) if (tmp_path / "home" / SPANS).exists() else []
            )
            for span in spans:
                if span.name == "queue" and span.attributes["messaging.consumer.group.name"] == "clip_fitter":
                    victims.append(int(span.process.rpartition("-")[2]))
                    assert "clip_fitter" in psutil.Process(victims[0]).cmdline()
                    os.kill(victims[0], signal.SIGKILL)
                    return True
            return False

        await until(kill_one, "no fitter took a scene")
        await ended(client, event.project_id)
        story = read_story(await told(tmp_path, event.project_id))
    (scene,) = (scene for scene in story.scenes if scene.step and scene.step.deliveries > 1)
    assert scene.step is not None
    first, second = scene.step.attempts[:2]
    assert (first.delivery, second.delivery) == (1, 2)
    assert first.process.endswith(f"-{victims[0]}")
    assert first.end_ns is None
    assert first.process != second.process
    assert second.start_ns - first.start_ns >= 1_900_000_000  # the bus waited for a sign of life
    assert sum(leg.length_ns for leg in critical_path(story)) == story.end_ns
