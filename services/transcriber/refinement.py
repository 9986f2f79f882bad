"""Word edges that touch a pause, moved to where the sound really begins or ends. Pure.

The decoder's edges lie on a 10 ms grid and, beside a pause, up to 200 ms off: its silence model takes weak consonants
for silence and room tone for speech. The signal knows better there, and only there: between words that run together
nothing is moved.

    energy     ....:|||||:|||:....................:|||||||
    decoder    [  one    )    [  pause    )   [   two
    refined     [ one    )                     [  two
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from services.transcriber.passage import HeardToken
from services.transcriber.sound import HEARING_RATE, Samples
from shared.timeline import Span

# The values of reference/alignment.md, section 2.
HOP_SAMPLES = HEARING_RATE * 5 // 2000
WINDOW_SAMPLES = HEARING_RATE // 100
SHORTEST_PAUSE_MS = 60
LONGEST_CLICK_MS = 20
FARTHEST_MOVE_MS = 120
FARTHEST_MOVE_IN_SILENCE_MS = 300
GRID_MS = 20
"""Two frames of the decoder: so near to a pause an edge may lie in it."""

LEAST_DISTANCE_DB = 35.0

_HOP_MS = 1000 * HOP_SAMPLES / HEARING_RATE


@dataclass(frozen=True)
class Envelope:
    """The sound's energy, weak consonants made visible: one value in decibels each 2.5 ms."""

    db: NDArray[np.float64]
    floor_db: float
    speech_db: float

    @property
    def distance_db(self) -> float:
        """From the noise floor up to speech."""
        return self.speech_db - self.floor_db


def measure_envelope(samples: Samples) -> Envelope:
    """The envelope of a passage: power plus four times the pre-emphasised power, in windows of 10 ms."""
    emphasised = np.diff(samples, prepend=samples[:1]) if samples.size else samples
    power = np.square(samples, dtype=np.float64) + 4 * np.square(emphasised, dtype=np.float64)
    total = np.concatenate([[0.0], np.cumsum(power)])
    centres = np.arange(0, samples.size, HOP_SAMPLES)
    starts = np.maximum(centres - WINDOW_SAMPLES // 2, 0)
    ends = np.minimum(centres + WINDOW_SAMPLES // 2, samples.size)
    # Differences of a running sum leave dust of either sign where the signal is silent.
    means = np.maximum(total[ends] - total[starts], 0) / np.maximum(ends - starts, 1)
    db = 10 * np.log10(means + 1e-10)
    floor, speech = (float(np.percentile(db, share)) for share in (5, 90)) if db.size else (-100.0, -100.0)
    return Envelope(db, floor, speech)


def quiet_runs(envelope: Envelope) -> tuple[Span, ...]:
    """The pauses: at least 60 ms below the thresholds, clicks under 20 ms bridged; in the passage's own time.

    Sound begins above the upper threshold and lasts down to the lower one (hysteresis), both set between the
    passage's own floor and its speech.
    """
    if not envelope.db.size:
        return ()
    upper = envelope.floor_db + 0.45 * envelope.distance_db
    lower = envelope.floor_db + 0.30 * envelope.distance_db
    loud = _with_hysteresis(envelope.db, lower, upper)
    sounds = [run for run in _runs(loud) if (run[1] - run[0]) * _HOP_MS >= LONGEST_CLICK_MS]
    edges = [0, *(edge for run in sounds for edge in run), envelope.db.size]
    gaps = zip(edges[::2], edges[1::2], strict=True)
    return tuple(
        Span(round(start * _HOP_MS), round(end * _HOP_MS))
        for start, end in gaps
        if (end - start) * _HOP_MS >= SHORTEST_PAUSE_MS
    )


def refine_edges(tokens: Sequence[HeardToken], envelope: Envelope, pauses: Sequence[Span]) -> tuple[HeardToken, ...]:
    """The same tokens, their edges beside a pause moved to the pause's edge where it is near.

    Near means 120 ms, or 300 ms where the edge lies in the pause itself: no word begins or ends in silence. Nothing is
    moved in sound that has too little distance between speech and noise. Order and gaps are kept: an edge that would
    pass its neighbour, or leave less than a third of its token, stays.
    """
    spans = [token.passage_span for token in tokens]
    if envelope.distance_db < LEAST_DISTANCE_DB or not spans:
        return tuple(tokens)
    gaps = [Span(0, spans[0].start), *(earlier.until(later) for earlier, later in pairwise(spans))]
    gaps.append(Span(spans[-1].end, max(spans[-1].end, round(envelope.db.size * _HOP_MS))))
    for place, gap in enumerate(gaps):
        pause = _pause_of(gap, pauses)
        if pause is None:
            continue
        if place > 0 and _is_near(gap.start, pause.start, pause):
            before = spans[place - 1]
            end = min(pause.start, spans[place].start) if place < len(spans) else pause.start
            if 3 * (end - before.start) >= before.length:
                spans[place - 1] = Span(before.start, end)
        if place < len(spans) and _is_near(gap.end, pause.end, pause):
            after = spans[place]
            start = max(pause.end, spans[place - 1].end) if place > 0 else pause.end
            if 3 * (after.end - start) >= after.length:
                spans[place] = Span(start, after.end)
    return tuple(replace(token, passage_span=span) for token, span in zip(tokens, spans, strict=True))


def _pause_of(gap: Span, pauses: Sequence[Span]) -> Span | None:
    """The longest pause that overlaps the gap or has an edge near it."""
    near = [
        pause
        for pause in pauses
        if pause.overlaps(gap) or _is_near(gap.start, pause.start, pause) or _is_near(gap.end, pause.end, pause)
    ]
    return max(near, key=lambda pause: (pause.length, -pause.start), default=None)


def _is_near(edge: int, target: int, pause: Span) -> bool:
    in_silence = pause.start - GRID_MS <= edge <= pause.end + GRID_MS
    return abs(edge - target) <= (FARTHEST_MOVE_IN_SILENCE_MS if in_silence else FARTHEST_MOVE_MS)


def _with_hysteresis(db: NDArray[np.float64], lower: float, upper: float) -> NDArray[np.bool_]:
    above = db > lower
    kept = np.zeros(db.size, dtype=np.bool_)
    for start, end in _runs(above):
        kept[start:end] = bool((db[start:end] > upper).any())
    return kept


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]])))
    return list(zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True))
