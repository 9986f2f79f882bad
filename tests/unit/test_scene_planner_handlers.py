"""The words of a voiceover become the plan's events, once."""

import wave
from pathlib import Path

import numpy as np
import pytest

from services.scene_planner.handlers import Handlers
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.events import ScenePlanned, ScenesPlanned, WordsTimed
from shared.plan import ScenePlan
from shared.project import Project, SubmittedProject
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span
from shared.transcript import Recording, Transcript, Word
from tests.unit.scene_planner_speech import one_recording, say_scenes, transcribed

NARRATIONS = ("The old lamp has stood here for a hundred years.", "Every ship on the bay knows its light.")


def project(
    *narrations: str, clips: tuple[tuple[str, ...], ...] = (("a.mp4",), ("b.mp4", "c.mp4")), width: int = 640
) -> Project:
    """A project whose scenes are called one, two, ..."""
    scenes = [
        {"id": name, "narration": narration, "clips": list(files)}
        for name, narration, files in zip(("one", "two"), narrations, clips, strict=True)
    ]
    return Project.model_validate(
        {"name": "lighthouse", "output": {"fps": 25, "width": width, "height": 360}, "scenes": scenes}
    )


def clip(name: str) -> Asset:
    return Asset(key=f"sources/{name}", digest=f"{ord(name[0]):064x}", media_type="video/mp4", size=1)


def write_voice(path: Path, words: list[Word], length_ms: int) -> None:
    """A file that sounds where the words are, and for 100 ms after each of them."""
    sound = np.zeros(length_ms * SAMPLES_PER_MS, dtype="<i2")
    times = np.arange(sound.size) / SAMPLE_RATE
    tone = (8_000 * np.sin(2 * np.pi * 200 * times)).astype("<i2")
    for word in words:
        part = slice(word.span.start * SAMPLES_PER_MS, (word.span.end + 100) * SAMPLES_PER_MS)
        sound[part] = tone[part]
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(sound.tobytes())


async def timed(
    store: MemoryStore, folder: Path, words: list[Word], submitted_project: Project | None = None
) -> WordsTimed:
    """The event after one recording of all scenes was made and its words were timed."""
    submitted = SubmittedProject(
        project=submitted_project or project(*NARRATIONS),
        sources={name: clip(name) for name in ("a.mp4", "b.mp4", "c.mp4")},
    )
    recording = one_recording(words)
    write_voice(folder / "voice.wav", words, recording.length_ms)
    voiceover = await store.put_file(folder / "voice.wav", "voiceovers/voice.wav", "audio/wav")
    return WordsTimed(
        project_id="lighthouse",
        project=await store.put_document(submitted, f"projects/{len(store.put_keys)}.json"),
        recording=await store.put_document(recording.model_copy(update={"voiceover": voiceover}), "recordings/r.json"),
        transcript=await store.put_document(transcribed(words, recording.length_ms), "transcripts/t.json"),
        word_count=len(words),
        from_store=False,
    )


def step(folder: Path) -> RecordedStep:
    scratch = folder / f"scratch-{len(list(folder.iterdir()))}"
    scratch.mkdir()
    return RecordedStep(scratch)


async def test_the_plan_is_said_first_and_then_every_scene(tmp_path: Path) -> None:
    store = MemoryStore()
    event = await timed(store, tmp_path, say_scenes(*NARRATIONS))
    planned, *scenes = await Handlers(store).plan_project(event, step(tmp_path))
    assert isinstance(planned, ScenesPlanned)
    plan = await store.get_document(planned.plan, ScenePlan)
    assert (planned.scene_count, planned.frame_count) == (2, plan.frame_count)
    assert (planned.project, planned.recording) == (event.project, event.recording)
    for number, (said, kept) in enumerate(zip(scenes, plan.scenes, strict=True), start=1):
        assert isinstance(said, ScenePlanned)
        assert (said.scene_number, said.scene_id) == (number, kept.scene_id)
        assert (said.window, said.frame_count) == (kept.window, kept.frame_count)
        assert said.output.width == 640


