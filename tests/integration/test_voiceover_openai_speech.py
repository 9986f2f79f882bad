"""The voice `openai-speech` against a local server of that protocol."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from services.voiceover.app import create_handlers
from services.voiceover.openai_speech import SpeechServerSettings
from services.voiceover.settings import Settings
from shared.errors import Unrecoverable
from shared.events import ProjectSubmitted
from shared.project import Project, Scene, SubmittedProject, Voice
from shared.purchases import NotCharged, OutcomeUnknown
from shared.testing import MemoryStore, RecordedStep
from shared.transcript import Recording
from tests.integration.speech_server import Reply, SpeechServer, speech_server

pytestmark = pytest.mark.integration

KEY = "sk-proj-0123456789"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with speech_server() as served:
        yield served


async def render(
    server: SpeechServer,
    scratch: Path,
    store: MemoryStore,
    *narrations: str,
    settings: SpeechServerSettings | None = None,
    voice: Voice | None = None,
) -> Recording:
    scenes = tuple(Scene(id=f"s{n}", narration=text, clips=("a.mp4",)) for n, text in enumerate(narrations, 1))
    voice = voice or Voice(engine="openai-speech", name="af_bella", url=f"{server.url}/v1", speed=1.1, model="kokoro")
    project = Project(name="test", voice=voice, scenes=scenes)
    document = await store.put_document(SubmittedProject(project=project, sources={}), "projects/test.json")
    event = ProjectSubmitted(project_id="test", project=document, scene_count=len(scenes))
    handlers = create_handlers(store, Settings(speech_server=settings or SpeechServerSettings()))
    answer = await handlers.record_voiceover(event, RecordedStep(scratch))
    return await store.get_document(answer.recording, Recording)


async def test_a_scene_is_spoken_by_the_server_that_the_project_names(server: SpeechServer, tmp_path: Path) -> None:
    recording = await render(server, tmp_path, MemoryStore(), "The sea is calm.", "Night.")
    assert recording.engine == "openai-speech"
    assert [take.reported_words for take in recording.takes] == [(), ()]
    assert abs(recording.takes[1].span.length - (6 * 60 + 80)) <= 15
    heard = next(heard for heard in server.heard if heard.body["input"] == "Night.")
    assert heard.path == "/v1/audio/speech"
    assert heard.body == {
        "model": "kokoro",
        "voice": "af_bella",
        "input": "Night.",
        "speed": 1.1,
        "response_format": "wav",
    }


async def test_what_was_spoken_is_not_spoken_again(server: SpeechServer, tmp_path: Path) -> None:
    store = MemoryStore()
    await render(server, tmp_path, store, "The sea.", "Night.")
    await render(server, tmp_path, store, "The sea.", "Day.")
    assert sorted(map(str, server.texts)) == ["Day.", "Night.", "The sea."]


async def test_the_key_goes_to_the_services_own_server_and_to_no_other(server: SpeechServer, tmp_path: Path) -> None:
    own = SpeechServerSettings(url=f"{server.url}/v1/", api_key=SecretStr(KEY))
    await render(server, tmp_path, MemoryStore(), "One.", settings=own)
    elsewhere = SpeechServerSettings(url="http://127.0.0.1:9/v1", api_key=SecretStr(KEY))
    await render(server, tmp_path, MemoryStore(), "Two.", settings=elsewhere)
    voice = Voice(engine="openai-speech", name="alloy")
    await render(server, tmp_path, MemoryStore(), "Three.", settings=own, voice=voice)
    assert [heard.headers.get("authorization") for heard in server.heard] == [
        f"Bearer {KEY}",
        None,
        f"Bearer {KEY}",
    ]


async def test_with_a_key_a_lost_answer_is_not_bought_again(server: SpeechServer, tmp_path: Path) -> None:
    store, settings = MemoryStore(), SpeechServerSettings(url=f"{server.url}/v1", api_key=SecretStr(KEY))
    server.replies.append(Reply(500))
    for _ in range(2):
        with pytest.raises(Unrecoverable, match="may have been charged"):
            await render(server, tmp_path, store, "The sea.", settings=settings)
    assert len(server.heard) == 1


@pytest.mark.parametrize(
    "reply", [Reply(500), Reply(body=b"<html>"), Reply(body=b"RIFF" * 9, broken_off=True)], ids=["500", "web", "broken"]
)
async def test_without_a_key_a_lost_answer_is_left_to_the_bus(
    server: SpeechServer, tmp_path: Path, reply: Reply
) -> None:
    store = MemoryStore()
    server.replies.append(reply)
    with pytest.raises(OutcomeUnknown):
        await render(server, tmp_path, store, "The sea.")
    await render(server, tmp_path, store, "The sea.")


async def test_a_busy_server_and_one_that_is_not_there_are_left_to_the_bus(
    server: SpeechServer, tmp_path: Path
) -> None:
    server.replies.append(Reply(429))
    with pytest.raises(NotCharged, match="busy"):
        await render(server, tmp_path, MemoryStore(), "The sea.")
    nowhere = Voice(engine="openai-speech", name="alloy", url="http://127.0.0.1:9/v1")
    with pytest.raises(NotCharged, match="cannot be reached"):
        await render(server, tmp_path, MemoryStore(), "The sea.", voice=nowhere)


@pytest.mark.parametrize(
    ("narration", "reason"),
    [
        ('One <break time="1s"/> two.', "has no <break>"),
        ('<prosody rate="80%">One.</prosody>', "has no <prosody rate>"),
        ("One. " * 1_000, "4,999 characters"),
    ],
)
async def test_what_such_a_server_cannot_be_told_is_refused(
    server: SpeechServer, tmp_path: Path, narration: str, reason: str
) -> None:
    with pytest.raises(Unrecoverable, match=reason):
        await render(server, tmp_path, MemoryStore(), "First.", narration)
    assert server.heard == []


async def test_a_refusal_and_a_missing_server_are_final(server: SpeechServer, tmp_path: Path) -> None:
    server.replies.append(Reply(404))
    with pytest.raises(Unrecoverable, match="refused the request with 404"):
        await render(server, tmp_path, MemoryStore(), "The sea.")
    with pytest.raises(Unrecoverable, match="No server is named"):
        await render(server, tmp_path, MemoryStore(), "The sea.", voice=Voice(engine="openai-speech", name="alloy"))
