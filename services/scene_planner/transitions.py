"""How long each transition may be: both of its scenes give what they can spare. Pure."""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

from services.scene_planner.problems import Problem
from shared.plan import PlannedTransition
from shared.project_output import Transition
from shared.timeline import FrameGrid

LEAST_BODY_FRAMES = 2
"""What is left of a scene between its transitions: it is a segment of its own, and one frame is a flash."""


def half_frames_wanted(transition: Transition, fps: Fraction) -> int:
    """Half of a transition's length in whole frames, so that its middle is the cut's own frame; 0 for a plain cut."""
    if transition.kind == "cut":
        return 0
    return max(1, FrameGrid(fps).frame_at(transition.length_ms) // 2)


def half_frames_given(frame_counts: Sequence[int], wanted: Sequence[int]) -> tuple[int, ...]:
    """Half of each transition's frames, one for each cut, so that every scene keeps a body of its own.

    scene     [ <- before ->|      body      |<- after -> )      before + after + LEAST_BODY_FRAMES <= frames

    Where a scene has no room for both, each gets half of it, or what the other leaves; 0 where nothing is left.
    """
    given = list(wanted)
    sides = pairwise([0, *wanted, 0])
    for place, (frames, (before, after)) in enumerate(zip(frame_counts, sides, strict=True)):
        room = max(0, frames - LEAST_BODY_FRAMES)
        if place > 0:
            given[place - 1] = min(given[place - 1], max(room // 2, room - after))
        if place < len(given):
            given[place] = min(given[place], max(room // 2, room - before))
    return tuple(given)


def planned_transitions(
    frame_counts: Sequence[int], wanted: Sequence[Transition], fps: Fraction
) -> tuple[PlannedTransition | None, ...]:
    """The transition of each cut; None where it is plain, or where its scenes are too short for any."""
    halves = half_frames_given(frame_counts, [half_frames_wanted(transition, fps) for transition in wanted])
    return tuple(
        PlannedTransition(kind=transition.kind, half_frames=half) if half else None
        for transition, half in zip(wanted, halves, strict=True)
    )


def shortened_transitions(
    scene_ids: Sequence[str],
    wanted: Sequence[Transition],
    planned: Sequence[PlannedTransition | None],
    fps: Fraction,
) -> list[Problem]:
    """A warning for each transition that is shorter than it was asked for, with the scene that it follows."""
    problems = []
    for scene_id, transition, made in zip(scene_ids, wanted, planned, strict=False):
        asked, got = 2 * half_frames_wanted(transition, fps), made.frame_count if made else 0
        if got < asked:
            done = f"is shortened from {asked} to {got} frames" if got else "becomes a plain cut"
            problems.append(
                Problem(
                    "short_transition",
                    scene_id,
                    f"The {transition.kind} after it {done}: the scenes beside it have no more frames to spare.",
                    "Write a shorter `length`, give the shorter scene more to say, or a `cut` on its other side.",
                    stops=False,
                )
            )
    return problems
