"""A first, global match of script and heard words. Pure.

    script   |the|note|book|was|red|          edges between words
    heard    |the|notebook|was|bread|
    answer    0   1    ?2   2   3   4         for each edge of the script the heard word that begins there

Words first, which is fast, and letters between long runs of equal words, where split and merged words cost nothing.
It is never far off, however many sentences come back, because both are the cheapest of all global matches; but at a
scene's boundary it knows nothing of pauses. `boundaries.py` decides there.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from rapidfuzz.distance import Levenshtein

LEAST_ANCHOR_WORDS = 4
"""Equal words in a row that the letters need not question."""


def heard_edges(script: Sequence[str], heard: Sequence[str]) -> tuple[int, ...]:
    """For each edge between script words, the first and the last included, the heard word nearest to it.

    One more than there are script words; ascending; between 0 and the number of heard words.
    """
    edges = [0]
    for (script_start, script_end), (heard_start, heard_end), equal in _stretches(script, heard):
        if equal:
            edges += range(heard_start + 1, heard_end + 1)
        else:
            inner = _edges_by_letters(script[script_start:script_end], heard[heard_start:heard_end])
            edges += [heard_start + edge for edge in inner[1:]]
    edges[-1] = len(heard)
    return tuple(edges)


def _stretches(script: Sequence[str], heard: Sequence[str]) -> Iterator[tuple[tuple[int, int], tuple[int, int], bool]]:
    """Both sides from end to end: long runs of equal words, and what lies between them."""
    script_at = heard_at = 0
    for edit in Levenshtein.opcodes(script, heard):
        if edit.tag == "equal" and edit.src_end - edit.src_start >= LEAST_ANCHOR_WORDS:
            # One word on each side stays in question: a repeated word may be either of the two.
            start, end = edit.src_start + 1, edit.src_end - 1
            heard_start, heard_end = edit.dest_start + 1, edit.dest_end - 1
            yield (script_at, start), (heard_at, heard_start), False
            yield (start, end), (heard_start, heard_end), True
            script_at, heard_at = end, heard_end
    yield (script_at, len(script)), (heard_at, len(heard)), False


def _edges_by_letters(script: Sequence[str], heard: Sequence[str]) -> list[int]:
    script_ends = [0, *accumulate(map(len, script))]
    heard_ends = [0, *accumulate(map(len, heard))]
    edits = list(Levenshtein.opcodes("".join(script), "".join(heard)))
    edges, place = [], 0
    for letter in script_ends:
        while place < len(edits) and edits[place].src_end < letter:
            place += 1
        heard_letter = 0
        if place < len(edits):
            edit = edits[place]
            heard_letter = min(edit.dest_start + letter - edit.src_start, edit.dest_end)
        edges.append(_nearest_edge(heard_ends, heard_letter))
    edges[0], edges[-1] = 0, len(heard)
    return edges


def _nearest_edge(ends: Sequence[int], letter: int) -> int:
    """The edge nearest to a letter; of two equally near the earlier."""
    after = min(bisect_left(ends, letter), len(ends) - 1)
    return after - 1 if after and letter - ends[after - 1] <= ends[after] - letter else after
