"""`lockstep render`: the whole system for one project, then stop."""

import time
from pathlib import Path

from cli.check import checked_project
from cli.client import connected, submit
from cli.edge import Refused
from cli.follow import fetch_video, follow
from cli.home import home_folder, running_stack
from cli.screen import Screen, shown_progress
from cli.stack import Stack, default_fitters, embedded_stack
from cli.summary import print_summary
from shared.project_file import LoadedProject
from shared.store import MinioStore


async def render_project(project_file: Path, output: Path | None, fitters: int | None) -> None:
    """Render a project file to a video. Raises `Refused` where anything is not as it must be."""
    loaded = await checked_project(project_file)
    target = output or Path(f"{loaded.project.name}.mp4")
    if target.is_dir():
        target = target / f"{loaded.project.name}.mp4"
    home = home_folder()
    began = time.monotonic()
    with shown_progress() as screen:
        if running := running_stack(home):
            screen.say(f"Using the stack that is running (process {running.process_id}).")
            await _render_on(Stack(running.nats_url, running.store_settings()), loaded, target, screen, began)
            return
        workers = fitters or default_fitters()
        async with embedded_stack(home, fitters=workers, keep_history=False, say=screen.say) as stack:
            screen.say(f"The embedded stack is ready after {time.monotonic() - began:.1f} s: {workers} clip fitters.")
            await _render_on(stack, loaded, target, screen, began)


async def _render_on(stack: Stack, loaded: LoadedProject, target: Path, screen: Screen, began: float) -> None:
    store = MinioStore(stack.store)
    async with connected(stack.nats_url) as client:
        submitted = await submit(loaded.project, loaded.sources, store, client)
        story = await follow(client, submitted.project_id, screen)
    certificate, plan = await fetch_video(story, store, target)
    print_summary(plan, story, certificate)
    screen.say(f"{target}  ({time.monotonic() - began:.1f} s)")
    if story.nothing_was_encoded:
        screen.say(f"Nothing was encoded: all {len(story.fitted)} scenes and the soundtrack were there from before.")
    if not certificate.holds:  # the assembler refuses such a video; a second look costs nothing
        raise Refused("The certificate does not hold.")
