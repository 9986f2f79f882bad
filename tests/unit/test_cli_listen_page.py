"""The page of `lockstep listen`: every word to click on, the bed's gain, and what was measured, without a browser."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile

from cli.listen import loudest_samples, without_clip_sound
from cli.listen_page import LOUDEST_STEP_MS, Lane, Listened, listening_page
from shared.assets import Asset
from shared.plan import ScenePlan
from shared.project import Project
from shared.soundtrack import DuckedSpan, SceneLoudness, SoundtrackReport, SoundtrackWarning
from shared.testing import planned_scene
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span, windows_between
from shared.transcript import Word

FPS = Fraction(25)
LENGTH_MS = 20_000
WORDS = (("At", Span(400, 700)), ("<night>", Span(3_000, 3_400)), ("waves", Span(17_000, 17_500)))


def listened(*, with_bed: bool = True) -> Listened:
    scenes = tuple(
        planned_scene(
            number,
            window,
            FPS,
            (
                Word(text=text, span=span, confidence=1, source="made")
                for text, span in WORDS
                if window.contains(span.start)
            ),
        )
        for number, window in enumerate(windows_between([10_000], LENGTH_MS), start=1)
    )
    soundtrack = Asset(key="soundtracks/a.m4a", digest="a" * 64, media_type="audio/mp4", size=1)
    report = SoundtrackReport(
        soundtrack=soundtrack,
        sample_count=LENGTH_MS * SAMPLES_PER_MS,
        loudness_lufs=-14.1,
        true_peak_dbtp=-1.3,
        encode_count=1,
        scenes=tuple(
            SceneLoudness(number=number, voice_lufs=-20.0, bed_lufs=-36.5, voice_over_bed_lu=16.5) for number in (1, 2)
        ),
        pauses_bed_lufs=-26.0,
        ducked=(DuckedSpan(span=Span(400, 3_400), depth_db=-16), DuckedSpan(span=Span(17_000, 17_500), depth_db=-16)),
        beds=(Span(0, LENGTH_MS),) if with_bed else (),
        bed_ends=("phrase",) if with_bed else (),
        seams_ms=(),
        warnings=(SoundtrackWarning(scene_number=1, at_ms=400, message="The voice is clipped."),),
    )
    project = Project.model_validate(
        {
            "name": "heard",
            "music": {"file": "bed.wav"} if with_bed else None,
            "scenes": [{"id": scene.scene_id, "narration": "la", "clips": ["clip.mp4"]} for scene in scenes],
        }
    )
    outline = tuple(0.5 for _ in range(LENGTH_MS // LOUDEST_STEP_MS))
    lanes = (Lane("voice", outline), Lane("bed", outline)) if with_bed else (Lane("voice", outline),)
    return Listened(project, ScenePlan(length_ms=LENGTH_MS, fps=FPS, frame_count=500, scenes=scenes), report, lanes)


def page(**options: bool) -> str:
    return listening_page(listened(**options), sound=b"sound", beside="heard.m4a")


def test_every_word_stands_on_the_page_with_the_time_from_which_a_click_plays_it() -> None:
    shown = re.findall(r'<text class="word"[^>]*data-start="(\d+)" data-end="(\d+)"[^>]*>([^<]*)<', page())
    assert shown == [("400", "700", "At"), ("3000", "3400", "&lt;night&gt;"), ("17000", "17500", "waves")]


def test_the_gain_is_drawn_down_under_words_and_up_between_them() -> None:
    first, second = (
        [tuple(map(float, point.split(","))) for point in points.split()]
        for points in re.findall(r'<polyline class="gain" points="([^"]*)"', page())
    )
    under = [y for x, y in first if 28 <= x <= 238]  # 400 to 3400 ms, at 70 pixels a second
    assert min(under) == max(under)
    assert min(y for _, y in first) < min(under), "up is higher on the page"
    assert max(y for _, y in second) == min(under), "every row has its own stretch of the curve"


def test_the_loudness_of_every_scene_and_every_warning_can_be_read() -> None:
    shown = page()
    assert shown.count("<td>-36.5 LUFS</td>") == 2
    assert "0:00.400 The voice is clipped." in shown
    assert "-14.1 LUFS" in shown
    assert "16.5&ndash;16.5 LU" in shown
    assert "<dt>the music ends with</dt><dd>a phrase</dd>" in shown


def test_the_page_holds_its_sound_or_plays_the_file_beside_it() -> None:
    assert 'src="data:audio/mp4;base64,c291bmQ="' in page()
    assert 'src="heard.m4a"' in listening_page(listened(), sound=None, beside="heard.m4a")


def test_the_page_asks_nothing_of_the_network() -> None:
    assert not re.search(r"https?://", page())


def test_without_music_no_gain_is_drawn() -> None:
    assert '<polyline class="gain"' not in page(with_bed=False)


@pytest.mark.parametrize("channels", [1, 2])
def test_the_outline_is_the_loudest_sample_of_every_stretch(tmp_path: Path, channels: int) -> None:
    samples = np.zeros((SAMPLE_RATE // 10 + 1, channels), np.float32)
    samples[LOUDEST_STEP_MS * SAMPLES_PER_MS, -1] = -0.5
    soundfile.write(tmp_path / "layer.wav", samples, SAMPLE_RATE, subtype="FLOAT")
    assert loudest_samples(tmp_path / "layer.wav") == (0, 0.5, 0, 0, 0, 0)


def test_the_page_is_made_without_clips_that_are_heard_because_nothing_is_fitted_for_it() -> None:
    clips = ["a.mp4", {"file": "b.mp4", "in": 400, "keep_sound": True}]
    scenes = [{"id": "dusk", "narration": "la", "clips": clips}]
    project = without_clip_sound(Project.model_validate({"name": "heard", "scenes": scenes}))
    assert not any(scene.keeps_sound for scene in project.scenes)
    assert [(clip.file, clip.in_ms) for clip in project.scenes[0].clips] == [("a.mp4", None), ("b.mp4", 400)]
