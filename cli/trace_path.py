"""Where a project's time went, and what more fitters would have saved. Pure: a story in, values out."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from cli.trace_story import ProjectStory, Step

ASKED_FITTERS = (1, 2, 4, 8)

CLOCK_GRAIN_NS = 1_000_000
"""The bus tells a message's time in two ways, which round differently."""


class Kind(StrEnum):
    """What a stretch of the critical path was spent on."""

    QUEUE = "queue"
    RETRY = "retry"
    WORK = "work"
    UNTOLD = "untold"


@dataclass(frozen=True)
class Leg:
    """A stretch of the critical path, in nanoseconds since the project was submitted."""

    kind: Kind
    step: Step | None
    start_ns: int
    end_ns: int

    @property
    def length_ns(self) -> int:
        """How long it took."""
        return self.end_ns - self.start_ns


def critical_path(story: ProjectStory) -> tuple[Leg, ...]:
    """The chain of causes that ends with the project, first leg first. Its legs tile the whole time:

        0                                                            end
        |queue| voiceover |q| transcriber |q|..|queue| scene 3 |q| assembler |

    Read backwards from the step that ended the project: each step lasts until the message that it said was asked for.
    """
    legs: list[Leg] = []
    boundary, step = story.end_ns, story.last
    while step is not None:
        asked = _between(step.asked_ns, 0, boundary)
        first = _between(step.first_ns, asked, boundary)
        last = _between(step.last_ns, first, boundary)
        legs += [
            Leg(Kind.WORK, step, last, boundary),
            Leg(Kind.RETRY, step, first, last),
            Leg(Kind.QUEUE, step, asked, first),
        ]
        boundary, step = asked, step.cause
    if legs and boundary < CLOCK_GRAIN_NS:
        legs[-1] = replace(legs[-1], start_ns=0)
    else:
        legs.append(Leg(Kind.UNTOLD, None, 0, boundary))
    return tuple(leg for leg in reversed(legs) if leg.length_ns > 0)


@dataclass(frozen=True)
class Job:
    """A scene to be fitted: when it was planned and how long one fitter works on it."""

    ready_ns: int
    work_ns: int


def finish_ns(jobs: Sequence[Job], fitters: int) -> int:
    """When the last job ends if `fitters` take them in the order in which they became ready, each the next free one.

    With more fitters no job begins later: the first-come-first-served queue is monotone in its servers (Kiefer and
    Wolfowitz, "On the theory of queues with many servers", 1955).
    """
    free = [0] * fitters
    last = 0
    for job in sorted(jobs, key=lambda job: job.ready_ns):
        end = max(job.ready_ns, heapq.heappop(free)) + job.work_ns
        heapq.heappush(free, end)
        last = max(last, end)
    return last


@dataclass(frozen=True)
class WhatIf:
    """How long the project would have taken with so many fitters."""

    fitters: int
    makespan_ns: int


def with_fitters(story: ProjectStory) -> tuple[WhatIf, ...]:
    """The makespans with 1, 2, 4, 8 fitters and one for each scene.

    Each scene takes the time that it took here, so every fitter is taken to have cores of its own; the steps before and
    behind the scenes are as they were. Empty where no scene was fitted, and while the project is in work.
    """
    fitted = [scene for scene in story.scenes if scene.step is not None and scene.failure is None]
    if not (fitted and story.ended):
        return ()
    jobs = [Job(scene.planned_ns, scene.work_ns) for scene in fitted]
    met = max(story.mixed_ns, *(scene.ended_ns for scene in fitted))
    tail = story.end_ns - met
    counts = sorted({*(count for count in ASKED_FITTERS if count < len(jobs)), 1, len(jobs)})
    return tuple(WhatIf(count, max(story.mixed_ns, finish_ns(jobs, count)) + tail) for count in counts)


def _between(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))
