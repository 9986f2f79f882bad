"""Music without an ending of its own stops with a phrase, and its fade lands there."""

import numpy as np
import pytest

from services.mixer.bed import BedPlace, Seam
from services.mixer.stops import HEAD_FADE_SAMPLES, MOST_LEFT_OUT, find_stop, stopped_place
from shared.timeline import SAMPLE_RATE
from tests.unit.mixer_music import PHRASE_BARS, analysed, composed

BPM = 118.0
BAR = 4 * 60 / BPM * SAMPLE_RATE
SONG = composed(64, beats_per_minute=BPM)
ANALYSIS = analysed(SONG)


def place_of(length: int) -> BedPlace:
    return BedPlace(at=0, length=length, fade_in=480, fade_out=144_000)


def bars_off(samples: int, bars: float) -> float:
    """How far a place of the song is from a whole number of so many bars, in milliseconds."""
    off = samples / (bars * BAR)
    return abs(off - round(off)) * bars * BAR / 48


@pytest.mark.parametrize("seconds", [20.0, 33.3, 47.9, 61.0, 64.0])
def test_longer_music_is_trimmed_at_a_phrase_or_bar_and_what_is_too_much_is_left_out_at_its_head(
    seconds: float,
) -> None:
    length = int(seconds * SAMPLE_RATE)
    stop = find_stop(ANALYSIS, start=0, end=len(SONG), length=length, seam=None, is_whole=True)
    assert stop is not None
    assert stop.at - stop.head == length, "to the sample"
    assert 0 <= stop.head <= MOST_LEFT_OUT
    assert stop.kind in {"phrase", "bar"}
    assert bars_off(stop.at, PHRASE_BARS if stop.kind == "phrase" else 1) <= 40


def test_a_phrase_that_ends_soon_is_better_than_a_bar_that_ends_now() -> None:
    length = int(8 * BAR - 4 * SAMPLE_RATE)
    stop = find_stop(ANALYSIS, start=0, end=len(SONG), length=length, seam=None, is_whole=True)
    assert stop is not None
    assert stop.kind == "phrase"
    assert stop.at == pytest.approx(8 * BAR, abs=0.04 * SAMPLE_RATE)


@pytest.mark.parametrize("seconds", [140.0, 200.3, 333.3])
def test_shorter_music_is_looped_and_stops_with_a_phrase_or_bar_too(seconds: float) -> None:
    length = int(seconds * SAMPLE_RATE)
    seam = Seam(leave=round(56 * BAR), enter=round(8 * BAR), overlap=96_000, correlation=0.0)
    stop = find_stop(ANALYSIS, start=0, end=len(SONG), length=length, seam=seam, is_whole=True)
    assert stop is not None
    assert bars_off(stop.at, 1) <= 40
    repetitions = (length + stop.head - stop.at) / seam.period
    assert repetitions == round(repetitions) >= 1


def test_music_that_hardly_suffices_stops_where_its_file_ends() -> None:
    length = len(SONG) - 4_800
    stop = find_stop(ANALYSIS, start=0, end=len(SONG), length=length, seam=None, is_whole=True)
    assert stop is not None
    assert (stop.at, stop.head, stop.kind) == (len(SONG), 4_800, "phrase")
    assert find_stop(ANALYSIS, start=0, end=len(SONG), length=length, seam=None, is_whole=False) is None


def test_music_without_a_beat_near_the_end_has_no_stop() -> None:
    silent = analysed(np.zeros((480_000, 1), np.float32))
    assert find_stop(silent, start=0, end=480_000, length=96_000, seam=None, is_whole=False) is None


def test_music_that_begins_inside_comes_up_softly_and_music_that_begins_with_its_own_start_does_not() -> None:
    place = place_of(960_000)
    assert stopped_place(place, music_starts_at=0, head=300) == place
    assert stopped_place(place, music_starts_at=0, head=96_000).fade_in == HEAD_FADE_SAMPLES
    assert stopped_place(place_of(150_000), music_starts_at=0, head=96_000).fade_in == 6_000
