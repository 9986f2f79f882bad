"""The voice `elevenlabs` against a local server with its documented shapes: what is said, and what is bought."""

import asyncio
import base64
import itertools
import logging
import time
import wave
from collections.abc import AsyncIterator, Sequence
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from numpy.typing import NDArray
from pydantic import BaseModel, JsonValue, SecretStr

from services.voiceover.app import create_handlers
from services.voiceover.settings import Settings
from shared.assets import Asset
from shared.elevenlabs import ElevenLabsSettings
from shared.errors import Unrecoverable
from shared.events import ProjectSubmitted, VoiceoverRecorded
from shared.project import Project, Scene, SubmittedProject, Voice
from shared.purchases import NotCharged, PurchaseNote
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import Span
from shared.transcript import Recording
from tests.integration.speech_server import (
    CHARACTER_MS,
    Reply,
    SpeechServer,
    refused,
    speech_server,
    spoken_answer,
    spoken_pcm,
)

pytestmark = pytest.mark.integration

KEY = "sk_d41d8cd98f00b204e9800998ecf8427e"
VOICE = "21m00Tcm4TlvDq8ikWAM"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with speech_server() as served:
        yield served


class Studio:
    """Renders voiceovers with one store, as often as a test likes; each render is a process of its own."""

    def __init__(self, server: SpeechServer, scratch: Path, store: MemoryStore) -> None:
        self.server, self.scratch, self.store = server, scratch, store
        self.numbers = itertools.count()

    async def render(
        self, *narrations: str, key: str = KEY, timeout_seconds: float = 20, takes_at_once: int = 2, **voice: object
    ) -> tuple[VoiceoverRecorded, Recording]:
        scenes = tuple(Scene(id=f"s{n}", narration=text, clips=("a.mp4",)) for n, text in enumerate(narrations, 1))
        spoken = Voice.model_validate({"engine": "elevenlabs", "name": VOICE, **voice})
        project = Project(name="test", voice=spoken, scenes=scenes)
        document = await self.store.put_document(SubmittedProject(project=project, sources={}), "projects/test.json")
        event = ProjectSubmitted(project_id="test", project=document, scene_count=len(scenes))
        account = ElevenLabsSettings(
            api_key=SecretStr(key),
            base_url=self.server.url,
            timeout_seconds=timeout_seconds,
            busy_pauses_seconds=(0.01, 0.02),
        )
        handlers = create_handlers(self.store, Settings(elevenlabs=account, takes_at_once=takes_at_once))
        scratch = self.scratch / str(next(self.numbers))
        await asyncio.to_thread(scratch.mkdir)
        answer = await handlers.record_voiceover(event, RecordedStep(scratch))
        return answer, await self.store.get_document(answer.recording, Recording)

    async def refusal(
        self, *narrations: str, timeout_seconds: float = 20, buy_again: Sequence[str] = ()
    ) -> Unrecoverable:
        with pytest.raises(Unrecoverable) as failure:
            await self.render(*narrations, timeout_seconds=timeout_seconds, buy_again=buy_again)
        return failure.value

    def keys(self, kind: str) -> list[str]:
        return [key for key in self.store.objects if key.startswith(f"{kind}/")]

    def note(self) -> PurchaseNote:
        (key,) = self.keys("purchases")
        return PurchaseNote.model_validate_json(self.store.objects[key][0])

    def change_note(self, **changes: object) -> None:
        (key,) = self.keys("purchases")
        note = self.note().model_copy(update=changes)
        self.store.objects[key] = (note.model_dump_json().encode(), "application/json")


@pytest.fixture
def studio(server: SpeechServer, tmp_path: Path) -> Studio:
    return Studio(server, tmp_path, MemoryStore())


# --- What is said ------------------------------------------------------------------------------------------------


async def test_each_scene_is_one_request_and_its_words_are_where_they_sound(studio: Studio) -> None:
    _, recording = await studio.render("The sea is calm.", "So they lit a lamp.")
    assert sorted(map(str, studio.server.texts)) == ["So they lit a lamp.", "The sea is calm."]
    heard = studio.server.heard[0]
    assert heard.path == f"/v1/text-to-speech/{VOICE}/with-timestamps?output_format=pcm_24000"
    assert heard.headers["xi-api-key"] == KEY
    assert heard.body == {"text": heard.body["text"], "model_id": "eleven_multilingual_v2"}
    for take in recording.takes:
        assert [word.text for word in take.reported_words] == take.text.split()
        for word in take.reported_words:
            assert word.source == "elevenlabs"
            assert word.span.length == len(word.text) * CHARACTER_MS
            sounding = loud(studio.store, recording, word.span)
            assert sounding.mean() > 0.9
        for earlier, later in itertools.pairwise(take.reported_words):
            assert not loud(studio.store, recording, Span(earlier.span.end + 10, later.span.start - 10)).any()


