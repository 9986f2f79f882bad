"""Words that are told and not aligned: the voice's own, and those of ElevenLabs from a server with its shapes."""

import asyncio
import itertools
import logging
import wave
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from pydantic import JsonValue, SecretStr

from services.transcriber.app import create_handlers
from services.transcriber.settings import Settings
from shared.elevenlabs import ElevenLabsSettings
from shared.errors import Unrecoverable
from shared.events import VoiceoverRecorded, WordsTimed
from shared.project import Project, Scene, SubmittedProject, Words
from shared.purchases import NotCharged, PurchaseNote
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import Span
from shared.transcript import Recording, Take, Transcript, Word
from tests.integration.speech_server import Reply, refused
from tests.integration.words_server import (
    WordsServer,
    alignment,
    take_ms,
    tones,
    transcription,
    word_spans,
    words_server,
)

pytestmark = pytest.mark.integration

KEY = "sk_d41d8cd98f00b204e9800998ecf8427e"
SEA = "The sea is calm tonight and the tide is full."
LAMP = "So they lit a lamp for every ship."
GAP_MS = 400
PAID = ("elevenlabs-scribe", "elevenlabs-alignment")


@pytest_asyncio.fixture
async def server() -> AsyncIterator[WordsServer]:
    async with words_server() as served:
        yield served


class Desk:
    """Times the words of recordings with one store, as often as a test likes; each time in a process of its own."""

    def __init__(self, server: WordsServer, folder: Path, store: MemoryStore) -> None:
        self.server, self.folder, self.store = server, folder, store
        self.numbers = itertools.count()

    async def time_words(
        self,
        *texts: str,
        engine: str = "elevenlabs-scribe",
        reported: bool = False,
        whole: bool = False,
        key: str = KEY,
        timeout_seconds: float = 20,
        scripts: Sequence[str] | None = None,
        **words: object,
    ) -> tuple[WordsTimed, Transcript]:
        """What was said in `texts`, where the script is `scripts` if they differ."""
        self.server.said = texts
        scratch = self.folder / str(next(self.numbers))
        await asyncio.to_thread(scratch.mkdir)
        event = await self._record(
            texts, scripts or texts, scratch, reported=reported, whole=whole, engine=engine, **words
        )
        account = ElevenLabsSettings(
            api_key=SecretStr(key),
            base_url=self.server.url,
            timeout_seconds=timeout_seconds,
            busy_pauses_seconds=(0.01, 0.02),
        )
        handlers = create_handlers(self.store, Settings(elevenlabs=account))
        timed = await handlers.time_words(event, RecordedStep(scratch))
        return timed, await self.store.get_document(timed.transcript, Transcript)

    async def _record(
        self,
        texts: Sequence[str],
        scripts: Sequence[str],
        scratch: Path,
        *,
        reported: bool,
        whole: bool,
        **words: object,
    ) -> VoiceoverRecorded:
        at, takes, sound = GAP_MS, [], [np.zeros(GAP_MS * 48, dtype=np.int16)]
        for number, (text, script) in enumerate(zip(texts, scripts, strict=True), 1):
            span = Span(at, at + take_ms(text))
            own = tuple(
                Word(text=word, span=place.shifted(at), confidence=1, source="espeak")
                for word, place in word_spans(text)
            )
            takes.append(Take(scene_id=f"s{number}", text=script, span=span, reported_words=own if reported else ()))
            sound += [tones(text), np.zeros(GAP_MS * 48, dtype=np.int16)]
            at = span.end + GAP_MS
        if whole:
            takes = [Take(scene_id="*", text="\n".join(scripts), span=Span(0, at))]
        path = scratch / "recorded.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(48_000)
            file.writeframes(np.concatenate(sound).tobytes())
        voiceover = await self.store.put_file(path, f"voiceovers/{scratch.name}.wav", "audio/wav")
        recording = Recording(
            voiceover=voiceover,
            length_ms=at,
            takes=tuple(takes),
            take_boundaries_known=not whole,
            engine="espeak" if reported else "recorded",
        )
        scenes = tuple(Scene(id=f"s{n}", narration=text, clips=("a.mp4",)) for n, text in enumerate(scripts, 1))
        project = Project(name="test", words=Words.model_validate(words), scenes=scenes)
        return VoiceoverRecorded(
            project_id="test",
            project=await self.store.put_document(SubmittedProject(project=project, sources={}), "projects/test.json"),
            recording=await self.store.put_document(recording, f"recordings/{scratch.name}.json"),
            length_ms=at,
            from_store=False,
        )

    async def refusal(self, *texts: str, engine: str = "elevenlabs-scribe", **how: object) -> Unrecoverable:
        with pytest.raises(Unrecoverable) as failure:
            await self.time_words(*texts, engine=engine, **how)  # type: ignore[arg-type]
        return failure.value

    def note(self) -> PurchaseNote:
        (key,) = (key for key in self.store.objects if key.startswith("purchases/"))
        return PurchaseNote.model_validate_json(self.store.objects[key][0])


