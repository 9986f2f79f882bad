"""WAV files that are written piece by piece lose no sample."""

import wave
from pathlib import Path

import numpy as np
import pytest

from services.voiceover.core import FADE_MS, TakeCut
from services.voiceover.wave_files import measure_powers, write_take, write_wave
from shared.timeline import Span


def write_sound(path: Path, samples: int, *, rate: int = 48_000) -> Path:
    with wave.open(str(path), "wb") as sound:
        sound.setparams((1, 2, rate, samples, "NONE", ""))
        sound.writeframes(np.full(samples, 1000, dtype="<i2").tobytes())
    return path


def read_sound(path: Path) -> "np.ndarray[tuple[int], np.dtype[np.int16]]":
    with wave.open(str(path)) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")


def test_takes_and_silences_longer_than_a_piece_are_joined_to_the_sample(tmp_path: Path) -> None:
    take = write_sound(tmp_path / "take.wav", 48 * 10_001)
    with write_wave(tmp_path / "all.wav") as joined:
        joined.add_silence(20_001)
        joined.add_file(take)
        joined.add_silence(1001)
    samples = read_sound(tmp_path / "all.wav")
    assert len(samples) == 48 * (20_001 + 10_001 + 1001)
    assert np.flatnonzero(samples)[[0, -1]].tolist() == [48 * 20_001, 48 * 30_002 - 1]


def test_a_take_is_cut_out_and_faded_between_its_silences(tmp_path: Path) -> None:
    source = write_sound(tmp_path / "source.wav", 48 * 500 + 7)
    write_take(source, TakeCut(100, Span(50, 501), 30), tmp_path / "take.wav")
    samples = read_sound(tmp_path / "take.wav")
    assert len(samples) == 48 * (100 + 451 + 30)
    assert not samples[: 48 * 100].any()
    assert samples[48 * 100] == 0
    assert (np.diff(samples[48 * 100 : 48 * (100 + FADE_MS)]) >= 0).all()
    assert (samples[48 * (100 + FADE_MS) : 48 * (551 - FADE_MS)] == 1000).all()
    assert (np.diff(samples[48 * (551 - FADE_MS) : 48 * 551]) <= 0).all()
    assert not samples[48 * 551 :].any()


def test_powers_are_those_of_each_millisecond_and_the_last_is_filled_up(tmp_path: Path) -> None:
    powers = measure_powers(write_sound(tmp_path / "source.wav", 48 * 10_000 + 24))
    assert powers.shape == (10_001,)
    assert (powers[:-1] == 1000.0**2).all()
    assert powers[-1] == 1000.0**2 / 2


def test_sound_of_another_rate_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not 48 kHz"):
        measure_powers(write_sound(tmp_path / "source.wav", 100, rate=44_100))
