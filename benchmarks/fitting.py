"""Makes a clip and fits it as the service does, without a bus: what the measurements of the fitter share."""

import asyncio
import resource
import subprocess
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from services.clip_fitter.footage_advice import read_models
from services.clip_fitter.handlers import Handlers
from services.clip_fitter.settings import Settings
from shared.events import SceneFitted, ScenePlanned
from shared.project import Clip, Encoder, EncoderPreset, Fit, Output
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import FrameGrid, Span

OUTPUT = Output(width=320, height=180, fps=Fraction(24), encoder=Encoder(preset=EncoderPreset.VERYFAST, crf=20))

MOVING = "testsrc2=s={size}:r={rate}:d={seconds}"
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")


@dataclass(frozen=True)
class Case:
    """One line of the table: how its source is made, how many frames are asked for, and what the project says."""

    name: str
    frames: int
    seconds: float = 5
    size: str = "320x180"
    rate: str = "24"
    filters: str = "null"
    encoding: tuple[str, ...] = X264
    file: str = "clip.mp4"
    again: tuple[str, ...] = ()
    """Arguments of a second ffmpeg that copies the clip into what is fitted."""
    sought: tuple[str, ...] = ()
    """Where that second ffmpeg starts in the clip."""
    clips: int = 1
    fit: Fit = field(default_factory=Fit)
    footage: Clip | None = None


@dataclass(frozen=True)
class Row:
    """What became of a case."""

    case: Case
    answer: SceneFitted
    frames: int
    cpu_seconds: float
    segment: Path


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg to its end."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True)


def make_clip(case: Case, folder: Path) -> Path:
    """The source of a case."""
    made = folder / case.file
    source = MOVING.format(size=case.size, rate=case.rate, seconds=case.seconds)
    ffmpeg("-f", "lavfi", "-i", source, "-vf", case.filters, *case.encoding, str(made))
    if not case.again and not case.sought:
        return made
    second = folder / f"again-{case.file}"
    ffmpeg(*case.sought, "-i", str(made), "-c", "copy", *case.again, str(second))
    return second


def cpu_of_children() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def fit(case: Case, clip: Path, folder: Path, output: Output = OUTPUT, threads: int = 1) -> Row:
    """Fit the case's source as the service does."""
    store, settings = MemoryStore(), Settings()
    await asyncio.to_thread(folder.mkdir)
    asset = await store.put_file(clip, f"sources/{clip.name}", "video/mp4")
    event = ScenePlanned(
        project_id="table",
        scene_number=1,
        scene_id="scene",
        window=Span(0, FrameGrid(output.fps).ms_at(case.frames)),
        frame_count=case.frames,
        clips=(asset,) * case.clips,
        output=output,
        fit=case.fit,
        footage=(case.footage,) if case.footage else (),
    )
    models = read_models(await asyncio.to_thread(settings.video_models_file.read_text))
    before = cpu_of_children()
    answer, *_ = await Handlers(store, settings, threads, models).fit_scene(event, RecordedStep(folder))
    spent = cpu_of_children() - before
    segment = folder / "fitted.mp4"
    await store.fetch(answer.segment, segment)
    return Row(case, answer, await asyncio.to_thread(count_frames, segment), spent, segment)


def count_frames(segment: Path) -> int:
    """How many frames a file has, every one of them decoded."""
    entries = ("-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0")
    count = subprocess.run(["ffprobe", "-v", "error", *entries, str(segment)], check=True, capture_output=True)
    return int(count.stdout.decode().strip().strip(","))
