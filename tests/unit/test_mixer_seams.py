"""Where a bed is looped: on the beat, where its two sides are alike, without the silence at its ends."""

import numpy as np
import pytest
from numpy.typing import NDArray

from services.mixer.bed import Seam
from services.mixer.music_ends import silent_ends
from services.mixer.seams import REFINE_SAMPLES, find_seam, settle_seam
from shared.timeline import SAMPLE_RATE
from tests.unit.mixer_music import analysed


def song(seconds: float, *, beats_per_minute: float) -> NDArray[np.float32]:
    """Drums, the first of every four beats louder, over a soft chord."""
    generator = np.random.default_rng(11)
    at = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    sound = 0.05 * np.sin(2 * np.pi * 220 * at)
    for number in range(int(seconds * beats_per_minute / 60)):
        first = int(number * 60 / beats_per_minute * SAMPLE_RATE)
        length = min(4_800, at.size - first)
        hit = generator.standard_normal(length) * np.exp(-np.arange(length) / 700)
        sound[first : first + length] += hit * (0.5 if number % 4 == 0 else 0.15)
    return sound.astype(np.float32)[:, np.newaxis]


@pytest.mark.parametrize("beats_per_minute", [93.7, 120.0, 71.3])
def test_a_loop_keeps_the_beat_whatever_the_tempo(beats_per_minute: float) -> None:
    music = song(47.3, beats_per_minute=beats_per_minute)
    seam = find_seam(analysed(music), start=0, end=len(music), length=3 * len(music), crossfade_ms=2_000)
    bar = 4 * 60 / beats_per_minute * SAMPLE_RATE
    off_ms = (seam.period / bar - round(seam.period / bar)) * bar / 48
    assert abs(off_ms) <= 10, "a repetition lasts a whole number of bars"
    assert seam.period > music.shape[0] / 2, "most of the music is used"
    assert seam.leave + seam.overlap <= music.shape[0]


@pytest.mark.parametrize("seconds", [0.2, 3.0, 7.0])
def test_music_too_short_for_a_search_is_looped_whole(seconds: float) -> None:
    music = song(seconds, beats_per_minute=120)
    seam = find_seam(analysed(music), start=0, end=len(music), length=3 * len(music), crossfade_ms=2_000)
    assert (seam.enter, seam.leave + seam.overlap) == (0, music.shape[0])


@pytest.mark.parametrize("seconds", [11.0, 47.3])
@pytest.mark.parametrize("target_seconds", [64.0, 300.0])
def test_a_seam_is_chosen_so_that_hardly_anything_is_left_out(seconds: float, target_seconds: float) -> None:
    music, length = song(seconds, beats_per_minute=120), int(target_seconds * SAMPLE_RATE)
    seam = find_seam(analysed(music), start=0, end=len(music), length=length, crossfade_ms=2_000)
    left_out = -(length - len(music)) % seam.period
    assert left_out <= 4 * SAMPLE_RATE
    assert seam.enter + 2 * seam.overlap <= seam.leave <= len(music) - seam.overlap


def test_a_short_part_is_not_repeated_again_and_again() -> None:
    music = song(47.3, beats_per_minute=120)
    seam = find_seam(analysed(music), start=0, end=len(music), length=20 * len(music), crossfade_ms=2_000)
    assert seam.period >= 0.45 * len(music)


def test_the_samples_settle_the_seam_where_its_sides_are_alike() -> None:
    generator = np.random.default_rng(2)
    music = generator.standard_normal(200_000).astype(np.float32)
    music[150_000:160_000] = music[20_137:30_137]
    seam = Seam(leave=150_000, enter=20_000, overlap=10_000, correlation=0.0)
    incoming = music[20_000 - REFINE_SAMPLES : 30_000 + REFINE_SAMPLES]
    settled = settle_seam(seam, music[150_000:160_000], incoming)
    assert settled.enter == 20_137
    assert settled.correlation == pytest.approx(1)


def test_silence_before_and_after_the_music_is_found() -> None:
    music = np.concatenate([np.zeros((4_800, 1)), song(2, beats_per_minute=120), np.zeros((24_000, 1))])
    both = np.repeat(music, 2, axis=1).astype(np.float32)
    before, after = silent_ends(both, both)
    assert before == pytest.approx(4_800, abs=480)
    assert after == pytest.approx(24_000, abs=480)


def test_music_that_never_falls_silent_loses_nothing() -> None:
    both = np.repeat(song(2, beats_per_minute=120), 2, axis=1)
    assert silent_ends(both, both) == (0, 0)
