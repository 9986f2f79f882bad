"""Which words of one scene were heard, which are missing, and what was heard that the script does not have. Pure.

script   the  old  lamp  has  stood            script word -> heard words
heard    the  bold lamb  uh   has  stood       the: 0, old: 1, lamp: 2, has: 4, stood: 5; unscripted: 3 (uh)
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rapidfuzz.distance import Levenshtein

from services.scene_planner.likeness import similarity

LEAST_LIKENESS = 0.5
"""Words less alike than this are two different words: misheard ones are above it in 4 of 5 cases, random pairs in 1
of 50 (the same counts as in likeness.py)."""

LEAST_JOINED_LIKENESS = 0.75
"""Two words have more chances to resemble a third, so they must resemble it more."""

LARGEST_BLOCK = 40_000
"""Script words times heard words between two words that are equal. Beyond it the text is another text."""

Range = tuple[int, int]


@dataclass(frozen=True)
class Hearing:
    """How one scene was heard. Places count within the scene, from 0; ranges exclude their end."""

    heard_as: tuple[Range | None, ...]
    """For each script word the heard words that stand for it; two merged words share one."""
    unscripted: tuple[int, ...]
    """Heard words that stand for no word of the script."""


def hear(script: Sequence[str], heard: Sequence[str]) -> Hearing:
    """Match one scene's plain words with the words heard in its place: equal ones first, then those alike between."""
    heard_as: list[Range | None] = [None] * len(script)
    for (script_start, script_end), (heard_start, heard_end), equal in _blocks(script, heard):
        if equal:
            for offset in range(script_end - script_start):
                heard_as[script_start + offset] = (heard_start + offset, heard_start + offset + 1)
            continue
        block = _match_alike(script[script_start:script_end], heard[heard_start:heard_end])
        for offset, (first, last) in block.items():
            heard_as[script_start + offset] = (heard_start + first, heard_start + last)
    used = {place for found in heard_as if found is not None for place in range(*found)}
    return Hearing(tuple(heard_as), tuple(place for place in range(len(heard)) if place not in used))


def runs(places: Sequence[int]) -> tuple[Range, ...]:
    """Ascending places as stretches without a hole: 2, 3, 4, 7 is 2 to 5 and 7 to 8, ends excluded."""
    if not places:
        return ()
    breaks = [at for at, (one, other) in enumerate(pairwise(places), start=1) if other != one + 1]
    edges = [0, *breaks, len(places)]
    return tuple((places[first], places[last - 1] + 1) for first, last in pairwise(edges))


def _blocks(script: Sequence[str], heard: Sequence[str]) -> Iterator[tuple[Range, Range, bool]]:
    """Both sides from end to end: stretches of equal words, and all that lies between two of them as one block."""
    script_at = heard_at = 0
    for edit in Levenshtein.opcodes(script, heard):
        if edit.tag == "equal":
            yield (script_at, edit.src_start), (heard_at, edit.dest_start), False
            yield (edit.src_start, edit.src_end), (edit.dest_start, edit.dest_end), True
            script_at, heard_at = edit.src_end, edit.dest_end
    yield (script_at, len(script)), (heard_at, len(heard)), False


def _match_alike(script: Sequence[str], heard: Sequence[str]) -> dict[int, Range]:
    """The match of a block with the greatest sum of similarities (Needleman and Wunsch, 1970), split and merged words
    included."""
    if not script or not heard or len(script) * len(heard) > LARGEST_BLOCK:
        return {}
    # best[s][h] is the greatest sum for the first s and h words, and the step (script words, heard words) to it.
    best = [[(0.0, (0, 1)) for _ in range(len(heard) + 1)]]
    for s in range(1, len(script) + 1):
        row = [(0.0, (1, 0))]
        for h in range(1, len(heard) + 1):
            options = [(best[s - 1][h][0], (1, 0)), (row[h - 1][0], (0, 1))]
            for step, gain in _pairs(script, heard, s, h):
                earlier = row if step[0] == 0 else best[s - step[0]]
                options.append((earlier[h - step[1]][0] + gain, step))
            row.append(max(options))
        best.append(row)
    found: dict[int, Range] = {}
    s, h = len(script), len(heard)
    while s and h:
        down, across = best[s][h][1]
        if down and across:
            found.update(dict.fromkeys(range(s - down, s), (h - across, h)))
        s, h = s - down, h - across
    return found


def _pairs(script: Sequence[str], heard: Sequence[str], s: int, h: int) -> Iterator[tuple[Range, float]]:
    """The ways in which the words that end at s and h can be one another, and what each is worth."""
    likeness = similarity(script[s - 1], heard[h - 1])
    if likeness >= LEAST_LIKENESS:
        yield (1, 1), likeness
    if h > 1 and (joined := similarity(script[s - 1], heard[h - 2] + heard[h - 1])) >= LEAST_JOINED_LIKENESS:
        yield (1, 2), joined
    if s > 1 and (joined := similarity(script[s - 2] + script[s - 1], heard[h - 1])) >= LEAST_JOINED_LIKENESS:
        yield (2, 1), 2 * joined
