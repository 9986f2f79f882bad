"""Where batches run and are looked at: what the files of tests share. LOCKSTEP_CHAOS_PROJECTS says how many projects a
batch has, LOCKSTEP_CHAOS_NEW how many of them say what none before has said.
"""

import os
import random
import time
from collections.abc import Awaitable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import pytest

from tests.chaos.batch import LONGEST_SECONDS, Footage, all_ended, narrations, submit_batch
from tests.chaos.crew import Crew
from tests.chaos.reader import Findings, look_at, redeliveries
from tests.chaos.table import Row, note

PROJECTS = int(os.environ.get("LOCKSTEP_CHAOS_PROJECTS", "4"))
NEW = int(os.environ.get("LOCKSTEP_CHAOS_NEW", str(max(2, 2 * PROJECTS // 5))))
SEED = int(os.environ.get("LOCKSTEP_CHAOS_SEED", "20261122"))

IN_FULL = PROJECTS >= 20 or "LOCKSTEP_CHAOS_ALL" in os.environ

at_length = pytest.mark.skipif(not IN_FULL, reason="`make chaos` runs it")

SLOWEST_SECONDS = LONGEST_SECONDS + 120
"""For a test: its batch, and the fault before it."""

LOST_ANSWER = "The request may have been charged"


@dataclass
class Field:
    """Where batches run: one crew for all of them."""

    crew: Crew
    footage: Footage
    buried_before: int = 0
    also: list[str] = field(default_factory=list)
    """Projects that the fault itself submits: they are waited for and looked at with the batch."""
    chance: random.Random = field(default_factory=lambda: random.Random(SEED + 1))
    unsaid: Iterator[str] = field(default_factory=lambda: islice(narrations(SEED), 2 * PROJECTS, None))
    """An answer that is lost stays lost for everyone who says the same: so what is new must be new."""

    async def survive(self, fault: Awaitable[object], *, begin: bool = True, new: int = NEW) -> Findings:
        """Submit a batch, let `fault` happen while it runs, wait for its end, and look at everything.

        `new` of its projects say what none has said before.
        """
        began = time.monotonic()
        before = await redeliveries(self.crew.client.jetstream())
        crew, footage, known = self.crew, self.footage, narrations(SEED)
        ids = await submit_batch(crew, footage, random.Random(SEED), known, PROJECTS - new, name="known")
        ids += await submit_batch(crew, footage, self.chance, self.unsaid, new, name="new")
        if begin:
            await self.crew.begun("clip_fitter")
        await fault
        ids += self.also
        self.also.clear()
        await all_ended(self.crew, ids)
        found = await look_at(self.crew, ids)
        test = os.environ["PYTEST_CURRENT_TEST"].rpartition("::")[2].split(" ")[0]
        handed_out_again = await redeliveries(self.crew.client.jetstream()) - before
        note(
            Row(
                test.removeprefix("test_").replace("_", " "),
                len(ids),
                found.assembled,
                len(found.failed),
                max(0, handed_out_again),
                found.dead_letters - self.buried_before,
                round(time.monotonic() - began),
            )
        )
        self.buried_before = found.dead_letters
        assert found.wrong == []
        assert found.assembled + len(found.failed) == len(ids)
        return found


def assert_all_assembled(found: Findings) -> None:
    assert not found.failed, "\n".join(found.failed)
