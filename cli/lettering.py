"""Where text goes in a drawing so that it can be read."""

from collections.abc import Sequence
from dataclasses import dataclass

# Advance widths in thousandths of the letters' size: Adobe's metrics of Helvetica (Helvetica.afm), which Arial and
# Liberation Sans share.
_WIDTHS = {
    letter: width
    for width, letters in {
        191: "'",
        222: "ijl‘’",
        278: " !,./:;I[\\]ft",
        333: "()-`r“”",
        355: '"',
        389: "*",
        500: "Jckvsxyz",
        556: "#$0123456789?L_abdeghnopqu–",
        584: "+<=>~",
        611: "FTZ",
        667: "&ABEKPSVXY",
        722: "CDHNRUw",
        778: "GOQ",
        833: "Mm",
        889: "%",
        944: "W",
    }.items()
    for letter in letters
}
_WIDEST = 1_000
"""For what the table lacks: an em dash, another script's letters."""

APART = 0.3
"""Of the letters' size, between two texts on a line: a little more than a space."""


def text_pixels(text: str, font_pixels: float) -> float:
    """How wide a text in Helvetica is, in pixels."""
    return sum(_WIDTHS.get(letter, _WIDEST) for letter in text) * font_pixels / 1_000


def length_attributes(pixels: float) -> str:
    """What makes an SVG text so wide, whichever font the viewer has for Helvetica."""
    return f'textLength="{pixels:.1f}" lengthAdjust="spacingAndGlyphs"'


@dataclass(frozen=True)
class Place:
    """Where a text is written: its left edge, in pixels, and its line."""

    left: float
    line: int


def places_for(
    placed: Sequence[tuple[float, str]], *, font_pixels: float, line_count: int, right: float
) -> tuple[Place, ...]:
    """Where each text is written, in the order of the left edges that they should have.

    line 0   [At]   [of]     [the]              |
    line 1     [the edge]         [way]         |   a text goes where it covers none: on the first such line
    line 2                               [lands]|   none ends beyond `right`

    Where all lines are taken, it moves right on the line that is free the soonest. It covers another only where all
    lines are full up to the right edge.
    """
    free_from = [float("-inf")] * line_count
    places: list[Place] = []
    for wanted, text in placed:
        width = text_pixels(text, font_pixels)
        last = right - width
        line = min(range(line_count), key=lambda line: (max(min(wanted, last), free_from[line]), line))
        left = min(max(wanted, free_from[line]), last)
        free_from[line] = left + width + APART * font_pixels
        places.append(Place(left, line))
    return tuple(places)
