"""The voiceover's samples, decimated for hearing: nothing is shifted, nothing folds over, no block shows."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from services.transcriber.sound import HEARING_PER_MS, HEARING_RATE
from services.transcriber.voiceover_file import read_sound, sound_digest
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span


def write(path: Path, samples: NDArray[np.float64], rate: int = SAMPLE_RATE) -> Path:
    soundfile.write(path, samples, rate, subtype="PCM_16")
    return path


def tone(hertz: float, length_ms: int) -> NDArray[np.float64]:
    return 0.5 * np.sin(2 * np.pi * hertz * np.arange(length_ms * SAMPLES_PER_MS) / SAMPLE_RATE)


@pytest.mark.parametrize("hertz", [100, 1_000, 5_000])
def test_what_the_model_hears_keeps_its_level_and_its_place(tmp_path: Path, hertz: float) -> None:
    found = read_sound(write(tmp_path / "a.wav", tone(hertz, 1_000)), Span(0, 1_000))
    expected = 0.5 * np.sin(2 * np.pi * hertz * np.arange(HEARING_RATE) / HEARING_RATE)
    inside = slice(50 * HEARING_PER_MS, 950 * HEARING_PER_MS)
    assert np.abs(found[inside] - expected[inside]).max() < 0.01


@pytest.mark.parametrize("hertz", [9_500, 15_000, 22_000])
def test_what_would_fold_over_is_gone(tmp_path: Path, hertz: float) -> None:
    found = read_sound(write(tmp_path / "a.wav", tone(hertz, 1_000)), Span(100, 900))
    assert np.abs(found).max() < 0.001


def test_a_span_across_blocks_is_the_same_as_read_in_one_piece(tmp_path: Path) -> None:
    noise = np.random.default_rng(3).uniform(-0.5, 0.5, 45_000 * SAMPLES_PER_MS)
    path = write(tmp_path / "a.wav", noise)
    whole = read_sound(path, Span(0, 45_000))
    assert whole.size == 45_000 * HEARING_PER_MS
    part = read_sound(path, Span(19_000, 21_000))
    assert np.abs(whole[19_000 * HEARING_PER_MS : 21_000 * HEARING_PER_MS] - part).max() < 1e-6


def test_silence_follows_where_the_file_ends_within_the_span(tmp_path: Path) -> None:
    found = read_sound(write(tmp_path / "a.wav", tone(500, 300)), Span(100, 600))
    assert found.size == 500 * HEARING_PER_MS
    assert np.abs(found[250 * HEARING_PER_MS :]).max() < 1e-6


def test_a_file_of_another_rate_is_no_voiceover(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="44100"):
        read_sound(write(tmp_path / "a.wav", tone(500, 300), rate=44_100), Span(0, 100))


def test_the_same_sound_has_the_same_digest_wherever_it_lies(tmp_path: Path) -> None:
    take, silence = tone(500, 300), np.zeros(200 * SAMPLES_PER_MS)
    early = write(tmp_path / "early.wav", np.concatenate([take, silence]))
    late = write(tmp_path / "late.wav", np.concatenate([silence, take]))
    assert sound_digest(early, Span(0, 300)) == sound_digest(late, Span(200, 500))
    assert sound_digest(early, Span(0, 300)) != sound_digest(early, Span(1, 300))
