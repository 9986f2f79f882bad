"""Is what the decoder heard the script? The signs of a recording that says something else. Pure.

Forced onto a wrong text the decoder always finds something. But the words then fit badly, or speech is left over
that no word explains. Thresholds were set on 300 takes of synthetic speech, correct and damaged (skipped, inserted,
repeated, swapped and truncated sentences): all damaged ones pass at least one of them, one correct take in ten does,
and is merely heard again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from services.transcriber.passage import Heard, HeardToken
from services.transcriber.refinement import Envelope
from shared.spoken_forms import spoken_forms
from shared.timeline import Span

# Scores are the decoder's, per 10 ms. Correct takes: median -13 to -26, worst word at most 60 below it.
LOWEST_MEDIAN_SCORE = -33.0
LOWEST_WORD_BELOW_MEDIAN = 50.0
MOST_UNEXPLAINED_MS = 200
"""Voiced sound in one piece that no word covers. Correct takes: under 110 ms in 98 of 100, at most 280 ms."""
LONGEST_WORD_MS_PER_LETTER = 150
LONGEST_WORD_BASE_MS = 400
SHORTEST_UNSCRIPTED_MS = 500
"""Shorter stretches are mostly the drawn-out end of a scripted word."""


LOWEST_SLURRED_BELOW_MEDIAN = 40.0
"""Slurred words that were said scored up to 29 below, words of a sentence that was not said mostly 50 and more."""
LEAST_COVERED_SHARE = 0.8
"""Of stray speech, by words that fit: between two words there may be a short pause."""
LEAST_SLURRED_SHARE = 0.5
"""Of stray speech, by the words that it is said to stand for."""

LEAST_SAME_PLACES_SHARE = 0.9
"""Of the words that both passes heard. Where two sentences were swapped, the script alone fitted one of them into the
other's place so well that only this gave it away: 20 of 46 words lay elsewhere (seed `spring`, swapped recording 7)."""

LEAST_HEARD_AGAIN_SHARE = 0.5
"""Of the script's words, by the robust pass. In a noisy recording it once took 75 of 94 for stray speech, though all of
them fitted better than those it kept (`benchmarks/word_timing.py`, correct recording 2)."""

SHORT_SENTENCE_MS = 800
"""Three short words. So much speech in one piece that no word covers is a sentence that the script does not have."""

LONGEST_SLIP_TOKENS = 2
"""The robust grammar sometimes skips a slurred "than" or "of", in a slow Scottish voice several in a minute. So few in
a row are no sentence."""

WORST_FIT_BELOW_MEDIAN = 75.0
"""A slurred word that was said scores up to 63 below the recording's median, one that was not mostly 85 and more."""

MOST_STRAINED_WORDS = 2
"""Words that hardly fit, among those that fit. More are a sentence that is forced onto another."""

VOICED_BELOW_SPEECH_DB = 20.0
"""What is this much below speech or louder is taken for voice."""

# Confidence: a logistic of the score's distance below the recording's median; reference/alignment.md, section 1.
_CONFIDENCE_CENTRE = 38.0
_CONFIDENCE_SCALE = 8.0


def median_score(tokens: Sequence[HeardToken]) -> float:
    """The median of the words' scores per 10 ms."""
    return float(np.median([token.score for token in tokens])) if tokens else 0.0


def confidence(score: float, median: float) -> float:
    """How sure a word is, 0 to 1: 0.99 at the recording's median, 0.5 at 38 below it."""
    return 1 / (1 + math.exp(-(score - median + _CONFIDENCE_CENTRE) / _CONFIDENCE_SCALE))


def is_drawn_out(token: HeardToken) -> bool:
    """True where a word lasts longer than it can be said: it was stretched over other sound."""
    return token.passage_span.length > LONGEST_WORD_BASE_MS + LONGEST_WORD_MS_PER_LETTER * len(token.spoken)


def is_healthy(tokens: Sequence[HeardToken], envelope: Envelope, length_ms: int) -> bool:
    """True where nothing speaks against every token having been heard where the decoder says."""
    if not tokens:
        return False
    median = median_score(tokens)
    if median < LOWEST_MEDIAN_SCORE or min(token.score for token in tokens) < median - LOWEST_WORD_BELOW_MEDIAN:
        return False
    if any(is_drawn_out(token) for token in tokens):
        return False
    covered = [token.passage_span for token in tokens]
    return max((span.length for span in voiced_gaps(covered, envelope, length_ms)), default=0) <= MOST_UNEXPLAINED_MS


def explains_as_well(
    plain: Sequence[HeardToken], robust: Sequence[HeardToken], missing: Sequence[int], unscripted: Sequence[Span]
) -> bool:
    """True where the script alone fits the words that the robust pass missed, and the stray speech in their place.

    A slurred word may sound like something else to it. Forced onto other speech the script does not fit: such words
    score far below the robust pass's median (what does not fit drags the plain one's down), and the words that both
    heard are pushed aside by them.
    """
    median = median_score(robust)
    fitting = [
        token for token in plain if token.score >= median - LOWEST_SLURRED_BELOW_MEDIAN and not is_drawn_out(token)
    ]
    slurred = [token for token in fitting if token.token in missing]
    return (
        bool(missing)
        and _same_places_share(plain, robust) >= LEAST_SAME_PLACES_SHARE
        and len(slurred) == len(missing)
        and all(_covered_share(span, fitting) >= LEAST_COVERED_SHARE for span in unscripted)
        and all(_covered_share(span, slurred) >= LEAST_SLURRED_SHARE for span in unscripted)
    )


