"""`lockstep plan`: voice, words and plan only: where every cut would lie, before any footage is touched or bought."""

import tempfile
import wave
from contextlib import aclosing
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.table import Table

from cli.check import checked_project
from cli.client import connected, history, submit
from cli.edge import Refused
from cli.home import home_folder
from cli.screen import Screen, shown_progress
from cli.stack import PLANNING_SERVICES, Stack, embedded_stack
from cli.timeline_picture import Peaks, Timeline, clock, timeline_svg
from shared.events import ScenesPlanned, StepFailed, WordsTimed
from shared.plan import ScenePlan
from shared.project_file import LoadedProject
from shared.store import MinioStore
from shared.transcript import Recording, Transcript

PEAK_STEP_MS = 10


async def plan_project(project_file: Path, picture: Path | None) -> None:
    """Print the timeline and draw it. Raises `Refused` where a render would stop at the plan."""
    loaded = await checked_project(project_file)
    target = picture or Path(f"{loaded.project.name}.timeline.svg")
    with shown_progress() as screen:
        async with embedded_stack(
            home_folder(), fitters=0, keep_history=False, say=screen.say, services=PLANNING_SERVICES
        ) as stack:
            timeline = await _planned(stack, loaded, screen)
    safe = loaded.project.output.safe_area
    target.write_text(timeline_svg(timeline, loaded.project.output))
    if timeline.plan is not None:
        print_plan(timeline.plan)
    click.echo(f"Safe area for text and faces: {safe.width}x{safe.height} pixels from {safe.left}, {safe.top}.")
    click.echo(target)
    if timeline.refusal is not None:
        raise Refused(timeline.refusal)


async def _planned(stack: Stack, loaded: LoadedProject, screen: Screen) -> Timeline:
    store = MinioStore(stack.store)
    timed: WordsTimed | None = None
    planned: ScenesPlanned | None = None
    failed: StepFailed | None = None
    async with connected(stack.nats_url) as client:
        submitted = await submit(loaded.project, loaded.sources, store, client)
        async with aclosing(history(client, submitted.project_id)) as events:
            async for event in events:
                screen.show_event(event)
                match event:
                    case WordsTimed():
                        timed = event
                    case ScenesPlanned():
                        planned = event
                        break
                    case StepFailed():
                        failed = event
    refusal = failed.sentence if failed is not None else None
    if timed is None:
        raise Refused(refusal or "The project ended before its words were timed.")
    recording = await store.get_document(timed.recording, Recording)
    transcript = await store.get_document(timed.transcript, Transcript)
    with tempfile.TemporaryDirectory() as folder:
        voiceover = Path(folder) / "voiceover.wav"
        await store.fetch(recording.voiceover, voiceover)
        peaks = peaks_of(voiceover)
    plan = await store.get_document(planned.plan, ScenePlan) if planned is not None else None
    refused_at = failed.span if failed is not None else None
    return Timeline(recording.length_ms, peaks, transcript.words, plan, refusal, refused_at)


def peaks_of(voiceover: Path) -> Peaks:
    """The voiceover's outline, read in stretches of 10 ms."""
    with wave.open(str(voiceover), "rb") as stream:
        samples_each = stream.getframerate() * PEAK_STEP_MS // 1000
        channels = stream.getnchannels()
        levels: list[float] = []
        while block := stream.readframes(samples_each * 1000):
            samples = np.abs(np.frombuffer(block, dtype="<i2").astype(np.float32)) / 32768
            whole = np.pad(samples, (0, -len(samples) % (samples_each * channels)))
            levels += [float(level) for level in whole.reshape(-1, samples_each * channels).max(axis=1)]
    return Peaks(PEAK_STEP_MS, tuple(levels))


def print_plan(plan: ScenePlan) -> None:
    """The timeline as a table, with the length of clip to ask a video model for."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    texts = {"scene", "window", "cut in", "transition"}
    for heading in ("scene", "window", "frames", "words", "cut in", "transition", "confidence", "ask for"):
        table.add_column(heading, justify="left" if heading in texts else "right", no_wrap=True)
    for scene in plan.scenes:
        table.add_row(
            scene.scene_id,
            f"{clock(scene.window.start)} - {clock(scene.window.end)}",
            str(scene.frame_count),
            str(len(scene.words)),
            scene.cut_kind.replace("_", " "),
            f"{scene.transition.kind}, {scene.transition.frame_count} frames" if scene.transition else "",
            f"{scene.confidence:.2f}",
            f"{scene.clip_ms_to_ask_for / 1000:.2f} s",
        )
    console = Console()
    console = console if console.is_terminal else Console(width=160)
    console.print(table)
    for warning in plan.warnings:
        console.print(
            f"{warning.scene_id or 'project'}: {warning.message} {warning.remedy}", style="yellow", markup=False
        )
