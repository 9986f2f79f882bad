"""What is listened to, and how an engine's answer becomes words on the master clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.belief import check_words
from services.transcriber.core import SceneText, assemble_transcript, issues_of, passages_of
from services.transcriber.passage import Heard, HeardToken, Passage
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.timeline import Span
from shared.transcript import Recording, Take

VOICEOVER = Asset(key="voiceovers/1.wav", digest="0" * 64, media_type="audio/wav", size=1)
SEA = "The sea is calm tonight."
LAMP = "So they lit a lamp — for $4.50. 🚀"


def recording(*takes: Take, length_ms: int = 10_000, boundaries_known: bool = True) -> Recording:
    return Recording(
        voiceover=VOICEOVER, length_ms=length_ms, takes=takes, take_boundaries_known=boundaries_known, engine="espeak"
    )


def passage(text: str = SEA, span: Span | None = None) -> Passage:
    return Passage(span or Span(1_000, 4_000), tuple(text.split()), ("one",), (0,))


def heard_token(token: int, start: int, end: int, score: float = -20.0, loudness_db: float = 0.0) -> HeardToken:
    return HeardToken(token, "word", Span(start, end), score, loudness_db)


def evenly(count: int, step_ms: int = 300) -> tuple[HeardToken, ...]:
    return tuple(heard_token(index, step_ms * index, step_ms * index + 250) for index in range(count))


def test_each_take_is_listened_to_on_its_own() -> None:
    takes = (
        Take(scene_id="one", text=SEA, span=Span(250, 2_000)),
        Take(scene_id="two", text=LAMP, span=Span(2_500, 5_000)),
    )
    found = passages_of(recording(*takes), ())
    assert [one.span for one in found] == [Span(250, 2_000), Span(2_500, 5_000)]
    assert found[1].tokens == ("So", "they", "lit", "a", "lamp", "—", "for", "$4.50.", "🚀")


def test_one_recording_of_all_scenes_is_one_passage_that_knows_where_scenes_begin() -> None:
    whole = Take(scene_id="*", text=f"{SEA}\n{LAMP}", span=Span(0, 9_000))
    scenes = (SceneText("one", SEA), SceneText("two", LAMP))
    (found,) = passages_of(recording(whole, boundaries_known=False), scenes)
    assert found.scene_starts == (0, 5)
    assert [found.scene_of(token) for token in (0, 4, 5, 13)] == ["one", "one", "two", "two"]


def test_words_carry_the_scripts_own_spelling_and_the_master_clocks_time() -> None:
    answer = Heard(evenly(5), (), ())
    transcript = assemble_transcript(recording(), [passage()], [answer], "pocketsphinx")
    assert [word.text for word in transcript.words] == ["The", "sea", "is", "calm", "tonight."]
    assert transcript.words[1].span == Span(1_300, 1_550)
    assert {word.source for word in transcript.words} == {"pocketsphinx"}


def test_a_word_that_fits_badly_is_told_with_little_confidence() -> None:
    tokens = (*evenly(4), heard_token(4, 1_200, 1_450, score=-75.0))
    words = assemble_transcript(recording(), [passage()], [Heard(tokens, (), ())], "pocketsphinx").words
    assert words[0].confidence > 0.98
    assert words[4].confidence < 0.2


def test_a_word_never_leaves_its_take() -> None:
    tokens = (*evenly(4), heard_token(4, 2_700, 3_040))
    words = assemble_transcript(recording(), [passage()], [Heard(tokens, (), ())], "pocketsphinx").words
    assert words[-1].span == Span(3_700, 4_000)


def test_a_scene_of_which_nothing_was_heard_is_named_as_missing() -> None:
    both = Passage(Span(0, 4_000), (*SEA.split(), *SEA.split()), ("one", "two"), (0, 5))
    (issue,) = issues_of(both, Heard(evenly(5), (5, 6, 7, 8, 9), ()))
    assert (issue.kind, issue.scene_id) == ("scene_missing", "two")
    assert issue.words == tuple(SEA.split())
    assert issue.span == Span(1_450, 4_000)


def test_a_skipped_sentence_is_a_missing_part_and_a_word_or_two_are_missing_words() -> None:
    text = "One two three four. Five six seven."
    kinds = [
        issue.kind
        for issue in issues_of(
            passage(text), Heard((heard_token(4, 0, 200), heard_token(6, 300, 500)), (0, 1, 2, 3, 5), ())
        )
    ]
    assert kinds == ["scene_partly_missing", "words_missing"]


def test_a_lone_dash_between_missing_words_does_not_part_them() -> None:
    (issue,) = issues_of(passage(LAMP), Heard(evenly(3), (3, 4, 6, 7), ()))
    assert issue.words == ("a", "lamp", "for", "$4.50.")


def test_unscripted_speech_is_told_on_the_master_clock_with_the_scene_before_it() -> None:
    (issue,) = issues_of(passage(), Heard(evenly(5), (), (Span(1_500, 2_600),)))
    assert (issue.kind, issue.scene_id, issue.span) == ("unscripted_speech", "one", Span(2_500, 3_600))


@pytest.mark.parametrize(
    "answer",
    [
        Heard((), (), (), unexplained=True),
        Heard(evenly(1), (1, 2, 3, 4), ()),
        Heard((heard_token(0, 0, 300), heard_token(1, 200, 500), *evenly(5)[2:]), (), ()),
        Heard((*evenly(4), heard_token(4, 3_000, 3_200)), (), ()),
        Heard(tuple(heard_token(index, index, index + 1) for index in range(5)), (), ()),
        Heard(tuple(heard_token(index, 600 * index, 600 * index + 500, loudness_db=-70) for index in range(5)), (), ()),
    ],
    ids=["nothing explains it", "mostly missing", "two at once", "beyond the sound", "stuck", "in silence"],
)
def test_an_answer_that_cannot_be_is_refused_with_scene_words_and_remedy(answer: Heard) -> None:
    with pytest.raises(Unrecoverable) as refused:
        check_words(passage(), answer)
    assert refused.value.scene_id == "one"
    assert "sea" in refused.value.reason or "The" in refused.value.reason or "tonight." in refused.value.reason
    assert refused.value.remedy


def test_one_odd_word_among_many_is_no_reason_to_refuse() -> None:
    check_words(passage(), Heard((*evenly(4), heard_token(4, 1_300, 1_301)), (), ()))


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(20, 900)), min_size=1, max_size=30))
def test_words_stay_in_order_inside_the_take_whatever_was_heard(steps: list[tuple[int, int]]) -> None:
    at, tokens = 0, []
    for index, (gap, length) in enumerate(steps):
        tokens.append(heard_token(index, at + gap, at + gap + length))
        at += gap + length
    text = " ".join("word" for _ in steps)
    one = passage(text, Span(500, 500 + at + 50))
    words = assemble_transcript(recording(length_ms=at + 2_000), [one], [Heard(tuple(tokens), (), ())], "x").words
    ends = one.span.start
    for word in words:
        assert ends <= word.span.start <= word.span.end <= one.span.end
        ends = word.span.end
