"""The voice stands clear in each scene: of music that grows louder, and of two beds that cross."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mixer.bed import BedPlace, BedPlan
from services.mixer.core import LevelledBed, clear_every_scene, level_bed
from services.mixer.loudness import Powers, slice_middles
from services.mixer.report import weigh_scenes
from shared.plan import ScenePlan
from shared.project import Ducking, Music
from shared.testing import planned_scene
from shared.timeline import SAMPLES_PER_MS, FrameGrid, Span
from shared.transcript import Word

FPS = Fraction(25)
SCENES = (Span(0, 4_000), Span(4_000, 8_000), Span(8_000, 12_000))
SLICES = SCENES[-1].end // 100


def plan_of_three() -> ScenePlan:
    """Three scenes spoken without a pause between them that would let the music up."""
    scenes = tuple(
        planned_scene(number, window, FPS, (Word(text="la", span=span, confidence=1, source="made") for span in words))
        for number, window in enumerate(SCENES, start=1)
        for words in [tuple(Span(at, at + 300) for at in range(window.start + 100, window.end - 300, 500))]
    )
    end = SCENES[-1].end
    return ScenePlan(length_ms=end, fps=FPS, frame_count=FrameGrid(FPS).frame_at(end), scenes=scenes)


PLAN = plan_of_three()


def ducked(beds: tuple[LevelledBed, ...], open_beds: list[Powers]) -> Powers:
    """The powers of all beds together as they are in the mix."""
    middles = slice_middles(SLICES)
    total: Powers = np.zeros(SLICES)
    for bed, open_bed in zip(beds, open_beds, strict=True):
        total += open_bed * np.power(10, (bed.curve.decibels(middles) + bed.gain_db) / 10)
    return total


def levelled(open_beds: list[Powers], voice: Powers, clearance_db: float) -> tuple[LevelledBed, ...]:
    music = Music(file="song.mp3", ducking=Ducking(clearance_db=clearance_db))
    bed = BedPlan(BedPlace(0, SCENES[-1].end * SAMPLES_PER_MS, 480, 480), (), 0.0)
    return tuple(level_bed(music, PLAN, bed, voice=voice, open_bed=open_bed) for open_bed in open_beds)


LEVELS = st.floats(1e-5, 0.5)


@given(st.lists(st.tuples(LEVELS, LEVELS, LEVELS), min_size=1, max_size=3), st.floats(0, 30))
def test_whatever_the_music_does_the_voice_stands_clear_of_all_beds_in_every_scene(
    levels: list[tuple[float, float, float]], clearance_db: float
) -> None:
    voice = np.full(SLICES, 0.01)
    open_beds = [np.repeat(np.array(level), SLICES // 3) for level in levels]
    beds = clear_every_scene(PLAN, levelled(open_beds, voice, clearance_db), open_beds, voice)
    for scene in weigh_scenes(PLAN, voice, ducked(beds, open_beds)):
        assert scene.voice_over_bed_lu is not None
        assert scene.voice_over_bed_lu >= clearance_db - 0.005, "as it is reported, to two decimals"


def test_what_stands_clear_already_is_left_alone() -> None:
    voice, open_beds = np.full(SLICES, 0.01), [np.full(SLICES, 0.01)]
    before = levelled(open_beds, voice, 12)
    assert clear_every_scene(PLAN, before, open_beds, voice) == before


def test_a_scene_that_is_silent_or_has_no_bed_moves_nothing() -> None:
    voice, open_beds = np.full(SLICES, 0.01), [np.full(SLICES, 0.01)]
    before = levelled(open_beds, voice, 12)
    silence = np.zeros(SLICES)
    assert clear_every_scene(PLAN, before, [silence], voice) == before
    assert clear_every_scene(PLAN, before, open_beds, silence) == before
    assert clear_every_scene(PLAN, (), [], voice) == ()


def test_a_scene_under_loud_music_or_with_a_weak_voice_lowers_the_bed_under_itself_only() -> None:
    voice = np.repeat([0.01, 0.01, 0.0002], SLICES // 3)
    open_beds = [np.repeat([0.2, 0.0001, 0.2], SLICES // 3)]
    beds = clear_every_scene(PLAN, levelled(open_beds, voice, 20), open_beds, voice)
    loud_music, soft_music, weak_voice = (region.depth_db for region in beds[0].curve.regions)
    assert soft_music == Ducking().depth_db
    assert weak_voice == pytest.approx(loud_music - 17, abs=0.5), "17 dB weaker"
    apart = [scene.voice_over_bed_lu for scene in weigh_scenes(PLAN, voice, ducked(beds, open_beds))]
    assert [apart[0], apart[2]] == pytest.approx([20, 20], abs=0.3)
