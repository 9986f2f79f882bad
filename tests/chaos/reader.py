"""An independent reader of the stream and the store: it knows the subjects and the objects, and none of our code.

After a batch it says all that is wrong with it, in sentences; an empty list is the proof that nothing was lost.
"""

import asyncio
import hashlib
import json
import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from minio import Minio
from nats.js import JetStreamContext

from shared.store import StoreSettings
from tests.chaos.crew import Crew

CONSUMERS = ("voiceover", "transcriber", "scene_planner", "clip_fitter", "mixer", "assembler_join", "assembler")

POISON = "poison-"
"""How the projects are called that consist of messages that nobody can read."""

OBJECT = re.compile(r"[a-z-]+/[0-9a-f]{64}\.[a-z0-9]{1,8}")


@dataclass(frozen=True)
class Said:
    """One message of the stream."""

    what: str
    """The subject behind the project's id."""
    body: dict[str, object]


@dataclass
class Findings:
    """What became of a batch."""

    assembled: int = 0
    failed: list[str] = field(default_factory=list)
    """The reasons that were told."""
    wrong: list[str] = field(default_factory=list)
    dead_letters: int = 0
    """All that there are, also of earlier batches."""


async def look_at(crew: Crew, ids: Collection[str]) -> Findings:
    """Read everything about these projects, and compare it with the store, the disk and the paid service's book."""
    found = Findings(wrong=await _unsettled(crew.client.jetstream()))
    histories = await _histories(crew.client.jetstream())
    objects = _raw_store(crew.store_server.settings)
    bucket = crew.store_settings.bucket
    for project_id in ids:
        told = histories[project_id]
        await asyncio.to_thread(_look_at_project, project_id, told, objects, bucket, found, crew.folder)
    for project_id, told in histories.items():
        if project_id.startswith(POISON) and sum(said.what == "step.failed" for said in told) != 1:
            found.wrong.append(f"{project_id}: a message that nobody can read did not end it once")
    await _look_at_dead_letters(crew.client.jetstream(), found)
    found.wrong += await asyncio.to_thread(_leftovers, crew.scratch, objects, bucket)
    asked = Counter(json.dumps([heard.path, heard.body], sort_keys=True) for heard in crew.paid_voice.heard)
    found.wrong += [f"the paid voice was asked {n} times for: {what[:80]}" for what, n in asked.items() if n > 1]
    return found


async def _histories(jetstream: JetStreamContext) -> dict[str, list[Said]]:
    """Message by message, as they lie in the stream."""
    histories: dict[str, list[Said]] = defaultdict(list)
    state = (await jetstream.stream_info("LOCKSTEP")).state
    turnstile = asyncio.Semaphore(32)

    async def read(sequence: int) -> None:
        async with turnstile:
            message = await jetstream.get_msg("LOCKSTEP", sequence, direct=True)
        _, project_id, what = (message.subject or "").split(".", 2)
        body = json.loads(message.data or b"{}") if (message.data or b"").startswith(b"{") else {}
        histories[project_id].append(Said(what, body))

    await asyncio.gather(*(read(sequence) for sequence in range(state.first_seq, state.last_seq + 1)))
    return histories


def _look_at_project(
    project_id: str, history: list[Said], objects: Minio, bucket: str, found: Findings, folder: Path
) -> None:
    times = Counter(said.what for said in history)
    found.wrong += [f"{project_id}: {what} was said {n} times" for what, n in times.items() if n > 1]
    assembled = [said.body for said in history if said.what == "video.assembled"]
    failed = [said.body for said in history if said.what == "step.failed"]
    if len(assembled) + len(failed) != 1:
        found.wrong.append(f"{project_id}: {len(assembled)} videos and {len(failed)} failures")
    for failure in failed:
        found.failed.append(str(failure["reason"]))
        if not (failure["reason"] and failure["remedy"]):
            found.wrong.append(f"{project_id}: it failed without a reason or a remedy")
    for video in assembled:
        found.assembled += 1
        planned = next(said.body for said in history if said.what == "scenes.planned")
        bytes_of_video = _object(objects, bucket, video["video"], found, project_id)
        certificate = json.loads(_object(objects, bucket, video["certificate"], found, project_id))
        if certificate["failures"]:
            found.wrong.append(f"{project_id}: its certificate does not hold: {certificate['failures']}")
        if (frames := _frames(bytes_of_video, folder / "looked-at.mp4")) != planned["frame_count"]:
            found.wrong.append(f"{project_id}: {frames} frames where {planned['frame_count']} were planned")


