"""The transcriber on real speech: espeak-ng speaks, pocketsphinx hears, nothing is faked but the bus and the store."""

import asyncio
import subprocess
import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.transcriber.handlers import Handlers
from services.transcriber.passage import Passage
from services.transcriber.sections import LONGEST_SECTION_MS
from services.transcriber.workers import PocketsphinxEngine
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

SENTENCES = (
    "The lighthouse has stood on this rock for a hundred years.",
    "Bees dance to tell each other where the flowers are.",
    "Some say the old captain never left.",
)
TWELVE_SCENES = (
    "The lighthouse has stood on this rock since 1874. Every night, its beam sweeps across the bay.",
    "It costs $4.50 a day to run, or about $1,640 a year. That is less than a cup of coffee!",
    "Dr. Alvarez moved here on March 3, 2019, with two dogs and a telescope.",
    "She climbs 199 steps twice a day; her record is 2 minutes and 41 seconds.",
    "When the fog rolls in, the horn sounds every thirty seconds, a deep and patient note.",
    "In 1931 the keeper's daughter, Eleanor, rowed out in a storm and saved 12 people.",
    "But the lens is the same: hand-cut glass, made in Paris, weighing nearly three tons.",
    "The Zyntharian probe, a tiny craft named Quelvo, reached the bay in 2041.",
    "It's not about money. It's not about fame. It's about the sea, and what it gives back.",
    "Photosynthesis turns light into sugar; without it, there would be no forests, no whales and no us.",
    "Volcanoes breathe. They swell before they speak, and the ground remembers every word.",
    "And so the lighthouse waits, as it always has, for someone to come home.",
)

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


@pytest.mark.integration
async def test_words_begin_where_the_voice_itself_says_they_do(room: Room) -> None:
    text = "One lamp. Two ships. Three storms."
    _, transcript = await room.time_words(await room.record([("one", text, speak(text, room.folder))]))
    pauses_before = [later.span.start - earlier.span.end for earlier, later in pairwise(transcript.words)]
    assert min(pauses_before[1], pauses_before[3]) > 150  # espeak-ng's silence between sentences
    assert max(pauses_before[0], pauses_before[2], pauses_before[4]) < 80


@pytest.mark.integration
async def test_the_same_recording_gives_the_same_transcript_twice(tmp_path: Path) -> None:
    transcripts = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        room = Room(folder)
        event = await room.record([("one", HARD, speak(HARD, folder)), ("two", PLAIN, speak(PLAIN, folder))])
        transcripts.append((await room.time_words(event))[1])
    assert transcripts[0] == transcripts[1]


@pytest.mark.integration
async def test_what_was_transcribed_before_is_taken_from_the_store(room: Room) -> None:
    event = await room.record([("one", PLAIN, speak(PLAIN, room.folder))])
    first, _ = await room.time_words(event)
    writes = list(room.store.put_keys)
    second, _ = await room.time_words(event)
    assert (first.from_store, second.from_store) == (False, True)
    assert second.transcript == first.transcript
    assert room.store.put_keys == writes


@pytest.mark.integration
async def test_a_changed_sentence_is_heard_alone(room: Room) -> None:
    one, two, three = (speak(text, room.folder) for text in (PLAIN, OTHER, "Welcome home."))
    await room.time_words(await room.record([("one", PLAIN, one), ("two", OTHER, two)]))
    before = len([key for key in room.store.put_keys if key.startswith("alignments/")])
    # The first scene says something else now, so the second one lies elsewhere on the master clock.
    await room.time_words(await room.record([("one", "Welcome home.", three), ("two", OTHER, two)]))
    after = len([key for key in room.store.put_keys if key.startswith("alignments/")])
    assert (before, after) == (2, 3)


@pytest.mark.integration
async def test_a_skipped_sentence_is_found_and_named(room: Room) -> None:
    first, skipped, last = SENTENCES[:3]
    sound = speak(f"{first} {last}", room.folder)
    _, transcript = await room.time_words(await room.record([("one", f"{first} {skipped} {last}", sound)]))
    (issue,) = transcript.issues
    assert (issue.kind, issue.scene_id) == ("scene_partly_missing", "one")
    assert issue.words == script_tokens(skipped)
    assert [word.text for word in transcript.words] == [*script_tokens(first), *script_tokens(last)]


