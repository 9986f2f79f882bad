"""What a soundtrack costs: the mixer beside the usual recipe (pydub, the bed at a constant -14 dB), in one run.

    python benchmarks/mix_cost.py [--seconds 90] [--song-seconds 60] [--loudness -14]
    python benchmarks/mix_cost.py --seconds 3600 --ours-only --yardstick-seconds 600

Each runs in a process of its own on the same synthetic voice (espeak-ng) and song. CPU is user plus system time of the
process and its children without start-up; memory is the largest resident set of any of them. Making the inputs is not
counted. One plain `loudnorm` pass over the soundtrack is the yardstick for what is spent outside the AAC encoder. Both
it and the encoder take the same time for every second, so for an hour they may be timed on a stretch of it, in three
rounds, of which the median counts. Last, the
voice is searched in the encoded soundtrack: at the start, in the middle and at the end.
"""

import argparse
import asyncio
import multiprocessing
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TypeVar

import numpy as np
import soundfile
from numpy.typing import NDArray
from pydantic import BaseModel
from pydub import AudioSegment

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from services.assembler import listening
from services.assembler.waveforms import decode_stretches
from services.mixer import commands
from services.mixer.bed import BedPlace, BedPlan
from services.mixer.core import LevelledBed, read_measurement
from services.mixer.envelope import BedCurve, speech_regions
from services.mixer.handlers import Handlers
from services.mixer.loudness import Powers, slice_powers
from services.mixer.report import beds_in_pauses, weigh_scenes
from shared.assets import Asset
from shared.certificate import VoiceOffset
from shared.events import ScenesPlanned
from shared.plan import PlannedScene, ScenePlan
from shared.project import Ducking, Project, SubmittedProject
from shared.soundtrack import SceneLoudness, SoundtrackReport
from shared.store import file_digest
from shared.testing import MemoryStore, RecordedStep, planned_scene
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, FrameGrid, Span, windows_between
from shared.transcript import Recording, Take, Word

DocumentType = TypeVar("DocumentType", bound=BaseModel)

ARTICLE_GAIN_DB = -14
ROUNDS = 3  # of the yardsticks
SCENE_MS = 7_500
SENTENCES = (
    "The lighthouse stood alone for a hundred years, and nobody asked who kept the lamp burning.",
    "Every evening a small boat crossed the bay with oil, bread and letters.",
    "When the storm came the keeper counted the seconds between the light and the thunder.",
    "Then, for the first time in his life, he heard another bell answer from the dark.",
)


def make_voice(folder: Path, scene_count: int) -> tuple[Path, tuple[tuple[Span, ...], ...]]:
    """A voiceover of takes with silence between them, and the spoken stretches of each scene, found by energy."""
    total = scene_count * SCENE_MS
    voice = np.zeros(total * SAMPLES_PER_MS, np.float32)
    scenes: list[tuple[Span, ...]] = []
    sentences = [_speak(folder, sentence) for sentence in SENTENCES]
    for number, start in enumerate(range(0, total, SCENE_MS)):
        at = (start + 300) * SAMPLES_PER_MS
        spoken = sentences[number % len(sentences)][: (SCENE_MS - 900) * SAMPLES_PER_MS]
        # Takes that were spoken separately differ in level.
        voice[at : at + spoken.size] = spoken * (0.9, 0.6, 0.75, 0.5)[number % 4]
        scenes.append(_spoken_spans(spoken, start + 300))
    path = folder / "voiceover.wav"
    soundfile.write(path, voice, SAMPLE_RATE, subtype="PCM_16")
    return path, tuple(scenes)


def _speak(folder: Path, sentence: str) -> NDArray[np.float32]:
    take, resampled = folder / "take.wav", folder / "take48.wav"
    subprocess.run(["espeak-ng", "-s", "165", "-w", str(take), sentence], check=True)
    _ffmpeg(["-i", str(take), "-ar", str(SAMPLE_RATE), str(resampled)])
    spoken: NDArray[np.float32] = soundfile.read(resampled, dtype="float32")[0]
    return spoken


