"""Beats, bars and phrases: found where they were composed, whatever the tempo and the metre, however soft the music."""

import numpy as np
import pytest

from services.mixer.analysis import analyse
from services.mixer.features import STEP_MS, Features, features_of
from services.mixer.phrases import BAR_WEIGHT, novelty
from services.mixer.seams import WINDOW_STEPS
from shared.timeline import SAMPLE_RATE
from tests.unit.mixer_music import PHRASE_BARS, analysed, composed


@pytest.mark.parametrize("beats_per_minute", [72.0, 93.7, 118.0, 140.0])
def test_beats_are_found_where_they_were_played(beats_per_minute: float) -> None:
    found = analysed(composed(24, beats_per_minute=beats_per_minute)).beats.steps
    beat_ms = 60_000 / beats_per_minute
    off_ms = (found * STEP_MS + beat_ms / 2) % beat_ms - beat_ms / 2
    assert np.abs(off_ms).max() <= 40
    assert len(found) >= 0.9 * 24 * 4


@pytest.mark.parametrize(("beats_in_bar", "beats_per_minute"), [(4, 93.7), (4, 118.0), (3, 104.0)])
def test_bars_begin_where_the_chord_changes(beats_in_bar: int, beats_per_minute: float) -> None:
    bars = analysed(composed(24, beats_per_minute=beats_per_minute, beats_in_bar=beats_in_bar)).bars
    bar_ms = beats_in_bar * 60_000 / beats_per_minute
    off_ms = (bars * STEP_MS + bar_ms / 2) % bar_ms - bar_ms / 2
    assert np.abs(off_ms).max() <= 40
    assert len(bars) >= 21


@pytest.mark.parametrize("level", [1.0, 0.01])
def test_a_phrase_ends_where_the_music_changes_its_sound(level: float) -> None:
    analysis = analysed(np.float32(level) * composed(48, beats_per_minute=118.0))
    phrase_ms = PHRASE_BARS * 4 * 60_000 / 118.0
    best = np.sort(analysis.beats.steps[np.argsort(analysis.weights)[-5:]]) * STEP_MS
    assert best == pytest.approx([phrase_ms * number for number in range(1, 6)], abs=40)
    inside = analysis.weights[np.abs(analysis.beats.steps * STEP_MS - phrase_ms * 2.5) < 100]
    assert inside.max() < BAR_WEIGHT + 0.3, "a bar inside a phrase is a worse place"


def test_silence_and_a_moment_of_music_have_no_beats() -> None:
    for samples in (np.zeros((480_000, 1), np.float32), composed(1, beats_per_minute=118.0)):
        analysis = analysed(samples)
        assert (analysis.beats.steps.size, analysis.weights.size, analysis.bars.size) == (0, 0, 0)


def test_noise_has_places_too_and_they_are_inside_it() -> None:
    noise = np.random.default_rng(5).standard_normal((20 * SAMPLE_RATE, 2)).astype(np.float32)
    analysis = analysed(0.1 * noise)
    assert analysis.beats.steps.size > 10
    assert analysis.beats.steps.max() < analysis.features.onsets.size > WINDOW_STEPS


def test_what_never_changes_is_never_new() -> None:
    assert novelty(np.ones((64, 20))).max() == 0
    assert novelty(np.ones((3, 20))).tolist() == [0, 0, 0]


def test_features_are_the_same_in_whatever_stretches_the_music_is_read() -> None:
    music = composed(4, beats_per_minute=118.0)
    whole = len(music) // 4_800 * 4_800
    padded = np.pad(music[:whole], ((4_096, 4_096), (0, 0)))
    at_once = features_of(padded)
    middle = 10 * 4_800
    first, second = features_of(padded[: middle + 8_192]), features_of(padded[middle:])
    for name in ("energies", "onsets", "colours"):
        parts = np.concatenate([getattr(first, name), getattr(second, name)])
        assert parts == pytest.approx(getattr(at_once, name), abs=1e-5), name


def test_the_energy_of_a_step_is_its_mean_square() -> None:
    half = np.full((4_800 + 8_192, 2), 0.5, np.float32)
    features: Features = features_of(half)
    assert features.energies == pytest.approx([0.25] * 10)
    assert analyse(features).weights.size == 0
