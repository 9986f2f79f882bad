"""How a bed ends as its music ends: the part that does not fit is left out in the middle, not cut off at the end.

music   [--- intro ---------- l ........ e ------------ ending ---)     longer than the bed: one jump forward,
bed     [--- intro ---------- l e ------------ ending ---)              where both places keep the beat

music         [--- ... e ------ l ------ ending ---)                    shorter: it is looped as often as needed,
bed     [---- l e ------ l e ------ l ------ ending ---)                and what is too much is left out at its head
"""

from dataclasses import replace

import numpy as np

from services.mixer.analysis import Analysis
from services.mixer.beats import Steps
from services.mixer.bed import SAFETY_FADE_SAMPLES, BedPlace, BedPlan, Piece, Seam, longest_overlap
from services.mixer.features import STEP_SAMPLES, Vector
from services.mixer.seams import HALF_WINDOW, WINDOW_STEPS, bars_among, on_the_beat, surroundings_of
from shared.soundtrack import BedEnd

_DIED_AWAY_DB = 10.0  # judgement: a loop is as loud at its end as elsewhere, a last chord's decay is far below
_LAST_STEPS = 30  # 300 ms
_EARLIEST, _LATEST = 0.1, 0.85  # judgement: of the bed; the start and the ending are left as they were composed
_LARGEST_REST_STEPS = 300  # 3 s may be left out at the head, more than a bar, so that the jump can keep the beat
_PLACES = 96


def has_ending(energies: Vector, *, start: int, end: int) -> bool:
    """True where the music, audible in its samples `[start, end)`, dies away rather than stops."""
    heard = energies[start // STEP_SAMPLES : end // STEP_SAMPLES]
    if heard.size < 4 * _LAST_STEPS:
        return False
    return bool(heard[-_LAST_STEPS:].mean() < heard.mean() * 10 ** (-_DIED_AWAY_DB / 10))


def find_jump(analysis: Analysis, *, start: int, end: int, length: int, crossfade_ms: int) -> Seam | None:
    """Where music that is longer than a bed of `length` samples jumps forward to keep its ending; exact to 10 ms.

    None where it hardly is longer, or too short to find a place.
    """
    surplus, size = (end - start) - length, analysis.features.onsets.size
    if surplus < STEP_SAMPLES or size <= WINDOW_STEPS:
        return None
    overlap = longest_overlap(length, crossfade_ms)
    first, last = start + int(length * _EARLIEST), start + int(length * _LATEST) - overlap
    largest = surplus // STEP_SAMPLES
    leaves = np.arange(first // STEP_SAMPLES, last // STEP_SAMPLES + 1)
    leaves = leaves[(leaves >= HALF_WINDOW) & (leaves + largest + HALF_WINDOW < size)]
    if leaves.size == 0:
        return None
    leaves = bars_among(analysis, leaves)
    around = surroundings_of(analysis.features)
    best_score, best = -np.inf, (0, 0)
    for leave in leaves[:: max(1, leaves.size // _PLACES)].tolist():
        enters = _enters(analysis, leave, largest)
        scores = around.likenesses(leave, enters)
        if scores.max() > best_score:
            best_score, best = float(scores.max()), (leave, int(enters[int(scores.argmax())]))
    enter = min(on_the_beat(around, *best), best[0] + largest)
    return Seam(best[0] * STEP_SAMPLES, enter * STEP_SAMPLES, overlap, 0.0)


def _enters(analysis: Analysis, leave: int, largest: int) -> Steps:
    """The bars to which a jump of at most `largest` steps may lead, or all places where there is none."""
    steps = np.arange(leave + max(1, largest - _LARGEST_REST_STEPS), leave + largest + 1)
    bars = analysis.bars
    inside: Steps = bars[(bars >= steps[0]) & (bars <= steps[-1])]
    return inside if inside.size else steps


def plan_jump(place: BedPlace, *, music_start: int, music_end: int, seam: Seam) -> BedPlan:
    """The music up to the seam and, behind it, all that leads to its ending, which lands on the bed's end.

    What the jump does not leave out is left out at the head.
    """
    surplus = (music_end - music_start) - place.length
    start = max(music_start, music_start + surplus - (seam.enter - seam.leave))
    before = seam.leave - start
    rest = min(place.length - before, music_end - seam.enter)
    first = Piece(start, 0, before + seam.overlap, 0, before, seam.overlap)
    return BedPlan(
        place, (first, Piece(seam.enter, before, rest, seam.overlap, rest, 0)), seam.correlation, ends_with="ending"
    )


def plan_loops(place: BedPlace, *, music_start: int, music_end: int, seam: Seam, ends_with: BedEnd) -> BedPlan | None:
    """The music looped over the seam and then played to `music_end`, which lands on the bed's end.

    None where what is too much cannot be left out at the head, because the seam comes too soon.
    """
    missing = place.length - (music_end - music_start)
    loops = max(1, -(-missing // seam.period))
    start = music_start + loops * seam.period - missing
    if start > seam.leave - seam.overlap:
        return None
    pieces = [Piece(start, 0, seam.leave + seam.overlap - start, 0, seam.leave - start, seam.overlap)]
    for _ in range(loops - 1):
        at = pieces[-1].at + pieces[-1].fade_out_at
        pieces.append(Piece(seam.enter, at, seam.period + seam.overlap, seam.overlap, seam.period, seam.overlap))
    at = pieces[-1].at + pieces[-1].fade_out_at
    rest = place.length - at
    pieces.append(Piece(seam.enter, at, rest, seam.overlap, rest, 0))
    return BedPlan(place, tuple(pieces), seam.correlation, ends_with=ends_with)


def without_fade_out(place: BedPlace) -> BedPlace:
    """The place of music that has an ending of its own."""
    return replace(place, fade_out=min(place.length, SAFETY_FADE_SAMPLES), crossed_out=False)
