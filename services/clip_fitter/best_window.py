"""Which part of a longer clip is shown: not its head, but what is neither black, nor frozen, nor cut. Pure.

Reading what is needed to know costs processor time, so it is done in two steps. The sizes of a clip's packets are known
from probing and say whether anything happens in it at all: a cut is a packet of several times the usual size, and black
or frozen pictures are packets of next to nothing. An even clip is as good at its start as anywhere, and nothing is
decoded for it. Any other is looked at once: a few small pictures a second, kept under the digest of the source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from statistics import fmean, median, pstdev

import numpy as np
from numpy.typing import NDArray

from services.clip_fitter.clip import Clip
from shared.timeline import Span

STEP_MS = 200
"""Between two pictures that are looked at. Finer would need pictures that decoders may leave out (`looks.py`)."""

SIZE = (96, 54)

SHORTEST_CHOICE_MS = 400
"""A clip that is longer than its window by less than this leaves too little to choose from to be looked at."""

LONGEST_LOOK_MS = 120_000
"""Nothing behind this is looked at. Whoever brings long footage knows which part is wanted, and writes `in`."""


@dataclass(frozen=True)
class Look:
    """What was seen in a clip, picture by picture, `STEP_MS` apart. Levels are of 255."""

    brightness: tuple[float, ...]
    contrast: tuple[float, ...]
    motion: tuple[float, ...]
    """How much each picture differs from the one before it; 0 for the first."""

    @cached_property
    def usual_motion(self) -> float:
        """How much two pictures differ that follow one another, in the middle of all."""
        return median(self.motion[1:]) if len(self.motion) > 1 else 0.0


def look_at(pictures: NDArray[np.uint8]) -> Look:
    """What is seen in small grey pictures (pictures, rows, columns)."""
    levels = pictures.astype(np.float64)
    motion = np.abs(np.diff(levels, axis=0)).mean(axis=(1, 2))
    return Look(
        brightness=tuple(round(float(level), 1) for level in levels.mean(axis=(1, 2))),
        contrast=tuple(round(float(level), 1) for level in levels.std(axis=(1, 2))),
        motion=(0.0, *(round(float(level), 2) for level in motion)),
    )


USUAL_KEY_FRAMES = 250
"""How far apart x264 and x265 put key frames if nobody says otherwise: a single large packet there is no cut."""


def is_even(packet_sizes: Sequence[int]) -> bool:
    """True where the sizes of a clip's packets, in the order in which they are shown, give no sign of a cut, of black
    or of frozen pictures. Key frames are large too, but come at equal distances."""
    if len(packet_sizes) < 8:
        return False
    usual = median(packet_sizes)
    large = [place for place, size in enumerate(packet_sizes) if size > 4 * usual and place > 0]
    if large and (large[0] != USUAL_KEY_FRAMES and len(large) < 2):
        return False
    if any(place != large[0] * (number + 1) for number, place in enumerate(large)):
        return False
    stretch = max(8, len(packet_sizes) // 16)
    stretches = [median(packet_sizes[at : at + stretch]) for at in range(0, len(packet_sizes) - stretch + 1, stretch)]
    return all(0.3 * usual <= one <= 3 * usual for one in stretches)


def hitch_of(clip: Clip, fps: Fraction) -> Fraction | None:
    """How long the clip shows each picture, in frames at `fps`; None for a still picture, which has no speed."""
    return None if clip.is_still else fps * clip.pictures.length_ms / (1000 * clip.pictures.count)


BLACK_BELOW = 24
"""Limited range has black at 16."""

FLAT_BELOW = 6

FROZEN_BELOW = 0.15
"""Even a steady camera's noise is more than this."""

CUT_ABOVE = 12

CUT_OUTGROWS = 4
"""A cut differs this many times more than what is usual in the clip."""


def clean_part(look: Look, needed_ms: int, clip_ms: int) -> Span | None:
    """The longest part of a clip of `clip_ms` without black, frozen pictures or a cut, in the clip's own time; None
    where that is shorter than `needed_ms`. What is shown of the clip comes from there, as if it held nothing else.

    clip   [black][        clean part       |cut|  other shot ]
    """
    pictures = len(look.motion)
    longest, start = Span(0, 0), 0
    for end in range(1, pictures + 1):  # from picture `start` up to, but without, picture `end`
        changes_badly = end < pictures and (_is_cut(look, end) or _is_frozen(look, end))
        if _is_black(look, end - 1) or changes_badly:
            start = end
            continue
        is_last = end == pictures and clip_ms - end * STEP_MS < STEP_MS
        end_ms = clip_ms if is_last else min(end * STEP_MS, clip_ms)
        if end_ms - start * STEP_MS > longest.length:
            longest = Span(start * STEP_MS, end_ms)
    return longest if longest.length >= needed_ms else None


def best_start_ms(look: Look, length_ms: int, within: Span) -> int:
    """Where the best `length_ms` of that part of a clip start; of equally good ones the first.

    within   [black][  steady motion          |cut|   other shot  ]
                    [       window     )
    """
    latest = max(within.start, min(within.end, len(look.motion) * STEP_MS) - length_ms)
    starts = [*range(within.start, latest, STEP_MS), latest]
    faults: dict[int, float] = {start: round(_faults(look, start, start + length_ms), 2) for start in starts}
    best: int = min(starts, key=lambda start: faults[start])  # of equals, min takes the first
    return best


def _faults(look: Look, start_ms: int, end_ms: int) -> float:
    """How bad a part of a clip is, in seconds of black. Judgement: a cut is the worst, since a scene has one shot."""
    first, end = -(-start_ms // STEP_MS), min(-(-end_ms // STEP_MS), len(look.motion) - 1)
    # A change is seen at the first picture after it: it may lie up to a step earlier.
    changes = range(first + 1, end + 1)
    inside = [look.motion[at] for at in changes]
    cuts = sum(_is_cut(look, at) for at in changes)
    frozen = sum(_is_frozen(look, at) for at in changes)
    black = sum(_is_black(look, at) for at in range(start_ms // STEP_MS, min(-(-end_ms // STEP_MS), len(look.motion))))
    unsteady = pstdev(inside) / fmean(inside) if inside and fmean(inside) > 0 else 0.0
    step = STEP_MS / 1000
    return 10 * cuts + step * black + 0.5 * step * frozen + 0.2 * min(unsteady, 2)


def _is_black(look: Look, at: int) -> bool:
    return look.brightness[at] < BLACK_BELOW and look.contrast[at] < FLAT_BELOW


def _is_cut(look: Look, at: int) -> bool:
    """True where another shot begins between the picture before and this one."""
    return look.motion[at] > max(CUT_ABOVE, CUT_OUTGROWS * look.usual_motion)


def _is_frozen(look: Look, at: int) -> bool:
    """True where this picture is the one before."""
    return look.motion[at] < FROZEN_BELOW
