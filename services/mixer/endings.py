"""How a bed ends as its music ends: the part that does not fit is left out in the middle, not cut off at the end.

music   [--- intro ---------- l ........ e ------------ ending ---)     longer than the bed: one jump forward,
bed     [--- intro ---------- l e ------------ ending ---)              where both places keep the beat

music         [--- ... e ------ l ------ ending ---)                    shorter: it is looped as often as needed,
bed     [---- l e ------ l e ------ l ------ ending ---)                and what is too much is left out at its head
"""

import numpy as np

from services.mixer.bed import SAFETY_FADE_SAMPLES, BedPlace, BedPlan, Piece, Seam, longest_overlap
from services.mixer.seams import STEP_SAMPLES, WINDOW_STEPS, Energies, onset_windows

_DIED_AWAY_DB = 10.0  # judgement: a loop is as loud at its end as elsewhere, a last chord's decay is far below
_LAST_STEPS = 30  # 300 ms
_EARLIEST, _LATEST = 0.1, 0.85  # judgement: of the bed; the start and the ending are left as they were composed
_LARGEST_REST_STEPS = 300  # 3 s may be left out at the head, more than a bar, so that the jump can keep the beat
_PLACES = 96


def has_ending(energies: Energies, *, start: int, end: int) -> bool:
    """True where the music, audible in its samples `[start, end)`, dies away rather than stops."""
    heard = energies[start // STEP_SAMPLES : end // STEP_SAMPLES]
    if heard.size < 4 * _LAST_STEPS:
        return False
    return bool(heard[-_LAST_STEPS:].mean() < heard.mean() * 10 ** (-_DIED_AWAY_DB / 10))


def find_jump(energies: Energies, *, start: int, end: int, length: int, crossfade_ms: int) -> Seam | None:
    """Where music that is longer than a bed of `length` samples jumps forward to keep its ending; exact to 10 ms.

    None where it hardly is longer, or too short to find a place.
    """
    surplus = (end - start) - length
    if surplus < STEP_SAMPLES or energies.size <= WINDOW_STEPS:
        return None
    overlap = longest_overlap(length, crossfade_ms)
    windows, half = onset_windows(energies), WINDOW_STEPS // 2
    first, last = start + int(length * _EARLIEST), start + int(length * _LATEST) - overlap
    leaves = np.linspace(first // STEP_SAMPLES, last // STEP_SAMPLES, _PLACES).astype(int)
    largest = surplus // STEP_SAMPLES
    leaves = np.unique(leaves[(leaves >= half) & (leaves + largest + half < energies.size)])
    if leaves.size == 0:
        return None
    jumps = np.arange(max(1, largest - _LARGEST_REST_STEPS), largest + 1)
    best_score, best = -np.inf, (0, 0)
    for leave in leaves:
        here, there = windows[leave - half], windows[leave - half + jumps]
        sizes = np.linalg.norm(here) * np.linalg.norm(there, axis=1)
        scores = there @ here / np.maximum(sizes, 1e-9)
        if scores.max() > best_score:
            best_score, best = float(scores.max()), (int(leave), int(jumps[int(scores.argmax())]))
    leave, jump = best
    return Seam(leave * STEP_SAMPLES, (leave + jump) * STEP_SAMPLES, overlap, 0.0)


def plan_jump(place: BedPlace, *, music_start: int, music_end: int, seam: Seam) -> BedPlan:
    """The music up to the seam and, behind it, all that leads to its ending, which lands on the bed's end.

    What the jump does not leave out is left out at the head.
    """
    surplus = (music_end - music_start) - place.length
    start = max(music_start, music_start + surplus - (seam.enter - seam.leave))
    before = seam.leave - start
    rest = min(place.length - before, music_end - seam.enter)
    first = Piece(start, 0, before + seam.overlap, 0, before, seam.overlap)
    return BedPlan(_ended(place), (first, Piece(seam.enter, before, rest, seam.overlap, rest, 0)), seam.correlation)


def plan_loops(place: BedPlace, *, music_start: int, music_end: int, seam: Seam) -> BedPlan | None:
    """The music looped over the seam and then played to its ending, which lands on the bed's end.

    None where what is too much cannot be left out at the head, because the seam comes too soon.
    """
    missing = place.length - (music_end - music_start)
    loops = -(-missing // seam.period)
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
    return BedPlan(_ended(place), tuple(pieces), seam.correlation)


def _ended(place: BedPlace) -> BedPlace:
    """The place without a fade of its own: the music has one."""
    return BedPlace(
        at=place.at,
        length=place.length,
        fade_in=place.fade_in,
        fade_out=min(place.length, SAFETY_FADE_SAMPLES),
        crossed_in=place.crossed_in,
    )
