"""Tiny real projects for the assembler's tests: segments, a voiceover and a soundtrack made by ffmpeg and NumPy."""

import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from shared.assets import Asset
from shared.events import AssemblyDue, Event, SceneFitted, ScenesPlanned, SoundtrackMixed
from shared.plan import PlannedScene, ScenePlan
from shared.segments import track_clock
from shared.soundtrack import SceneLoudness, SoundtrackReport, SoundtrackWarning
from shared.store import AssetStore
from shared.testing import MemoryStore
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, FrameGrid, Span, windows_between
from shared.transcript import Recording, Take, Word

PROJECT = "tiny"


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg, which must succeed and have nothing to say."""
    done = subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "warning", "-y", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def make_segment(
    path: Path, frame_count: int, fps: Fraction, *, look: int = 0, size: str = "64x36", parameters: str = ""
) -> Path:
    """A segment as the clip fitter makes them: closed groups of pictures, reordered frames, the project's clock."""
    rate = f"{fps.numerator}/{fps.denominator}"
    x264 = f"keyint=48:min-keyint=24:scenecut=40:open-gop=0:stitchable=1{parameters}"
    ffmpeg(
        *("-f", "lavfi", "-i", f"testsrc2=size={size}:rate={rate},hue=h={look * 40}", "-frames:v", str(frame_count)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "30", "-bf", "2", "-threads", "1", "-x264-params", x264),
        *("-pix_fmt", "yuv420p", "-video_track_timescale", str(track_clock(fps).timescale), "-map_metadata", "-1"),
        str(path),
    )
    return path


def voice_samples(length_ms: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Syllables of noise with pauses: as good as a voice for finding its place."""
    random = np.random.default_rng(11)
    length = length_ms * SAMPLES_PER_MS
    syllables = np.repeat(random.uniform(size=length // 9_600 + 1) > 0.3, 9_600)[:length]
    return 0.2 * random.standard_normal(length) * syllables


def write_wave(path: Path, samples: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Path:
    """One channel, 16 bits, 48 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE)
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return path


def make_soundtrack(folder: Path, length_ms: int, *, late_ms: int = 0) -> Path:
    """The voice over a hum, encoded once, exactly as long as the voiceover. `late_ms` moves the voice inside it."""
    voice = voice_samples(length_ms)
    moved = np.concatenate([np.zeros(late_ms * SAMPLES_PER_MS), voice])[: len(voice)]
    hum = 0.03 * np.sin(2 * np.pi * 110 * np.arange(len(voice)) / SAMPLE_RATE)
    path = folder / "soundtrack.m4a"
    ffmpeg("-i", str(write_wave(folder / "mix.wav", moved + hum)), "-ac", "2", "-c:a", "aac", "-b:a", "96k", str(path))
    return path


def plan_of(fps: Fraction, lengths_ms: Sequence[int]) -> ScenePlan:
    """Windows of these lengths, each with one word in its middle."""
    grid, total = FrameGrid(fps), sum(lengths_ms)
    windows = windows_between([sum(lengths_ms[:count]) for count in range(1, len(lengths_ms))], total)
    words = [Span(window.start + window.length // 4, window.end - window.length // 4) for window in windows]
    ends = [*[word.start for word in words[1:]], total]
    return ScenePlan(
        length_ms=total,
        fps=fps,
        frame_count=grid.frame_at(total),
        scenes=tuple(
            PlannedScene(
                number=number,
                scene_id=f"scene-{number}",
                window=window,
                first_frame=grid.frame_at(window.start),
                frame_count=grid.frame_count(window),
                speech=word,
                words=(Word(text="word", span=word, confidence=1, source="test"),),
                gap_after=Span(word.end, end),
                cut_kind="silence",
                confidence=1,
                clip_ms_to_ask_for=window.length,
            )
            for number, (window, word, end) in enumerate(zip(windows, words, ends, strict=True), start=1)
        ),
    )


@dataclass
class TinyProject:
    """A project of which everything is made but the video. Change its parts before `submit` to break it."""

    folder: Path
    plan: ScenePlan
    segments: list[Path]
    soundtrack: Path
    store: MemoryStore = field(default_factory=MemoryStore)

    @property
    def due(self) -> AssemblyDue:
        """The event that starts the assembly."""
        return AssemblyDue(project_id=PROJECT)

    async def submit(self, store: AssetStore | None = None) -> list[Event]:
        """Put all parts into the store; the project's history up to here."""
        into = store or self.store
        voiceover = write_wave(self.folder / "voiceover.wav", voice_samples(self.plan.length_ms))
        recording = Recording(
            voiceover=await _put(into, voiceover, "audio/wav"),
            length_ms=self.plan.length_ms,
            takes=(Take(scene_id="scene-1", text="word", span=Span(0, self.plan.length_ms)),),
            take_boundaries_known=False,
            engine="test",
        )
        planned = ScenesPlanned(
            project_id=PROJECT,
            project=await into.put_document(self.plan, "projects/tiny.json"),
            recording=await into.put_document(recording, "recordings/tiny.json"),
            plan=await into.put_document(self.plan, "plans/tiny.json"),
            scene_count=len(self.plan.scenes),
            frame_count=self.plan.frame_count,
        )
        soundtrack = await _put(into, self.soundtrack, "audio/mp4")
        report = SoundtrackReport(
            soundtrack=soundtrack,
            sample_count=self.plan.length_ms * SAMPLES_PER_MS,
            loudness_lufs=-14,
            true_peak_dbtp=-1,
            encode_count=1,
            scenes=tuple(
                SceneLoudness(number=scene.number, voice_lufs=-20, bed_lufs=-36, voice_over_bed_lu=16)
                for scene in self.plan.scenes
            ),
            pauses_bed_lufs=-26,
            ducked=(),
            seams_ms=(),
            warnings=(SoundtrackWarning(scene_number=1, at_ms=250, message="The voice is clipped."),),
        )
        mixed = SoundtrackMixed(
            project_id=PROJECT,
            soundtrack=soundtrack,
            report=await into.put_document(report, "soundtrack-reports/tiny.json"),
            sample_count=self.plan.length_ms * SAMPLES_PER_MS,
            loudness_lufs=-14,
            true_peak_dbtp=-1,
            from_store=False,
        )
        fitted = [
            SceneFitted(
                project_id=PROJECT,
                scene_number=scene.number,
                scene_id=scene.scene_id,
                segment=await _put(into, segment, "video/mp4"),
                frame_count=scene.frame_count,
                clip_ms=5_000,
                fit="trimmed",
                from_store=False,
            )
            for scene, segment in zip(self.plan.scenes, self.segments, strict=True)
        ]
        self.store.put_keys.clear()
        return [planned, *fitted, mixed]


async def _put(store: AssetStore, path: Path, media_type: str) -> Asset:
    return await store.put_file(path, f"parts/{path.name}", media_type)


def make_project(folder: Path, fps: Fraction, lengths_ms: Sequence[int] = (1_310, 1_007, 1_483)) -> TinyProject:
    """A faultless project with one segment for every window. Windows of equal frame counts share theirs."""
    plan = plan_of(fps, lengths_ms)
    made: dict[int, Path] = {}
    for number, scene in enumerate(plan.scenes):
        count = scene.frame_count
        made.setdefault(count, folder / f"segment-{count}.mp4")
        if not made[count].exists():
            make_segment(made[count], count, fps, look=number)
    return TinyProject(
        folder, plan, [made[scene.frame_count] for scene in plan.scenes], make_soundtrack(folder, plan.length_ms)
    )
