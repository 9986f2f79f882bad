"""What a transition costs: two scenes that dissolve into one another beside the same two with a plain cut.

    python -m benchmarks.transition_cost

Each round fits both scenes both ways, at the same time and on one processor, so that what else the machine does hits
both alike. CPU seconds of ffmpeg and ffprobe.
"""

import asyncio
import multiprocessing
import os
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import median

import click

from benchmarks.fitting import Case, cpu_of_children, make_clip
from services.clip_fitter.footage_advice import read_models
from services.clip_fitter.handlers import Handlers
from services.clip_fitter.settings import Settings
from shared.assets import Asset
from shared.events import NextScene, ScenePlanned
from shared.project import Encoder, EncoderPreset, Fit, Output
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import FrameGrid, Span

OUTPUT = Output(width=1280, height=720, fps=Fraction(24), encoder=Encoder(preset=EncoderPreset.VERYFAST, crf=20))

WINDOW_FRAMES = 96
"""Four seconds from a clip of five: a usual scene."""

HALF_FRAMES = 6
"""A dissolve of half a second."""


@dataclass(frozen=True)
class Scene:
    """One of the two scenes: which side of it has a handle."""

    number: int
    handle_before: int
    handle_after: int


@click.command()
@click.option("--rounds", default=3, show_default=True)
@click.option("--size", default="1280x720", show_default=True, help="Of the clips; the picture is 1280x720.")
def main(rounds: int, size: str) -> None:
    """Print the cost of both ways and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Two clips: scenes that are alike in everything would be one to the store, and encoded once.
        one, two = _cases(size)
        clips = make_clip(one, folder), make_clip(two, folder)
        plain, dissolved = [], []
        for number in range(rounds):
            # A process for each way: what its children used is its own.
            with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as beside:
                ways = [beside.submit(_cost, clips, folder / f"{number}-{half}", half) for half in (0, HALF_FRAMES)]
            plain.append(ways[0].result())
            dissolved.append(ways[1].result())
    ratios = sorted(one / other for one, other in zip(dissolved, plain, strict=True))
    per_transition = median(dissolved) - median(plain)
    click.echo(f"two scenes of {WINDOW_FRAMES} frames, {size} clips, {rounds} rounds")
    click.echo(f"plain cut   {median(plain):6.2f} CPU-s")
    click.echo(f"dissolve    {median(dissolved):6.2f} CPU-s ({per_transition:+.2f})")
    click.echo(f"ratio       {median(ratios):6.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})")


def _cases(size: str) -> tuple[Case, Case]:
    one = Case("5 s at 24", 0, 5, size=size, filters="noise=alls=8:allf=t", file="one.mp4")
    return one, replace(one, filters="negate,noise=alls=8:allf=t", file="two.mp4")


def _cost(clips: tuple[Path, Path], folder: Path, half_frames: int) -> float:
    folder.mkdir()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    before = cpu_of_children()
    asyncio.run(_fit_both(clips, folder, half_frames))
    return cpu_of_children() - before


async def _fit_both(clips: tuple[Path, Path], folder: Path, half_frames: int) -> None:
    store, settings = MemoryStore(), Settings()
    one, two = [await store.put_file(clip, f"sources/{clip.name}", "video/mp4") for clip in clips]
    models = read_models(settings.video_models_file.read_text())
    handlers = Handlers(store, settings, threads=1, models=models)
    for scene in (Scene(1, 0, half_frames), Scene(2, half_frames, 0)):
        scratch = folder / str(scene.number)
        scratch.mkdir()
        await handlers.fit_scene(_event(scene, one if scene.number == 1 else two, two), RecordedStep(scratch))


def _event(scene: Scene, own: Asset, other: Asset) -> ScenePlanned:
    following = NextScene(scene_id="two", frame_count=WINDOW_FRAMES, clips=(other,), fit=Fit(), transition="dissolve")
    return ScenePlanned(
        project_id="bench",
        scene_number=scene.number,
        scene_id="one" if scene.number == 1 else "two",
        window=Span(0, FrameGrid(OUTPUT.fps).ms_at(WINDOW_FRAMES)),
        frame_count=WINDOW_FRAMES,
        clips=(own,),
        output=OUTPUT,
        fit=Fit(),
        handle_before=scene.handle_before,
        handle_after=scene.handle_after,
        next_scene=following if scene.handle_after else None,
    )


if __name__ == "__main__":
    main()
