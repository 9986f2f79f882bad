"""`lockstep submit`, `watch` and `status`: talk to a stack that runs already, here or anywhere."""

from dataclasses import dataclass
from pathlib import Path

import click
from nats.aio.client import Client
from rich.console import Console
from rich.table import Table

from cli.check import checked_project
from cli.client import connected, history_so_far, project_ids, submit
from cli.edge import Refused
from cli.follow import fetch_video, follow
from cli.home import home_folder, running_stack
from cli.screen import shown_progress
from cli.stack import Stack
from cli.summary import print_summary
from shared.events import SceneFitted, ScenesPlanned, StepFailed, VideoAssembled
from shared.store import MinioStore, StoreSettings


async def submit_project(project_file: Path, nats_url: str | None) -> None:
    """Submit a project file and print the project's id."""
    loaded = await checked_project(project_file)
    stack = reachable_stack(nats_url)
    async with connected(stack.nats_url) as client:
        submitted = await submit(loaded.project, loaded.sources, MinioStore(stack.store), client)
    click.echo(submitted.project_id)


async def watch_project(project_id: str, output: Path | None, nats_url: str | None) -> None:
    """Follow a project to its end; with `output`, fetch its video."""
    stack = reachable_stack(nats_url)
    store = MinioStore(stack.store)
    async with connected(stack.nats_url) as client:
        if not await history_so_far(client, project_id):
            raise Refused(f"The stack knows no project {project_id!r}. `lockstep status` lists the ones it knows.")
        with shown_progress() as screen:
            story = await follow(client, project_id, screen)
    target = output or Path(f"{project_id}.mp4")
    certificate, plan = await fetch_video(story, store, target)
    print_summary(plan, story, certificate)
    click.echo(target)


async def show_status(project_id: str | None, nats_url: str | None) -> None:
    """Print how far one project is, or every project in the stream."""
    stack = reachable_stack(nats_url)
    async with connected(stack.nats_url) as client:
        ids = [project_id] if project_id else await project_ids(client)
        standings = [await _standing(client, each) for each in ids]
    if not standings:
        click.echo("No project has been submitted.")
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("project", "stands", "scenes fitted", "note"):
        table.add_column(heading)
    for standing in standings:
        table.add_row(standing.project_id, standing.stands, standing.fitted, standing.note)
    Console().print(table)


@dataclass(frozen=True)
class Standing:
    """How far a project is, in words."""

    project_id: str
    stands: str
    fitted: str
    note: str


async def _standing(client: Client, project_id: str) -> Standing:
    events = await history_so_far(client, project_id)
    if not events:
        raise Refused(f"The stack knows no project {project_id!r}. `lockstep status` lists the ones it knows.")
    planned = next((event for event in events if isinstance(event, ScenesPlanned)), None)
    fitted = sum(isinstance(event, SceneFitted) for event in events)
    failed = next((event for event in events if isinstance(event, StepFailed)), None)
    if failed:
        stands, note = ("cancelled", failed.remedy) if failed.cancelled else ("failed", failed.sentence)
    elif any(isinstance(event, VideoAssembled) for event in events):
        stands, note = "assembled", ""
    else:
        stands, note = "in work", f"last: {type(events[-1]).__name__}"
    return Standing(project_id, stands, f"{fitted} of {planned.scene_count}" if planned else "-", note)


def reachable_stack(nats_url: str | None) -> Stack:
    """The stack to talk to: the named bus with the store of the environment, or the one running on this machine."""
    if nats_url:
        return Stack(nats_url, StoreSettings())
    running = running_stack(home_folder())
    if running is None:
        raise Refused("No stack is running here. Start one with `lockstep up`, or name a bus with --nats-url.")
    return Stack(running.nats_url, running.store_settings())
