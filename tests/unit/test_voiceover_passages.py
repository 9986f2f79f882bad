"""A narration becomes passages that are spoken whole, with silence of known length between them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voiceover.passages import SENTENCE_PAUSE_MS, Passage, cut_passages
from shared.errors import Unrecoverable
from shared.narration import Narration, Pause, Speech, parse_narration

SENTENCES = st.lists(st.sampled_from(["The sea.", "Is it calm?", "“Yes!”", "So they lit a lamp…"]), min_size=1)
SPEECHES = st.builds(
    lambda sentences, rate: Speech(" ".join(sentences), rate=rate),
    SENTENCES,
    st.sampled_from([Fraction(1), Fraction(4, 5), Fraction(11, 10)]),
)
PARTS = st.lists(SPEECHES | st.builds(Pause, st.integers(1, 60_000)), max_size=8)


def cut(markup: str) -> tuple[Passage, ...]:
    return cut_passages(parse_narration(markup), engine="ElevenLabs", scene_id="harbour")


def test_a_narration_without_markup_is_one_passage() -> None:
    assert cut("The sea. The lamp.") == (Passage("The sea. The lamp.", Fraction(1)),)


def test_a_break_between_sentences_parts_them() -> None:
    assert cut('The sea.<break time="1s"/><break time="500ms"/> The lamp.') == (
        Passage("The sea.", Fraction(1), 1500),
        Passage("The lamp.", Fraction(1)),
    )


def test_a_change_of_speed_between_sentences_parts_them() -> None:
    assert cut('The sea. <prosody rate="80%">The lamp.</prosody> Night.') == (
        Passage("The sea.", Fraction(1), SENTENCE_PAUSE_MS),
        Passage("The lamp.", Fraction(4, 5), SENTENCE_PAUSE_MS),
        Passage("Night.", Fraction(1)),
    )


@pytest.mark.parametrize(
    ("markup", "reason", "remedy"),
    [
        ('Ships had run <break time="1s"/> aground.', 'a sentence, after "Ships had run"', "a comma or a dash"),
        ('It <prosody rate="80%">goes</prosody>.', 'a sentence, after "It"', "around whole sentences"),
        ('The <prosody rate="80%">sea.</prosody> Night.', 'a sentence, after "The"', "around whole sentences"),
    ],
)
def test_what_would_be_heard_as_a_cut_is_refused(markup: str, reason: str, remedy: str) -> None:
    with pytest.raises(Unrecoverable) as refusal:
        cut(markup)
    assert reason in refusal.value.reason
    assert remedy in refusal.value.remedy
    assert refusal.value.scene_id == "harbour"


@pytest.mark.parametrize("markup", ['<s>The sea</s><break time="1s"/> Night.', '“Sea.”<break time="1s"/> Night.'])
def test_a_sentence_may_end_by_a_tag_or_inside_quotes(markup: str) -> None:
    assert len(cut(markup)) == 2


def test_aliases_are_spoken_and_paragraphs_are_set_apart() -> None:
    assert cut('<p>Ask <sub alias="doctor">Dr</sub>, please.</p><p>Now.</p>') == (
        Passage("Ask doctor, please.\n\nNow.", Fraction(1)),
    )


def test_a_dash_between_two_breaks_is_no_request() -> None:
    assert cut('The sea. <break time="1s"/> … <break time="1s"/> Night.') == (
        Passage("The sea.", Fraction(1), 2000),
        Passage("Night.", Fraction(1)),
    )


@given(SPEECHES, PARTS, SPEECHES)
def test_no_word_is_lost_and_no_pause_is_shorter(first: Speech, between: list[Speech | Pause], last: Speech) -> None:
    narration = Narration((first, *between, last))
    passages = cut_passages(narration, engine="ElevenLabs", scene_id=None)
    assert " ".join(passage.text for passage in passages).split() == narration.text.split()
    asked_ms = sum(part.ms for part in between if isinstance(part, Pause))
    assert sum(passage.pause_after_ms for passage in passages) >= asked_ms
    assert passages[-1].pause_after_ms == 0
