"""Narrations as espeak-ng's markup, and its events as words."""

from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.voiceover.espeak_markup import EspeakMarkup, PlacedWord, render_markup
from services.voiceover.espeak_words import MERGED_WORD_CONFIDENCE, EspeakEvent, time_words
from services.voiceover.line import SpokenWord
from shared.narration import Narration, Pause, Speech, parse_narration
from shared.timeline import Span

WRITTEN = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=8)
SPEECHES = st.builds(
    Speech,
    text=st.lists(WRITTEN, min_size=1, max_size=4).map(" ".join),
    rate=st.sampled_from([Fraction(1), Fraction(4, 5), Fraction(2)]),
    break_after=st.sampled_from(["none", "sentence", "paragraph"]),
    space_after=st.booleans(),
)
# A sentence's end is a space as well, whatever stands beside the tag.
SPEECHES = SPEECHES.map(lambda part: part if part.break_after == "none" else replace(part, space_after=True))
NARRATIONS = st.lists(SPEECHES | st.builds(Pause, st.integers(1, 60_000)), min_size=1, max_size=8).map(
    lambda parts: Narration(tuple(parts))
)


# --- Markup ------------------------------------------------------------------------------------------------------


def test_a_narration_becomes_the_markup_that_espeak_honours() -> None:
    narration = parse_narration(
        'Out at sea, R&D costs <prosody rate="80%">far more</prosody> <break time="0.7s"/>than this. '
        '<sub alias="doctor">Dr</sub>, come here!'
    )
    assert render_markup(narration).text == (
        'Out  at  sea,  R&amp;D  costs  <prosody rate="80%">far  more</prosody>  <break time="700ms"/>'
        "than  this.  doctor,  come  here!  "
    )


def test_pauses_are_whole_milliseconds_and_neighbours_are_added_up() -> None:
    narration = Narration((Speech("One"), Pause(700), Pause(1500), Speech("two")))
    assert render_markup(narration).text == 'One  <break time="2200ms"/>two  '


def test_a_pause_never_stands_inside_a_change_of_rate() -> None:
    markup = render_markup(parse_narration('<prosody rate="50%">slow <break time="1s"/> words</prosody>'))
    assert markup.text == (
        '<prosody rate="50%">slow</prosody>  <break time="1000ms"/><prosody rate="50%">words</prosody>  '
    )


def test_a_paragraph_ends_the_sentence_before_it_and_a_pause_stands_for_either() -> None:
    markup = render_markup(parse_narration('<s>One</s> <p>Two</p> <s>Three</s><break time="100ms"/>four'))
    assert markup.text == '<p>One  </p><p>Two  </p>Three  <break time="100ms"/>four  '


def test_a_word_in_two_parts_is_one_word() -> None:
    markup = render_markup(parse_narration('<prosody rate="80%">slow</prosody>ly, <sub alias="doctor">Dr</sub>!'))
    assert [word.text for word in markup.words] == ["slowly,", "doctor!"]


@given(NARRATIONS)
def test_the_words_are_those_of_the_narration_and_stand_where_they_are_said_to(narration: Narration) -> None:
    markup = render_markup(narration)
    assert [word.text for word in markup.words] == narration.text.split()
    for word in markup.words:
        first = word.text[0]
        assert markup.text[word.start :].startswith({"&": "&amp;", "<": "&lt;", ">": "&gt;"}.get(first, first))


# --- Words -------------------------------------------------------------------------------------------------------


def test_a_word_ends_where_the_silence_before_the_next_begins() -> None:
    words = time_words(
        marked("Hello there"),
        events(
            ("word", 0, 0), ("sound", 0, 10), ("pause", 0, 400), ("word", 7, 700), ("sound", 7, 710), ("pause", 7, 1000)
        ),
        1000,
    )
    assert words == (SpokenWord("Hello", Span(0, 400), 1.0), SpokenWord("there", Span(700, 1000), 1.0))


def test_silence_inside_a_word_does_not_end_it() -> None:
    words = time_words(
        marked("A&T is"),
        events(
            ("word", 0, 0), ("pause", 0, 200), ("sound", 0, 220), ("word", 2, 300), ("word", 5, 500), ("pause", 5, 600)
        ),
        1000,
    )
    assert [word.take_span for word in words] == [Span(0, 500), Span(500, 600)]


def test_several_reports_of_one_word_are_one_word() -> None:
    words = time_words(
        marked("$25 please"),
        events(("word", 0, 0), ("word", 1, 300), ("word", 2, 500), ("word", 5, 900), ("pause", 5, 1200)),
        1000,
    )
    assert [(word.text, word.take_span) for word in words] == [("$25", Span(0, 900)), ("please", Span(900, 1200))]


def test_two_words_that_are_spoken_as_one_share_it_by_their_letters() -> None:
    words = time_words(marked("of the sea"), events(("word", 0, 0), ("word", 9, 250), ("pause", 9, 500)), 1000)
    assert words[0] == SpokenWord("of", Span(0, 100), MERGED_WORD_CONFIDENCE)
    assert words[1] == SpokenWord("the", Span(100, 250), MERGED_WORD_CONFIDENCE)
    assert words[2].confidence == 1.0


def test_a_dash_between_words_is_no_word() -> None:
    words = time_words(
        marked("sea — wind"), events(("word", 0, 0), ("pause", 0, 300), ("word", 8, 500), ("pause", 8, 800)), 1000
    )
    assert [word.text for word in words] == ["sea", "wind"]
    assert words[0].confidence == 1.0


def test_a_word_without_an_event_is_found_by_its_first_sound() -> None:
    words = time_words(
        marked("say “yes”"), events(("word", 0, 0), ("pause", 0, 300), ("sound", 6, 400), ("pause", 6, 800)), 1000
    )
    assert words[1] == SpokenWord("“yes”", Span(400, 800), 1.0)


def test_a_word_that_is_reported_one_character_late_is_not_its_neighbour() -> None:
    words = time_words(marked("a b"), events(("word", 1, 0), ("word", 4, 200), ("pause", 4, 300)), 1000)
    assert [word.text for word in words] == ["a", "b"]


def test_reports_out_of_order_are_not_believed() -> None:
    assert time_words(marked("one two"), events(("word", 5, 0), ("word", 0, 300), ("pause", 0, 500)), 1000) == ()


def test_reports_that_miss_the_beginning_are_not_believed() -> None:
    assert time_words(marked("one two"), events(("word", 5, 300), ("pause", 0, 500)), 1000) == ()


def test_reports_that_miss_a_stretch_of_words_are_not_believed() -> None:
    text = "one two three four five six"
    assert time_words(marked(text), events(("word", 0, 0), ("pause", 0, 3000)), 1000) == ()


def test_no_events_are_no_words() -> None:
    assert time_words(marked("one two"), [], 1000) == ()


def marked(text: str) -> EspeakMarkup:
    words, at = [], 0
    for word in text.split():
        words.append(PlacedWord(word, at))
        at += len(word) + 2
    return EspeakMarkup("  ".join(text.split()), tuple(words))


def events(*listed: tuple[str, int, int]) -> list[EspeakEvent]:
    return [EspeakEvent(kind, position, sample) for kind, position, sample in listed]  # type: ignore[arg-type]
