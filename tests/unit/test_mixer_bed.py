"""The bed: any music, any target, exactly that many samples, and no dip or click at a seam."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.mixer.bed import (
    SAFETY_FADE_SAMPLES,
    BedPlace,
    BedPlan,
    Seam,
    audible_part,
    correlation_of,
    crossfade_gains,
    longest_overlap,
    plan_bed,
    readings,
)
from shared.timeline import SAMPLES_PER_MS

MUSIC_LENGTHS = st.integers(4_800, 300_000)
TARGETS = st.integers(48, 400_000)


def plain_seam(music: int, crossfade_ms: int, correlation: float = 0.0) -> Seam:
    overlap = longest_overlap(music, crossfade_ms)
    return Seam(leave=music - overlap, enter=0, overlap=overlap, correlation=correlation)


def bed_plan(music: int, target: int, *, crossfade_ms: int = 2_000, fade_out_ms: int = 0) -> BedPlan:
    return plan_bed(
        bed_place(target, fade_out_ms=fade_out_ms),
        music_start=0,
        music_end=music,
        seam=plain_seam(music, crossfade_ms),
    )


def bed_place(length: int, *, at: int = 0, fade_out_ms: int = 0) -> BedPlace:
    fade_out = max(SAFETY_FADE_SAMPLES, fade_out_ms * SAMPLES_PER_MS)
    return BedPlace(at=at, length=length, fade_in=min(length, SAFETY_FADE_SAMPLES), fade_out=min(length, fade_out))


def played(plan: BedPlan, music: NDArray[np.float64], *, block: int = 48_000) -> NDArray[np.float64]:
    bed = np.zeros(plan.length)
    for first in range(0, plan.length, block):
        for reading in readings(plan, first, min(block, plan.length - first)):
            samples = music[reading.source_start : reading.source_start + reading.count]
            assert samples.size == reading.count, "the music has every sample that is asked of it"
            bed[first + reading.at : first + reading.at + reading.count] += samples * reading.gain
    return bed


@given(MUSIC_LENGTHS, TARGETS, st.integers(50, 5_000))
def test_the_pieces_reach_exactly_the_target_and_stay_inside_the_music(
    music: int, target: int, crossfade_ms: int
) -> None:
    plan = bed_plan(music, target, crossfade_ms=crossfade_ms)
    assert plan.pieces[0].at == 0
    assert plan.pieces[-1].end == target == plan.length
    for piece in plan.pieces:
        assert piece.source_start >= 0
        assert piece.source_start + piece.length <= music
        assert piece.length > 0
    for earlier, later in pairwise(plan.pieces):
        assert earlier.at < later.at <= earlier.end, "no hole between two pieces"
        assert later.at == earlier.at + earlier.fade_out_at, "one comes in where the other goes"


@settings(deadline=None)  # how long it takes is not what it tests
@given(MUSIC_LENGTHS, TARGETS, st.integers(5_000, 60_000))
def test_the_bed_is_the_same_in_whatever_blocks_it_is_read(music: int, target: int, block: int) -> None:
    plan = bed_plan(music, target)
    tone = np.sin(np.arange(music) / 7)
    assert np.allclose(played(plan, tone, block=block), played(plan, tone, block=target), atol=1e-6)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_crossfade_keeps_the_expected_power(way: float, correlation: float) -> None:
    outgoing, incoming = crossfade_gains(np.array([way]), correlation)
    assert outgoing**2 + incoming**2 + 2 * correlation * outgoing * incoming == pytest.approx([1.0])


@pytest.mark.parametrize("alike", [True, False])
def test_the_level_is_flat_across_a_seam_of_alike_and_of_unrelated_sides(alike: bool) -> None:
    generator = np.random.default_rng(1)
    music = generator.standard_normal(480_000)
    overlap = 96_000
    if alike:
        music[-overlap:] = music[:overlap]
    seam = plain_seam(music.size, 2_000)
    correlation = correlation_of(
        music[seam.leave :].astype(np.float32), music[seam.enter : seam.enter + overlap].astype(np.float32)
    )
    assert correlation == pytest.approx(1.0 if alike else 0.0, abs=0.02)
    plan = plan_bed(
        bed_place(800_000), music_start=0, music_end=music.size, seam=plain_seam(music.size, 2_000, correlation)
    )
    bed = played(plan, music)
    at = plan.seams[0]
    across = [10 * np.log10(np.square(bed[start : start + 9_600]).mean()) for start in range(at, at + overlap, 9_600)]
    assert max(across) == pytest.approx(0, abs=0.35)
    assert min(across) == pytest.approx(0, abs=0.35)


def test_music_that_is_long_enough_is_trimmed_and_faded_out_to_silence() -> None:
    plan = bed_plan(480_000, 240_000, fade_out_ms=1_000)
    assert len(plan.pieces) == 1
    bed = played(plan, np.ones(480_000))
    assert bed[100_000] == pytest.approx(1)
    assert bed[240_000 - 24_000] == pytest.approx(0.5, abs=0.01)
    assert bed[-1] == 0
    assert bed[0] == 0


def test_a_bed_without_a_fade_out_still_ends_without_a_click() -> None:
    bed = played(bed_plan(480_000, 240_000), np.ones(480_000))
    assert bed[-SAFETY_FADE_SAMPLES - 1] == pytest.approx(1)
    assert np.abs(np.diff(bed)).max() < np.pi / 2 / SAFETY_FADE_SAMPLES + 1e-6


@given(MUSIC_LENGTHS, st.integers(50, 20_000))
def test_a_crossfade_takes_at_most_a_third_of_the_music(music: int, crossfade_ms: int) -> None:
    assert 1 <= longest_overlap(music, crossfade_ms) <= music / 3


def test_a_bed_that_begins_later_is_silent_before_and_behind_its_place() -> None:
    place = bed_place(96_000, at=72_000)
    plan = plan_bed(place, music_start=0, music_end=480_000, seam=None)
    clock = np.zeros(240_000)
    for first in range(0, clock.size, 48_000):
        for reading in readings(plan, first, 48_000):
            clock[first + reading.at : first + reading.at + reading.count] += reading.gain
    assert np.flatnonzero(clock)[0] == pytest.approx(72_000, abs=2)
    assert np.flatnonzero(clock)[-1] == pytest.approx(168_000, abs=2)
    assert clock[120_000] == 1


def test_silence_is_unrelated_to_anything() -> None:
    assert correlation_of(np.zeros(10, np.float32), np.ones(10, np.float32)) == 0


def test_silence_at_the_ends_of_the_music_is_left_out_unless_nothing_else_is_there() -> None:
    assert audible_part(480_000, 4_800, 9_600) == (4_800, 470_400)
    assert audible_part(480_000, 480_000, 480_000) == (0, 480_000)
