"""A batch of tiny projects, each with words of its own, and how it is followed to its end."""

import asyncio
import random
import subprocess
import wave
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import permutations
from pathlib import Path

from cli.client import submit
from shared.events import STREAM, ProjectEnded
from shared.project import Project
from tests.chaos.crew import Crew

PAID_VOICE = {"engine": "elevenlabs", "name": "21m00Tcm4TlvDq8ikWAM"}

WORDS = (
    *("amber", "bright", "candle", "distant", "ember", "falcon", "garden", "harbour", "island", "jasmine", "keeper"),
    *("lantern", "meadow", "northern", "ocean", "pebble", "quiet", "river", "silver", "timber", "umber", "valley"),
)

LONGEST_SECONDS = 780
"""A batch of 20 ends in less than a minute on two cores that have nothing else to do; with a fault, in twice that. What
waits longer, on a machine that does ten times as much, waits for ever."""


@dataclass(frozen=True)
class Footage:
    """One clip and one bed, used by all."""

    clip: Path
    bed: Path


def make_footage(folder: Path) -> Footage:
    """Three seconds of a moving picture, 160x90, and two of a tone."""
    folder.mkdir(parents=True, exist_ok=True)
    clip, bed = folder / "clip.mp4", folder / "bed.wav"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=160x90:rate=12:duration=3",
         "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", str(clip)],
        check=True,
    )  # fmt: skip
    with wave.open(str(bed), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(48_000)
        sound.writeframes(b"".join(int(3000 * (n % 200 < 100)).to_bytes(2, "little") for n in range(96_000)))
    return Footage(clip, bed)


def narrations(seed: int) -> Iterator[str]:
    """Every sentence of three of the words, each once, in an order of the seed's own: 9,240."""
    sentences = list(permutations(WORDS, 3))
    random.Random(seed).shuffle(sentences)
    for words in sentences:
        yield " ".join(words).capitalize() + "."


def tiny_project(
    name: str,
    chance: random.Random,
    *,
    paid: bool,
    scenes: int = 2,
    music: bool = True,
    says: Iterator[str] | None = None,
) -> Project:
    """A project of a few words; a paid voice reports its words' times, espeak's are found by the aligner."""
    says = says or narrations(chance.randrange(2**32))
    return Project.model_validate(
        {
            "name": name,
            "output": {"width": 160, "height": 90, "fps": 12, "encoder": {"preset": "ultrafast", "crf": 30}},
            "voice": PAID_VOICE if paid else {"engine": "espeak"},
            "words": {"engine": "voice" if paid else "pocketsphinx"},
            **({"music": {"file": "bed.wav"}} if music else {}),
            "scenes": [
                {
                    "id": f"scene-{number}",
                    "narration": next(says),
                    # From a place of its own: a segment of the same length would be found in the store.
                    "clips": [{"file": "clip.mp4", "in": chance.randrange(1, 900)}],
                }
                for number in range(1, scenes + 1)
            ],
        }
    )


async def submit_batch(
    crew: Crew,
    footage: Footage,
    chance: random.Random,
    says: Iterator[str],
    count: int,
    *,
    name: str,
    free_every: int = 5,
) -> list[str]:
    """Submit `count` projects that say these sentences, every fifth of them with a free voice; their ids."""
    ids = []
    for number in range(count):
        paid = number % free_every != free_every - 1
        project = tiny_project(f"{name}-{number}", chance, paid=paid, says=says)
        files = {"clip.mp4": footage.clip, "bed.wav": footage.bed}
        ids.append((await submit(project, files, crew.store, crew.client)).project_id)
    return ids


async def all_ended(crew: Crew, ids: Sequence[str]) -> None:
    """Wait until every project has ended. Fails with the names of those that have not."""
    waiting = set(ids)
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            while waiting:
                waiting -= await _ended(crew)
                await asyncio.sleep(0.3)
    except TimeoutError:
        raise AssertionError(f"{len(waiting)} of {len(ids)} projects never ended: {sorted(waiting)[:5]}") from None


async def _ended(crew: Crew) -> set[str]:
    try:
        info = await crew.client.jetstream().stream_info(STREAM, subjects_filter=ProjectEnded.wildcard())
    except Exception:  # the bus may be the one that is away
        return set()
    return {subject.split(".")[1] for subject in info.state.subjects or {}}
