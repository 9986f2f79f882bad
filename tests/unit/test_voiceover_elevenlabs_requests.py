"""What is asked of ElevenLabs, what its answers are believed, and what is refused before anything is bought."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.voiceover.elevenlabs_answers import Answer, group_words, read_answer
from services.voiceover.elevenlabs_models import MODELS
from services.voiceover.elevenlabs_requests import requests_for
from services.voiceover.joined_passages import join_passages
from services.voiceover.line import Line, SpokenWord
from services.voiceover.refusals import refusals
from shared.elevenlabs import header_number, read_refusal
from shared.errors import Unrecoverable
from shared.narration import parse_narration
from shared.project import Project, Scene, Voice
from shared.timeline import Span
from tests.integration.speech_server import CHARACTER_MS, EDGE_MS, spoken_answer

VOICE = "21m00Tcm4TlvDq8ikWAM"


def voice(**keys: object) -> Voice:
    return Voice.model_validate({"engine": "elevenlabs", "name": VOICE, **keys})


def line(markup: str) -> Line:
    return Line("harbour", parse_narration(markup))


# --- Requests ----------------------------------------------------------------------------------------------------


def test_a_plain_line_is_one_request_that_says_nothing_it_need_not() -> None:
    (asked,) = requests_for(line("The sea is calm."), voice())
    assert asked.request.json_text() == '{"text":"The sea is calm.","model_id":"eleven_multilingual_v2"}'


@pytest.mark.parametrize("model", [name for name, facts in MODELS.items() if facts.takes_neighbours])
def test_passages_of_a_scene_know_their_neighbours(model: str) -> None:
    first, second = requests_for(line('The sea.<break time="1s"/> Night.'), voice(model=model))
    assert (first.request.next_text, second.request.previous_text) == ("Night.", "The sea.")
    assert (first.request.previous_text, second.request.next_text, first.pause_after_ms) == (None, None, 1000)


@pytest.mark.parametrize("model", ["eleven_v3", "eleven_v9_preview"])
def test_a_model_that_does_not_take_neighbours_is_told_none(model: str) -> None:
    asked = requests_for(line('The sea.<break time="1s"/> Night.'), voice(model=model))
    assert all(one.request.previous_text is None and one.request.next_text is None for one in asked)


def test_the_rate_of_the_narration_multiplies_the_speed_of_the_voice() -> None:
    (asked,) = requests_for(line('<prosody rate="80%">Slowly.</prosody>'), voice(speed=0.9))
    assert asked.request.voice_settings == {"speed": 0.72}


@pytest.mark.parametrize(
    ("markup", "keys", "reason", "remedy"),
    [
        ('<prosody rate="60%">Hi.</prosody>', {}, "spoken at 60% of", "from 70% to 120%"),
        ('<prosody rate="80%">Hi.</prosody>', {"speed": 0.8}, "spoken at 64% of", "from 88% to 150%"),
        ('<prosody rate="90%">Hi.</prosody>', {"model": "eleven_v3"}, "eleven_v3 is not known to take", "Remove"),
        ("Hi.", {"model": "eleven_v3", "speed": 0.9}, "not known to take `speed`", "eleven_multilingual_v2"),
        ("Hi.", {"language": "de"}, "not known to take `language`", "eleven_flash_v2_5"),
        ("Hi.", {"model": "eleven_v9", "style": 0.5}, "not known to take `style`", "Remove"),
        ("[whispers] Hi.", {"model": "eleven_v3"}, '"[whispers]" is not spoken', "round brackets"),
        ("A &lt;break> sign.", {}, '"<break>" would be taken for markup', "<sub alias"),
        ("Oh. " * 2_000, {"model": "eleven_v3"}, "has 7,999 characters", "Split the scene"),
    ],
)
def test_what_a_model_cannot_do_is_refused_with_what_to_write(
    markup: str, keys: dict[str, object], reason: str, remedy: str
) -> None:
    with pytest.raises(Unrecoverable) as refusal:
        requests_for(line(markup), voice(**keys))
    assert reason in refusal.value.reason
    assert remedy in refusal.value.remedy


def test_brackets_and_plain_signs_are_spoken_where_they_are_only_text() -> None:
    (asked,) = requests_for(line("Is 5 < 6 [or 7]?"), voice())
    assert asked.request.text == "Is 5 < 6 [or 7]?"


# --- All scenes before the first purchase ------------------------------------------------------------------------


def project(voice: Voice, *narrations: str) -> Project:
    scenes = tuple(Scene(id=f"s{n}", narration=text, clips=("a.mp4",)) for n, text in enumerate(narrations, 1))
    return Project(name="test", voice=voice, scenes=scenes)


def test_every_narration_that_the_voice_cannot_speak_is_named() -> None:
    wrong = ("So <break/> it is.", "It is.", '<prosody rate="50%">Slow.</prosody>')
    assert [refusal.scene_id for refusal in refusals(project(voice(), *wrong))] == ["s1", "s3"]
    assert refusals(project(Voice(), *wrong)) == ()
    server = Voice(engine="openai-speech", name="alloy")
    assert [refusal.scene_id for refusal in refusals(project(server, *wrong))] == ["s1", "s3"]


def test_a_key_that_does_not_suit_the_model_is_named_once() -> None:
    (refusal,) = refusals(project(voice(model="eleven_v3", style=1), "One.", "Two."))
    assert refusal.scene_id is None


def test_breaks_at_the_edges_of_a_narration_need_no_sentence() -> None:
    assert refusals(project(voice(), '<break time="1s"/>The sea<break time="1s"/>')) == ()


# --- Word times --------------------------------------------------------------------------------------------------


def timed(text: str) -> list[tuple[str, int, int]]:
    return [(character, at * 100, at * 100 + 100) for at, character in enumerate(text)]


def test_characters_between_white_space_are_a_word() -> None:
    words = group_words(timed("the sea"), "the sea", 700)
    assert [(word.text, word.take_span) for word in words] == [("the", Span(0, 300)), ("sea", Span(400, 700))]


def test_characters_without_times_are_left_out() -> None:
    characters = [*timed("a sea"), ("!", -1, -1)]
    characters[0] = ("a", -1, -1)
    (word,) = group_words(characters, "a sea!", 500)
    assert (word.text, word.take_span) == ("sea!", Span(200, 500))


@pytest.mark.parametrize(
    ("characters", "length_ms"),
    [
        (timed("the see"), 700),
        (timed("the sea"), 600),
        ([("a", 0, 100), (" ", 100, 100), ("b", 100, 100)], 700),
        ([("a", 0, 200), (" ", 200, 200), ("b", 100, 300)], 700),
    ],
    ids=["other words", "beyond the sound", "no length", "overlap"],
)
def test_times_that_cannot_be_are_believed_as_a_whole_or_not_at_all(
    characters: list[tuple[str, int, int]], length_ms: int
) -> None:
    assert group_words(characters, "the sea" if len(characters) > 3 else "a b", length_ms) == ()


@given(
    st.lists(st.tuples(st.sampled_from("ab "), st.integers(-1, 900), st.integers(-1, 900)), max_size=20),
    st.integers(1, 900),
)
def test_reported_words_are_in_order_and_within_the_sound(
    characters: list[tuple[str, int, int]], length_ms: int
) -> None:
    words = group_words(characters, "".join(character for character, _, _ in characters), length_ms)
    before = 0
    for word in words:
        assert before <= word.take_span.start < word.take_span.end <= length_ms
        before = word.take_span.end


def test_joined_passages_have_the_pause_that_was_asked_for() -> None:
    first, second = (read_answer(spoken_answer(text), text) for text in ("The sea.", "Night."))
    joined = join_passages([(first, 1000), (second, 0)])
    spans = [word.take_span for word in joined.words]
    assert abs(spans[2].start - spans[1].end - 1000) <= 12
    assert spans[0].start < EDGE_MS
    assert spans[2].length == 6 * CHARACTER_MS
    whole = joined.samples[spans[1].end * 24 + 480 : spans[2].start * 24 - 480]
    assert not whole.any()


def test_one_passage_without_times_leaves_all_without() -> None:
    with_times = read_answer(spoken_answer("Night."), "Night.")
    without = Answer(with_times.samples, ())
    assert join_passages([(with_times, 100), (without, 0)]).words == ()
    assert join_passages([(with_times, 100)]).words == (SpokenWord("Night.", Span(EDGE_MS, EDGE_MS + 360), 0.8),)


# --- Answers that refuse -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "read"),
    [
        (b'{"detail": {"code": "bad", "message": "No. "}}', ("bad", "No")),
        (b'{"detail": {"status": "old", "message": null, "param": null}}', ("old", "")),
        (b'{"detail": "Not  allowed"}', ("", "Not allowed")),
        (b'{"detail": [{"loc": ["body", "text"], "msg": "missing"}, {"msg": "x"}]}', ("", "text: missing; : x")),
        (b'{"error": 1}', ("", "")),
        (b"<html>", ("", "")),
        (b"", ("", "")),
    ],
)
def test_all_shapes_of_errors_are_read(body: bytes, read: tuple[str, str]) -> None:
    assert read_refusal(body) == read


@pytest.mark.parametrize(("value", "number"), [("7", 7), ("0", None), ("-1", None), ("soon", None), (None, None)])
def test_a_header_is_a_number_or_nothing(value: str | None, number: int | None) -> None:
    assert header_number(value) == number
