"""Where among the heard words one scene ends and the next begins, and how certain that is. Pure.

`letters.py` matches script and recording globally; this decides at each boundary, by weighing every way in which the
words around it can have been heard (right, alike, split, merged, missing, inserted) together with the pauses:

    script    ... lit   the  lamp | the  sea  was ...
    heard     ... lit   a    lump   is   the  see  was ...
    cut after                0.01  0.98  0.01                 the probability of each place for the cut

It is the forward-backward algorithm of a pair hidden Markov model (Durbin et al., Biological Sequence Analysis, 1998,
chapter 4) whose states are those ways. The place with the greatest probability is taken, which makes the number of
exact boundaries as large as it can be; the probability itself is how certain the cut is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TypeAlias

from services.scene_planner.lengths import learn_lengths
from services.scene_planner.letters import heard_edges
from services.scene_planner.likeness import Odds, Spellings, WordOdds, spell, word_odds
from services.scene_planner.pauses import PauseOdds, learn_pauses
from services.scene_planner.words import Break, HeardWord, ScriptWord

Table: TypeAlias = list[list[float]]
"""Odds, script words down and heard words across: plain lists, which a loop reads faster than arrays."""

LEAST_CONTEXT_WORDS = 4
"""Words that are weighed on either side of a boundary at least; 8 gave the same boundaries and took twice as long."""

MOST_CONTEXT_WORDS = 24
"""The stretch grows to a place where two words in a row were heard exactly, but not past this."""

LEAST_WORD_ERROR_RATE, MOST_WORD_ERROR_RATE = 0.01, 0.5


UNCERTAIN_BELOW = 0.995
"""Of the probability that a cut lies between the right words; benchmarks/scene_boundaries.py says what it catches."""

UNCERTAIN_AGAINST_PAUSES_BELOW = 0.9995
"""The same, where the words alone say so, and by the pauses the scene would begin a word earlier or later: a word that
was lost and one too many that resembles it move a boundary by one word, and only the pause stays where it was."""


@dataclass(frozen=True)
class Certainty:
    """How sure it is that a cut lies between the right words."""

    probability: float
    pauses_agree: bool = True
    """False where a pause beside a neighbouring word looks more like the end of a scene."""

    @property
    def is_low(self) -> bool:
        """True where a person should listen."""
        return self.probability < (UNCERTAIN_BELOW if self.pauses_agree else UNCERTAIN_AGAINST_PAUSES_BELOW)


CERTAIN = Certainty(1.0)


@dataclass(frozen=True)
class SceneStart:
    """The heard word with which a scene begins, and how certain that is."""

    heard: int
    certainty: Certainty


@dataclass(frozen=True)
class _Ways:
    """The odds of all ways to hear a stretch, by places in it: script words down, heard words across.

    `same[s][h]`; `split[s][h]`: script word s as heard words h and h + 1, parted or one of them too many;
    `merged[s][h]`: script words s and s + 1 as heard word h; `pause[s][h]`: the break after s script words lies before
    heard word h, None without a break.
    """

    same: Table
    split: Table
    merged: Table
    pause: list[list[float] | None]
    missing: float
    inserted: float

    def until(self, script: int) -> "_Ways":
        """The part up to a number of script words."""
        return _Ways(
            self.same[:script],
            self.split[:script],
            self.merged[: max(0, script - 1)],
            self.pause[: script + 1],
            self.missing,
            self.inserted,
        )

    def since(self, script: int) -> "_Ways":
        """The part from a number of script words on."""
        return _Ways(
            self.same[script:],
            self.split[script:],
            self.merged[script:],
            self.pause[script:],
            self.missing,
            self.inserted,
        )

    def backwards(self) -> "_Ways":
        """The same stretch read from its end."""
        return _Ways(
            [row[::-1] for row in reversed(self.same)],
            [row[::-1] for row in reversed(self.split)],
            [row[::-1] for row in reversed(self.merged)],
            [None if row is None else row[::-1] for row in reversed(self.pause)],
            self.missing,
            self.inserted,
        )


def find_scene_starts(script: Sequence[ScriptWord], heard: Sequence[HeardWord]) -> tuple[SceneStart, ...]:
    """Where each scene but the first begins among the heard words: ascending, though two may begin at one place."""
    edges = heard_edges([word.text for word in script], [word.text for word in heard])
    exact = [
        after == before + 1 and heard[before].text == word.text
        for word, (before, after) in zip(script, pairwise(edges), strict=True)
    ]
    error_rate = min(MOST_WORD_ERROR_RATE, max(LEAST_WORD_ERROR_RATE, 1 - sum(exact) / max(1, len(script))))
    words = word_odds([word.text for word in script], error_rate)
    pauses = learn_pauses(heard, _breaks_between_exact_words(script, edges, exact), hole_share=words.missing)
    lengths = learn_lengths(
        [len(word.text) for word in script],
        [word.length_ms for word in heard],
        [(place, edges[place]) for place, word in enumerate(script) if exact[place] and word.break_after is Break.NONE],
    )
    wanted, spelled = spell([word.text for word in script]), spell([word.text for word in heard])
    starts: list[SceneStart] = []
    for boundary in range(1, len(script)):
        if script[boundary - 1].scene != script[boundary].scene:
            first, last = _context(exact, boundary)
            found = SceneStart(edges[boundary], CERTAIN)
            start, end = edges[first], edges[last]
            if not all(exact[first:last]) or not _pauses_most(heard[start:end], found.heard - start):
                breaks = [word.break_after for word in script[first:last]]
                ways = _ways(
                    wanted.part(first, last),
                    spelled.part(start, end),
                    lengths.host_odds(slice(first, last), slice(start, end)),
                    words,
                    _odds_between(pauses, breaks, start, end),
                )
                within = _likeliest(ways, boundary - first, heard[start:end], found.heard - start)
                found = replace(within, heard=within.heard + start)
            # Else each word was heard as itself, none between, and the pause is where it should be: nothing to weigh.
            earliest = starts[-1].heard if starts else 0
            starts.append(replace(found, heard=max(earliest, found.heard)))
    return tuple(starts)


def _breaks_between_exact_words(
    script: Sequence[ScriptWord], edges: Sequence[int], exact: Sequence[bool]
) -> dict[int, Break]:
    """By heard word, the break of the script that surely lies before it."""
    return {
        edges[place]: script[place - 1].break_after
        for place in range(1, len(script))
        if exact[place - 1] and exact[place]
    }


def _pauses_most(heard: Sequence[HeardWord], place: int) -> bool:
    """True where no pause between the words is longer than the one before this one. Else a word that was heard as
    itself may be a word too many that happens to be the script's next, while that one was lost.
    """
    gap_ms = heard[place].gap_before_ms
    return gap_ms is not None and all((word.gap_before_ms or 0) <= gap_ms for word in heard[1:])


def _context(exact: Sequence[bool], boundary: int) -> tuple[int, int]:
    """The stretch of script words to weigh: it begins and ends between two words that were heard exactly."""
    first = max(0, boundary - LEAST_CONTEXT_WORDS)
    while first > 0 and boundary - first < MOST_CONTEXT_WORDS and not (exact[first - 1] and exact[first]):
        first -= 1
    last = min(len(exact), boundary + LEAST_CONTEXT_WORDS)
    while last < len(exact) and last - boundary < MOST_CONTEXT_WORDS and not (exact[last - 1] and exact[last]):
        last += 1
    return first, last


def _ways(
    script: Spellings,
    heard: Spellings,
    lengths: tuple[Odds, Odds],
    words: WordOdds,
    pause: list[list[float] | None],
) -> _Ways:
    same = words.same(script, heard)
    return _Ways(
        same=same.tolist(),
        split=(words.split(script, heard.joined()) + words.hosted(same, lengths)).tolist(),
        merged=words.merged(script.joined(), heard).tolist(),
        pause=pause,
        missing=words.missing,
        inserted=words.inserted_in_its_own_time,
    )


def _odds_between(pauses: PauseOdds, breaks: Sequence[Break], start: int, end: int) -> list[list[float] | None]:
    """The odds of each of some breaks before each heard word of a stretch, as `_Ways` has them."""
    # At the stretch's own edges nothing is known of the pause, and nothing else could lie there.
    odds = {kind: [1.0, *before[start + 1 : end], 1.0][: end - start + 1] for kind, before in pauses.before.items()}
    return [None, *(odds.get(kind) for kind in breaks)]


def _likeliest(ways: _Ways, boundary: int, heard: Sequence[HeardWord], fallback: int) -> SceneStart:
    """The likeliest place of the boundary, never inside a word of the transcript, and its probability."""
    before = _forward(ways.until(boundary))
    after = _forward(ways.since(boundary).backwards())[::-1]
    pause = ways.pause[boundary] or [1.0] * len(before)
    weights = [left * right * odds for left, right, odds in zip(before, after, pause, strict=True)]
    for place, word in enumerate(heard):
        if word.gap_before_ms is None:
            weights[place] = 0.0
    total = sum(weights)
    if total <= 0:
        return SceneStart(fallback, Certainty(0.0))
    best = max(range(len(weights)), key=weights.__getitem__)
    beside = [pause[place] for place in (best - 1, best + 1) if 0 < place < len(pause) - 1]
    return SceneStart(best, Certainty(weights[best] / total, pause[best] >= max(beside, default=0.0)))


def _forward(ways: _Ways) -> list[float]:
    """For each number of heard words the odds that they are what was heard of all script words of the stretch.

    Plain products of odds: at most 24 words on a side, each between 1e-4 and 1e5, stay well inside a double.
    """
    width = len(ways.same[0]) if ways.same else 0
    row = _with_insertions([1.0, *([0.0] * width)], ways.inserted)
    row_before: list[float] | None = None
    for script, same in enumerate(ways.same):
        pause = ways.pause[script]
        if script and pause is not None:
            row = _with_insertions([odds * here for odds, here in zip(row, pause, strict=True)], ways.inserted)
            row_before = None  # a word merged across a break would have no place for the break
        split, missing = ways.split[script], ways.missing
        merged = ways.merged[script - 1] if row_before is not None else None
        following = [row[0] * missing]
        for heard in range(1, width + 1):
            odds = row[heard] * missing + row[heard - 1] * same[heard - 1]
            if heard > 1:
                odds += row[heard - 2] * split[heard - 2]
            if merged is not None and row_before is not None:
                odds += row_before[heard - 1] * merged[heard - 1]
            following.append(odds)
        row_before, row = row, _with_insertions(following, ways.inserted)
    return row


def _with_insertions(row: list[float], inserted: float) -> list[float]:
    for place in range(1, len(row)):
        row[place] += row[place - 1] * inserted
    return row
