"""Clips that are heard: the soundtrack waits for them, and has them where they are seen, lowered under the words."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from services.mixer.handlers import Handlers
from shared.events import SceneSounded, ScenesPlanned
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span
from tests.integration.soundtrack_project import (
    SCENES,
    MixedProject,
    Wave,
    level_db,
    make_voice,
    stretch,
    word_spans,
)

pytestmark = pytest.mark.integration

HERTZ = 5_000

AUDIBLE = {
    "scenes": [
        {"id": "scene-1", "narration": "la " * 7, "clips": [{"file": "clip.mp4", "keep_sound": True}]},
        {"id": "scene-2", "narration": "la " * 7, "clips": ["clip.mp4"]},
        {"id": "scene-3", "narration": "la " * 7, "clips": [{"file": "clip.mp4", "keep_sound": True}]},
    ]
}


@pytest.fixture
def mixed_project(tmp_path: Path) -> MixedProject:
    return MixedProject(tmp_path)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    return make_voice(tmp_path / "voice.wav")


async def sounded(project: MixedProject, number: int, *, level: float | None = 0.1) -> SceneSounded:
    """The event of a scene whose kept sound is a tone from its start to its end; None is a clip without sound."""
    span, sound = SCENES[number - 1], None
    if level is not None:
        at = np.arange(span.length * SAMPLES_PER_MS) / SAMPLE_RATE
        tone = np.repeat((level * np.sin(2 * np.pi * HERTZ * at))[:, np.newaxis], 2, axis=1)
        path = project.folder / f"kept-{number}.flac"
        soundfile.write(path, tone, SAMPLE_RATE, subtype="PCM_24")
        sound = await project.store.put_file(path, f"kept-sounds/{number}.flac", "audio/flac")
    return SceneSounded(
        project_id="mixed", scene_number=number, scene_id=f"scene-{number}", sound=sound, span=span, from_store=False
    )


async def planned(project: MixedProject, voice: Path, keys: Mapping[str, object] | None = None) -> ScenesPlanned:
    event = await project.submit(voice, None, stems=True, keys={**AUDIBLE, **(keys or {})})
    project.step.past.append(event)
    return event


async def effects_of(project: MixedProject, last: SceneSounded) -> Wave:
    """The layer `effects` of the soundtrack that the last of the scenes' sounds brings about."""
    mixed = await Handlers(project.store, 120).mix_kept_sound(last, project.step)
    assert mixed is not None
    stems = (await project.report_of(mixed)).stems
    assert stems is not None
    assert stems.effects is not None
    path = project.folder / "effects.wav"
    await project.store.fetch(stems.effects, path)
    samples: Wave = soundfile.read(path)[0][:, 0]
    return samples


async def test_the_soundtrack_waits_for_every_scene_that_keeps_its_sound_and_for_no_other(
    mixed_project: MixedProject, voice: Path
) -> None:
    plan = await planned(mixed_project, voice)
    handlers = Handlers(mixed_project.store, 120)
    assert await handlers.mix_soundtrack(plan, mixed_project.step) is None
    for number, is_last in ((3, False), (1, True)):
        event = await sounded(mixed_project, number)
        mixed_project.step.past.append(event)
        mixed = await handlers.mix_kept_sound(event, mixed_project.step)
        assert (mixed is not None) is is_last
    assert mixed is not None
    assert mixed.sample_count == SCENES[-1].end * SAMPLES_PER_MS
    again = await handlers.mix_soundtrack(plan, mixed_project.step)
    assert again is not None
    assert (again.soundtrack, again.from_store) == (mixed.soundtrack, True)


async def test_a_clip_is_heard_over_its_scene_and_lower_under_the_words(
    mixed_project: MixedProject, voice: Path
) -> None:
    await planned(mixed_project, voice, {"clip_sound": {"depth_db": -14}})
    mixed_project.step.past += [await sounded(mixed_project, number) for number in (1, 3)]
    effects = await effects_of(mixed_project, await sounded(mixed_project, 3))
    assert effects.size == SCENES[-1].end * SAMPLES_PER_MS
    assert np.abs(stretch(effects, SCENES[1])).max() == 0, "scene 2 keeps nothing"
    assert np.flatnonzero(np.abs(effects[SCENES[2].start * SAMPLES_PER_MS :]) > 1e-4)[0] < 48
    words = word_spans(SCENES[2])
    under = level_db(stretch(effects, Span(words[0].start, words[-1].end)))
    after = level_db(stretch(effects, Span(words[-1].end + 1_200, SCENES[2].end - 50)))
    assert after - under == pytest.approx(14, abs=0.3)


async def test_clips_of_any_loudness_come_to_one_level_but_silence_is_not_raised(
    mixed_project: MixedProject, voice: Path
) -> None:
    await planned(mixed_project, voice)
    mixed_project.step.past += [await sounded(mixed_project, 1, level=0.5)]
    mixed_project.step.past += [await sounded(mixed_project, 3, level=0.0005)]
    effects = await effects_of(mixed_project, await sounded(mixed_project, 1))
    loud = level_db(stretch(effects, Span(word_spans(SCENES[0])[-1].end + 1_200, SCENES[0].end - 50)))
    soft = level_db(stretch(effects, Span(word_spans(SCENES[2])[-1].end + 1_200, SCENES[2].end - 50)))
    assert loud - soft > 20, "at most 12 dB are made good of the 60 between them"


async def test_a_scene_whose_clips_have_no_sound_is_warned_of_and_not_waited_for(
    mixed_project: MixedProject, voice: Path
) -> None:
    await planned(mixed_project, voice)
    last = await sounded(mixed_project, 3, level=None)
    mixed_project.step.past += [await sounded(mixed_project, 1, level=0), last]
    mixed = await Handlers(mixed_project.store, 120).mix_kept_sound(last, mixed_project.step)
    assert mixed is not None
    report = await mixed_project.report_of(mixed)
    assert [warning.scene_number for warning in report.warnings] == [1, 3]
    assert report.kept_sounds == ()
    assert report.stems is not None
    assert report.stems.effects is None
