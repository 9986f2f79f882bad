"""`lockstep retry`: a project that failed or was cancelled is submitted again. What is done is found in the store."""

import click
from nats.aio.client import Client

from cli.client import connected, history_so_far, name_in, new_project_id
from cli.edge import Refused
from cli.remote import reachable_stack
from shared.events import ProjectSubmitted, StepFailed, VideoAssembled
from shared.publish import publish_events


async def retry_project(project_id: str, nats_url: str | None) -> None:
    """Submit the project again under a new id and print that. Raises `Refused` where it cannot be or need not be."""
    stack = reachable_stack(nats_url)
    async with connected(stack.nats_url) as client:
        click.echo((await submit_again(client, project_id)).project_id)


async def submit_again(client: Client, project_id: str) -> ProjectSubmitted:
    """Say once more that the project is submitted: a project of its own, so nothing late of the old one disturbs it."""
    events = await history_so_far(client, project_id)
    submitted = next((event for event in events if isinstance(event, ProjectSubmitted)), None)
    if submitted is None:
        raise Refused(
            f"The stack no longer knows how {project_id!r} was submitted. Submit its project file again."
            if events
            else f"The stack knows no project {project_id!r}. `lockstep status` lists the ones it knows."
        )
    if any(isinstance(event, VideoAssembled) for event in events):
        raise Refused(f"The project {project_id} has its video; `lockstep watch` fetches it.")
    if not any(isinstance(event, StepFailed) for event in events):
        raise Refused(f"The project {project_id} is still in work. `lockstep cancel {project_id}` stops it.")
    again = submitted.model_copy(update={"project_id": new_project_id(name_in(project_id))})
    await publish_events(client, [again])
    return again
