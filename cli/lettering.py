"""Where text goes in a drawing so that it can be read."""

from collections.abc import Sequence


def lines_for(placed: Sequence[tuple[float, str]], *, letter_pixels: float, line_count: int) -> tuple[int, ...]:
    """On which of so many lines each text is written, in the order of their left edges, in pixels.

    line 0   [At]   [of]     [the]
    line 1     [the edge]         [way]      a text goes where it covers none: on the first such line

    Where all lines are taken, it goes where the text before it ends first.
    """
    free_from = [float("-inf")] * line_count
    lines: list[int] = []
    for left, text in placed:
        free = [line for line, right in enumerate(free_from) if right <= left]
        line = free[0] if free else min(range(line_count), key=free_from.__getitem__)
        free_from[line] = left + letter_pixels * (len(text) + 1)
        lines.append(line)
    return tuple(lines)