@pytest.fixture
def desk(server: WordsServer, tmp_path: Path) -> Desk:
    return Desk(server, tmp_path, MemoryStore())


def spans_on_the_clock(*texts: str) -> list[Span]:
    found, at = [], GAP_MS
    for text in texts:
        found += [span.shifted(at) for _, span in word_spans(text)]
        at += take_ms(text) + GAP_MS
    return found


# --- What is told ------------------------------------------------------------------------------------------------


async def test_the_voices_own_words_are_taken_as_they_are(desk: Desk) -> None:
    _, transcript = await desk.time_words(SEA, LAMP, engine="voice", reported=True)
    assert [word.text for word in transcript.words] == [*SEA.split(), *LAMP.split()]
    assert [word.span for word in transcript.words] == spans_on_the_clock(SEA, LAMP)
    assert {(word.source, word.confidence) for word in transcript.words} == {("espeak", 1.0)}
    assert transcript.engine == "voice"


@pytest.mark.parametrize("whole", [True, False])
async def test_a_voice_that_reports_nothing_is_refused_with_a_remedy(desk: Desk, whole: bool) -> None:
    refusal = await desk.refusal(SEA, engine="voice", whole=whole)
    assert "`recorded` reports no times for its words" in refusal.reason
    assert "engine: pocketsphinx" in refusal.remedy


@pytest.mark.parametrize("engine", PAID)
async def test_each_take_is_one_request_and_its_words_are_where_they_sound(desk: Desk, engine: str) -> None:
    _, transcript = await desk.time_words(SEA, LAMP, engine=engine)
    assert [word.text for word in transcript.words] == [*SEA.split(), *LAMP.split()]
    for word, span in zip(transcript.words, spans_on_the_clock(SEA, LAMP), strict=True):
        assert abs(word.span.start - span.start) <= 10
        assert abs(word.span.end - span.end) <= 10
        assert word.source == engine
        assert 0.9 <= word.confidence < 1
    assert sorted(form.sound_ms for form in desk.server.heard) == sorted([take_ms(SEA), take_ms(LAMP)])
    assert {form.headers["xi-api-key"] for form in desk.server.heard} == {KEY}


async def test_speech_to_text_is_asked_for_words_without_sounds(desk: Desk) -> None:
    await desk.time_words(SEA, model="scribe_v3", language="en")
    assert desk.server.heard[0].path == "/v1/speech-to-text"
    assert desk.server.heard[0].fields == {
        "model_id": "scribe_v3",
        "timestamps_granularity": "word",
        "tag_audio_events": "false",
        "diarize": "false",
        "language_code": "en",
    }


async def test_alignment_is_given_the_script(desk: Desk) -> None:
    await desk.time_words(SEA, engine="elevenlabs-alignment")
    assert desk.server.heard[0].path == "/v1/forced-alignment"
    assert desk.server.heard[0].fields == {"text": SEA}


async def test_one_recording_of_all_scenes_is_one_request(desk: Desk) -> None:
    whole = f"{SEA} {LAMP}"
    desk.server.replies.append(Reply(body=transcription(whole)))
    _, transcript = await desk.time_words(SEA, LAMP, whole=True)
    assert len(desk.server.heard) == 1
    assert desk.server.heard[0].sound_ms == take_ms(SEA) + take_ms(LAMP) + 3 * GAP_MS
    assert [word.text for word in transcript.words] == whole.split()


async def test_words_in_another_spelling_stay_as_they_were_heard(desk: Desk) -> None:
    script = "The sea is calm 2night and the tide is full."
    _, transcript = await desk.time_words(SEA, scripts=[script])
    assert [word.text for word in transcript.words] == SEA.split()


