"""The script and the transcript as plain words."""

from services.scene_planner.words import Break, ScriptWord, heard_words, script_words
from shared.narration import parse_narration
from shared.timeline import Span
from shared.transcript import Word


def words_of(*narrations: str) -> list[ScriptWord]:
    return list(script_words([parse_narration(narration) for narration in narrations]))


def test_script_words_are_as_they_are_read_aloud() -> None:
    assert [word.text for word in words_of("Dr. Smith's 12 lamps—all lit!")] == [
        "doctor",
        "smith's",
        "twelve",
        "lamps",
        "all",
        "lit",
    ]


def test_the_words_of_one_token_belong_together() -> None:
    words = words_of("It cost $4.50 and $4.50 again.")
    assert [word.token for word in words] == [0, 1, *[2] * 5, 3, *[4] * 5, 5]
    assert {word.written for word in words if word.token == 2} == {"$4.50"}


def test_punctuation_suggests_pauses() -> None:
    words = words_of('First, "second." Third; fourth - fifth… sixth', "seventh!")
    assert [word.break_after for word in words] == [
        Break.CLAUSE,
        Break.SENTENCE,
        Break.CLAUSE,
        Break.CLAUSE,
        Break.SENTENCE,
        Break.SCENE,
        Break.SCENE,
    ]


def test_the_point_of_an_abbreviation_ends_no_sentence() -> None:
    assert [word.break_after for word in words_of("Dr. Smith of the U.S. came")[:-1]] == [Break.NONE] * 6


def test_a_break_that_the_author_wrote_is_a_pause_after_the_word_before_it() -> None:
    words = words_of('<break time="1s"/>one <break time="500ms"/> <break time="250ms"/> two, three')
    assert [(word.break_after, word.pause_after_ms) for word in words] == [
        (Break.SENTENCE, 750),
        (Break.CLAUSE, 0),
        (Break.SCENE, 0),
    ]


def test_paragraphs_end_sentences() -> None:
    assert [word.break_after for word in words_of("<p>one two</p><p>three</p>")][:2] == [Break.NONE, Break.SENTENCE]


def test_a_slowed_word_counts_for_more_letters() -> None:
    fast, slow = words_of('lamp <prosody rate="50%">lamp</prosody>')
    assert (fast.letters, slow.letters) == (4, 8)


def test_a_word_of_the_transcript_may_be_several_and_only_the_first_has_a_gap_before_it() -> None:
    words = [
        Word(text=text, span=Span(*span), confidence=1, source="heard")
        for text, span in (("costs", (100, 300)), ("$5", (450, 900)), ("—", (900, 910)), ("now", (1_000, 1_200)))
    ]
    assert [(word.text, word.word, word.gap_before_ms) for word in heard_words(words)] == [
        ("costs", 0, 0),
        ("five", 1, 150),
        ("dollars", 1, None),
        ("now", 3, 90),
    ]


def test_nothing_heard_is_no_words() -> None:
    assert heard_words([]) == ()
