"""The engine `pocketsphinx`: passages are shared out over worker processes, and their answers gathered in order.

The event loop stays free and heartbeats go on; all cores work; a worker that dies is an ordinary exception.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from services.transcriber.child import run_child
from services.transcriber.passage import Heard, Passage
from services.transcriber.worker import ESPEAK_MISSING_EXIT_CODE, Request
from shared.errors import Unrecoverable

SOUND_PER_WORKER_MS = 20_000
"""A worker needs 0.3 s to start and 0.03 s for a second of sound: less sound is not worth another one."""

_HEARD = TypeAdapter(Heard)


@dataclass(frozen=True)
class PocketsphinxEngine:
    """Offline forced alignment by pocketsphinx, English."""

    most_workers: int
    timeout_seconds: float

    name = "pocketsphinx"
    version = "pocketsphinx-5.1/9"
    """The decoder and its recipe: goes up whenever the same sound and words would give other times than before."""

    async def listen(
        self, voiceover: Path, passages: Sequence[Passage], on_heard: Callable[[int], None]
    ) -> tuple[Heard, ...]:
        """What is heard in each passage, in order. Raises `RuntimeError` where a worker dies; cancelling kills them."""
        heard_ms = 0

        def note(passage: Passage) -> None:
            nonlocal heard_ms
            heard_ms += passage.span.length
            on_heard(heard_ms)

        found: dict[int, Heard] = {}

        async def work(share: Sequence[int]) -> None:
            asked = Request(voiceover, tuple(passages[index] for index in share))
            async with asyncio.timeout(self.timeout_seconds):
                answers = await ask_worker(asked, note)
            found.update(zip(share, answers, strict=True))

        try:
            async with asyncio.TaskGroup() as group:
                for share in shares([passage.span.length for passage in passages], self.most_workers):
                    group.create_task(work(share))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # whether to try again is decided by what it is
        return tuple(found[index] for index in range(len(passages)))


def shares(lengths_ms: Sequence[int], most_workers: int) -> tuple[tuple[int, ...], ...]:
    """Which passage goes to which worker, longest first, each to the one with the least to do; in order within each."""
    wanted = -(-sum(lengths_ms) // SOUND_PER_WORKER_MS)
    count = max(1, min(most_workers, wanted, len(lengths_ms)))
    loads = [0] * count
    taken: list[list[int]] = [[] for _ in range(count)]
    for index in sorted(range(len(lengths_ms)), key=lambda each: -lengths_ms[each]):
        least = loads.index(min(loads))
        loads[least] += lengths_ms[index]
        taken[least].append(index)
    return tuple(tuple(sorted(each)) for each in taken if each)


async def ask_worker(request: Request, on_heard: Callable[[Passage], None]) -> tuple[Heard, ...]:
    """A worker's answers. Raises `RuntimeError` where it dies and `Unrecoverable` where espeak-ng is missing."""
    found: list[Heard] = []

    def note(line: bytes) -> None:
        found.append(_HEARD.validate_json(line))
        on_heard(request.passages[len(found) - 1])

    code, last_line = await run_child("services.transcriber.worker", request.to_json(), note)
    if code == ESPEAK_MISSING_EXIT_CODE:
        raise Unrecoverable(
            "espeak-ng is not installed where the transcriber runs; it pronounces words that no dictionary has.",
            remedy="Install it: apt-get install espeak-ng (Debian, Ubuntu), dnf install espeak-ng (Fedora), "
            "brew install espeak-ng (macOS).",
        )
    if code != 0 or len(found) != len(request.passages):
        raise RuntimeError(f"the aligning worker stopped with {code}: {last_line or 'it printed nothing'}")
    return tuple(found)