async def test_edges_that_lie_in_a_pause_are_moved_to_the_sound(desk: Desk) -> None:
    sloppy: dict[int, dict[str, JsonValue]] = {0: {"start": 0.12}, 9: {"end": word_spans(SEA)[9][1].end / 1000 + 0.08}}
    desk.server.replies.append(Reply(body=transcription(SEA, sloppy)))
    _, transcript = await desk.time_words(SEA)
    exact = spans_on_the_clock(SEA)
    assert abs(transcript.words[0].span.start - exact[0].start) <= 10
    assert abs(transcript.words[-1].span.end - exact[-1].end) <= 10


# --- What is not believed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", PAID)
@pytest.mark.parametrize("change", [{"start": None, "end": None}, {"start": 9.0, "end": 9.0}, {"start": None}])
async def test_a_word_without_a_time_lies_between_its_neighbours_with_little_confidence(
    desk: Desk, engine: str, change: dict[str, JsonValue]
) -> None:
    body = transcription(SEA, {4: change}) if engine == "elevenlabs-scribe" else alignment(SEA, {4: change})
    desk.server.replies.append(Reply(body=body))
    _, transcript = await desk.time_words(SEA, engine=engine)
    words = transcript.words
    assert [word.text for word in words] == SEA.split()
    assert words[3].span.end <= words[4].span.start < words[4].span.end <= words[5].span.start
    assert words[4].confidence <= 0.1
    assert words[3].confidence > 0.9


async def test_words_that_stand_still_share_the_time_until_the_next(desk: Desk) -> None:
    stuck: dict[str, JsonValue] = {
        "start": word_spans(SEA)[4][1].start / 1000,
        "end": word_spans(SEA)[4][1].start / 1000 + 0.1,
    }
    desk.server.replies.append(Reply(body=transcription(SEA, {4: stuck, 5: stuck})))
    _, transcript = await desk.time_words(SEA)
    assert [word.text for word in transcript.words] == SEA.split()
    for earlier, later in itertools.pairwise(transcript.words):
        assert earlier.span.end <= later.span.start
    assert [word.confidence <= 0.1 for word in transcript.words] == [place in {4, 5} for place in range(10)]


def nulls(count: int) -> dict[int, dict[str, JsonValue]]:
    return {place: {"start": None, "end": None} for place in range(count)}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(transcription(SEA, nulls(5)), "5 of 10 words have no time of their own", id="null times"),
        pytest.param(
            transcription(SEA, {3: {"start": 0.21, "end": 0.4}}), "out of order or at the same time", id="out of order"
        ),
        pytest.param(
            transcription(SEA, {9: {"start": 60.0, "end": 60.5}}),
            "beyond the end of the recording",
            id="beyond the sound",
        ),
        pytest.param(transcription("Quite another text was heard here by it."), "does not say what", id="another text"),
        pytest.param(transcription(SEA).replace(b'"word"', b'"audio_event"'), "0 of 10 words", id="nothing heard"),
    ],
)
async def test_times_that_speech_cannot_have_are_refused_and_not_bought_again(
    desk: Desk, body: bytes, reason: str
) -> None:
    desk.server.replies.append(Reply(body=body))
    first = await desk.refusal(SEA)
    assert reason in first.reason
    assert first.scene_id == "s1"
    again = await desk.refusal(SEA)
    assert again.reason == first.reason
    assert len(desk.server.heard) == 1


# --- What is refused, and what was bought ------------------------------------------------------------------------


@pytest.mark.parametrize("engine", PAID)
@pytest.mark.parametrize(
    ("reply", "reason", "remedy"),
    [
        (
            refused(401, {"code": "invalid_api_key", "message": "Invalid API key"}),
            "accept the key",
            "ELEVENLABS_API_KEY",
        ),
        (refused(401, {"status": "quota_exceeded", "message": "0 left"}), "credits", "Add credits"),
        (refused(402, {"code": "insufficient_credits", "message": "Out."}), "credits", "Add credits"),
        (refused(403, "Forbidden"), "may not be used", "speech to text and forced alignment"),
        (refused(422, [{"loc": ["body", "model_id"], "msg": "unknown", "type": "x"}]), "model_id: unknown", "`words`"),
        (Reply(400, b"<html>"), "ElevenLabs refused the request.", "`words`"),
    ],
)
async def test_a_refusal_is_final_names_the_remedy_and_costs_nothing(
    desk: Desk, engine: str, reply: Reply, reason: str, remedy: str
) -> None:
    desk.server.replies.append(reply)
    refusal = await desk.refusal(SEA, engine=engine)
    assert reason in refusal.reason
    assert remedy in refusal.remedy
    assert refusal.scene_id == "s1"
    assert len(desk.server.heard) == 1
    await desk.time_words(SEA, engine=engine)  # nothing was charged, so the next one just asks
    assert len(desk.server.heard) == 2


