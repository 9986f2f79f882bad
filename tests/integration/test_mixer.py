"""The finished soundtrack, measured: its length, its loudness, its bed under words and in pauses, its seams."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from shared.errors import Unrecoverable
from shared.events import SoundtrackMixed
from shared.ffmpeg import run_ffmpeg, run_ffprobe
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span
from tests.integration.soundtrack_project import (
    BED_BAND,
    CLICK_BAND,
    SCENES,
    MixedProject,
    Wave,
    in_band,
    level_db,
    make_tones,
    make_voice,
    stretch,
    word_spans,
)

pytestmark = pytest.mark.integration

SAMPLE_COUNT = SCENES[-1].end * SAMPLES_PER_MS


@pytest.fixture
def mixed_project(tmp_path: Path) -> MixedProject:
    return MixedProject(tmp_path)


@pytest.fixture
def voice(tmp_path: Path) -> Path:
    return make_voice(tmp_path / "voice.wav")


async def test_the_soundtrack_has_exactly_the_samples_of_the_plan(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    mixed = await mixed_project.mix(await mixed_project.submit(voice, make_tones(tmp_path / "bed.wav", seconds=30)))
    assert mixed.sample_count == SAMPLE_COUNT
    path = await mixed_project.soundtrack_file(mixed)
    entries = "stream=codec_name,profile,sample_rate,channels,start_pts,duration_ts"
    printed = await run_ffprobe(["-v", "error", "-show_entries", entries, "-of", "csv=p=0", str(path)])
    assert printed.strip() == f"aac,LC,{SAMPLE_RATE},2,0,{SAMPLE_COUNT}"
    assert mixed_project.step.percents == sorted(mixed_project.step.percents)
    assert mixed_project.step.percents[-1] == 100


@pytest.mark.parametrize("loudness", [-14, -16, -23])
async def test_the_soundtrack_is_as_loud_as_the_project_asks_and_never_peaks_above_minus_one(
    mixed_project: MixedProject, voice: Path, tmp_path: Path, loudness: int
) -> None:
    bed = make_tones(tmp_path / "bed.wav", seconds=30)
    mixed = await mixed_project.mix(await mixed_project.submit(voice, bed, loudness=loudness))
    path = await mixed_project.soundtrack_file(mixed)
    # loudnorm measures by itself, at four times the rate: not the filter that the mixer measured with.
    printed = await run_ffmpeg(["-i", str(path), "-af", "loudnorm=print_format=summary", "-f", "null", "-"])
    found = dict(line.split(":", 1) for line in printed.splitlines() if line.startswith("Input "))
    assert float(found["Input Integrated"].split()[0]) == pytest.approx(loudness, abs=0.5)
    assert float(found["Input True Peak"].split()[0]) <= -1.0
    assert mixed.loudness_lufs == pytest.approx(loudness, abs=0.5)
    assert (await mixed_project.report_of(mixed)).encode_count == 1


async def test_the_bed_is_down_under_words_and_back_in_long_pauses(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    bed = make_tones(tmp_path / "bed.wav", seconds=30)
    event = await mixed_project.submit(voice, bed, music_options="fade_out_ms: 0")
    heard = (await mixed_project.listen(await mixed_project.mix(event)))[:, 0]
    tones = in_band(heard, BED_BAND)
    for window in SCENES:
        words = word_spans(window)
        under = level_db(stretch(tones, Span(words[0].start, words[-1].end)))
        pause = level_db(stretch(tones, Span(words[-1].end + 1_300, window.end - 400)))
        assert pause - under == pytest.approx(10, abs=0.5), "from -16 dB under words to -6 dB in pauses"


async def test_each_scene_is_reported_with_the_voice_well_above_the_bed(
    mixed_project: MixedProject, tmp_path: Path
) -> None:
    uneven = make_voice(tmp_path / "uneven.wav", levels=(0.4, 0.1, 0.2))
    event = await mixed_project.submit(uneven, make_tones(tmp_path / "bed.wav", seconds=30))
    report = await mixed_project.report_of(await mixed_project.mix(event))
    assert [scene.number for scene in report.scenes] == [1, 2, 3]
    voices = [scene.voice_lufs for scene in report.scenes if scene.voice_lufs is not None]
    assert len(voices) == 3
    assert max(voices) - min(voices) < 0.5, "takes of different level sound like one sitting"
    assert all(scene.voice_over_bed_lu is not None and scene.voice_over_bed_lu >= 12 for scene in report.scenes)
    assert len(report.ducked) == 3


async def test_loud_music_is_lowered_until_the_voice_stands_clear(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    options = "gain_db: 15\nfade_out_ms: 0"
    event = await mixed_project.submit(voice, make_tones(tmp_path / "bed.wav", seconds=30), music_options=options)
    report = await mixed_project.report_of(await mixed_project.mix(event))
    assert all(scene.voice_over_bed_lu is not None and scene.voice_over_bed_lu >= 12 for scene in report.scenes)
    assert all(region.depth_db < -16 for region in report.ducked)


@pytest.mark.parametrize("music_seconds", [6.37, 0.2])
async def test_a_looped_bed_has_no_click_at_any_seam(
    mixed_project: MixedProject, voice: Path, tmp_path: Path, music_seconds: float
) -> None:
    bed = make_tones(tmp_path / "bed.wav", seconds=music_seconds)
    event = await mixed_project.submit(voice, bed, music_options="fade_out_ms: 0")
    mixed = await mixed_project.mix(event)
    seams = (await mixed_project.report_of(mixed)).seams_ms
    assert seams
    heard = (await mixed_project.listen(mixed))[:, 0]
    in_pauses = [seam for seam in seams if any(_is_quiet_around(window, seam) for window in SCENES)]
    assert in_pauses, "some seam lies where only the bed plays"
    for seam in in_pauses:
        around = stretch(heard, Span(seam - 300, min(seam + 300, SCENES[-1].end)))
        assert _loudest_click_db(around) < -70
    # The measure itself: the same tones, cut hard.
    tones = soundfile.read(make_tones(tmp_path / "tones.wav", seconds=6.37, level=0.05))[0][:, 0]
    hard = np.concatenate([tones[-14_400:], tones[:14_400]])
    assert _loudest_click_db(hard) > -60


def _is_quiet_around(window: Span, at_ms: int) -> bool:
    return word_spans(window)[-1].end + 350 <= at_ms <= window.end - 320


def _loudest_click_db(samples: Wave) -> float:
    """The loudest 2 ms of what lies above both layers, away from the edges of the stretch."""
    high = in_band(samples * np.hanning(samples.size) ** 0.1, CLICK_BAND)[4_800:-4_800]
    frames = high[: high.size // 96 * 96].reshape(-1, 96)
    return float(10 * np.log10(np.square(frames).mean(axis=1).max() + 1e-20))


async def test_the_voice_is_where_it_was_recorded_at_the_start_in_the_middle_and_at_the_end(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    event = await mixed_project.submit(voice, make_tones(tmp_path / "bed.wav", seconds=30), loudness=-14)
    heard = (await mixed_project.listen(await mixed_project.mix(event)))[:, 0]
    recorded = soundfile.read(voice)[0]
    for window in SCENES:
        word = word_spans(window)[2]
        wide = Span(word.start - 200, word.end + 200)  # wider than any error that AAC or a resampler can make
        likeness = np.correlate(stretch(heard, wide), stretch(recorded, word), mode="valid")
        assert int(np.abs(likeness).argmax()) - 200 * SAMPLES_PER_MS == 0


async def test_without_music_the_voice_alone_reaches_the_target(mixed_project: MixedProject, voice: Path) -> None:
    mixed = await mixed_project.mix(await mixed_project.submit(voice, None, loudness=-16))
    heard = await mixed_project.listen(mixed)
    assert mixed.loudness_lufs == pytest.approx(-16, abs=0.5)
    assert mixed.sample_count == SAMPLE_COUNT
    assert heard[:, 0] == pytest.approx(heard[:, 1], abs=1e-3)
    assert level_db(stretch(in_band(heard[:, 0], BED_BAND), Span(4_000, 6_000))) < -90


async def test_a_message_that_comes_twice_finds_the_work_done(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    event = await mixed_project.submit(voice, make_tones(tmp_path / "bed.wav", seconds=5))
    first = await mixed_project.mix(event)
    written = list(mixed_project.store.put_keys)
    second = await mixed_project.mix(event)
    assert (first.from_store, second.from_store) == (False, True)
    assert second == first.model_copy(update={"from_store": True}), "the measured numbers are found too"
    assert mixed_project.store.put_keys == written


async def mix_with(mixed_project: MixedProject, voice: Path, music: Path) -> SoundtrackMixed:
    return await mixed_project.mix(await mixed_project.submit(voice, music))


@pytest.mark.parametrize(
    ("rate", "channels", "seconds"), [(8_000, 1, 9), (48_000, 8, 9), (44_100, 2, 0.2), (96_000, 6, 25)]
)
async def test_music_of_any_shape_becomes_a_bed(
    mixed_project: MixedProject, voice: Path, tmp_path: Path, rate: int, channels: int, seconds: float
) -> None:
    music = make_tones(tmp_path / "odd.wav", seconds=seconds, rate=rate, channels=channels)
    mixed = await mix_with(mixed_project, voice, music)
    assert mixed.loudness_lufs == pytest.approx(-16, abs=0.5)
    heard = (await mixed_project.listen(mixed))[:, 0]
    assert level_db(stretch(in_band(heard, BED_BAND), Span(4_500, 6_500))) > -40, "the bed is heard in a pause"


async def test_a_song_with_a_cover_picture_becomes_a_bed(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    tones, song = make_tones(tmp_path / "tones.wav", seconds=9), tmp_path / "song.mp3"
    picture = ["-f", "lavfi", "-i", "color=red:size=64x64:duration=1:rate=1"]
    as_cover = ["-map", "0", "-map", "1", "-c:v", "mjpeg", "-frames:v", "1", "-disposition:v", "attached_pic"]
    await run_ffmpeg(["-i", str(tones), *picture, *as_cover, str(song)])
    assert (await mix_with(mixed_project, voice, song)).sample_count == SAMPLE_COUNT


async def test_clipped_music_becomes_a_bed_that_does_not_clip(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    mixed = await mix_with(mixed_project, voice, make_tones(tmp_path / "clipped.wav", seconds=9, level=3.0))
    assert mixed.true_peak_dbtp <= -1.0


async def refusal_of(mixed_project: MixedProject, voice: Path, music: Path) -> str:
    with pytest.raises(Unrecoverable) as refusal:
        await mix_with(mixed_project, voice, music)
    assert not [key for key in mixed_project.store.put_keys if key.startswith("soundtrack")], "nothing half-written"
    return refusal.value.reason


async def test_silent_music_is_refused_in_one_sentence(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    silent = make_tones(tmp_path / "silent.wav", seconds=9, level=0)
    assert await refusal_of(mixed_project, voice, silent) == "The music file 'silent.wav' is silent."


async def test_music_of_a_few_milliseconds_is_refused_in_one_sentence(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    click = make_tones(tmp_path / "click.wav", seconds=0.05)
    assert await refusal_of(mixed_project, voice, click) == "The music file 'click.wav' is 50 ms long."


@pytest.mark.parametrize("content", [b"", b"this is not music\n" * 50])
async def test_a_file_that_is_not_media_is_refused_in_one_sentence(
    mixed_project: MixedProject, voice: Path, tmp_path: Path, content: bytes
) -> None:
    broken = tmp_path / "broken.mp3"
    broken.write_bytes(content)
    assert (await refusal_of(mixed_project, voice, broken)).startswith("The music file 'broken.mp3' cannot be read: ")


async def test_a_playlist_is_refused_and_what_it_names_is_not_opened(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    tones = make_tones(tmp_path / "tones.wav", seconds=9)
    playlist = tmp_path / "playlist.mp3"
    playlist.write_text(f"ffconcat version 1.0\nfile {tones}\n")
    assert "playlist.mp3" in await refusal_of(mixed_project, voice, playlist)


async def test_a_video_without_sound_is_refused_in_one_sentence(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    video = tmp_path / "mute.mp4"
    await run_ffmpeg(["-f", "lavfi", "-i", "color=red:size=64x64:duration=1:rate=5", str(video)])
    assert await refusal_of(mixed_project, voice, video) == "The music file 'mute.mp4' has no sound."


async def test_a_silent_voiceover_is_refused_in_one_sentence(mixed_project: MixedProject, tmp_path: Path) -> None:
    silent = make_voice(tmp_path / "silent.wav", levels=(0, 0, 0))
    with pytest.raises(Unrecoverable, match="The voiceover is silent"):
        await mixed_project.mix(await mixed_project.submit(silent, None))


async def test_stems_on_request_are_aligned_equally_long_and_add_up_to_the_mix(
    mixed_project: MixedProject, voice: Path, tmp_path: Path
) -> None:
    bed = make_tones(tmp_path / "bed.wav", seconds=9)
    mixed = await mixed_project.mix(await mixed_project.submit(voice, bed, loudness=-23, stems=True))
    stems = (await mixed_project.report_of(mixed)).stems
    assert stems is not None
    assert stems.bed is not None
    layers = {}
    for name, stored in (("voice", stems.voice), ("bed", stems.bed), ("mix", stems.mix)):
        path = tmp_path / f"{name}-stem.wav"
        await mixed_project.store.fetch(stored, path)
        layers[name] = soundfile.read(path, always_2d=True)[0]
        assert layers[name].shape == (SAMPLE_COUNT, 2)
    # At -23 LUFS the limiter has nothing to do, so the sum is exact.
    assert np.allclose(layers["voice"] + layers["bed"], layers["mix"], atol=1e-5)
    heard = await mixed_project.listen(mixed)
    assert level_db((heard[:SAMPLE_COUNT] - layers["mix"])[:, 0]) < level_db(layers["mix"][:, 0]) - 15


async def test_a_project_that_asks_for_its_stems_later_gets_them_and_the_same_soundtrack(
    mixed_project: MixedProject, voice: Path
) -> None:
    first = await mixed_project.mix(await mixed_project.submit(voice, None))
    second = await mixed_project.mix(await mixed_project.submit(voice, None, stems=True))
    assert (await mixed_project.report_of(first)).stems is None
    assert (await mixed_project.report_of(second)).stems is not None
    assert second.soundtrack == first.soundtrack


async def test_a_clipped_and_a_nearly_silent_scene_are_warned_of_with_their_times(
    mixed_project: MixedProject, tmp_path: Path
) -> None:
    voice = make_voice(tmp_path / "voice.wav", levels=(12, 0.15, 0.001))
    report = await mixed_project.report_of(await mixed_project.mix(await mixed_project.submit(voice, None)))
    clipped, quiet = report.warnings[:2]
    assert (clipped.scene_number, quiet.scene_number) == (1, 3)
    assert clipped.at_ms == pytest.approx(400, abs=20)
    assert "clipped" in clipped.message
    assert quiet.at_ms == SCENES[2].start + 400
    assert "nearly silent" in quiet.message


async def test_a_sound_project_has_no_warnings(mixed_project: MixedProject, voice: Path, tmp_path: Path) -> None:
    mixed = await mix_with(mixed_project, voice, make_tones(tmp_path / "bed.wav", seconds=30))
    assert (await mixed_project.report_of(mixed)).warnings == ()
