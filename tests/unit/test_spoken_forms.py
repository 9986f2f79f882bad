"""What people write, and the ways in which it is read aloud."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import spoken_forms as spoken_forms_module
from shared.spoken_forms import normalised_words, script_tokens, spoken_forms
from shared.spoken_numbers import MOST_FORMS


def readings(token: str) -> list[str]:
    return [" ".join(form) for form in spoken_forms(token)]


@pytest.mark.parametrize(
    ("token", "likeliest"),
    [
        ("Hello,", "hello"),
        ("“don’t”", "don't"),
        ("'hello'", "hello"),
        ("I'm", "i'm"),
        ("café", "cafe"),
        ("$4.50", "four dollars and fifty cents"),
        ("$5", "five dollars"),
        ("$1", "one dollar"),
        ("$3M", "three million dollars"),
        ("£3.99", "three pounds and ninety nine pence"),
        ("€1.5bn", "one point five billion euros"),
        ("50%", "fifty percent"),
        ("2026", "twenty twenty six"),
        ("1905", "nineteen oh five"),
        ("2005", "two thousand five"),
        ("1,234,567", "one million two hundred thirty four thousand five hundred sixty seven"),
        ("-5", "minus five"),
        ("0.5", "zero point five"),
        ("007", "zero zero seven"),
        ("22nd", "twenty second"),
        ("1990s", "nineteen nineties"),
        ("'90s", "nineties"),
        ("10:30", "ten thirty"),
        ("9:05", "nine oh five"),
        ("7:00", "seven"),
        ("10:30pm", "ten thirty p m"),
        ("12/25/2026", "december twenty fifth twenty twenty six"),
        ("2026-01-05", "january fifth twenty twenty six"),
        ("3/4", "three quarters"),
        ("2½", "two and a half"),
        ("3-5", "three to five"),
        ("2019–2021", "twenty nineteen to twenty twenty one"),
        ("Dr.", "doctor"),
        ("e.g.", "for example"),
        ("U.S.A.", "u s a"),
        ("J.R.R.", "j r r"),
        ("NASA's", "nasa's"),
        ("AT&T", "a t and t"),
        ("JetStream", "jet stream"),
        ("H2O", "h two o"),
        ("20°C", "twenty degrees celsius"),
        ("60mph", "sixty miles per hour"),
        ("kg", "kilograms"),
        ("VIII", "eight"),
        ("well-known", "well known"),
        ("&", "and"),
        ("www.example.com", "w w w dot example dot com"),
        ("me@example.com", "me at example dot com"),
        ("#1", "number one"),
        ("v1.2.3", "v one point two point three"),
        ("α", "alpha"),
    ],
)
def test_the_likeliest_reading_of_a_token_comes_first(token: str, likeliest: str) -> None:
    assert readings(token)[0] == likeliest


@pytest.mark.parametrize(
    ("token", "reading"),
    [
        ("$4.50", "four dollars fifty"),
        ("$4.50", "four fifty"),
        ("$4.50", "dollar four point five zero"),
        ("2026", "two thousand and twenty six"),
        ("1999", "nineteen hundred ninety nine"),
        ("10:00", "ten o'clock"),
        ("3/4", "three slash four"),
        ("5", "fifth"),
        ("St.", "street"),
        ("Dr.", "drive"),
        ("million", "million dollars"),
        ("NASA", "n a s a"),
        ("USA", "usa"),
        ("24/7", "twenty four seven"),
        ("https://example.com/path", "example dot com slash path"),
        ("🚀", "rocket"),
        ("kg", "kg"),
        ("in", "inches"),
        ("555-1234", "five five five one two three four"),
    ],
)
def test_other_usual_readings_are_offered_too(token: str, reading: str) -> None:
    assert reading in readings(token)


def test_a_sign_that_some_voices_leave_out_may_be_silent_or_read() -> None:
    assert set(spoken_forms("&")) == {("and",), ()}
    assert spoken_forms("&")[0] == ("and",)


@pytest.mark.parametrize("token", ["🚀", "👩‍🚀", "👍🏽", "—", "-", "…", "*", "''", ".", "日本", "\u200b"])
def test_a_sign_that_nobody_reads_may_be_silent(token: str) -> None:
    assert () in spoken_forms(token)


@pytest.mark.parametrize("token", ["Hello,", "$4.50", "2026", "U.S.A.", "50%", "a"])
def test_a_word_is_never_silent(token: str) -> None:
    assert () not in spoken_forms(token)


def test_tokens_are_the_words_as_written() -> None:
    assert script_tokens("It's $4.50, Dr. Who —\n really!") == ("It's", "$4.50,", "Dr.", "Who", "—", "really!")


def test_a_dash_typed_without_spaces_parts_two_words() -> None:
    assert script_tokens("Wait—what? Yes--no. So...then") == ("Wait—", "what?", "Yes--", "no.", "So...", "then")


def test_a_dash_between_numbers_is_a_range_and_stays_one_token() -> None:
    assert script_tokens("from 2019–2021") == ("from", "2019–2021")


def test_a_normalised_text_is_its_likeliest_reading_without_signs() -> None:
    assert normalised_words("Dr. Ng paid $4.50 — really! 🚀") == tuple(
        "doctor ng paid four dollars and fifty cents really".split()  # noqa: SIM905
    )


@given(st.text(max_size=40))
def test_any_token_has_readings_made_of_plain_words(token: str) -> None:
    found = spoken_forms(token)
    assert 1 <= len(found) <= MOST_FORMS
    assert len(set(found)) == len(found)
    assert all(re.fullmatch("[a-z']*[a-z][a-z']*", word) for form in found for word in form)


@given(st.text(alphabet="0123456789.,:/-$%+#'kmABsth°½ ", min_size=1, max_size=14))
def test_any_mixture_of_digits_and_signs_has_readings(text: str) -> None:
    for token in script_tokens(text):
        assert 1 <= len(spoken_forms(token)) <= MOST_FORMS


@given(st.text(max_size=60))
def test_tokens_lose_no_visible_sign_of_the_script(text: str) -> None:
    assert "".join(script_tokens(text)) == "".join(text.split())


@given(st.text(alphabet=st.characters(exclude_categories=["Nd", "Cs"]), max_size=12))
def test_what_wants_a_digit_reads_nothing_without_one(token: str) -> None:
    """So these rules need not be asked."""
    asked = set(spoken_forms_module.RULES) - set(spoken_forms_module.RULES_WITHOUT_DIGITS)
    assert len(asked) == 8
    assert not any(rule(token) for rule in asked)
