"""Where a signal is quiet."""

import wave
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scene_planner.silence import HOP_SAMPLES, Samples, SoundSpans, hop_powers, sound_spans
from services.scene_planner.sound_file import measure_sound
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span


def signal(*parts: tuple[int, float], noise: float = 0.0005) -> Samples:
    """A voice-like tone: (milliseconds, amplitude) one after the other, over a noise floor."""
    random = np.random.default_rng(7)
    envelope = np.concatenate([np.full(ms * SAMPLES_PER_MS, level) for ms, level in parts])
    times = np.arange(envelope.size) / SAMPLE_RATE
    tone = envelope * np.sin(2 * np.pi * 180 * times) + noise * random.standard_normal(envelope.size)
    sound: Samples = tone.astype(np.float32)
    return sound


def quiet_of(*parts: tuple[int, float], noise: float = 0.0005) -> tuple[Span, ...]:
    sound = signal(*parts, noise=noise)
    return sound_spans(hop_powers(sound[: sound.size // HOP_SAMPLES * HOP_SAMPLES])).quiet


def test_pauses_are_found_where_they_are() -> None:
    first, second = quiet_of((1_000, 0.3), (400, 0), (800, 0.25), (150, 0), (500, 0.3))
    assert abs(first.start - 1_000) <= 10
    assert abs(first.end - 1_400) <= 10
    assert abs(second.start - 2_200) <= 10
    assert abs(second.end - 2_350) <= 10


def test_the_closure_inside_a_word_is_no_pause() -> None:
    assert quiet_of((500, 0.3), (45, 0), (500, 0.3), (400, 0), (300, 0.3)) == quiet_of(
        (1_045, 0.3), (400, 0), (300, 0.3)
    )


def test_a_click_does_not_break_a_pause() -> None:
    (run,) = quiet_of((500, 0.3), (300, 0), (5, 0.2), (300, 0), (500, 0.3))
    assert run.length > 570


def test_a_soft_tail_does_not_count_as_quiet() -> None:
    (run,) = quiet_of((1_000, 0.3), (200, 0.02), (400, 0), (1_000, 0.3))
    assert abs(run.start - 1_200) <= 10


def test_where_music_covers_the_pauses_nothing_is_called_quiet() -> None:
    assert quiet_of((1_000, 0.3), (400, 0.1), (1_000, 0.3), noise=0.05) == ()


def test_a_breath_is_neither_quiet_nor_loud() -> None:
    sound = signal((600, 0), (300, 0.012), (800, 0.3), (700, 0))
    spans = sound_spans(hop_powers(sound[: sound.size // HOP_SAMPLES * HOP_SAMPLES]))
    (loud,) = spans.loud
    assert abs(loud.start - 900) <= 10
    assert abs(loud.end - 1_700) <= 10
    assert abs(spans.quiet[0].end - 600) <= 10


def test_a_click_is_not_loud_speech() -> None:
    sound = signal((600, 0), (10, 0.3), (600, 0), (800, 0.3))
    (loud,) = sound_spans(hop_powers(sound[: sound.size // HOP_SAMPLES * HOP_SAMPLES])).loud
    assert abs(loud.start - 1_210) <= 10


def test_digital_silence_is_quiet_and_an_empty_file_has_none() -> None:
    (run,) = quiet_of((500, 0.3), (500, 0), (500, 0.3), noise=0)
    assert run.length > 480
    assert sound_spans(np.zeros(0)) == SoundSpans()


@given(st.lists(st.tuples(st.integers(10, 400), st.sampled_from([0.0, 0.01, 0.3])), min_size=1, max_size=12))
def test_quiet_runs_ascend_inside_the_signal_and_last(parts: list[tuple[int, float]]) -> None:
    runs = quiet_of(*parts)
    assert all(run.length >= 58 for run in runs)
    assert all(earlier.end < later.start for earlier, later in pairwise(runs))
    if runs:
        assert runs[0].start >= 0
        assert runs[-1].end <= sum(ms for ms, _ in parts)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_is_measured_in_blocks_as_if_in_one_piece(tmp_path: Path, channels: int) -> None:
    parts = [(900, 0.3), (300, 0.0)] * 20
    sound = signal(*parts)
    path = tmp_path / "voiceover"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes(np.repeat((sound * 32_767).astype("<i2"), channels).tobytes())
    percents: list[int] = []
    runs = measure_sound(path, percents.append).quiet
    assert len(runs) == 20
    assert all(abs(run.start - (1_200 * n + 900)) <= 10 for n, run in enumerate(runs))
    assert percents == [41, 83, 100]


def test_a_file_at_another_rate_is_no_voiceover(tmp_path: Path) -> None:
    path = tmp_path / "voiceover"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44_100)
        file.writeframes(bytes(8_820))
    with pytest.raises(RuntimeError, match="44100 Hz"):
        measure_sound(path, lambda _: None)
