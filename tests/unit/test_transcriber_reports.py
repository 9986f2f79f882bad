"""What engines tell in their own words: whatever they tell, words come in order within the sound, or are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.passage import Passage
from services.transcriber.refinement import Envelope
from services.transcriber.reports import (
    DOUBTED_CONFIDENCE,
    PassageSound,
    Report,
    ReportedWord,
    believe_report,
    span_of_seconds,
)
from shared.errors import Unrecoverable
from shared.timeline import Span

TEXT = "the sea is calm tonight and the tide is full"
LENGTH_MS = 5_000
START_MS = 1_000
LOUD = PassageSound(Envelope(np.full(LENGTH_MS * 2 // 5, -20.0), -20.0, -20.0), ())
PASSAGE = Passage(Span(START_MS, START_MS + LENGTH_MS), tuple(TEXT.split()), ("one",), (0,))


def report(*spans: Span | None, text: str = TEXT, is_exact: bool = True) -> Report:
    words = zip(text.split(), spans, strict=True)
    return Report(tuple(ReportedWord(word, span, 0.9, "engine") for word, span in words), is_exact)


def even(word_ms: int = 300) -> list[Span | None]:
    return [Span(400 * place, 400 * place + word_ms) for place in range(10)]


@pytest.mark.parametrize(
    ("start", "end", "span"),
    [
        (0.0, 0.38, Span(0, 380)),
        (1.0006, 1.4, Span(1001, 1400)),
        (None, 0.4, None),
        (0.4, None, None),
        (0.4, 0.4, None),
        (0.4, 0.3, None),
        (-0.1, 0.3, None),
        (0.1, float("inf"), None),
        (float("nan"), 0.3, None),
        (0.1, 0.1004, None),
    ],
)
def test_seconds_become_whole_milliseconds_or_no_time(
    start: float | None, end: float | None, span: Span | None
) -> None:
    assert span_of_seconds(start, end) == span


def test_exact_times_are_only_put_on_the_master_clock() -> None:
    words = believe_report(PASSAGE, report(*even()), LOUD)
    assert [word.span for word in words] == [span.shifted(START_MS) for span in even() if span]
    assert {word.confidence for word in words} == {0.9}


def test_edges_that_cross_by_a_frame_meet_in_the_middle() -> None:
    spans = even()
    spans[3] = Span(1200, 1620)
    words = believe_report(PASSAGE, report(*spans), LOUD)
    assert words[3].span.end == words[4].span.start == START_MS + 1610


def test_a_muddle_of_times_is_refused() -> None:
    spans = even()
    spans[3] = Span(1200, 1700)
    with pytest.raises(Unrecoverable, match="at the same time") as failure:
        believe_report(PASSAGE, report(*spans), LOUD)
    assert failure.value.scene_id == "one"


def test_words_where_the_sound_is_silent_are_refused() -> None:
    db = np.full(LENGTH_MS * 2 // 5, -20.0)
    db[: db.size // 2] = -100.0
    with pytest.raises(Unrecoverable, match="times that speech cannot have"):
        believe_report(PASSAGE, report(*even()), PassageSound(Envelope(db, -100.0, -20.0), ()))


def test_one_word_of_ten_that_is_too_short_is_kept_in_doubt() -> None:
    spans = even()
    spans[9] = Span(3600, 3601)
    words = believe_report(PASSAGE, report(*spans), LOUD)
    assert [word.confidence for word in words] == [0.9] * 9 + [DOUBTED_CONFIDENCE]


def test_a_few_other_words_are_left_to_the_planner_but_another_text_is_not() -> None:
    misheard = "the see is palm tonight and a tide is fool"
    assert len(believe_report(PASSAGE, report(*even(), text=misheard), LOUD)) == 10
    with pytest.raises(Unrecoverable, match="does not say what the script says"):
        believe_report(PASSAGE, report(*even(), text="quite other words were heard by that engine of yours"), LOUD)


@st.composite
def any_spans(draw: st.DrawFn) -> list[Span | None]:
    found: list[Span | None] = []
    for _ in range(10):
        start, length = draw(st.integers(0, LENGTH_MS + 200)), draw(st.integers(1, 900))
        found.append(draw(st.sampled_from([Span(start, start + length), None])))
    return found


@st.composite
def nearly_right_spans(draw: st.DrawFn) -> list[Span | None]:
    """Times that run on, with slips of an engine: crossing edges, none, the neighbour's."""
    found: list[Span | None] = []
    for place in range(10):
        start = 400 * place + draw(st.integers(-25, 25)) + 25
        slip = draw(st.sampled_from(["no", "no", "no", "no", "none", "stuck"]))
        span = Span(start, start + draw(st.integers(100, 420)))
        found.append({"no": span, "none": None, "stuck": found[-1] if found else None}[slip])
    return found


@given(spans=st.one_of(any_spans(), nearly_right_spans()), is_exact=st.booleans(), data=st.data())
def test_believed_words_are_in_order_within_the_sound(
    spans: list[Span | None], is_exact: bool, data: st.DataObject
) -> None:
    pause_start = data.draw(st.integers(0, LENGTH_MS - 500))
    db = np.full(LENGTH_MS * 2 // 5, -20.0)
    db[pause_start * 2 // 5 : (pause_start + 300) * 2 // 5] = -80.0
    sound = PassageSound(Envelope(db, -80.0, -20.0), (Span(pause_start, pause_start + 300),))
    try:
        words = believe_report(PASSAGE, report(*spans, is_exact=is_exact), sound)
    except Unrecoverable:
        return
    at = PASSAGE.span.start
    for word in words:
        assert at <= word.span.start < word.span.end <= PASSAGE.span.end
        at = word.span.end
