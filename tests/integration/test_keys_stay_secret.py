"""A key goes to its service and nowhere else: not into a span, an event, a dead letter, a log line or an object.

Real services on a real bus with real spans; the provider's local server repeats the key in every answer that refuses,
in every shape that such answers have.
"""

import asyncio
import json
import logging
import traceback
import wave
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from nats.js.api import RawStreamMsg
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pydantic import SecretStr

from services.transcriber import app as transcriber
from services.transcriber.settings import Settings as TranscriberSettings
from services.voiceover import app as voiceover
from services.voiceover.openai_speech import SpeechServerSettings
from services.voiceover.settings import Settings as VoiceoverSettings
from shared.elevenlabs import ElevenLabsSettings
from shared.events import STREAM, Event, ProjectSubmitted, VoiceoverRecorded
from shared.project import Project, Scene, SubmittedProject, Voice, Words
from shared.service import Service
from shared.telemetry_logs import JsonLines
from shared.testing import MemoryStore
from shared.timeline import Span
from shared.transcript import Recording, Take
from tests.integration.bus_bench import Bus
from tests.integration.speech_server import Reply, SpeechServer, refused, speech_server
from tests.integration.words_server import WordsServer, take_ms, tones, words_server

pytestmark = pytest.mark.integration

KEY = "sk_d41d8cd98f00b204e9800998ecf8427e"

REPLIES: dict[str, Callable[[], Reply]] = {
    "401": lambda: refused(401, {"code": "invalid_api_key", "message": f"The key {KEY} is not valid"}),
    "402": lambda: refused(402, {"status": "quota_exceeded", "message": f"{KEY} has no credits"}),
    "422": lambda: refused(422, [{"loc": ["header", "xi-api-key"], "msg": f"{KEY} is odd"}]),
    "429": lambda: refused(429, {"message": f"too many requests of {KEY}"}, retry_after="0"),
    "500": lambda: refused(500, f"{KEY} crashed me"),
    "broken-off": lambda: Reply(body=json.dumps({"detail": f"{KEY} {KEY}"}).encode(), broken_off=True),
}
"""What each project is answered, as often as it asks."""

VOICE = "21m00Tcm4TlvDq8ikWAM"
ENGINES = ("elevenlabs", "openai-speech", "elevenlabs-scribe", "elevenlabs-alignment")


class Place:
    """One provider's adapter in a service of its own, and how a project is brought to it."""

    def __init__(self, service: Service, server: SpeechServer | WordsServer, store: MemoryStore, folder: Path) -> None:
        self.service, self.server, self.store, self.folder = service, server, store, folder

    async def event(self, project_id: str, engine: str) -> Event:
        text = f"The sea is calm, says {project_id}."
        scene = Scene(id="s1", narration=text, clips=("a.mp4",))
        if isinstance(self.server, SpeechServer):
            project = Project(
                name="test", voice=Voice.model_validate({"engine": engine, "name": VOICE}), scenes=(scene,)
            )
        else:
            project = Project(name="test", words=Words.model_validate({"engine": engine}), scenes=(scene,))
        document = await self.store.put_document(
            SubmittedProject(project=project, sources={}), f"projects/{project_id}.json"
        )
        if isinstance(self.server, SpeechServer):
            return ProjectSubmitted(project_id=project_id, project=document, scene_count=1)
        take = Take(scene_id="s1", text=text, span=Span(0, take_ms(text)))
        recording = Recording(
            voiceover=await self.store.put_file(
                await asyncio.to_thread(self._sound, text), f"voiceovers/{project_id}.wav", "audio/wav"
            ),
            length_ms=take.span.end,
            takes=(take,),
            take_boundaries_known=True,
            engine="recorded",
        )
        return VoiceoverRecorded(
            project_id=project_id,
            project=document,
            recording=await self.store.put_document(recording, f"recordings/{project_id}.json"),
            length_ms=take.span.end,
            from_store=False,
        )

    def _sound(self, text: str) -> Path:
        path = self.folder / "take.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(48_000)
            file.writeframes(tones(text).astype(np.int16).tobytes())
        return path


@asynccontextmanager
async def place_of(engine: str, bus: Bus, folder: Path) -> AsyncIterator[Place]:
    store = MemoryStore()
    if engine in {"elevenlabs", "openai-speech"}:
        async with speech_server() as spoken:
            settings = VoiceoverSettings(
                bus=bus.settings,
                elevenlabs=account(spoken.url),
                speech_server=SpeechServerSettings(url=f"{spoken.url}/v1", api_key=SecretStr(KEY)),
            )
            service = Service("voiceover", bus.settings)
            service.on(ProjectSubmitted, voiceover.create_handlers(store, settings).record_voiceover)
            yield Place(service, spoken, store, folder)
    else:
        async with words_server() as heard:
            service = Service("transcriber", bus.settings)
            own = TranscriberSettings(bus=bus.settings, elevenlabs=account(heard.url))
            service.on(VoiceoverRecorded, transcriber.create_handlers(store, own).time_words)
            yield Place(service, heard, store, folder)


def account(url: str) -> ElevenLabsSettings:
    return ElevenLabsSettings(api_key=SecretStr(KEY), base_url=url, timeout_seconds=10, busy_pauses_seconds=(0.01,))


@pytest.mark.parametrize("engine", ENGINES)
async def test_a_key_is_in_no_span_no_event_no_log_and_no_object(
    engine: str, bus: Bus, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    exporter = InMemorySpanExporter()
    async with place_of(engine, bus, tmp_path) as place:
        place.service.telemetry.provider.add_span_processor(SimpleSpanProcessor(exporter))
        async with bus.running(place.service.app):
            for name, reply in REPLIES.items():
                place.server.replies[:] = [reply() for _ in range(50)]
                await bus.say(await place.event(f"test-{name}", engine))
                failure = await bus.failure(f"test-{name}")
                assert KEY not in failure.model_dump_json()
            await bus.settled(place.service.name)
        sent = {str(dict(heard.headers)) for heard in place.server.heard}
        objects = place.store.objects
    assert all(KEY in headers for headers in sent)  # the key was there to be lost
    spans = exporter.get_finished_spans()
    failed = [span for span in spans if span.name.startswith("process ") and not span.status.is_ok]
    assert len(failed) >= len(REPLIES)
    assert not [span.to_json() for span in spans if KEY in span.to_json()]
    told = [*await every_message(bus), *await bus.dead_letters()]
    assert len(told) >= 2 * len(REPLIES)
    assert not [message for message in told if KEY in f"{message.data!r} {message.headers}"]
    lines = [JsonLines().format(record) for record in caplog.records]
    assert lines
    assert not [line for line in [*lines, caplog.text, *tracebacks(caplog.records)] if KEY in line]
    assert not [key for key, (body, _) in objects.items() if KEY in key or KEY.encode() in body]


async def every_message(bus: Bus) -> list[RawStreamMsg]:
    """All that was ever said on this bus."""
    last = (await bus.jetstream.stream_info(STREAM)).state.last_seq
    return [await bus.jetstream.get_msg(STREAM, sequence) for sequence in range(1, last + 1)]


def tracebacks(records: Sequence[logging.LogRecord]) -> list[str]:
    """The errors that log lines were given, with all that they were caused by."""
    return ["".join(traceback.format_exception(record.exc_info[1])) for record in records if record.exc_info]
