"""A long recording is heard section by section, cut where nobody speaks: the decoder slows down with length. Pure.

sound      ||||||| |||||  |||||||    ||||| ||| |||||||||||
sections   [   at most 75 s          )[  the next one ...
script     the words that may be heard in it: what was not yet heard, and a good half more than there is time for
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.transcriber.passage import HeardToken
from shared.timeline import Span

LONGEST_SECTION_MS = 75_000
"""One grammar over everything needs 0.03 of real time at 75 s, 0.06 at 5 min and 0.11 at 11 min (measured)."""

SHORTEST_SECTION_MS = 40_000

MARGIN_TOKENS = 40


@dataclass(frozen=True)
class Section:
    """A section's place in its passage, and the tokens that may be heard in it."""

    span: Span
    """In the passage's own time."""
    first_token: int
    last_token: int
    """Exclusive."""
    open_end: bool
    """True where the sound may stop before the tokens do."""


def cut_section(available: Span, length_ms: int, pauses: Sequence[Span]) -> Span:
    """How much of what is available is heard as one section; pauses in the passage's own time.

    All of it where it is the rest of the passage. Otherwise up to the middle of the longest pause after 40 s.
    """
    if available.end >= length_ms:
        return available
    earliest = available.start + SHORTEST_SECTION_MS
    late = [pause for pause in pauses if pause.start >= earliest and pause.end < available.end]
    if not late:
        return available
    longest = max(late, key=lambda pause: (pause.length, pause.start))
    return Span(available.start, (longest.start + longest.end) // 2)


def plan_section(span: Span, length_ms: int, first_token: int, token_count: int) -> Section:
    """The tokens of a section: half as many again as its share of what is left, and some more."""
    left = token_count - first_token
    share = left * span.length // max(1, length_ms - span.start)
    reach = share * 3 // 2 + MARGIN_TOKENS
    last = min(token_count, first_token + reach)
    is_whole_rest = span.end >= length_ms and last == token_count
    return Section(span, first_token, last, open_end=not is_whole_rest)


def next_token(section: Section, heard: Sequence[HeardToken]) -> int:
    """The first token that the next section may begin with."""
    return max((token.token + 1 for token in heard), default=section.first_token)
