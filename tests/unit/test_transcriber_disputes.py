"""Words that are missing where something else was said: are they it? And words that are spelled."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.disputes import Dispute, disputes, settled, still_unscripted
from services.transcriber.passage import HeardToken
from services.transcriber.spelling import looks_unsayable
from shared.timeline import Span

WORD_MS = 300


def heard(*tokens: int, score: float = -20.0, starts_at: int = 0) -> tuple[HeardToken, ...]:
    """Words one after another, the first of them where it is said."""
    return tuple(
        HeardToken(token, "word", Span(start, start + WORD_MS), score, 0.0)
        for place, token in enumerate(tokens)
        for start in [starts_at + place * WORD_MS]
    )


def test_missing_words_and_stray_speech_between_the_same_two_words_are_a_dispute() -> None:
    around = (*heard(0, 1), *heard(5, 6, starts_at=3_000))
    assert disputes(around, [2, 3, 4], [Span(700, 2_500)], 4_000, 7) == (Dispute(Span(600, 3_000), 2, 5),)


def test_missing_words_and_stray_speech_at_different_places_are_no_dispute() -> None:
    around = (*heard(0, 1), *heard(5, 6, starts_at=3_000))
    assert disputes(around, [2, 3, 4], [Span(3_700, 4_500)], 5_000, 7) == ()


def test_a_dispute_can_lie_before_the_first_word_and_after_the_last() -> None:
    middle = heard(2, starts_at=2_000)
    assert disputes(middle, [0, 1, 3], [Span(100, 1_500), Span(2_500, 4_000)], 5_000, 4) == (
        Dispute(Span(0, 2_000), 0, 2),
        Dispute(Span(2_300, 5_000), 3, 4),
    )


SENTENCES = ["Gdansk", "was", "dark.", "Nobody", "came", "back."]
BREAKS = (0, 3, 6)
DISPUTE = Dispute(Span(10_000, 12_000), 40, 46)


def believed(*said: HeardToken) -> list[int]:
    return [token.token for token in settled(DISPUTE, said, SENTENCES, BREAKS, -15.0)]


def test_words_that_fit_were_said() -> None:
    assert believed(*heard(0, 1, 2, 3, 4, 5)) == [40, 41, 42, 43, 44, 45]


def test_they_are_told_in_the_sections_own_time() -> None:
    first = settled(DISPUTE, heard(0, 1, 2), SENTENCES, BREAKS, -15.0)[0]
    assert first.passage_span == Span(10_000, 10_300)


def test_words_that_are_forced_onto_other_speech_were_not() -> None:
    assert believed(*heard(0, 1, 2), *heard(3, 4, 5, score=-60.0, starts_at=900)) == [40, 41, 42]


def test_a_name_that_nothing_expects_does_not_cost_its_sentence() -> None:
    four = ["Gdansk", "was", "dark", "today."]
    said = (*heard(0, score=-70.0), *heard(1, 2, 3, starts_at=300))
    assert [token.token for token in settled(DISPUTE, said, four, (0, 4), -15.0)] == [40, 41, 42, 43]


def test_a_sentence_of_which_half_was_found_was_not_said() -> None:
    assert believed(*heard(0), *heard(3, 4, 5, starts_at=900)) == [43, 44, 45]


def test_a_word_that_is_drawn_out_over_other_speech_does_not_fit() -> None:
    stretched = HeardToken(1, "was", Span(300, 2_000), -20.0, 0.0)
    assert believed(*heard(0), stretched, *heard(2, starts_at=2_000)) == []


def test_speech_that_words_explain_is_no_longer_stray() -> None:
    assert still_unscripted([Span(0, 900)], heard(0, 1, 2)) == ()


def test_speech_beside_the_words_stays_stray_where_it_is_long_enough() -> None:
    said = heard(0, 1, 2, starts_at=1_000)
    assert still_unscripted([Span(0, 2_100)], said) == (Span(0, 1_000),)


@given(st.lists(st.integers(0, 3_000), min_size=2, max_size=12, unique=True).map(sorted))
def test_what_is_left_of_stray_speech_lies_in_it_and_outside_of_the_words(edges: list[int]) -> None:
    words = [
        HeardToken(token, "word", Span(start, end), -20.0, 0.0)
        for token, (start, end) in enumerate(zip(edges[::2], edges[1::2], strict=False))
    ]
    stray = Span(200, 2_800)
    for span in still_unscripted([stray], words):
        assert stray.start <= span.start < span.end <= stray.end
        assert not any(span.overlaps(word.passage_span) for word in words)


@pytest.mark.parametrize("word", ["lviv", "gdansk", "nginx", "pfft", "mcduff"])
def test_a_word_that_begins_as_no_english_one_may_be_spelled(word: str) -> None:
    assert looks_unsayable(word)


def test_common_words_are_never_spelled() -> None:
    words: Sequence[str] = """the of and to a in is it who what whale psalm gnome knot wrist school three spring street
    splash shrimp phrase quick rhythm sword tsar twelve llama yes you year ghost pterodactyl o'clock i""".split()  # noqa: SIM905
    assert [word for word in words if looks_unsayable(word)] == []