def are_slips(plain: Sequence[HeardToken], robust: Heard, at_first: Heard) -> bool:
    """True where what the robust pass misses, a word here and there (`in_short_runs`), was heard by the plain one, both
    agree on all others, and what was taken for stray speech `at_first` is where the plain one has the words that were
    missed then.
    """
    lowest = median_score(plain) - WORST_FIT_BELOW_MEDIAN
    missed = [token for token in plain if token.token in at_first.missing]
    return (
        bool(plain)
        and {token.token for token in plain if token.score >= lowest} >= set(robust.missing)
        and _same_places_share(plain, robust.tokens) >= LEAST_SAME_PLACES_SHARE
        and all(_covered_share(span, missed) >= LEAST_SLURRED_SHARE for span in at_first.unscripted)
    )


def in_short_runs(missing: Sequence[int]) -> bool:
    """True where no more than a word or two in a row are missing. `missing` ascends."""
    far = LONGEST_SLIP_TOKENS
    return all(later - earlier > far for earlier, later in zip(missing, missing[far:], strict=False))


def _same_places_share(plain: Sequence[HeardToken], robust: Sequence[HeardToken]) -> float:
    """Of the tokens that both heard, those that they heard at the same time."""
    place = {token.token: token.passage_span for token in plain}
    both = [(token.passage_span, place[token.token]) for token in robust if token.token in place]
    return sum(one.overlaps(other) for one, other in both) / max(1, len(both))


def lost_its_way(robust: Sequence[HeardToken], plain: Sequence[HeardToken]) -> bool:
    """True where the robust pass took for stray speech what the script explains: it heard under half of the words that
    the plain one did, and those fit. A recording with a mistake loses a sentence, not most of them, and onto another
    text words do not fit.
    """
    fits = median_score(plain) >= max(LOWEST_MEDIAN_SCORE, median_score(robust))
    return len(robust) < LEAST_HEARD_AGAIN_SHARE * len(plain) and fits


def covers_speech(tokens: Sequence[HeardToken], envelope: Envelope, length_ms: int) -> bool:
    """True where no speech as long as a short sentence lies outside the words, and next to none is forced into them."""
    gaps = voiced_gaps([token.passage_span for token in tokens], envelope, length_ms)
    median = median_score(tokens)
    strained = sum(token.score < median - LOWEST_SLURRED_BELOW_MEDIAN for token in tokens)
    return max((gap.length for gap in gaps), default=0) < SHORT_SENTENCE_MS and strained <= MOST_STRAINED_WORDS


def _covered_share(span: Span, tokens: Sequence[HeardToken]) -> float:
    covered = (
        min(token.passage_span.end, span.end) - max(token.passage_span.start, span.start)
        for token in tokens
        if token.passage_span.overlaps(span)
    )
    return sum(covered) / span.length


def voiced_gaps(covered: Sequence[Span], envelope: Envelope, length_ms: int) -> tuple[Span, ...]:
    """The stretches of voice between the covered spans, in order; voice parted by under 100 ms is one stretch.

    covered   [ one )        [ two )
    voice     |||||||  |||| |||||||
    answer           [     )
    """
    edges = [0, *(edge for span in covered for edge in (span.start, span.end)), length_ms]
    hop = length_ms / max(1, envelope.db.size)
    voiced = envelope.db > envelope.speech_db - VOICED_BELOW_SPEECH_DB
    found: list[Span] = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        first, last = round(start / hop), round(end / hop)
        loud = [round((first + int(at)) * hop) for at in np.flatnonzero(voiced[first:last])]
        if not loud:
            continue
        begin = loud[0]
        for earlier, later in pairwise([*loud, loud[-1] + 1_000_000]):
            if later - earlier > 100:
                found.append(Span(begin, earlier + 1))
                begin = later
    return tuple(found)


@dataclass(frozen=True)
class MissingRun:
    """Neighbouring tokens of one scene that were not heard."""

    scene_id: str
    tokens: tuple[int, ...]
    is_whole_scene: bool


def missing_runs(missing: Sequence[int], scene_of: Sequence[str], tokens: Sequence[str]) -> tuple[MissingRun, ...]:
    """The missing tokens as runs of neighbours within a scene; tokens that may be silent part no run.

    `scene_of` and `tokens` hold the scene and the text of every token of the passage.
    """
    runs: list[list[int]] = []
    for index in missing:
        last = runs[-1][-1] if runs else None
        if (
            last is not None
            and scene_of[last] == scene_of[index]
            and all(() in spoken_forms(between) for between in tokens[last + 1 : index])
        ):
            runs[-1].append(index)
        else:
            runs.append([index])
    wanted = [scene for scene, token in zip(scene_of, tokens, strict=True) if () not in spoken_forms(token)]
    return tuple(MissingRun(scene_of[run[0]], tuple(run), len(run) == wanted.count(scene_of[run[0]])) for run in runs)
