"""Several beds, sounds at words and the voice's chain, measured on the finished soundtrack."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import soundfile

from shared.errors import Unrecoverable
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span
from shared.transcript import OpposedStretch
from tests.integration.soundtrack_project import (
    CLICK_BAND,
    SCENES,
    MixedProject,
    Wave,
    in_band,
    level_db,
    make_voice,
    stretch,
    word_spans,
)

pytestmark = pytest.mark.integration

LOW, HIGH, BELL = 150.0, 450.0, 4_400.0


@pytest.fixture
def mixed_project(tmp_path: Path) -> MixedProject:
    return MixedProject(tmp_path)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    return make_voice(tmp_path / "voice.wav")


def make_tone(path: Path, hertz: float, *, seconds: float, level: float = 0.2) -> Path:
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    soundfile.write(path, level * np.sin(2 * np.pi * hertz * at), SAMPLE_RATE, subtype="PCM_16")
    return path


def tone_db(heard: Wave, hertz: float, span: Span) -> float:
    """The level of one tone in a span; the tones are no harmonics of each other."""
    return level_db(in_band(stretch(heard, span), (int(hertz) - 40, int(hertz) + 40)))


BEDS = {
    "music": [
        {"file": "low.wav", "scenes": "scene-1"},
        {"file": "high.wav", "scenes": "scene-2..3", "fade_out_ms": 0},
    ]
}


async def test_each_bed_plays_under_its_scenes_and_both_cross_at_the_cut(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    files = [make_tone(tmp_path / "low.wav", LOW, seconds=30), make_tone(tmp_path / "high.wav", HIGH, seconds=30)]
    mixed = await mixed_project.mix(await mixed_project.submit(voice, None, files=files, keys=BEDS))
    report = await mixed_project.report_of(mixed)
    cut = SCENES[0].end
    assert report.beds == (Span(0, cut + 1_000), Span(cut - 1_000, SCENES[-1].end))
    heard = (await mixed_project.listen(mixed))[:, 0]
    alone, later = Span(4_500, cut - 1_100), Span(SCENES[2].start + 4_500, SCENES[2].end - 300)
    assert tone_db(heard, LOW, alone) - tone_db(heard, HIGH, alone) > 30
    assert tone_db(heard, HIGH, later) - tone_db(heard, LOW, later) > 30
    # In the last 500 ms before the next words' attack both are up; the sum of their powers does not dip or swell.
    around = Span(cut - 500, cut)
    both = 10 * np.log10(10 ** (tone_db(heard, LOW, around) / 10) + 10 ** (tone_db(heard, HIGH, around) / 10))
    assert both == pytest.approx(tone_db(heard, LOW, alone), abs=1.0)
    assert all(scene.voice_over_bed_lu is not None and scene.voice_over_bed_lu >= 12 for scene in report.scenes)


async def test_a_scene_without_a_bed_is_silent_between_its_words(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    keys = {"music": {"file": "low.wav", "scenes": "scene-2"}}
    files = [make_tone(tmp_path / "low.wav", LOW, seconds=3)]
    heard = (
        await mixed_project.listen(
            await mixed_project.mix(await mixed_project.submit(voice, None, files=files, keys=keys))
        )
    )[:, 0]
    assert tone_db(heard, LOW, Span(4_000, 6_900)) < -90
    assert tone_db(heard, LOW, Span(SCENES[1].start + 4_300, SCENES[1].end - 1_500)) > -50
    assert tone_db(heard, LOW, Span(SCENES[2].start + 4_000, SCENES[2].end)) < -90


async def test_a_sound_starts_with_its_word_and_is_lowered_while_words_are_spoken(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    bell = make_tone(tmp_path / "bell.wav", BELL, seconds=4)
    keys = {"sounds": [{"file": "bell.wav", "at": "scene-2:la#5"}]}
    mixed = await mixed_project.mix(await mixed_project.submit(voice, None, files=[bell], keys=keys, stems=True))
    report = await mixed_project.report_of(mixed)
    word = word_spans(SCENES[1])[4]
    assert report.sounds == (Span(word.start, word.start + 4_000),)
    assert report.stems is not None
    assert report.stems.effects is not None
    path = tmp_path / "effects.wav"
    await mixed_project.store.fetch(report.stems.effects, path)
    effects = soundfile.read(path)[0][:, 0]
    assert effects.size == SCENES[-1].end * SAMPLES_PER_MS
    assert np.flatnonzero(np.abs(effects) > 1e-3)[0] == pytest.approx(word.start * SAMPLES_PER_MS, abs=48)
    last_word = word_spans(SCENES[1])[-1]
    under = level_db(stretch(effects, Span(word.start, last_word.end)))
    after = level_db(stretch(effects, Span(last_word.end + 1_250, word.start + 3_900)))
    assert after - under == pytest.approx(6, abs=0.3)
    heard = (await mixed_project.listen(mixed))[:, 0]
    end = word.start + 4_000
    beyond = in_band(stretch(heard, Span(end - 200, end + 200)) * np.hanning(400 * SAMPLES_PER_MS), CLICK_BAND)
    assert 10 * np.log10(np.square(beyond.reshape(-1, 96)).mean(axis=1).max() + 1e-20) < -70, "it ends without a click"


async def test_a_sound_whose_word_was_not_heard_is_left_out_with_a_warning(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    bell = make_tone(tmp_path / "bell.wav", BELL, seconds=1)
    scenes = [{"id": f"scene-{n}", "narration": "la lu", "clips": ["clip.mp4"]} for n in (1, 2, 3)]
    keys = {"sounds": [{"file": "bell.wav", "at": "scene-3:lu"}], "scenes": scenes}
    report = await mixed_project.report_of(
        await mixed_project.mix(await mixed_project.submit(voice, None, files=[bell], keys=keys))
    )
    (warning,) = report.warnings
    assert warning.scene_number == 3
    assert "'bell.wav' is left out" in warning.message
    assert report.sounds == ()


async def test_a_silent_sound_is_refused_in_one_sentence(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    silent = make_tone(tmp_path / "bell.wav", BELL, seconds=1, level=0)
    keys = {"sounds": [{"file": "bell.wav", "at": "scene-3:la"}]}
    with pytest.raises(Unrecoverable, match=r"The sound file 'bell\.wav' is silent\."):
        await mixed_project.mix(await mixed_project.submit(voice, None, files=[silent], keys=keys))


async def loudest_over_softest_word_db(mixed_project: MixedProject, voice: Path, chain: Mapping[str, float]) -> float:
    event = await mixed_project.submit(voice, None, loudness=-23, keys={"voice_chain": chain})
    heard = (await mixed_project.listen(await mixed_project.mix(event)))[:, 0]
    words = [level_db(stretch(heard, word)) for word in word_spans(SCENES[0])]
    return max(words) - min(words)


async def test_compression_brings_loud_and_soft_words_of_one_take_nearer(
    mixed_project: MixedProject, tmp_path: Path
) -> None:
    voice = make_voice(tmp_path / "voice.wav")
    samples = soundfile.read(voice)[0]
    for word in word_spans(SCENES[0])[::2]:
        samples[word.start * SAMPLES_PER_MS : word.end * SAMPLES_PER_MS] *= 10 ** (-10 / 20)
    soundfile.write(voice, samples, SAMPLE_RATE, subtype="PCM_16")
    off = {"compression": 1, "high_pass_hz": 0}
    untouched = await loudest_over_softest_word_db(mixed_project, voice, off)
    gentle = await loudest_over_softest_word_db(mixed_project, voice, {"compression": 2, "high_pass_hz": 0})
    assert untouched == pytest.approx(10, abs=0.7)
    assert 5 < gentle < untouched - 1.5


async def test_rumble_below_the_voice_is_taken_away(mixed_project: MixedProject, tmp_path: Path) -> None:
    voice = make_voice(tmp_path / "voice.wav")
    samples = soundfile.read(voice)[0]
    samples += 0.05 * np.sin(2 * np.pi * 25 * np.arange(samples.size) / SAMPLE_RATE)
    soundfile.write(voice, samples, SAMPLE_RATE, subtype="PCM_16")
    levels = {}
    for hertz in (0, 100):
        keys = {"voice_chain": {"high_pass_hz": hertz, "compression": 1}}
        heard = await mixed_project.listen(await mixed_project.mix(await mixed_project.submit(voice, None, keys=keys)))
        levels[hertz] = level_db(in_band(heard[:, 0], (20, 30))) - level_db(in_band(heard[:, 0], (900, 3_000)))
    assert levels[100] < levels[0] - 20


async def test_room_tone_fills_the_silence_between_takes(mixed_project: MixedProject, voice: Path) -> None:
    keys = {"voice_chain": {"room_tone_db": -45}}
    heard = await mixed_project.listen(await mixed_project.mix(await mixed_project.submit(voice, None, keys=keys)))
    silence = level_db(stretch(heard[:, 0], Span(4_000, 6_800)))
    spoken = level_db(stretch(heard[:, 0], word_spans(SCENES[0])[2]))
    assert spoken - silence == pytest.approx(45, abs=4)


async def test_a_voice_softened_and_compressed_is_where_it_was_recorded(
    mixed_project: MixedProject, voice: Path
) -> None:
    keys = {"voice_chain": {"compression": 4, "high_pass_hz": 120, "de_ess": 0.8}}
    heard = (await mixed_project.listen(await mixed_project.mix(await mixed_project.submit(voice, None, keys=keys))))[
        :, 0
    ]
    recorded = soundfile.read(voice)[0]
    for window in SCENES:
        word = word_spans(window)[2]
        wide = Span(word.start - 200, word.end + 200)
        likeness = np.correlate(stretch(heard, wide), stretch(recorded, word), mode="valid")
        assert abs(int(np.abs(likeness).argmax()) - 200 * SAMPLES_PER_MS) <= 2


@pytest.mark.parametrize("music_seconds", [12, 45])
async def test_music_with_an_ending_ends_with_the_story_not_in_a_fade(
    mixed_project: MixedProject, voice: Path, tmp_path: Path, music_seconds: int
) -> None:
    at = np.arange(music_seconds * SAMPLE_RATE) / SAMPLE_RATE
    strum = 0.3 + 0.7 * np.exp(-(at % 0.5) / 0.1)
    song = 0.2 * strum * np.sin(2 * np.pi * LOW * at)
    last_chord = (at >= music_seconds - 2.5) * np.exp(-np.clip(at - music_seconds + 2.5, 0, None) / 0.4)
    song = song * (at < music_seconds - 2.5) + 0.3 * last_chord * np.sin(2 * np.pi * BELL * at)
    soundfile.write(tmp_path / "song.wav", song, SAMPLE_RATE, subtype="PCM_16")
    mixed = await mixed_project.mix(await mixed_project.submit(voice, tmp_path / "song.wav"))
    heard = (await mixed_project.listen(mixed))[:, 0]
    end = SCENES[-1].end
    chord = np.array([tone_db(heard, BELL, Span(start, start + 100)) for start in range(end - 6_000, end, 100)])
    struck = int(chord.argmax()) * 100 - 6_000
    assert -4_200 <= struck <= -1_500, "the last chord is struck near the end"
    assert chord[-1] < chord.max() - 20, "and has died away when the video ends"
    assert tone_db(heard, LOW, Span(end - 1_000, end)) < -60
    assert (await mixed_project.report_of(mixed)).seams_ms, "what did not fit was left out before"


@pytest.mark.parametrize(("bars", "seams"), [(40, 0), (7, 1)])
async def test_music_without_an_ending_stops_with_a_bar_where_the_story_ends(
    mixed_project: MixedProject, voice: Path, tmp_path: Path, bars: int, seams: int
) -> None:
    bar = 2.0
    at = np.arange(int(bars * bar * SAMPLE_RATE)) / SAMPLE_RATE
    number = (at // bar).astype(int)
    tones = np.array([200.0, 247.0, 311.0, 389.0])  # one for each bar in turn, none in the voice's band
    song = 0.2 * np.sin(2 * np.pi * tones[number % 4] * at) * np.minimum(1, at % bar / 0.02)
    hits = np.random.default_rng(6).standard_normal(at.size) * np.exp(-(at % (bar / 4)) / 0.02)
    song += np.where(at % bar < bar / 4, 0.2, 0.08) * hits
    soundfile.write(tmp_path / "song.wav", song, SAMPLE_RATE, subtype="PCM_16")
    mixed = await mixed_project.mix(await mixed_project.submit(voice, tmp_path / "song.wav"))
    report = await mixed_project.report_of(mixed)
    assert report.bed_ends[0] in {"phrase", "bar"}
    assert len(report.seams_ms) >= seams
    heard, end = (await mixed_project.listen(mixed))[:, 0], SCENES[-1].end
    played: list[int] = []
    for before in (2, 1):
        # All of a bar but its edges has one tone: so bars end where the story ends, to 0.1 s.
        last_bar = Span(end - 2_000 * before + 100, end - 2_000 * (before - 1) - 100)
        levels = [tone_db(heard, hertz, last_bar) for hertz in tones]
        played.append(int(np.argmax(levels)))
        assert max(levels) > sorted(levels)[-2] + 15
    assert played[1] == (played[0] + 1) % 4
    assert level_db(heard[-4_800:]) < level_db(heard[(end - 4_000) * 48 : (end - 3_000) * 48]) - 25, "it has faded out"


async def test_a_recording_whose_sides_are_opposed_is_warned_of_once_in_each_scene(
    mixed_project: MixedProject, voice: Path
) -> None:
    spans = (Span(400, 900), Span(5_000, 9_000), Span(9_500, 10_000))
    opposed = tuple(OpposedStretch(span=span, kept="left") for span in spans)
    event = await mixed_project.submit(voice, None, opposed=opposed)
    first, second = (await mixed_project.report_of(await mixed_project.mix(event))).warnings
    assert [(first.scene_number, first.at_ms), (second.scene_number, second.at_ms)] == [(1, 400), (2, SCENES[1].start)]
    assert "opposed" in first.message
    assert "only its left side is heard" in second.message
