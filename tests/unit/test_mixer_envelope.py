"""The bed's gain: decided by the words, smooth to the sample, defined everywhere."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mixer.envelope import BedCurve, SpeechRegion, deepened, speech_regions
from shared.project import Ducking
from shared.timeline import SAMPLES_PER_MS, Span


@st.composite
def words(draw: st.DrawFn) -> tuple[Span, ...]:
    spans: list[Span] = []
    at = draw(st.integers(0, 3_000))
    for _ in range(draw(st.integers(1, 12))):
        length = draw(st.integers(1, 900))
        spans.append(Span(at, at + length))
        at += length + draw(st.integers(0, 4_000))
    return tuple(spans)


@st.composite
def duckings(draw: st.DrawFn) -> Ducking:
    pause = draw(st.integers(-30, 0))
    return Ducking(
        depth_db=draw(st.integers(-60, pause)),
        pause_db=pause,
        merge_gap_ms=draw(st.integers(0, 1_500)),
        lead_ms=draw(st.integers(0, 500)),
        attack_ms=draw(st.integers(10, 800)),
        hold_ms=draw(st.integers(0, 800)),
        release_ms=draw(st.integers(10, 2_000)),
    )


def curve_of(spans: tuple[Span, ...], ducking: Ducking) -> BedCurve:
    return BedCurve(speech_regions(spans, ducking), ducking)


@given(words(), duckings())
def test_the_bed_is_at_depth_under_every_word_and_before_the_first(spans: tuple[Span, ...], ducking: Ducking) -> None:
    curve = curve_of(spans, ducking)
    for word in spans:
        at = np.array([word.start, (word.start + word.end) / 2, word.end], dtype=np.float64)
        assert curve.decibels(at) == pytest.approx([ducking.depth_db] * 3, abs=1e-9)
    before = np.array([spans[0].start - ducking.lead_ms], dtype=np.float64)
    assert curve.decibels(before) == pytest.approx([ducking.depth_db], abs=1e-9)


@given(words(), duckings(), st.lists(st.integers(0, 20_000), max_size=6, unique=True))
def test_a_cut_within_speech_is_not_heard_on_the_bed(
    spans: tuple[Span, ...], ducking: Ducking, cuts: list[int]
) -> None:
    at = np.arange(-1_000, spans[-1].end + 4_000, 7.3)
    parted = speech_regions(spans, ducking, cuts)
    assert BedCurve(parted, ducking).decibels(at) == pytest.approx(curve_of(spans, ducking).decibels(at), abs=1e-9)
    assert not [cut for cut in cuts for region in parted if region.span.start < cut < region.span.end]


@given(words(), duckings())
def test_the_bed_never_leaves_the_range_between_depth_and_pause(spans: tuple[Span, ...], ducking: Ducking) -> None:
    levels = curve_of(spans, ducking).decibels(np.arange(-1_000, spans[-1].end + 4_000, 7.3))
    assert levels.max() <= ducking.pause_db + 1e-9
    assert levels.min() >= ducking.depth_db - 1e-9


@given(words(), duckings(), st.lists(st.integers(-20, 0), min_size=12, max_size=12))
def test_no_two_neighbouring_samples_differ_by_more_than_the_steepest_ramp(
    spans: tuple[Span, ...], ducking: Ducking, deeper: list[int]
) -> None:
    regions = speech_regions(spans, ducking)
    deepest = tuple(
        SpeechRegion(region.span, region.depth_db + extra) for region, extra in zip(regions, deeper, strict=False)
    )
    curve = BedCurve(deepest, ducking)
    per_sample_ms = 1 / SAMPLES_PER_MS
    # A raised cosine over n ms is steepest in its middle: pi / (2 n) of its height for each ms.
    height = ducking.pause_db - min(region.depth_db for region in deepest)
    steepest = height * math.pi / (2 * min(ducking.attack_ms, ducking.release_ms)) * per_sample_ms
    for edge in (deepest[0].span.start, deepest[-1].span.end):
        at = edge + np.arange(-1_000.0 * SAMPLES_PER_MS, 1_000 * SAMPLES_PER_MS) * per_sample_ms
        assert np.abs(np.diff(curve.decibels(at))).max() <= steepest + 1e-9


@settings(deadline=None)  # how long it takes is not what it tests
@given(words(), duckings(), st.integers(500, 9_000))
def test_the_gain_is_the_same_in_whatever_blocks_it_is_evaluated(
    spans: tuple[Span, ...], ducking: Ducking, block: int
) -> None:
    curve = curve_of(spans, ducking)
    first = (spans[0].start - 300) * SAMPLES_PER_MS
    whole = np.broadcast_to(curve.gain(first, 36_000), 36_000)
    parts = [
        np.broadcast_to(curve.gain(first + at, min(block, 36_000 - at)), min(block, 36_000 - at))
        for at in range(0, 36_000, block)
    ]
    assert np.allclose(np.concatenate(parts), whole, rtol=1e-5)


@given(words(), duckings())
def test_regions_hold_every_word_and_keep_the_merging_distance(spans: tuple[Span, ...], ducking: Ducking) -> None:
    regions = speech_regions(reversed(spans), ducking)
    for word in spans:
        assert any(region.span.start <= word.start and word.end <= region.span.end for region in regions)
    for earlier, later in pairwise(regions):
        assert earlier.span.until(later.span).length >= max(1, ducking.merge_gap_ms)
    assert {region.span.start for region in regions} <= {word.start for word in spans}
    assert {region.span.end for region in regions} <= {word.end for word in spans}


def test_the_bed_comes_all_the_way_back_in_a_long_pause_and_not_in_a_short_one() -> None:
    ducking = Ducking()
    long_pause = curve_of((Span(1_000, 2_000), Span(6_000, 7_000)), ducking)
    short_pause = curve_of((Span(1_000, 2_000), Span(2_600, 3_600)), ducking)
    assert long_pause.decibels(np.array([4_000.0])) == pytest.approx([ducking.pause_db])
    assert short_pause.decibels(np.array([2_300.0])) == pytest.approx([ducking.depth_db])


def test_without_words_the_bed_stays_up() -> None:
    curve = BedCurve((), Ducking())
    assert curve.decibels(np.array([0.0, 5_000.0])) == pytest.approx([-6.0, -6.0])
    assert curve.gain(0, 48_000) == pytest.approx([10 ** (-6 / 20)])


def test_a_region_is_deepened_by_what_it_lacks_and_left_alone_where_the_voice_stands_clear() -> None:
    region = SpeechRegion(Span(0, 1_000), -16.0)
    assert deepened(region, voice_over_bed_lu=9.5, clearance_db=12).depth_db == pytest.approx(-18.5)
    assert deepened(region, voice_over_bed_lu=12.5, clearance_db=12) == region
    assert deepened(region, voice_over_bed_lu=None, clearance_db=12) == region
