"""Takes that begin and end in the middle of sound, from the voiceover through the mixer to the finished AAC."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from services.mixer.handlers import Handlers
from shared.events import ScenesPlanned
from shared.ffmpeg import run_ffmpeg
from shared.plan import ScenePlan
from shared.project import Voice
from shared.testing import MemoryStore, RecordedStep, planned_scene
from shared.timeline import SAMPLES_PER_MS, FrameGrid, Span, windows_between
from shared.transcript import Word
from tests.integration.soundtrack_project import CLICK_BAND, in_band
from tests.integration.test_voiceover_recorded import make_recording, record, scene

pytestmark = pytest.mark.integration

FPS = Fraction(25)


async def test_takes_of_different_level_that_begin_and_end_in_sound_are_joined_without_a_click(tmp_path: Path) -> None:
    made = {
        name: await make_recording(
            tmp_path / name,
            head_ms=0,
            tone_ms=1_500 + 137 * number,
            tail_ms=0,
            options=("-af", f"volume={-4 * number}dB"),
        )
        for number, name in enumerate(("one.wav", "two.wav", "three.wav"))
    }
    store = MemoryStore()
    scenes = tuple(scene(number, name) for number, name in enumerate(made, start=1))
    answer, recording = await record(store, tmp_path, Voice(engine="recorded"), scenes, made)
    takes = [take.span for take in recording.takes]
    cuts = [(earlier.end + later.start) // 2 for earlier, later in pairwise(takes)]
    planned = tuple(
        planned_scene(number, window, FPS, [Word(text="la", span=take, confidence=1, source="made")])
        for number, (window, take) in enumerate(zip(windows_between(cuts, recording.length_ms), takes, strict=True), 1)
    )
    frame_count = FrameGrid(FPS).frame_at(recording.length_ms)
    plan = ScenePlan(length_ms=recording.length_ms, fps=FPS, frame_count=frame_count, scenes=planned)
    event = ScenesPlanned(
        project_id="test",
        project=answer.project,
        recording=answer.recording,
        plan=await store.put_document(plan, "documents/plan.json"),
        scene_count=len(planned),
        frame_count=plan.frame_count,
    )
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    mixed = await Handlers(store, 120).mix_soundtrack(event, RecordedStep(scratch))
    assert mixed is not None
    await store.fetch(mixed.soundtrack, tmp_path / "soundtrack.m4a")
    await run_ffmpeg(["-i", str(tmp_path / "soundtrack.m4a"), "-c:a", "pcm_f32le", str(tmp_path / "heard.wav")])
    heard = soundfile.read(tmp_path / "heard.wav", always_2d=True)[0][:, 0]
    limit = max(-60.0, 3 + max(loudest_click_db(heard, take.start + 700) for take in takes))
    for take in takes:
        for edge in (take.start, take.end):
            assert loudest_click_db(heard, edge) < limit, f"at {edge} ms"
    hard = np.where(np.arange(heard.size) < (takes[0].start + 700) * SAMPLES_PER_MS, heard, 0.0)
    assert loudest_click_db(hard, takes[0].start + 700) > limit + 6, "the measure itself: the same take, cut hard"


def loudest_click_db(samples: NDArray[np.float64], at_ms: int) -> float:
    """The loudest 2 ms above the tone within 100 ms of a place."""
    span = Span(max(0, at_ms - 200), at_ms + 200)
    around = samples[span.start * SAMPLES_PER_MS : span.end * SAMPLES_PER_MS]
    high = in_band(around * np.hanning(around.size) ** 0.1, CLICK_BAND)
    middle = (at_ms - span.start) * SAMPLES_PER_MS
    near = high[max(0, middle - 4_800) : middle + 4_800]
    return float(10 * np.log10(np.square(near[: near.size // 96 * 96].reshape(-1, 96)).mean(axis=1).max() + 1e-20))
