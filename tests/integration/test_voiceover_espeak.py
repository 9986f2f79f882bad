"""The voiceover spoken by the real espeak-ng and cut by the real ffmpeg, measured in the samples."""

import asyncio
import wave
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from services.voiceover.app import create_handlers
from services.voiceover.core import EDGE_MARGIN_MS, FADE_MS
from services.voiceover.handlers import Handlers
from services.voiceover.line import Line
from services.voiceover.settings import Settings
from services.voiceover.voice import SpokenTake
from shared import project
from shared.assets import Asset, Determinant
from shared.errors import Unrecoverable
from shared.events import ProjectSubmitted, VoiceoverRecorded
from shared.project import Output, Project, Scene, SubmittedProject, Voice
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import FrameGrid, Span
from shared.transcript import Recording

pytestmark = pytest.mark.integration

NARRATIONS = (
    "The lighthouse was built in 1842, out of stone.",
    'Ships had run onto the rocks <break time="700ms"/> every winter.',
    "So they lit a lamp.",
)
HEARD = 60
"""About -55 dBFS."""


def samples_of(store: MemoryStore, asset: Asset) -> NDArray[np.int16]:
    with wave.open(BytesIO(store.objects[asset.key][0])) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (48_000, 1, 2)
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")


def loudest(samples: NDArray[np.int16], span: Span) -> int:
    return int(np.abs(samples[span.start * 48 : span.end * 48].astype(np.int32)).max(initial=0))


def project_of(
    *narrations: str, fps: Fraction = Fraction(25), voice: Voice | None = None, pause_after_ms: int = 400
) -> Project:
    scenes = tuple(
        Scene(id=f"s{number}", narration=text, clips=("clip.mp4",), pause_after_ms=pause_after_ms)
        for number, text in enumerate(narrations, start=1)
    )
    return Project(name="test", output=Output(fps=fps), voice=voice or Voice(), scenes=scenes)


async def record(
    store: MemoryStore, wanted: Project, scratch: Path, handlers: Handlers | None = None
) -> tuple[VoiceoverRecorded, Recording, RecordedStep]:
    document = await store.put_document(SubmittedProject(project=wanted, sources={}), "projects/test.json")
    store.put_keys.clear()
    step = RecordedStep(scratch)
    event = ProjectSubmitted(project_id="test", project=document, scene_count=len(wanted.scenes))
    answer = await (handlers or create_handlers(store, Settings())).record_voiceover(event, step)
    return answer, await store.get_document(answer.recording, Recording), step


@pytest.mark.parametrize("fps", [Fraction(24), Fraction(25), Fraction(30), Fraction(30000, 1001)])
async def test_takes_start_on_frames_with_silence_before_and_sound_soon_after(tmp_path: Path, fps: Fraction) -> None:
    store, grid = MemoryStore(), FrameGrid(fps)
    answer, recording, _ = await record(store, project_of(*NARRATIONS, fps=fps), tmp_path)
    samples = samples_of(store, recording.voiceover)
    assert len(samples) == 48 * recording.length_ms == 48 * answer.length_ms
    assert grid.snap(recording.length_ms) == recording.length_ms
    assert recording.take_boundaries_known
    assert recording.engine == "espeak"
    before = 0
    for take in recording.takes:
        assert grid.snap(take.span.start) == take.span.start
        assert loudest(samples, Span(before, take.span.start)) == 0
        assert loudest(samples, Span(take.span.start, take.span.start + EDGE_MARGIN_MS + 30)) > HEARD
        assert loudest(samples, Span(take.span.end - EDGE_MARGIN_MS - 30, take.span.end)) > HEARD
        before = take.span.end
    assert loudest(samples, Span(before, recording.length_ms)) == 0
    for earlier, later in pairwise(recording.takes):
        assert 400 <= later.span.start - earlier.span.end < 400 + 2 * grid.frame_ms


async def test_a_break_of_700_ms_is_700_ms_of_silence_in_the_sound(tmp_path: Path) -> None:
    store = MemoryStore()
    _, recording, _ = await record(store, project_of(NARRATIONS[1]), tmp_path)
    samples = np.abs(samples_of(store, recording.voiceover).astype(np.int32))
    (take,) = recording.takes
    heard = np.flatnonzero(samples[take.span.start * 48 : take.span.end * 48] > 4)
    longest_ms = int(np.diff(heard).max()) / 48
    assert 680 <= longest_ms <= 760  # the sounds beside it start and end softly