async def test_the_settings_of_the_project_are_sent(studio: Studio) -> None:
    await studio.render(
        '<prosody rate="90%">Slowly.</prosody>', model="eleven_flash_v2_5", speed=0.9, stability=0.4, language="en"
    )
    assert studio.server.heard[0].body == {
        "text": "Slowly.",
        "model_id": "eleven_flash_v2_5",
        "voice_settings": {"stability": 0.4, "speed": 0.81},
        "language_code": "en",
    }


async def test_a_break_between_sentences_is_silence_of_its_length(studio: Studio) -> None:
    _, recording = await studio.render('The sea. <break time="1500ms"/> The lamp.')
    bodies = [heard.body for heard in studio.server.heard]
    assert [(body["text"], body.get("previous_text"), body.get("next_text")) for body in bodies] == [
        ("The sea.", None, "The lamp."),
        ("The lamp.", "The sea.", None),
    ]
    (take,) = recording.takes
    words = take.reported_words
    assert [word.text for word in words] == ["The", "sea.", "The", "lamp."]
    assert abs(words[2].span.start - words[1].span.end - 1500) <= 15
    assert not loud(studio.store, recording, Span(words[1].span.end + 20, words[2].span.start - 20)).any()
    assert loud(studio.store, recording, words[2].span).mean() > 0.9


async def test_the_newest_model_is_told_nothing_of_the_neighbours(studio: Studio) -> None:
    await studio.render('The sea. <break time="1s"/> The lamp.', model="eleven_v3")
    assert [sorted(heard.body) for heard in studio.server.heard] == [["model_id", "text"]] * 2


@pytest.mark.parametrize(
    "alignment",
    [
        None,
        {},
        {"characters": ["x"], "character_start_times_seconds": [0.1], "character_end_times_seconds": [0.2]},
        {"characters": None, "character_start_times_seconds": None, "character_end_times_seconds": None},
    ],
)
async def test_without_times_that_can_be_believed_none_are_reported(studio: Studio, alignment: JsonValue) -> None:
    studio.server.replies.append(Reply(body=spoken_answer("The sea.", alignment=alignment)))
    _, recording = await studio.render("The sea.")
    assert recording.takes[0].reported_words == ()
    assert recording.takes[0].span.length > 400


async def test_all_scenes_are_looked_at_before_anything_is_bought(studio: Studio) -> None:
    refusal = await studio.refusal("The sea is calm.", 'Ships <break time="1s"/> sank.')
    assert (refusal.scene_id, studio.server.heard) == ("s2", [])
    assert "after the end of a sentence" in refusal.remedy


# --- What is refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "reason", "remedy"),
    [
        (
            refused(400, {"type": "validation_error", "code": "unsupported_model", "message": "No such model"}),
            "ElevenLabs refused the request (No such model).",
            "`model`",
        ),
        (
            refused(401, {"type": "authentication_error", "code": "invalid_api_key", "message": "Invalid API key"}),
            "ElevenLabs does not accept the key (Invalid API key).",
            "ELEVENLABS_API_KEY",
        ),
        (refused(401, {"status": "quota_exceeded", "message": "0 left"}), "credits", "Add credits"),
        (refused(402, {"code": "insufficient_credits", "message": "Out of credits."}), "credits", "Add credits"),
        (refused(403, "Forbidden"), "may not be used for this at ElevenLabs (Forbidden).", "access"),
        (refused(404, {"status": "voice_not_found", "message": None}), "(voice_not_found)", "`name`"),
        (
            refused(422, [{"loc": ["body", "voice_settings", "style"], "msg": "too high", "type": "value_error"}]),
            "ElevenLabs cannot use a value of the request (voice_settings.style: too high).",
            "Change",
        ),
        (Reply(400, b"<html>"), "ElevenLabs refused the request.", "`model`"),
    ],
)
async def test_a_refusal_is_final_names_the_remedy_and_costs_nothing(
    studio: Studio, reply: Reply, reason: str, remedy: str
) -> None:
    studio.server.replies.append(reply)
    refusal = await studio.refusal("The sea.")
    assert reason in refusal.reason
    assert remedy in refusal.remedy
    assert refusal.scene_id == "s1"
    assert len(studio.server.heard) == 1
    await studio.render("The sea.")  # nothing was charged, so the next render just asks
    assert len(studio.server.heard) == 2


async def test_without_a_key_nothing_is_asked(studio: Studio) -> None:
    with pytest.raises(Unrecoverable) as failure:
        await studio.render("The sea.", key="")
    assert "ELEVENLABS_API_KEY_FILE" in failure.value.remedy
    assert studio.server.heard == []


