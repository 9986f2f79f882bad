"""`lockstep listen`: the soundtrack alone, as a page on which every word can be seen and heard."""

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import click
import numpy as np
import soundfile

from cli.check import checked_project
from cli.client import connected, history, submit
from cli.edge import Refused
from cli.home import home_folder, running_stack
from cli.listen_page import LOUDEST_STEP_MS, Lane, Listened, listening_page
from cli.screen import Screen, shown_progress
from cli.stack import LISTENING_SERVICES, Stack, embedded_stack
from shared.assets import Asset
from shared.events import ScenesPlanned, SoundtrackMixed, StepFailed
from shared.plan import ScenePlan
from shared.project import Project
from shared.project_file import LoadedProject
from shared.soundtrack import SoundtrackReport
from shared.store import MinioStore
from shared.timeline import SAMPLES_PER_MS

LARGEST_EMBEDDED_BYTES = 8 * 1024 * 1024
"""Five minutes of sound. Of a longer soundtrack a browser would hold the page's text and the sound decoded from it."""


async def listen_to_project(project_file: Path, html: Path | None) -> None:
    """Write the page of a project's soundtrack. Raises `Refused` where a render would stop before it."""
    loaded = await checked_project(project_file)
    target = html or Path(f"{loaded.project.name}.listen.html")
    home = home_folder()
    with shown_progress() as screen:
        async with AsyncExitStack() as running_here:
            if running := running_stack(home):
                screen.say(f"Using the stack that is running (process {running.process_id}).")
                stack = Stack(running.nats_url, running.store_settings())
            else:
                stack = await running_here.enter_async_context(
                    embedded_stack(home, fitters=0, keep_history=False, say=screen.say, services=LISTENING_SERVICES)
                )
            if any(scene.keeps_sound for scene in loaded.project.scenes):
                screen.say("Without the clips' own sound: that is cut when the clips are fitted.")
            await _write_page(stack, loaded, target, screen)
    click.echo(target)


async def _write_page(stack: Stack, loaded: LoadedProject, target: Path, screen: Screen) -> None:
    store = MinioStore(stack.store)
    project = without_clip_sound(_with_stems(loaded.project))
    plan_asset, report_asset = await _mixed(stack, store, project, loaded, screen)
    plan = await store.get_document(plan_asset, ScenePlan)
    report = await store.get_document(report_asset, SoundtrackReport)
    if report.stems is None:
        raise Refused("The running stack's mixer keeps no stems. Stop it, and let `lockstep listen` start its own.")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        stems = [("voice", report.stems.voice), ("bed", report.stems.bed), ("effects", report.stems.effects)]
        lanes: list[Lane] = []
        for name, stem in stems:
            if stem is not None:
                await store.fetch(stem, path := Path(folder) / f"{name}.wav")
                lanes.append(Lane(name, loudest_samples(path)))
        sound = Path(folder) / "soundtrack.m4a"
        await store.fetch(report.soundtrack, sound)
        await asyncio.to_thread(_write, target, Listened(project, plan, report, tuple(lanes)), sound)


def _write(target: Path, listened: Listened, sound: Path) -> None:
    beside = target.with_suffix(".m4a")
    embedded = sound.read_bytes() if sound.stat().st_size <= LARGEST_EMBEDDED_BYTES else None
    if embedded is None:
        shutil.copyfile(sound, beside)
    target.write_text(listening_page(listened, sound=embedded, beside=beside.name), encoding="utf-8")


def _with_stems(project: Project) -> Project:
    """The same project, keeping the layers that the page draws; the soundtrack's key does not depend on it."""
    return project.model_copy(update={"output": project.output.model_copy(update={"stems": True})})


def without_clip_sound(project: Project) -> Project:
    """The same project, its clips silent: nothing is fitted here, and the mixer would wait for it."""
    scenes = tuple(
        scene.model_copy(update={"clips": tuple(clip.model_copy(update={"keep_sound": False}) for clip in scene.clips)})
        for scene in project.scenes
    )
    return project.model_copy(update={"scenes": scenes})


async def _mixed(
    stack: Stack, store: MinioStore, project: Project, loaded: LoadedProject, screen: Screen
) -> tuple[Asset, Asset]:
    """The plan and the soundtrack's report. Raises `Refused` where a step failed."""
    plan: Asset | None = None
    async with connected(stack.nats_url) as client:
        submitted = await submit(project, loaded.sources, store, client)
        async with aclosing(history(client, submitted.project_id)) as events:
            async for event in events:
                screen.show_event(event)
                match event:
                    case ScenesPlanned():
                        plan = event.plan
                    case SoundtrackMixed() if plan is not None and event.report is not None:
                        return plan, event.report
                    case StepFailed():
                        raise Refused(event.sentence)
    raise Refused("The project ended without a soundtrack.")


def loudest_samples(wave: Path) -> tuple[float, ...]:
    """The loudest sample of every `LOUDEST_STEP_MS` of a file, over all its channels, full scale 1."""
    step = LOUDEST_STEP_MS * SAMPLES_PER_MS
    levels: list[float] = []
    for block in soundfile.blocks(str(wave), blocksize=step * 100, dtype="float32", always_2d=True):
        loud = np.abs(block).max(axis=1)
        whole = np.pad(loud, (0, -len(loud) % step)).reshape(-1, step)
        levels += [float(level) for level in whole.max(axis=1)]
    return tuple(levels)
