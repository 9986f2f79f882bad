"""Music that ends with the story: its own ending is kept and lands on the bed's end, the jump keeps the beat."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.mixer.bed import BedPlace, BedPlan, Seam, readings
from services.mixer.endings import find_jump, has_ending, plan_jump, plan_loops
from services.mixer.features import STEP_SAMPLES
from shared.timeline import SAMPLE_RATE
from tests.unit.mixer_music import analysed

BEAT = 30_000  # samples: 96 beats a minute


def song(beats: int, *, dies_away: bool) -> NDArray[np.float32]:
    """A hit on every beat, a louder one on the first of four; at its end one chord decays, or it just stops."""
    generator = np.random.default_rng(2)
    samples = np.zeros(beats * BEAT)
    for beat in range(beats):
        hit = generator.standard_normal(9_000) * np.exp(-np.arange(9_000) / 1_500)
        samples[beat * BEAT : beat * BEAT + 9_000] += hit * (1.0 if beat % 4 == 0 else 0.4)
    samples += 0.1 * np.sin(np.arange(samples.size) / 40)
    if dies_away:
        decay = np.exp(-np.arange(3 * SAMPLE_RATE) / (0.5 * SAMPLE_RATE))
        samples = np.concatenate([samples, 0.6 * np.sin(np.arange(decay.size) / 40) * decay])
    return np.repeat((0.2 * samples)[:, np.newaxis], 2, axis=1).astype(np.float32)


def place_of(length: int) -> BedPlace:
    return BedPlace(at=0, length=length, fade_in=480, fade_out=min(length, 144_000))


def sources(plan: BedPlan) -> NDArray[np.int64]:
    """Which sample of the music is heard loudest at each sample of the bed; -1 where there is none."""
    heard, loudest = np.full(plan.length, -1), np.zeros(plan.length)
    for first in range(0, plan.length, 48_000):
        for reading in readings(plan, first, min(48_000, plan.length - first)):
            at = np.arange(first + reading.at, first + reading.at + reading.count)
            gain = np.broadcast_to(reading.gain, at.shape)
            louder = gain > loudest[at]
            heard[at[louder]] = (reading.source_start + np.arange(reading.count))[louder]
            loudest[at[louder]] = gain[louder]
    return heard


def test_a_chord_that_decays_is_an_ending_and_a_stop_is_none() -> None:
    for dies_away in (True, False):
        samples = song(40, dies_away=dies_away)
        assert has_ending(analysed(samples).features.energies, start=0, end=len(samples)) is dies_away


def test_silence_and_a_moment_of_music_have_no_ending() -> None:
    assert not has_ending(np.zeros(20), start=0, end=20 * STEP_SAMPLES)


@pytest.mark.parametrize("seconds", [30.0, 41.3, 55.55])
def test_longer_music_jumps_from_beat_to_beat_and_keeps_its_ending(seconds: float) -> None:
    samples = song(110, dies_away=True)
    length = int(seconds * SAMPLE_RATE)
    jump = find_jump(analysed(samples), start=0, end=len(samples), length=length, crossfade_ms=2_000)
    assert jump is not None
    off_beat = (jump.enter - jump.leave) % (4 * BEAT)
    assert min(off_beat, 4 * BEAT - off_beat) <= STEP_SAMPLES, "bars fall on bars"
    plan = plan_jump(place_of(length), music_start=0, music_end=len(samples), seam=jump)
    heard = sources(plan)
    assert heard[2_000] <= 3 * SAMPLE_RATE + 2_000, "it begins nearly as the music begins"
    assert heard[-500] == len(samples) - 500, "its last chord is heard to its end"


def test_music_that_is_hardly_longer_needs_no_jump() -> None:
    samples = song(110, dies_away=True)
    hardly = len(samples) - 100
    assert find_jump(analysed(samples), start=0, end=len(samples), length=hardly, crossfade_ms=2_000) is None
    short = analysed(samples[:240_000])
    assert find_jump(short, start=0, end=240_000, length=96_000, crossfade_ms=2_000) is None


@settings(deadline=None)  # how long it takes is not what it tests
@given(st.integers(1_000_001, 6_000_000))
def test_shorter_music_is_looped_and_its_ending_lands_exactly_on_the_beds_end(length: int) -> None:
    seam = Seam(leave=800_000, enter=200_000, overlap=90_000, correlation=0.0)
    plan = plan_loops(place_of(length), music_start=0, music_end=1_000_000, seam=seam, ends_with="ending")
    assert plan is not None
    last = plan.pieces[-1]
    assert last.end == length
    assert last.source_start + last.length == 1_000_000
    for earlier, later in zip(plan.pieces, plan.pieces[1:], strict=False):
        assert later.at == earlier.at + earlier.fade_out_at
        assert later.at <= earlier.end
    assert all(piece.source_start >= 0 and piece.length >= piece.fade_in for piece in plan.pieces)


def test_where_the_seam_comes_too_soon_the_ending_is_given_up() -> None:
    seam = Seam(leave=800_000, enter=0, overlap=90_000, correlation=0.0)
    assert plan_loops(place_of(1_050_000), music_start=0, music_end=1_000_000, seam=seam, ends_with="ending") is None
