"""What a scene keeps of its clips' own sound: as long as its frames, and beside the pictures that it belongs to."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from shared.media_makers import make_numbered_clip, run_tool
from shared.project import Clip, Fit
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span
from tests.integration.clip_fitting import Bench
from tests.integration.soundtrack_project import Wave

pytestmark = pytest.mark.integration

HERTZ = 1_000
BEEP_MS = Span(2_000, 2_400)
"""Where the clip beeps, in its own time."""


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def beeping(tmp_path: Path) -> Path:
    """Four seconds of numbered pictures at 24 a second, and a beep 2 s into them."""
    return make_beeping_clip(tmp_path / "beeping.mp4")


def make_beeping_clip(path: Path) -> Path:
    silent = make_numbered_clip(path.with_name("silent.mp4"), frames=96)
    at = np.arange(4 * SAMPLE_RATE) / SAMPLE_RATE
    beeps = (at >= BEEP_MS.start / 1000) & (at < BEEP_MS.end / 1000)
    soundfile.write(path.with_suffix(".wav"), 0.3 * beeps * np.sin(2 * np.pi * HERTZ * at), SAMPLE_RATE)
    copied = ("-map", "0:v", "-map", "1:a", "-c:v", "copy", "-c:a", "aac")
    run_tool("ffmpeg", "-i", str(silent), "-i", str(path.with_suffix(".wav")), *copied, str(path))
    return path


async def heard(bench: Bench) -> Wave:
    """What was kept: shape (samples, 2)."""
    assert bench.sounded is not None
    assert bench.sounded.sound is not None
    path = bench.folder / "heard.flac"
    await bench.store.fetch(bench.sounded.sound, path)
    samples, rate = soundfile.read(path, always_2d=True)
    assert rate == SAMPLE_RATE
    assert samples.shape == (bench.sounded.span.length * SAMPLES_PER_MS, 2)
    kept: Wave = samples
    return kept


def beeps_ms(samples: Wave) -> list[tuple[int, int]]:
    """Where it beeps, from and to, in milliseconds: above a tenth of the beep's level."""
    loud = np.abs(samples[:, 0]).reshape(-1, SAMPLES_PER_MS).max(axis=1) > 0.03
    edges = np.flatnonzero(np.diff(np.concatenate(([0], loud.astype(int), [0]))))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


async def test_a_clip_that_keeps_its_sound_is_heard_where_it_is_seen(bench: Bench, beeping: Path) -> None:
    answer, _ = await bench.fit(beeping, 72, footage=[Clip(file="a.mp4", in_ms=750, keep_sound=True)])
    ((start, end),) = beeps_ms(await heard(bench))
    assert start == pytest.approx(BEEP_MS.start - 750, abs=3)
    assert end == pytest.approx(BEEP_MS.end - 750, abs=3)
    assert answer.fit == "trimmed to 3.00 s of 3.25 s, from 0.75 s on; its sound is kept"


@pytest.mark.parametrize(("frames", "speed"), [(80, 3_500 / (1000 * 80 / 24)), (108, 96 / 108)])
async def test_a_clip_at_another_speed_is_heard_at_that_speed_and_at_its_own_pitch(
    bench: Bench, beeping: Path, frames: int, speed: float
) -> None:
    fit = Fit.model_validate({"prices": {"hurried_second": 0, "lost_second": 100}})
    await bench.fit(beeping, frames, fit=fit, footage=[Clip(file="a.mp4", keep_sound=True)])
    samples = await heard(bench)
    ((start, end),) = beeps_ms(samples)
    assert start == pytest.approx(BEEP_MS.start / speed, abs=25)
    assert end == pytest.approx(BEEP_MS.end / speed, abs=25)
    beep = samples[(start + 50) * SAMPLES_PER_MS : (end - 50) * SAMPLES_PER_MS, 0]
    spectrum = np.abs(np.fft.rfft(beep * np.hanning(beep.size)))
    assert spectrum.argmax() * SAMPLE_RATE / beep.size == pytest.approx(HERTZ, abs=10)


@pytest.mark.parametrize("fill", ["hold", "boomerang"])
async def test_where_a_clip_is_held_or_runs_backwards_it_is_silent(bench: Bench, beeping: Path, fill: str) -> None:
    fit = Fit.model_validate({"fill": fill, "slowest": 1})
    await bench.fit(beeping, 168, fit=fit, footage=[Clip(file="a.mp4", keep_sound=True)])
    samples = await heard(bench)
    assert len(beeps_ms(samples)) == 1
    assert np.abs(samples[4_000 * SAMPLES_PER_MS :]).max() == 0


async def test_a_loop_is_heard_again_with_its_pictures(bench: Bench, beeping: Path) -> None:
    fit = Fit.model_validate({"fill": "loop"})
    await bench.fit(beeping, 168, fit=fit, footage=[Clip(file="a.mp4", keep_sound=True)])
    assert len(beeps_ms(await heard(bench))) == 2


async def test_of_two_clips_only_the_one_that_keeps_its_sound_is_heard(bench: Bench, beeping: Path) -> None:
    footage = [Clip(file="a.mp4"), Clip(file="b.mp4", keep_sound=True)]
    await bench.fit(beeping, 180, beeping, footage=footage)
    ((start, _),) = beeps_ms(await heard(bench))
    # 192 frames share 180 and a crossfade of 12: each is seen for all of its 96.
    assert start == pytest.approx(84 * 1000 / 24 + BEEP_MS.start, abs=3)


async def test_a_sound_that_is_cut_within_a_tone_begins_and_ends_without_a_click(bench: Bench, beeping: Path) -> None:
    footage = [Clip(file="a.mp4", in_ms=2_100, keep_sound=True)]
    await bench.fit(beeping, 5, footage=footage)
    samples = (await heard(bench))[:, 0]
    assert np.abs(samples[:2]).max() < 0.01
    assert np.abs(samples[-2:]).max() < 0.01
    assert np.abs(np.diff(samples)).max() < 0.3 * 2 * np.pi * HERTZ / SAMPLE_RATE * 1.3, "no step beside the tone's own"


async def test_a_clip_without_sound_is_told_of_and_does_not_stop_the_scene(bench: Bench, tmp_path: Path) -> None:
    silent = make_numbered_clip(tmp_path / "clip.mp4", frames=48)
    answer, _ = await bench.fit(silent, 48, footage=[Clip(file="a.mp4", keep_sound=True)])
    assert bench.sounded is not None
    assert bench.sounded.sound is None
    assert answer.fit == "as it is; there is no sound to keep"
    answer, _ = await bench.fit(silent, 48, footage=[Clip(file="a.mp4", keep_sound=True)])
    assert answer.from_store is True
    assert answer.fit == "as it is; there is no sound to keep"


async def test_keeping_the_sound_encodes_no_picture_again(bench: Bench, beeping: Path) -> None:
    without, _ = await bench.fit(beeping, 72, footage=[Clip(file="a.mp4")])
    assert bench.sounded is None
    stored = list(bench.store.put_keys)
    answer, _ = await bench.fit(beeping, 72, footage=[Clip(file="a.mp4", keep_sound=True)])
    assert answer.segment == without.segment
    made = [key.partition("/")[0] for key in bench.store.put_keys[len(stored) :]]
    assert made == ["sources", "kept-sounds", "kept-sound-notes"]
    answer, _ = await bench.fit(beeping, 72, footage=[Clip(file="a.mp4", keep_sound=True)])
    assert answer.from_store is True
    assert bench.sounded is not None