def _spoken_spans(samples: NDArray[np.float32], start_ms: int) -> tuple[Span, ...]:
    frame_ms = 20
    frames = samples[: samples.size // (frame_ms * SAMPLES_PER_MS) * frame_ms * SAMPLES_PER_MS]
    loud = np.sqrt(np.square(frames.reshape(-1, frame_ms * SAMPLES_PER_MS)).mean(axis=1)) > 0.01
    edges = np.flatnonzero(np.diff(np.concatenate([[False], loud, [False]]).astype(np.int8)))
    return tuple(
        Span(start_ms + int(first) * frame_ms, start_ms + int(last) * frame_ms)
        for first, last in zip(edges[::2], edges[1::2], strict=True)
    )


def make_song(path: Path, seconds: float, *, beats_per_minute: float = 93.7) -> Path:
    """A song of chords and drums with louder and softer parts."""
    generator = np.random.default_rng(7)
    count = int(seconds * SAMPLE_RATE)
    at = np.arange(count) / SAMPLE_RATE
    beat = 60 / beats_per_minute
    song = np.zeros(count)
    roots = (110.0, 87.31, 130.81, 98.0)
    for bar in range(int(seconds / (4 * beat)) + 1):
        first, last = int(bar * 4 * beat * SAMPLE_RATE), min(count, int((bar + 1) * 4 * beat * SAMPLE_RATE))
        inside = at[first:last] - bar * 4 * beat
        for ratio in (1, 1.2599, 1.4983, 2):
            song[first:last] += (
                0.08 * np.sin(2 * np.pi * roots[bar % 4] * ratio * inside) * np.minimum(1, inside / 0.02)
            )
        song[first:last] *= 1.0 if bar % 8 < 4 else 0.6
    for number in range(int(seconds / beat)):
        first = int(number * beat * SAMPLE_RATE)
        hit = generator.standard_normal(min(6_000, count - first)) * np.exp(-np.arange(min(6_000, count - first)) / 900)
        song[first : first + hit.size] += 0.15 * hit * (1.5 if number % 4 == 0 else 0.7)
    fade = np.clip((seconds - at) / 2.0, 0, 1)
    stereo = np.stack([song * fade, np.roll(song, 240) * fade], axis=1)
    soundfile.write(path, stereo / np.abs(stereo).max() * 0.9, SAMPLE_RATE, subtype="PCM_16")
    return path


@dataclass
class FolderStore(MemoryStore):
    """An `AssetStore` in a folder: a store in memory would count as the mixer's own."""

    folder: Path = field(kw_only=True)

    async def find(self, key: str) -> Asset | None:
        path = self.folder / key
        if not path.exists():
            return None
        return Asset(key=key, digest=file_digest(path), media_type="media", size=path.stat().st_size)

    async def put_file(self, path: Path, key: str, media_type: str, note: BaseModel | None = None) -> Asset:
        target = self.folder / key
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
        return Asset(key=key, digest=file_digest(target), media_type=media_type, size=target.stat().st_size)

    async def fetch(self, asset: Asset, path: Path) -> None:
        shutil.copyfile(self.folder / asset.key, path)

    async def put_document(self, document: BaseModel, key: str) -> Asset:
        path = self.folder / "document"
        path.write_text(document.model_dump_json())
        return await self.put_file(path, key, "application/json")

    async def get_document(self, asset: Asset, document_type: type[DocumentType]) -> DocumentType:
        return document_type.model_validate_json((self.folder / asset.key).read_bytes())


async def submit(
    store: FolderStore, voice: Path, song: Path, scenes: tuple[tuple[Span, ...], ...], *, loudness: int
) -> ScenesPlanned:
    """A planned project in the store, as the mixer hears of it."""
    total = len(scenes) * SCENE_MS
    planned: list[PlannedScene] = []
    takes: list[Take] = []
    project = Project.model_validate(
        {
            "name": "benchmark",
            "output": {"loudness": loudness},
            "music": {"file": "song"},
            "scenes": [
                {"id": f"scene-{number}", "narration": "words", "clips": ["clip.mp4"]}
                for number in range(1, len(scenes) + 1)
            ],
        }
    )
    grid = FrameGrid(project.output.fps)
    windows = windows_between(tuple(range(SCENE_MS, total, SCENE_MS)), total)
    for number, (window, spans) in enumerate(zip(windows, scenes, strict=True), start=1):
        speech = Span(spans[0].start, spans[-1].end)
        takes.append(Take(scene_id=f"scene-{number}", text="words", span=speech))
        planned.append(
            planned_scene(
                number,
                window,
                grid.fps,
                (Word(text="word", span=span, confidence=1, source="energy") for span in spans),
            )
        )
    plan = ScenePlan(length_ms=total, fps=grid.fps, frame_count=grid.frame_at(total), scenes=tuple(planned))
    recording = Recording(
        voiceover=await store.put_file(voice, "voiceovers/voice.wav", "audio/wav"),
        length_ms=total,
        takes=tuple(takes),
        take_boundaries_known=True,
        engine="espeak",
    )
    sources = {"song": await store.put_file(song, "sources/song.wav", "audio/wav")}
    return ScenesPlanned(
        project_id="benchmark",
        project=await store.put_document(SubmittedProject(project=project, sources=sources), "documents/project.json"),
        recording=await store.put_document(recording, "documents/recording.json"),
        plan=await store.put_document(plan, "documents/plan.json"),
        scene_count=len(planned),
        frame_count=plan.frame_count,
    )


class Usage(BaseModel):
    """What a run took."""

    cpu_seconds: float
    memory_mb: float


class Outcome(BaseModel):
    """What a run took and what came out."""

    usage: Usage
    scenes: tuple[SceneLoudness, ...] = ()
    pauses_bed_lufs: float | None = None
    encode_count: int = 1


def counted(run: Callable[[], object]) -> Usage:
    """What a run takes in this process and its children."""

    def seconds() -> float:
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        return sum(usage.ru_utime + usage.ru_stime for usage in usages)

    before = seconds()
    run()
    after = seconds()
    peaks = [resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return Usage(cpu_seconds=after - before, memory_mb=max(peaks) / 1024)


def run_ours(folder: Path) -> Outcome:
    """The mixer, from the stored project to the stored soundtrack."""
    store = FolderStore(folder=folder / "store")
    event = ScenesPlanned.model_validate_json((folder / "event.json").read_text())
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        usage = counted(lambda: _mix(store, event, Path(scratch)))
    report_key = next((folder / "store" / "soundtrack-reports").iterdir())
    report = SoundtrackReport.model_validate_json(report_key.read_text())
    shutil.copyfile(store.folder / report.soundtrack.key, folder / "ours.m4a")
    return Outcome(
        usage=usage,
        scenes=report.scenes,
        pauses_bed_lufs=report.pauses_bed_lufs,
        encode_count=report.encode_count,
    )


def _mix(store: FolderStore, event: ScenesPlanned, scratch: Path) -> None:
    asyncio.run(Handlers(store, 3_600).mix_soundtrack(event, RecordedStep(scratch)))


def run_article(folder: Path) -> Outcome:
    """The usual recipe: the whole song 14 dB down under everything, in pydub."""

    def mix() -> None:
        voice, song = AudioSegment.from_file(folder / "voiceover.wav"), AudioSegment.from_file(folder / "song.wav")
        bed = (song * (len(voice) // len(song) + 1))[: len(voice)] + ARTICLE_GAIN_DB
        voice.overlay(bed.fade_out(3_000)).export(folder / "article.m4a", format="ipod", codec="aac", bitrate="192k")

    usage = counted(mix)
    event = ScenesPlanned.model_validate_json((folder / "event.json").read_text())
    plan = ScenePlan.model_validate_json((folder / "store" / event.plan.key).read_text())
    voice = 2 * _powers(folder / "voiceover.wav", plan.length_ms)
    bed = _powers(folder / "song.wav", plan.length_ms) * 10 ** (ARTICLE_GAIN_DB / 10)
    words = (word.span for scene in plan.scenes for word in scene.words)
    pauses = BedCurve(speech_regions(words, Ducking()), Ducking())
    place = BedPlace(0, plan.length_ms * SAMPLES_PER_MS, fade_in=0, fade_out=3_000 * SAMPLES_PER_MS)
    where = LevelledBed(BedPlan(place, (), 0.0), pauses, 0.0)
    return Outcome(usage=usage, scenes=weigh_scenes(plan, voice, bed), pauses_bed_lufs=beds_in_pauses([where], bed))


def _powers(path: Path, length_ms: int) -> Powers:
    """The powers of a file, repeated to a length, read in blocks."""
    powers = [slice_powers(block) for block in soundfile.blocks(path, SAMPLE_RATE, dtype="float32", always_2d=True)]
    return np.resize(np.concatenate(powers), length_ms // 100)


def find_voice(folder: Path) -> tuple[VoiceOffset, ...]:
    """How far the voice lies in the encoded soundtrack from where it was recorded."""
    event = ScenesPlanned.model_validate_json((folder / "event.json").read_text())
    plan = ScenePlan.model_validate_json((folder / "store" / event.plan.key).read_text())
    places = listening.listenings([word.span for scene in plan.scenes for word in scene.words], plan.length_ms)
    decoded = decode_stretches(places, folder / "voiceover.wav", folder / "ours.m4a", folder, timeout_seconds=60)
    stretches = zip(places, asyncio.run(decoded), strict=True)
    return tuple(listening.voice_offset(place, voice, mix) for place, (voice, mix) in stretches)


def run_loudnorm(folder: Path) -> Outcome:
    """The yardstick: one plain loudnorm pass over the same soundtrack."""
    arguments = ["-i", str(folder / "ours.wav"), "-af", "loudnorm", "-f", "null", "-"]
    return Outcome(usage=counted(lambda: _ffmpeg(arguments)))


def run_aac(folder: Path) -> Outcome:
    """What the AAC encode alone takes of ours: its own soundtrack, decoded beforehand, encoded again."""
    arguments = ["-i", str(folder / "ours.wav"), "-c:a", "aac", "-b:a", "192k", "-aac_coder", "fast", "-aac_tns", "0"]
    return Outcome(usage=counted(lambda: _ffmpeg([*arguments, "-f", "ipod", str(folder / "again.m4a")])))


def _ffmpeg(arguments: list[str]) -> str:
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-y", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stderr


RUNS = {"ours": run_ours, "article": run_article, "loudnorm": run_loudnorm, "aac": run_aac}


def make_inputs(folder: Path, scene_count: int, song_seconds: float, loudness: int) -> None:
    """The voice, the song and the planned project, in a folder."""
    voice, scenes = make_voice(folder, scene_count)
    song = make_song(folder / "song.wav", song_seconds)
    event = asyncio.run(submit(FolderStore(folder=folder / "store"), voice, song, scenes, loudness=loudness))
    (folder / "event.json").write_text(event.model_dump_json())


def run_apart(name: str, folder: Path, number: int = 1) -> Outcome:
    """One run in a process of its own; what it took is kept in the folder, and a run that is kept is not made again."""
    kept = folder / f"{name}.{number}.outcome.json"
    if not kept.exists():
        kept.write_text(_run_now(name, folder).model_dump_json())
    return Outcome.model_validate_json(kept.read_text())


def _run_now(name: str, folder: Path) -> Outcome:
    command = [sys.executable, str(Path(__file__).resolve()), "--run", name, "--folder", str(folder)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return Outcome.model_validate_json(printed.splitlines()[-1])


def describe(name: str, outcome: Outcome, soundtrack: Path) -> str:
    """One row of the table."""
    measured = read_measurement(_ffmpeg(commands.measure_loudness(str(soundtrack))))
    apart = [scene.voice_over_bed_lu for scene in outcome.scenes if scene.voice_over_bed_lu is not None]
    voices = [scene.voice_lufs for scene in outcome.scenes if scene.voice_lufs is not None]
    in_pauses = float(np.mean(voices)) - (outcome.pauses_bed_lufs or 0)
    return (
        f"{name:<22}{outcome.usage.cpu_seconds:>7.2f} s{outcome.usage.memory_mb:>8.0f} MB"
        f"{min(apart):>9.1f} ..{max(apart):>5.1f} LU{in_pauses:>11.1f} LU{max(voices) - min(voices):>10.1f} LU"
        f"{measured.loudness_lufs:>9.1f} LUFS{measured.true_peak_dbtp:>8.1f} dBTP"
    )


def main() -> None:
    """Read the options, and measure in a folder that is kept or not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=int, default=90)
    parser.add_argument("--song-seconds", type=float, default=60)
    parser.add_argument("--loudness", type=int, default=-14)
    parser.add_argument("--ours-only", action="store_true", help="leave out pydub, which takes 3.3 GB for an hour")
    parser.add_argument("--yardstick-seconds", type=int, default=3_600)
    parser.add_argument("--keep", type=Path, help="a folder from which an interrupted benchmark goes on")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.run is not None:
        print(RUNS[options.run](options.folder).model_dump_json())
        return
    with tempfile.TemporaryDirectory() as name:
        folder = options.keep or Path(name)
        folder.mkdir(exist_ok=True)
        measure(folder, options)


def measure(folder: Path, options: argparse.Namespace) -> None:
    """Make the inputs, run everything, and print each row as it is known."""
    scene_count = options.seconds * 1000 // SCENE_MS
    length = scene_count * SCENE_MS // 1000
    if not (folder / "event.json").exists():
        # In a process of its own too: a child inherits its parent's largest resident set.
        inputs = multiprocessing.get_context("spawn").Process(
            target=make_inputs, args=(folder, scene_count, options.song_seconds, options.loudness)
        )
        inputs.start()
        inputs.join()
    print(f"{scene_count} scenes, {length} s of voice, a song of {options.song_seconds:.0f} s")
    print(
        f"{'':<22}{'CPU':>9}{'memory':>11}{'voice over bed':>20}{'in pauses':>14}{'takes apart':>13}"
        f"{'loudness':>14}{'true peak':>13}",
        flush=True,
    )
    ours = run_apart("ours", folder)
    print(describe("lockstep", ours, folder / "ours.m4a"), flush=True)
    for offset in find_voice(folder):
        found = "not found" if offset.offset_ms is None else f"{offset.offset_ms:+.3f} ms off"
        print(f"voice at {offset.heard_at.start / 1000:.1f} s: {found} (likeness {offset.likeness:.2f})", flush=True)
    if not options.ours_only:
        article = run_apart("article", folder)
        print(describe("pydub, constant -14 dB", article, folder / "article.m4a"), flush=True)
    stretch = min(length, options.yardstick_seconds)
    _ffmpeg(["-t", str(stretch), "-i", str(folder / "ours.m4a"), "-c:a", "pcm_f32le", str(folder / "ours.wav")])
    loudnorm_seconds, aac_seconds = (
        median(run_apart(name, folder, number).usage.cpu_seconds for number in range(1, ROUNDS + 1)) * length / stretch
        for name in ("loudnorm", "aac")
    )
    outside = ours.usage.cpu_seconds - ours.encode_count * aac_seconds
    print(
        f"AAC encodes of ours: {ours.encode_count}, {aac_seconds:.2f} s each. The rest: {outside:.2f} s,"
        f" {outside / loudnorm_seconds:.2f} of one loudnorm pass ({loudnorm_seconds:.2f} s)"
        + (f"; both timed on {stretch} s." if stretch < length else ".")
    )


if __name__ == "__main__":
    main()