async def test_breaks_at_the_edges_of_a_narration_are_in_the_take(tmp_path: Path) -> None:
    store = MemoryStore()
    plain = (await record(store, project_of("So they lit a lamp."), tmp_path))[1].takes[0]
    narration = '<break time="1s"/>So they lit a lamp.<break time="2s"/>'
    _, recording, _ = await record(store, project_of(narration), tmp_path)
    (take,) = recording.takes
    assert take.span.length == plain.span.length + 3000
    assert [word.span.start - 1000 for word in take.reported_words] == [w.span.start for w in plain.reported_words]
    samples = samples_of(store, recording.voiceover)
    assert loudest(samples, Span(take.span.start, take.span.start + 1000)) == 0
    assert loudest(samples, Span(take.span.end - 2000, take.span.end)) == 0


async def test_reported_words_lie_where_they_sound(tmp_path: Path) -> None:
    store = MemoryStore()
    _, recording, _ = await record(store, project_of(*NARRATIONS), tmp_path)
    samples = samples_of(store, recording.voiceover)
    for take in recording.takes:
        words = take.reported_words
        assert [word.text for word in words] == take.text.split()
        assert all(earlier.span.end <= later.span.start for earlier, later in pairwise(words))
        assert take.span.start <= words[0].span.start
        assert words[-1].span.end <= take.span.end
        assert all(loudest(samples, word.span) > 1000 for word in words)
        assert all(word.source == "espeak" for word in words)
    rocks, every = (w.span for w in recording.takes[1].reported_words if w.text in {"rocks", "every"})
    assert abs(rocks.until(every).length - 700) <= 10
    assert loudest(samples, Span(rocks.end + 30, every.start - 5)) <= HEARD
    assert loudest(samples, Span(every.start, every.start + 40)) > 1000


@pytest.mark.parametrize(
    "narration",
    [
        "Out of the box, it is in the end of the world. I do not know; it could have been.",
        "Dr. Smith paid $4.50 in 1842 for 3 tickets at 9:30 a.m. — 50% off! R&D costs £3.20, 10,000 or 3x more.",
        "He said \"yes\", 'no' and “maybe” (once)… www.example.com is 🙂 up, Zyphlor & co. don’t care.",
        '<s>i see</s> <p>a ship</p> <prosody rate="60%">a slow</prosody> a <break time="10ms"/> b <break time="1s"/> c',
        '<sub alias="doctor">Dr</sub>, come. <say-as interpret-as="digits">2024</say-as> is '
        '<prosody rate="80%">slow</prosody>ly over, a.',
    ],
)
async def test_every_word_that_can_be_said_is_reported_once_and_in_order(tmp_path: Path, narration: str) -> None:
    _, recording, _ = await record(MemoryStore(), project_of(narration), tmp_path)
    (take,) = recording.takes
    spoken = [word for word in take.text.split() if any(character.isalnum() for character in word)]
    reported = [word.text for word in take.reported_words]
    assert [word for word in reported if word in spoken] == spoken
    assert all(earlier.span.end <= later.span.start for earlier, later in pairwise(take.reported_words))


async def test_a_second_run_speaks_and_stores_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    first, recording, step = await record(store, project_of(*NARRATIONS), tmp_path)
    assert not first.from_store
    assert step.percents == sorted(step.percents)
    assert step.percents[-1] == 100
    second, again, _ = await record(store, project_of(*NARRATIONS), tmp_path)
    assert second.from_store
    assert again == recording
    assert store.put_keys == []


async def test_the_same_project_gives_the_same_bytes(tmp_path: Path) -> None:
    stores = MemoryStore(), MemoryStore()
    for store in stores:
        await record(store, project_of(*NARRATIONS), tmp_path)
    assert stores[0].objects == stores[1].objects


async def test_an_edited_sentence_speaks_one_take_and_moves_no_other_by_a_part_of_a_frame(tmp_path: Path) -> None:
    store, grid = MemoryStore(), FrameGrid(Fraction(30000, 1001))
    _, before, _ = await record(store, project_of(*NARRATIONS, fps=grid.fps), tmp_path)
    edited = (NARRATIONS[0], "Ships had run onto the rocks.", NARRATIONS[2])
    _, after, _ = await record(store, project_of(*edited, fps=grid.fps), tmp_path)
    assert sorted(key.split("/")[0] for key in store.put_keys) == ["recordings", "takes", "takes", "voiceovers"]

    def counts(recording: Recording) -> list[int]:
        starts = [*(take.span.start for take in recording.takes), recording.length_ms]
        return [grid.frame_count(Span(start, end)) for start, end in pairwise(starts)]

    assert [counts(before)[0], counts(before)[2]] == [counts(after)[0], counts(after)[2]]
    assert counts(before)[1] > counts(after)[1]


async def test_another_frame_rate_joins_again_and_speaks_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    await record(store, project_of(*NARRATIONS), tmp_path)
    _, recording, _ = await record(store, project_of(*NARRATIONS, fps=Fraction(24)), tmp_path)
    assert sorted(key.split("/")[0] for key in store.put_keys) == ["recordings", "voiceovers"]
    assert all(take.reported_words for take in recording.takes)