async def test_a_scene_carries_its_clips_in_order(tmp_path: Path) -> None:
    store = MemoryStore()
    _, one, two = await Handlers(store).plan_project(
        await timed(store, tmp_path, say_scenes(*NARRATIONS)), step(tmp_path)
    )
    assert isinstance(one, ScenePlanned)
    assert isinstance(two, ScenePlanned)
    assert one.clips == (clip("a.mp4"),)
    assert two.clips == (clip("b.mp4"), clip("c.mp4"))


async def test_the_cut_of_one_recording_lies_where_the_sound_is_quiet_not_where_the_words_say(tmp_path: Path) -> None:
    """The words end 100 ms before the sound does."""
    store = MemoryStore()
    words = say_scenes(*NARRATIONS, gap=500)
    work = step(tmp_path)
    planned, *_ = await Handlers(store).plan_project(await timed(store, tmp_path, words), work)
    assert isinstance(planned, ScenesPlanned)
    first, _ = (await store.get_document(planned.plan, ScenePlan)).scenes
    quiet = Span(first.gap_after.start + 100, first.gap_after.end)
    assert first.cut_kind == "silence"
    assert abs(first.window.end - (quiet.start + quiet.end) / 2) <= 30
    assert work.percents[-1] == 100


async def test_a_plan_is_made_once(tmp_path: Path) -> None:
    store = MemoryStore()
    event = await timed(store, tmp_path, say_scenes(*NARRATIONS))
    first = await Handlers(store).plan_project(event, step(tmp_path))
    writes = len(store.put_keys)
    assert await Handlers(store).plan_project(event, step(tmp_path)) == first
    assert len(store.put_keys) == writes


async def test_other_footage_and_another_size_do_not_change_the_plan(tmp_path: Path) -> None:
    store = MemoryStore()
    words = say_scenes(*NARRATIONS)
    before, *_ = await Handlers(store).plan_project(await timed(store, tmp_path, words), step(tmp_path))
    other = project(*NARRATIONS, clips=(("c.mp4",), ("a.mp4",)), width=1280)
    after, scene, _ = await Handlers(store).plan_project(await timed(store, tmp_path, words, other), step(tmp_path))
    assert isinstance(before, ScenesPlanned)
    assert isinstance(after, ScenesPlanned)
    assert isinstance(scene, ScenePlanned)
    assert after.plan == before.plan
    assert scene.clips == (clip("c.mp4"),)
    assert scene.output.width == 1280


async def test_an_impossible_plan_stores_nothing(tmp_path: Path) -> None:
    store = MemoryStore()
    event = await timed(store, tmp_path, say_scenes(NARRATIONS[0]))
    with pytest.raises(Unrecoverable, match="Every ship on the bay knows its light") as caught:
        await Handlers(store).plan_project(event, step(tmp_path))
    assert caught.value.scene_id == "two"
    assert not [key for key in store.put_keys if key.startswith("plans/")]


async def test_where_the_takes_tell_their_words_the_voiceover_is_not_fetched(tmp_path: Path) -> None:
    store = MemoryStore()
    words = say_scenes(*NARRATIONS)
    event = await timed(store, tmp_path, words)
    recording = await store.get_document(event.recording, Recording)
    border = next(word.span.start for word in words if word.text == "Every")
    known = recording.model_copy(
        update={
            "take_boundaries_known": True,
            "takes": tuple(
                recording.takes[0].model_copy(
                    update={
                        "scene_id": name,
                        "span": span,
                        "reported_words": tuple(word for word in words if span.contains(word.span.start)),
                    }
                )
                for name, span in (
                    ("one", Span(0, border - 400)),
                    ("two", Span(border // 40 * 40, recording.length_ms)),
                )
            ),
        }
    )
    del store.objects[recording.voiceover.key]
    event = event.model_copy(update={"recording": await store.put_document(known, "recordings/known.json")})
    planned, *_ = await Handlers(store).plan_project(event, step(tmp_path))
    assert isinstance(planned, ScenesPlanned)
    transcript = await store.get_document(event.transcript, Transcript)
    plan = await store.get_document(planned.plan, ScenePlan)
    assert sum(len(scene.words) for scene in plan.scenes) == len(transcript.words)