def _object(objects: Minio, bucket: str, asset: object, found: Findings, project_id: str) -> bytes:
    """The object's bytes, which must be the ones that the store says were put there."""
    assert isinstance(asset, dict)
    response = objects.get_object(bucket, asset["key"])
    try:
        data = bytes(response.read())
    finally:
        response.close()
        response.release_conn()
    digest = hashlib.sha256(data).hexdigest()
    noted = objects.stat_object(bucket, asset["key"]).metadata or {}
    if digest != noted.get("x-amz-meta-sha256"):
        found.wrong.append(f"{project_id}: the bytes of {asset['key']} are not what the store says")
    return data


def _frames(video: bytes, path: Path) -> int:
    path.write_bytes(video)
    answer = subprocess.run(
        ["ffprobe", "-v", "error", "-count_packets", "-select_streams", "v:0",
         "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", str(path)],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    path.unlink()
    return int(answer.stdout.strip().rstrip(","))


async def _look_at_dead_letters(jetstream: JetStreamContext, found: Findings) -> None:
    info = await jetstream.stream_info("LOCKSTEP_DEAD", subjects_filter=">")
    for subject in info.state.subjects or {}:
        letter = await jetstream.get_last_msg("LOCKSTEP_DEAD", subject, direct=True)
        if not (letter.headers or {}).get("Lockstep-Reason"):
            found.wrong.append(f"the dead letter {subject} has no reason")
        found.dead_letters += 1


async def _unsettled(jetstream: JetStreamContext) -> list[str]:
    """Waits a little: the last acknowledgements follow the last event."""
    left: list[str] = []
    for _ in range(200):
        infos = [await jetstream.consumer_info("LOCKSTEP", name) for name in CONSUMERS]
        left = [
            f"{info.name} has {info.num_pending} messages waiting and {info.num_ack_pending} in work"
            for info in infos
            if info.num_pending or info.num_ack_pending
        ]
        if not left:
            break
        await asyncio.sleep(0.1)
    return left


def _leftovers(scratch: Path, objects: Minio, bucket: str) -> list[str]:
    files = [path for path in scratch.rglob("*") if path.is_file() and not path.name.startswith("owner.lock")]
    keys = [stored.object_name or "" for stored in objects.list_objects(bucket, recursive=True)]
    uploads = objects._list_multipart_uploads(bucket).uploads
    return [
        *(f"a temporary file is left: {path.relative_to(scratch)}" for path in files),
        *(f"an object has an odd name: {key}" for key in keys if not OBJECT.fullmatch(key)),
        *(f"an upload was never finished: {upload.object_name}" for upload in uploads),
    ]


def _raw_store(settings: StoreSettings) -> Minio:
    return Minio(
        settings.endpoint,
        access_key=settings.access_key,
        secret_key=settings.secret_key.get_secret_value(),
        secure=False,
        region=settings.region,
    )


async def redeliveries(jetstream: JetStreamContext) -> int:
    """How many messages were handed out more than once, over all consumers, since they were made."""
    total = 0
    for name in CONSUMERS:
        info = await jetstream.consumer_info("LOCKSTEP", name)
        heard = 0
        for pattern in info.config.filter_subjects or [info.config.filter_subject]:
            stream = await jetstream.stream_info("LOCKSTEP", subjects_filter=pattern)
            heard += sum((stream.state.subjects or {}).values())
        delivered = info.delivered.consumer_seq if info.delivered else 0
        total += delivered - (heard - (info.num_pending or 0))
    return total
