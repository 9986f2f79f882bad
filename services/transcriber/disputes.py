"""Where words are missing and something else is said in their place: is it those words after all? Pure.

A name that is said in an unexpected way can cost the robust pass the rest of its sentence, and the words beside a
skipped sentence are sometimes lost with it. Both look like a mistake of the speaker. So the script is listened for
once more, in that stretch of sound alone and with no stray speech to escape to:

    script     ... from | Gdansk and Oslo have passed this point. | It took ...
    robust     [ from )                                             [ It )
    sound              ||||||||| ||| ||||||| |||||||||| |||||||||
    dispute            [                                            )      the words that fit here were said
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from services.transcriber.health import SHORTEST_UNSCRIPTED_MS, is_drawn_out
from services.transcriber.passage import HeardToken
from shared.spoken_forms import spoken_forms
from shared.timeline import Span

FITS_BELOW_MEDIAN = 25.0
"""Of words that were said nine in ten score no more than this below the robust pass's median; of words that are forced
onto other speech one in five does (recordings of seed `spring`)."""

LEAST_FITTING_SHARE = 0.75
"""Of a sentence's words. One name in four words may be said in a way that nothing expects."""


@dataclass(frozen=True)
class Dispute:
    """Sound between two heard words, and the tokens that may have been said in it."""

    span: Span
    """In the section's time."""
    first_token: int
    last_token: int
    """Exclusive."""

    @property
    def tokens(self) -> range:
        """The section's numbers of the tokens."""
        return range(self.first_token, self.last_token)


def disputes(
    heard: Sequence[HeardToken], missing: Sequence[int], unscripted: Sequence[Span], length_ms: int, token_count: int
) -> tuple[Dispute, ...]:
    """The stretches between two heard words that hold missing tokens and stray speech, in order.

    `length_ms` and `token_count` are where the section's sound and its tokens end.
    """
    edges = [
        (0, 0),
        *(
            edge
            for token in heard
            for edge in (
                (token.passage_span.start, token.token),
                (token.passage_span.end, token.token + 1),
            )
        ),
        (length_ms, token_count),
    ]
    gaps = [
        Dispute(Span(start, max(start, end)), first, last)
        for (start, first), (end, last) in zip(edges[::2], edges[1::2], strict=True)
    ]
    return tuple(
        gap
        for gap in gaps
        if any(token in gap.tokens for token in missing) and any(gap.span.overlaps(span) for span in unscripted)
    )


def settled(
    dispute: Dispute, heard: Sequence[HeardToken], texts: Sequence[str], breaks: Sequence[int], median: float
) -> tuple[HeardToken, ...]:
    """The tokens of those sentences that fit, in the section's time and numbers.

    `heard`, `texts` and `breaks`, which are the places between its sentences, are in the dispute's own; `median` is
    the robust pass's.
    """
    found: list[HeardToken] = []
    for start, end in pairwise(breaks):
        wanted = [token for token in range(start, end) if () not in spoken_forms(texts[token])]
        said = [token for token in heard if start <= token.token < end]
        fitting = [token for token in said if token.token in wanted and _fits(token, median)]
        if len(fitting) >= LEAST_FITTING_SHARE * len(wanted):
            found += said
    return tuple(
        replace(
            token,
            token=token.token + dispute.first_token,
            passage_span=token.passage_span.shifted(dispute.span.start),
        )
        for token in found
    )


def _fits(token: HeardToken, median: float) -> bool:
    return token.score >= median - FITS_BELOW_MEDIAN and not is_drawn_out(token)


def still_unscripted(unscripted: Sequence[Span], explained: Sequence[HeardToken]) -> tuple[Span, ...]:
    """What is left of stray speech outside of words, in pieces that are still long enough to tell.

    unscripted   [                     )
    explained          [ one ) [ two )
    answer       [     )                         shorter pieces are a word's drawn-out end
    """
    left: list[Span] = []
    for span in unscripted:
        inside = [token.passage_span for token in explained if token.passage_span.overlaps(span)]
        edges = [span.start, *(edge for word in inside for edge in (word.start, word.end)), span.end]
        left += [
            Span(start, end)
            for start, end in zip(edges[::2], edges[1::2], strict=True)
            if end - start >= SHORTEST_UNSCRIPTED_MS
        ]
    return tuple(left)
