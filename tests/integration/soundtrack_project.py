"""A planned project for the mixer: a voice of noise bursts and a bed of tones, told apart by their frequencies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from services.mixer.handlers import Handlers
from shared.assets import source_key
from shared.events import ScenesPlanned, SoundtrackMixed
from shared.ffmpeg import run_ffmpeg
from shared.plan import PlannedScene, ScenePlan
from shared.project import Project, SubmittedProject
from shared.soundtrack import SoundtrackReport
from shared.store import file_digest
from shared.testing import MemoryStore, RecordedStep, planned_scene
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, FrameGrid, Span, windows_between
from shared.transcript import OpposedStretch, Recording, Take, Word

Wave = NDArray[np.float64]

FPS = Fraction(25)

SCENES = (Span(0, 7_000), Span(7_000, 13_000), Span(13_000, 20_000))
"""Windows. In each the words last from 400 ms to 3 s after its start; the rest is a long pause."""

VOICE_BAND = (900, 3_000)
BED_TONES = (110.0, 220.0, 330.0)
BED_BAND = (80, 400)
CLICK_BAND = (6_000, 16_000)
"""Neither layer has anything here: what is found was made by the mixer."""


def word_spans(window: Span) -> tuple[Span, ...]:
    """Words of 300 ms with 100 ms between them."""
    return tuple(Span(at, at + 300) for at in range(window.start + 400, window.start + 3_000, 400))


def make_voice(path: Path, *, levels: Sequence[float] = (0.2, 0.1, 0.15)) -> Path:
    """The voiceover: a burst of band-limited noise for every word, each scene at its own level."""
    generator = np.random.default_rng(3)
    total = SCENES[-1].end * SAMPLES_PER_MS
    voice = np.zeros(total)
    for window, level in zip(SCENES, levels, strict=True):
        for word in word_spans(window):
            burst = in_band(generator.standard_normal(word.length * SAMPLES_PER_MS), VOICE_BAND)
            burst *= np.hanning(burst.size) ** 0.25
            start = word.start * SAMPLES_PER_MS
            voice[start : start + burst.size] = burst * level
    soundfile.write(path, voice, SAMPLE_RATE, subtype="PCM_16")
    return path


def make_tones(path: Path, *, seconds: float, rate: int = SAMPLE_RATE, channels: int = 2, level: float = 0.2) -> Path:
    """A bed of steady tones whose length is no whole number of their periods: a hard cut in it clicks."""
    at = np.arange(int(seconds * rate)) / rate
    tones = sum((np.sin(2 * np.pi * tone * at + number) for number, tone in enumerate(BED_TONES)), np.zeros(at.size))
    soundfile.write(path, np.repeat(level * tones[:, np.newaxis], channels, axis=1), rate, subtype="PCM_16")
    return path


def in_band(samples: Wave, band: tuple[int, int]) -> Wave:
    """The part of a signal between two frequencies."""
    spectrum = np.fft.rfft(samples)
    frequencies = np.fft.rfftfreq(samples.size, 1 / SAMPLE_RATE)
    spectrum[(frequencies < band[0]) | (frequencies > band[1])] = 0
    return np.fft.irfft(spectrum, samples.size)


def level_db(samples: Wave) -> float:
    """The root mean square in decibels below full scale."""
    return float(10 * np.log10(np.square(samples).mean() + 1e-20))


def stretch(samples: Wave, span: Span) -> Wave:
    """What is heard in a span of the master clock."""
    return samples[span.start * SAMPLES_PER_MS : span.end * SAMPLES_PER_MS]


@dataclass
class MixedProject:
    """A store, the project in it, and how to mix it."""

    folder: Path
    store: MemoryStore = field(default_factory=MemoryStore)
    step: RecordedStep = field(init=False)

    def __post_init__(self) -> None:
        scratch = self.folder / "scratch"
        scratch.mkdir()
        self.step = RecordedStep(scratch)

    async def submit(
        self,
        voice: Path,
        music: Path | None,
        *,
        music_options: str = "",
        loudness: int = -16,
        stems: bool = False,
        files: Sequence[Path] = (),
        keys: Mapping[str, object] | None = None,
        opposed: tuple[OpposedStretch, ...] = (),
    ) -> ScenesPlanned:
        """Put the project into the store, planned. `music_options` are lines of the project file's `music`; `keys`
        stand at its top, in place of what is there, and may name `files`."""
        total = SCENES[-1].end
        grid = FrameGrid(FPS)
        scenes = tuple(
            planned_scene(
                number,
                window,
                FPS,
                (Word(text="la", span=span, confidence=1, source="made") for span in word_spans(window)),
            )
            for number, window in enumerate(windows_between([s.end for s in SCENES[:-1]], total), start=1)
        )
        plan = ScenePlan(length_ms=total, fps=FPS, frame_count=grid.frame_at(total), scenes=scenes)
        recording = Recording(
            voiceover=await self.store.put_file(voice, source_key(file_digest(voice), "wav"), "audio/wav"),
            length_ms=total,
            takes=tuple(Take(scene_id=scene.scene_id, text="la", span=scene.speech) for scene in scenes),
            take_boundaries_known=True,
            engine="made",
            opposed=opposed,
        )
        sources = {}
        for file in (*files, *([] if music is None else [music])):
            key = source_key(file_digest(file), file.suffix)
            sources[file.name] = await self.store.put_file(file, key, "application/octet-stream")
        project = _project(scenes, music, music_options, loudness, stems, keys or {})
        submitted = SubmittedProject(project=project, sources=sources)
        return ScenesPlanned(
            project_id="mixed",
            project=await self.store.put_document(submitted, "documents/project.json"),
            recording=await self.store.put_document(recording, "documents/recording.json"),
            plan=await self.store.put_document(plan, "documents/plan.json"),
            scene_count=len(scenes),
            frame_count=plan.frame_count,
        )

    async def mix(self, event: ScenesPlanned) -> SoundtrackMixed:
        """Let the mixer hear the event."""
        mixed = await Handlers(self.store, 120).mix_soundtrack(event, self.step)
        assert mixed is not None
        return mixed

    async def report_of(self, mixed: SoundtrackMixed) -> SoundtrackReport:
        """The report that came with a soundtrack."""
        assert mixed.report is not None
        return await self.store.get_document(mixed.report, SoundtrackReport)

    async def soundtrack_file(self, mixed: SoundtrackMixed) -> Path:
        """The finished file on disk."""
        path = self.folder / "soundtrack.m4a"
        await self.store.fetch(mixed.soundtrack, path)
        return path

    async def listen(self, mixed: SoundtrackMixed) -> NDArray[np.float64]:
        """The finished file, decoded by a player that heeds its declared length: shape (samples, 2)."""
        path = await self.soundtrack_file(mixed)
        wave = self.folder / "heard.wav"
        await run_ffmpeg(["-i", str(path), "-c:a", "pcm_f32le", str(wave)])
        samples: NDArray[np.float64] = soundfile.read(wave, always_2d=True)[0]
        return samples


def _project(
    scenes: tuple[PlannedScene, ...],
    music: Path | None,
    music_options: str,
    loudness: int,
    stems: bool,
    keys: Mapping[str, object],
) -> Project:
    options = dict(line.split(": ") for line in music_options.splitlines())
    return Project.model_validate(
        {
            "name": "mixed",
            "output": {"loudness": loudness, "stems": stems},
            "music": None if music is None else {"file": music.name, **options},
            "scenes": [{"id": scene.scene_id, "narration": "la " * 7, "clips": ["clip.mp4"]} for scene in scenes],
            **keys,
        }
    )
