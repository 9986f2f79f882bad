"""The transcriber on real speech: espeak-ng speaks, pocketsphinx hears, nothing is faked but the bus and the store."""

import asyncio
import subprocess
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.transcriber.handlers import Handlers
from services.transcriber.workers import PocketsphinxEngine
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.events import VoiceoverRecorded, WordsTimed
from shared.project import Project, SubmittedProject
from shared.spoken_forms import script_tokens
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span
from shared.transcript import Recording, Take, Transcript

Sound = NDArray[np.int16]

PLAIN = "The lighthouse has stood on this rock for a hundred years. Every night its beam sweeps across the bay."
HARD = (
    "Dr. Alvarez paid $4.50 on March 3, 2019, at 10:30 a.m. — about 23% more than in 1905! 🚀 "
    "The Zyntharian probe Quelvo wrote to keeper@lighthouse-bay.org, or see www.lighthouse-bay.org."
)
OTHER = "Photosynthesis turns light into sugar. Without it there would be no forests, no whales and no us."

silence_of_300_ms: Sound = np.zeros(300 * SAMPLES_PER_MS, dtype=np.int16)


def speak(text: str, folder: Path, voice: str = "en-us") -> Sound:
    """espeak-ng's speech at 48 kHz, in whole milliseconds."""
    raw, resampled = folder / "raw.wav", folder / "48k.wav"
    subprocess.run(["espeak-ng", "-v", voice, "-s", "160", "-w", str(raw), text], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", raw, "-ar", str(SAMPLE_RATE), resampled], check=True)
    with wave.open(str(resampled), "rb") as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
    return samples[: samples.size // SAMPLES_PER_MS * SAMPLES_PER_MS]


class Room:
    """A transcriber with its store, and projects to submit to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = MemoryStore()
        engine = PocketsphinxEngine(most_workers=2, timeout_seconds=120)
        self.handlers = Handlers(self.store, {engine.name: engine})

    async def record(self, takes: list[tuple[str, str, Sound]], *, boundaries_known: bool = True) -> VoiceoverRecorded:
        """A recorded project of takes (scene id, script, sound), 300 ms of silence around each."""
        parts, spans, at = [silence_of_300_ms], [], 300
        for _, _, sound in takes:
            spans.append(Span(at, at + sound.size // SAMPLES_PER_MS))
            parts += [sound, silence_of_300_ms]
            at = spans[-1].end + 300
        path = self.folder / "voiceover.wav"
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(SAMPLE_RATE)
            file.writeframes(np.concatenate(parts).tobytes())
        voiceover = await self.store.put_file(path, f"voiceovers/{len(self.store.put_keys)}.wav", "audio/wav")
        listed = tuple(
            Take(scene_id=scene, text=text, span=span) for (scene, text, _), span in zip(takes, spans, strict=True)
        )
        if not boundaries_known:
            listed = (Take(scene_id="*", text="\n".join(text for _, text, _ in takes), span=Span(0, at)),)
        recording = Recording(
            voiceover=voiceover, length_ms=at, takes=listed, take_boundaries_known=boundaries_known, engine="espeak"
        )
        scenes = [{"id": scene, "narration": text, "clips": ["clip.mp4"]} for scene, text, _ in takes]
        submitted = SubmittedProject(
            project=Project.model_validate({"name": "lighthouse", "scenes": scenes}), sources={}
        )
        return VoiceoverRecorded(
            project_id="lighthouse",
            project=await self.store.put_document(submitted, "projects/1.json"),
            recording=await self.store.put_document(recording, f"recordings/{voiceover.digest}.json"),
            length_ms=at,
            from_store=False,
        )

    async def time_words(self, event: VoiceoverRecorded) -> tuple[WordsTimed, Transcript]:
        """What the transcriber says, and the transcript that it stored."""
        timed = await self.handlers.time_words(event, RecordedStep(self.folder))
        return timed, await self.store.get_document(timed.transcript, Transcript)


@pytest.fixture
def room(tmp_path: Path) -> Room:
    return Room(tmp_path)


def assert_words_lie_in_order_inside(transcript: Transcript, spans: list[Span]) -> None:
    ends = 0
    for word in transcript.words:
        assert ends <= word.span.start < word.span.end
        assert any(span.start <= word.span.start and word.span.end <= span.end for span in spans)
        ends = word.span.end


@pytest.mark.integration
async def test_every_word_of_hard_narration_is_timed_as_it_is_written(room: Room) -> None:
    sounds = [speak(text, room.folder, voice) for text, voice in ((PLAIN, "en-us"), (HARD, "en-gb"))]
    event = await room.record([("one", PLAIN, sounds[0]), ("two", HARD, sounds[1])])
    timed, transcript = await room.time_words(event)
    said = [*script_tokens(PLAIN), *(token for token in script_tokens(HARD) if token not in "—🚀")]
    heard = [word.text for word in transcript.words if word.text != "🚀"]
    assert heard == said
    assert timed.word_count == len(transcript.words)
    assert not transcript.issues
    recording = await room.store.get_document(event.recording, Recording)
    assert_words_lie_in_order_inside(transcript, [take.span for take in recording.takes])
    assert np.median([word.confidence for word in transcript.words]) > 0.95