@pytest.mark.parametrize("headers", [{}, {"retry_after": "1"}, {"retry_after": "Mon, 01 Jan 2029 00:00:00 GMT"}])
async def test_a_busy_service_is_asked_again(studio: Studio, headers: dict[str, str]) -> None:
    studio.server.replies.append(refused(429, {"code": "concurrent_limit_exceeded", "message": "Wait"}, **headers))
    await studio.render("The sea.")
    assert len(studio.server.heard) == 2


@pytest.mark.parametrize(("headers", "asked"), [({}, 3), ({"retry_after": "3600"}, 1)])
async def test_a_service_that_stays_busy_is_left_to_the_bus(
    studio: Studio, headers: dict[str, str], asked: int
) -> None:
    studio.server.replies += [refused(429, "Too many", **headers)] * 3
    with pytest.raises(NotCharged, match="nothing was charged"):
        await studio.render("The sea.")
    assert len(studio.server.heard) == asked
    studio.server.replies.clear()
    await studio.render("The sea.")


async def test_a_service_that_cannot_be_reached_is_left_to_the_bus(studio: Studio) -> None:
    url, studio.server.url = studio.server.url, "http://127.0.0.1:9"
    with pytest.raises(NotCharged, match="cannot be reached"):
        await studio.render("The sea.")
    studio.server.url = url
    await studio.render("The sea.")
    assert len(studio.server.heard) == 1


# --- What may have been charged ----------------------------------------------------------------------------------


LOST = [
    pytest.param(refused(500, "Internal"), "failed with 500 (Internal)", id="500"),
    pytest.param(Reply(503), "failed with 503", id="503"),
    pytest.param(Reply(408), "failed with 408", id="408"),
    pytest.param(Reply(body=spoken_answer("The sea."), after_seconds=3), "no answer", id="time-out"),
    pytest.param(Reply(body=spoken_answer("The sea."), broken_off=True), "connection", id="connection broken"),
    pytest.param(Reply(body=spoken_answer("The sea.")[:400]), "cut off", id="truncated JSON"),
    pytest.param(
        Reply(body=spoken_answer("The sea.", audio_base64=base64.b64encode(spoken_pcm("The sea.")[:9000]).decode())),
        "cut off",
        id="truncated audio",
    ),
    pytest.param(Reply(body=spoken_answer("The sea.", audio_base64="AAAA")), "it has 3 bytes", id="half a sample"),
    pytest.param(Reply(body=spoken_answer("The sea.", audio_base64="")), "cut off", id="no audio"),
]


@pytest.mark.parametrize(("reply", "reason"), LOST)
async def test_what_may_have_been_charged_is_asked_again_only_with_its_ticket(
    studio: Studio, reply: Reply, reason: str
) -> None:
    studio.server.replies.append(reply)
    first = await studio.refusal("The sea.", timeout_seconds=1)
    assert reason in first.reason
    assert "may have been charged" in first.reason
    assert len(studio.server.heard) == 1
    again = await studio.refusal("The sea.", timeout_seconds=1)
    ticket = studio.note().ticket
    assert f"`buy_again: [{ticket}]`" in first.remedy
    assert again.remedy == first.remedy
    assert (await studio.refusal("The sea.", buy_again=["zzzzzz"])).remedy == first.remedy
    assert len(studio.server.heard) == 1
    await studio.render("The sea.", buy_again=[ticket])
    await studio.render("The sea.", buy_again=[ticket])
    await studio.render("The sea.")
    assert len(studio.server.heard) == 2


async def test_a_ticket_permits_one_request_and_no_second_loss(studio: Studio) -> None:
    studio.server.replies += [Reply(500), Reply(500)]
    await studio.refusal("The sea.")
    first = studio.note().ticket
    await studio.refusal("The sea.", buy_again=[first])
    await studio.refusal("The sea.", buy_again=[first])
    assert len(studio.server.heard) == 2
    assert studio.note().ticket != first


async def test_a_process_that_died_while_it_waited_is_not_followed_by_a_second_purchase(studio: Studio) -> None:
    studio.server.replies.append(Reply(500))
    await studio.refusal("The sea.")
    studio.change_note(state="open", noted_at=time.time() - 3600)
    refusal = await studio.refusal("The sea.")
    assert "was asked before, and the answer was lost" in refusal.reason
    assert len(studio.server.heard) == 1


async def test_an_answer_that_another_replica_waits_for_is_waited_for(studio: Studio) -> None:
    studio.server.replies.append(Reply(body=spoken_answer("The sea."), after_seconds=1.5))
    first = asyncio.create_task(studio.render("The sea."))
    await studio.server.begun.wait()
    await asyncio.gather(first, studio.render("The sea."))
    assert len(studio.server.heard) == 1