async def test_without_a_key_nothing_is_asked(desk: Desk) -> None:
    assert "ELEVENLABS_API_KEY_FILE" in (await desk.refusal(SEA, key="")).remedy
    assert desk.server.heard == []


@pytest.mark.parametrize("headers", [{}, {"retry_after": "1"}])
async def test_a_busy_service_is_asked_again(desk: Desk, headers: dict[str, str]) -> None:
    desk.server.replies.append(refused(429, {"code": "system_busy", "message": "Wait"}, **headers))
    await desk.time_words(SEA)
    assert [form.sound_ms for form in desk.server.heard] == [take_ms(SEA)] * 2


@pytest.mark.parametrize(("headers", "asked"), [({}, 3), ({"retry_after": "3600"}, 1)])
async def test_a_service_that_stays_busy_is_left_to_the_bus(desk: Desk, headers: dict[str, str], asked: int) -> None:
    desk.server.replies += [refused(429, "Too many", **headers)] * 3
    with pytest.raises(NotCharged, match="nothing was charged"):
        await desk.time_words(SEA)
    assert len(desk.server.heard) == asked


LOST = [
    pytest.param(refused(500, "Internal"), "failed with 500 (Internal)", id="500"),
    pytest.param(Reply(503), "failed with 503", id="503"),
    pytest.param(Reply(body=transcription(SEA), after_seconds=3), "no answer", id="time-out after the charge"),
    pytest.param(Reply(body=transcription(SEA), broken_off=True), "connection", id="connection broken"),
    pytest.param(Reply(body=transcription(SEA)[:200]), "cut off", id="truncated JSON"),
    pytest.param(Reply(body=b'{"text": "The sea"}'), "cut off", id="no words"),
]


@pytest.mark.parametrize(("reply", "reason"), LOST)
async def test_what_may_have_been_charged_is_asked_again_only_with_its_ticket(
    desk: Desk, reply: Reply, reason: str
) -> None:
    desk.server.replies.append(reply)
    first = await desk.refusal(SEA, timeout_seconds=1)
    assert reason in first.reason
    assert "may have been charged" in first.reason
    ticket = desk.note().ticket
    assert f"`buy_again: [{ticket}]` under `words`" in first.remedy
    assert (await desk.refusal(SEA, timeout_seconds=1)).remedy == first.remedy
    assert len(desk.server.heard) == 1
    await desk.time_words(SEA, buy_again=[ticket])
    assert len(desk.server.heard) == 2


async def test_nothing_is_bought_twice_and_a_changed_take_is_bought_alone(desk: Desk) -> None:
    timed, _ = await desk.time_words(SEA, LAMP)
    again, _ = await desk.time_words(SEA, LAMP)
    assert (again.transcript.digest, again.word_count) == (timed.transcript.digest, timed.word_count)
    assert len(desk.server.heard) == 2
    await desk.time_words(SEA, "So they lit another lamp.", LAMP)
    assert len(desk.server.heard) == 3


async def test_the_answer_is_kept_before_anything_is_made_of_it(desk: Desk) -> None:
    await desk.time_words(SEA)
    kinds = [key.partition("/")[0] for key in desk.store.put_keys]
    assert kinds[-3:] == ["purchases", "answers", "transcripts"]


async def test_the_key_is_in_no_log_no_error_and_no_object(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    desk.server.replies += [refused(401, {"message": "Invalid API key"}), Reply(500)]
    refusals = [await desk.refusal(SEA), await desk.refusal(LAMP)]
    await desk.time_words("The lamp burns on until the morning.")
    said = [caplog.text, *map(str, refusals), *map(repr, refusals)]
    assert not any(KEY in text for text in said)
    assert not any(KEY.encode() in body for body, _ in desk.store.objects.values())
