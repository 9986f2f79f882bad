"""Whether the two sides of a stereo recording are opposed: summed to one channel they would cancel each other. Pure."""

import re
from dataclasses import dataclass

from shared.timeline import Span
from shared.transcript import Side

_SHORTEST_MS = 1_000
"""What adds up to less is no fault of the recording: a room's echo opposes the sides for a syllable."""

_SAME_STRETCH_MS = 1_000
"""Between words there is nothing to be opposed."""

_STRETCH = re.compile(r"out_phase_end: ([\d.]+) \| out_phase_duration: ([\d.]+)")
_LEVEL = re.compile(r"RMS level dB: (-?[\d.]+|-inf|nan)")


@dataclass(frozen=True)
class OpposedSides:
    """Where the sides of a recording are opposed, in the recording's own time, and the side that is louder."""

    source_spans: tuple[Span, ...]
    louder: Side


def compare_sides_arguments(recording: str) -> tuple[str, ...]:
    """ffmpeg: print where the sides are opposed for 0.2 s or longer (by more than 150 degrees: a correlation below
    -0.87), and how loud each side is."""
    compared = (
        "aformat=channel_layouts=stereo,aphasemeter=video=0:phasing=1:angle=150:duration=0.2,"
        "astats=measure_perchannel=RMS_level:measure_overall=none"
    )
    return ("-i", recording, "-map", "0:a:0", "-af", compared, "-f", "null", "-")


def opposed_sides(printed: str, *, length_ms: int | None) -> OpposedSides | None:
    """What ffmpeg printed of a recording of `length_ms`, if known; None where its sides go well together.

    opposed   [ ) [  )    [ )            [ )  [  )
    spans     [                )         [        )       joined over gaps of less than a second
    """
    ends = [(float(end), float(length)) for end, length in _STRETCH.findall(printed)]
    opposed_ms = 1000 * sum(length for _, length in ends)
    if not ends or opposed_ms < min(_SHORTEST_MS, (length_ms or 2 * _SHORTEST_MS) / 2):
        return None
    spans: list[Span] = []
    for end, length in ends:
        span = Span(max(0, round(1000 * (end - length))), round(1000 * end))
        if spans and span.start - spans[-1].end < _SAME_STRETCH_MS:
            span = Span(spans.pop().start, span.end)
        spans.append(span)
    left, right = (_decibels(level) for level in _LEVEL.findall(printed)[-2:])
    return OpposedSides(tuple(spans), "right" if right > left else "left")


def _decibels(printed: str) -> float:
    return -200.0 if printed in {"-inf", "nan"} else float(printed)
