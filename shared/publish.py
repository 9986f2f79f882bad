"""Says events: each at most once in the life of a project, several of one answer all or none.

Two guards of the server do it, and no state of ours:

- `Nats-Expected-Last-Subject-Sequence: 0` admits an event only where nothing stands on its subject yet. However many
  copies of a service say it, and however often, the stream holds it once. (`Nats-Msg-Id` is not used: it forgets after
  two minutes, and within them it silently drops an event that is said again after a project was purged for a retry.)
- An atomic batch (ADR-50) makes several events visible together. nats-py has no helper for it, so its headers are
  written here by hand.

- A project ends once: with its video or with its failure, whichever is said first. Both go out in one batch with
  `ProjectEnded`, and of two batches that hold the same subject the server admits one.

A server takes 1,000 messages in a batch. An answer that is longer goes out in chunks, in order; where a crash comes
between two chunks, the handler's message is delivered again, its answer is the same, the first chunk is refused as said
already, and the rest follows.
"""

import json
import uuid
from collections.abc import Sequence

from nats.aio.client import Client
from nats.js.errors import APIError
from opentelemetry.context import Context
from opentelemetry.trace import Tracer

from shared.events import STREAM, Event, ProjectEnded
from shared.history import History
from shared.telemetry_messages import publishing

BATCH_LIMIT = 1000
"""The server's own limit of messages in one atomic batch (error 10199 beyond it)."""

ALREADY_SAID = frozenset({10071, 10164})
"""The server's errors for "something stands on this subject": the second is what a cluster says during a race."""

GUARD = {"Nats-Expected-Stream": STREAM, "Nats-Expected-Last-Subject-Sequence": "0"}

DEFAULT_TIMEOUT_SECONDS = 5.0


async def publish_events(
    client: Client,
    events: Sequence[Event],
    *,
    tracer: Tracer | None = None,
    parent: Context | None = None,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> None:
    """Say the events of one project; returns when the stream holds them all, whoever said them first.

    An event that ends the project is left unsaid where the project has ended already.
    Raises nats-py's errors where the bus does not answer or refuses for another reason: then say them again.
    """
    ends = [event for event in events if event.ends_project]
    events = [event for event in events if not event.ends_project]
    for start in range(0, len(events), BATCH_LIMIT):
        chunk = events[start : start + BATCH_LIMIT]
        with publishing(client, chunk, tracer, parent) as trace_headers:
            if len(chunk) == 1:
                await _say_one(client, chunk[0], trace_headers, timeout_seconds)
            elif not await _say_together(client, chunk, trace_headers, timeout_seconds):
                # At least one was said before: all of them where the batch was the same, else the others are missing.
                said = await History(client.jetstream(timeout=timeout_seconds), chunk[0].project_id).subjects()
                for event in chunk:
                    if event.address not in said:
                        await _say_one(client, event, trace_headers, timeout_seconds)
    for end in ends:
        with publishing(client, [end], tracer, parent) as trace_headers:
            together = [ProjectEnded(project_id=end.project_id), end]
            await _say_together(client, together, trace_headers, timeout_seconds)


async def _say_one(client: Client, event: Event, headers: dict[str, str], timeout_seconds: float) -> None:
    answer = await client.request(event.address, _body(event), timeout=timeout_seconds, headers={**headers, **GUARD})
    _admitted(answer.data)


async def _say_together(
    client: Client, events: Sequence[Event], headers: dict[str, str], timeout_seconds: float
) -> bool:
    batch_id = uuid.uuid4().hex
    for number, event in enumerate(events, start=1):
        marks = {"Nats-Batch-Id": batch_id, "Nats-Batch-Sequence": str(number)}
        last = number == len(events)
        if last:
            marks["Nats-Batch-Commit"] = "1"
        everything = {**headers, **GUARD, **marks}
        if number == 1 or last:  # the server answers the first with nothing or a refusal, and the last for the batch
            answer = await client.request(event.address, _body(event), timeout=timeout_seconds, headers=everything)
            if not _admitted(answer.data):
                return False
        else:
            await client.publish(event.address, _body(event), headers=everything)
    return True


def _body(event: Event) -> bytes:
    return event.model_dump_json().encode()


def _admitted(answer: bytes) -> bool:
    """False where something stands on the subject already; raises for any other refusal."""
    error = json.loads(answer or b"{}").get("error")
    if error is None:
        return True
    if error.get("err_code") in ALREADY_SAID:
        return False
    raise APIError.from_error(error)