class MortalStore(MemoryStore):
    """A store whose process dies when it is to keep something of a kind."""

    dies_at = ""

    async def put_file(self, path: Path, key: str, media_type: str, note: BaseModel | None = None) -> Asset:
        if self.dies_at and key.startswith(self.dies_at):
            raise ConnectionError("the process died here")
        return await super().put_file(path, key, media_type, note)


@pytest.mark.parametrize("dies_at", ["takes/", "voiceovers/"])
async def test_a_crash_between_the_answer_and_the_acknowledgement_asks_nothing(
    server: SpeechServer, tmp_path: Path, dies_at: str
) -> None:
    store = MortalStore()
    studio = Studio(server, tmp_path, store)
    store.dies_at = dies_at
    with pytest.raises(ConnectionError):
        await studio.render("The sea.")
    store.dies_at = ""
    answer, _ = await studio.render("The sea.")
    assert not answer.from_store
    assert len(server.heard) == 1


async def test_a_cancelled_step_keeps_what_it_has_begun_to_buy(studio: Studio) -> None:
    studio.server.replies.append(Reply(body=spoken_answer("The sea."), after_seconds=0.3))
    step = asyncio.create_task(studio.render("The sea."))
    await studio.server.begun.wait()
    step.cancel()
    with pytest.raises(asyncio.CancelledError):
        await step
    await studio.render("The sea.")
    assert len(studio.server.heard) == 1


async def test_a_second_render_asks_nothing_and_needs_no_key(studio: Studio) -> None:
    await studio.render("The sea.", "The lamp.")
    answer, _ = await studio.render("The sea.", "The lamp.", key="")
    assert answer.from_store
    _, recording = await studio.render("The sea.", "The lamp.", "The keeper.", "The sea.")
    assert sorted(map(str, studio.server.texts)) == ["The keeper.", "The lamp.", "The sea."]
    assert len(recording.takes) == 4


@pytest.mark.parametrize("limit", [1, 3])
async def test_never_more_requests_are_on_their_way_than_the_service_allows(studio: Studio, limit: int) -> None:
    studio.server.headers["maximum-concurrent-requests"] = str(limit)
    studio.server.pause_seconds = 0.2
    await studio.render(*(f"Line {number}." for number in range(9)), takes_at_once=9)
    assert studio.server.most_at_once == limit
    assert len(studio.server.heard) == 9


# --- The key -----------------------------------------------------------------------------------------------------


async def test_the_key_reaches_the_service_and_nothing_else(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    refusals = []
    for reply in (
        refused(401, {"code": "invalid_api_key", "message": f"The key {KEY} is not valid"}),
        refused(422, f"Who is {KEY}?"),
        refused(500, f"{KEY} crashed me"),
    ):
        studio.server.replies.append(reply)
        refusals.append(await studio.refusal(f"Scene {reply.status}."))
    answer, recording = await studio.render("The sea.")
    assert {heard.headers["xi-api-key"] for heard in studio.server.heard} == {KEY}
    assert "(key)" in refusals[0].reason
    said = [str(refusal) for refusal in refusals]
    assert not any(KEY in text for text in [*said, answer.model_dump_json(), recording.model_dump_json()])
    assert KEY not in caplog.text
    assert not any(KEY in key or KEY.encode() in data for key, (data, _) in studio.store.objects.items())
    assert KEY not in repr(ElevenLabsSettings(api_key=SecretStr(KEY)))


async def test_the_key_may_stand_in_a_file(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ELEVENLABS_API_KEY", raising=False)
    monkeypatch.setenv("ELEVENLABS_API_KEY_FILE", "")  # as compose passes on what is not set
    with pytest.raises(Unrecoverable, match="none is set"):
        ElevenLabsSettings().key()
    monkeypatch.setenv("ELEVENLABS_API_KEY_FILE", str(tmp_path / "key"))
    with pytest.raises(Unrecoverable, match="cannot be read"):
        ElevenLabsSettings().key()
    await asyncio.to_thread((tmp_path / "key").write_text, f"{KEY}\n")
    assert ElevenLabsSettings().key().get_secret_value() == KEY
    await asyncio.to_thread((tmp_path / "key").write_text, f"{KEY} “")
    with pytest.raises(Unrecoverable, match="characters that no key has") as failure:
        ElevenLabsSettings().key()
    assert KEY not in str(failure.value)


def loud(store: MemoryStore, recording: Recording, span: Span) -> NDArray[np.bool_]:
    """For each millisecond of a span of the master clock, whether there is sound."""
    with wave.open(BytesIO(store.objects[recording.voiceover.key][0])) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2").astype(np.int32)
    held = np.abs(samples[span.start * 48 : span.end * 48]).reshape(-1, 48)
    return np.asarray(held.max(axis=1) > 500)
