"""`lockstep cancel`: no service begins new work for a project from now on."""

import click

from cli.client import connected, history_so_far
from cli.edge import Refused
from cli.remote import reachable_stack
from shared.events import StepFailed, VideoAssembled
from shared.publish import publish_events


async def cancel_project(project_id: str, nats_url: str | None) -> None:
    """End the project. Raises `Refused` where the stack does not know it or it has ended already."""
    stack = reachable_stack(nats_url)
    async with connected(stack.nats_url) as client:
        if not await history_so_far(client, project_id):
            raise Refused(f"The stack knows no project {project_id!r}. `lockstep status` lists the ones it knows.")
        cancelled = StepFailed(
            project_id=project_id,
            service="lockstep",
            scene_id=None,
            reason="The project was cancelled.",
            remedy=f"`lockstep retry {project_id}` takes it up again.",
            cancelled=True,
        )
        await publish_events(client, [cancelled])
        # A project ends once: what stands there now may have been said by a service a moment before.
        ended = [event for event in await history_so_far(client, project_id) if event.ends_project]
    match ended:
        case [VideoAssembled()]:
            raise Refused(f"The project {project_id} has its video already; `lockstep watch` fetches it.")
        case [StepFailed(cancelled=False, sentence=sentence)]:
            raise Refused(f"The project {project_id} had failed already. {sentence}")
    click.echo(f"{project_id} is cancelled. A step that is running now comes to its end; no other begins.")