async def test_scenes_that_say_the_same_share_one_take(tmp_path: Path) -> None:
    store = MemoryStore()
    _, recording, _ = await record(store, project_of("Look up.", "Look up."), tmp_path)
    assert sorted(key.split("/")[0] for key in store.put_keys) == ["recordings", "takes", "takes", "voiceovers"]
    assert [take.scene_id for take in recording.takes] == ["s1", "s2"]


async def test_a_slower_voice_takes_longer(tmp_path: Path) -> None:
    store = MemoryStore()
    usual = (await record(store, project_of(NARRATIONS[0]), tmp_path))[1]
    slow = (await record(store, project_of(f'<prosody rate="60%">{NARRATIONS[0]}</prosody>'), tmp_path))[1]
    fast = (await record(store, project_of(NARRATIONS[0], voice=Voice(words_per_minute=240)), tmp_path))[1]
    assert fast.takes[0].span.length * 1.2 < usual.takes[0].span.length < slow.takes[0].span.length / 1.2


@pytest.mark.parametrize(
    ("name", "suggested"), [("en-uk", "en-us"), ("zz-zz", "en-gb"), ("en-us+nobody", "en-us+"), ("marvin", "en-us")]
)
async def test_a_voice_that_does_not_exist_is_named_with_some_that_do(
    tmp_path: Path, name: str, suggested: str
) -> None:
    with pytest.raises(Unrecoverable, match="no voice") as refused:
        await record(MemoryStore(), project_of("Hello.", voice=Voice(name=name)), tmp_path)
    assert name in refused.value.reason
    assert suggested in refused.value.remedy


@pytest.mark.parametrize("name", ["en-us", "en-us+f3", "fr-fr", "de"])
async def test_a_voice_goes_by_its_language(tmp_path: Path, name: str) -> None:
    _, recording, _ = await record(MemoryStore(), project_of("Hello.", voice=Voice(name=name)), tmp_path)
    assert recording.takes[0].span.length > 200


async def test_a_missing_espeak_says_how_to_install_it(tmp_path: Path) -> None:
    store = MemoryStore()
    handlers = create_handlers(store, Settings(espeak_library=str(tmp_path / "libespeak-ng.so.1")))
    with pytest.raises(Unrecoverable, match="apt-get install espeak-ng"):
        await record(store, project_of("Hello."), tmp_path, handlers)


async def test_a_failed_take_leaves_the_others_in_the_store_and_nothing_in_the_scratch_folder(tmp_path: Path) -> None:
    store = MemoryStore()
    wanted = project_of("Hello.", "Goodbye.")
    spoken = create_handlers(store, Settings(takes_at_once=1))

    async def open_refusing(voice: project.Voice) -> "RefusingVoice":
        return RefusingVoice()

    with pytest.raises(Unrecoverable, match="never said"):
        await record(store, wanted, tmp_path, replace(spoken, voices={"espeak": open_refusing}))
    assert [key for key in store.objects if key.startswith("recordings")] == []
    assert await asyncio.to_thread(lambda: list(tmp_path.iterdir())) == []


class RefusingVoice:
    """A voice that refuses one scene."""

    def determinants(self, line: Line) -> dict[str, Determinant]:
        return {"scene": line.scene_id}

    async def speak(self, line: Line, folder: Path) -> SpokenTake:
        if line.scene_id == "s2":
            raise Unrecoverable("That is never said here.", remedy="Say something else.", scene_id=line.scene_id)
        rate, length = 22_050, 6_000
        with wave.open(str(folder / "tone.wav"), "wb") as sound:
            sound.setparams((1, 2, rate, length, "NONE", ""))
            sound.writeframes((8000 * np.sin(np.arange(length) / 9)).astype("<i2").tobytes())
        return SpokenTake(folder / "tone.wav")


async def test_a_take_that_begins_and_ends_in_sound_is_faded_at_its_edges(tmp_path: Path) -> None:
    store = MemoryStore()

    async def open_tone(voice: project.Voice) -> RefusingVoice:
        return RefusingVoice()

    handlers = replace(create_handlers(store, Settings()), voices={"espeak": open_tone})
    _, recording, _ = await record(store, project_of("Hello."), tmp_path, handlers)
    samples = samples_of(store, recording.voiceover)
    (take,) = recording.takes
    assert take.reported_words == ()
    for edge in (Span(take.span.start, take.span.start + 1), Span(take.span.end - 2, take.span.end)):
        assert loudest(samples, edge) < 8000 / FADE_MS * 2.5
    middle = Span(take.span.start + FADE_MS, take.span.end - FADE_MS - 2)
    assert loudest(samples, middle) > 7500