@pytest.mark.integration
async def test_an_inserted_sentence_is_found_where_it_is_said(room: Room) -> None:
    first, inserted, last = SENTENCES[:3]
    sounds = [speak(text, room.folder) for text in (first, inserted, last)]
    _, transcript = await room.time_words(await room.record([("one", f"{first} {last}", np.concatenate(sounds))]))
    (issue,) = transcript.issues
    assert issue.kind == "unscripted_speech"
    assert issue.span is not None
    said = Span(sounds[0].size // SAMPLES_PER_MS, (sounds[0].size + sounds[1].size) // SAMPLES_PER_MS).shifted(300)
    assert abs(issue.span.start - said.start) < 300
    assert abs(issue.span.end - said.end) < 400
    assert [word.text for word in transcript.words] == [*script_tokens(first), *script_tokens(last)]


@pytest.mark.integration
async def test_a_recording_of_something_else_is_refused_with_the_scene_and_a_remedy(room: Room) -> None:
    event = await room.record([("one", PLAIN, speak(PLAIN, room.folder)), ("two", PLAIN, speak("Hello.", room.folder))])
    with pytest.raises(Unrecoverable) as refused:
        await room.time_words(event)
    assert refused.value.scene_id == "two"
    assert "lighthouse" in refused.value.reason
    assert refused.value.remedy


@pytest.mark.integration
async def test_one_recording_of_twelve_scenes_is_heard_in_sections(room: Room) -> None:
    takes = [(f"scene-{number}", text, speak(text, room.folder)) for number, text in enumerate(TWELVE_SCENES)]
    spans, at = [], 300
    for _, _, sound in takes:
        spans.append(Span(at, at + sound.size // SAMPLES_PER_MS))
        at = spans[-1].end + 300
    assert at > LONGEST_SECTION_MS
    _, transcript = await room.time_words(await room.record(takes, boundaries_known=False))
    assert not transcript.issues
    assert_words_lie_in_order_inside(transcript, [Span(0, at)])
    words = iter(transcript.words)
    for span, text in zip(spans, TWELVE_SCENES, strict=True):
        scene = [next(words) for _ in script_tokens(text)]
        assert tuple(word.text for word in scene) == script_tokens(text)
        assert all(span.start - 50 <= word.span.start and word.span.end <= span.end + 50 for word in scene)


@pytest.mark.integration
async def test_a_scene_missing_from_one_long_recording_is_named(room: Room) -> None:
    takes = [(f"scene-{number}", text, speak(text, room.folder)) for number, text in enumerate(TWELVE_SCENES[:4])]
    takes[2] = ("scene-2", TWELVE_SCENES[2], np.zeros(0, dtype=np.int16))
    _, transcript = await room.time_words(await room.record(takes, boundaries_known=False))
    (issue,) = transcript.issues
    assert (issue.kind, issue.scene_id) == ("scene_missing", "scene-2")
    assert issue.words == script_tokens(TWELVE_SCENES[2])


@pytest.mark.integration
async def test_a_worker_that_dies_is_an_ordinary_failure_that_is_tried_again(room: Room) -> None:
    engine = PocketsphinxEngine(most_workers=1, timeout_seconds=60)
    passage = Passage(Span(0, 1_000), ("hello",), ("one",), (0,))
    with pytest.raises(RuntimeError, match="worker stopped with 1"):
        await engine.listen(room.folder / "nothing.wav", [passage], lambda heard_ms: None)


@pytest.mark.integration
async def test_progress_is_told_and_the_loop_stays_free(room: Room) -> None:
    sounds = [speak(text, room.folder) for text in TWELVE_SCENES[:3]]
    event = await room.record([(f"s{index}", TWELVE_SCENES[index], sound) for index, sound in enumerate(sounds)])
    step = RecordedStep(room.folder)
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0.01)
            beats += 1

    heart = asyncio.create_task(beat())
    await room.handlers.time_words(event, step)
    heart.cancel()
    assert step.percents == sorted(step.percents)
    assert step.percents[-1] == 100
    assert beats > 10
