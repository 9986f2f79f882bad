"""What a narration says, and how it is refused."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.narration import Narration, NarrationError, Pause, Speech, parse_narration, read_duration_ms


def refusal(text: str) -> NarrationError:
    with pytest.raises(NarrationError) as caught:
        parse_narration(text)
    return caught.value


# Whatever XML can carry, without what would be markup or a reference; see `_UNSPEAKABLE`.
PLAIN = st.text(
    st.characters(
        blacklist_categories=["Cs"],
        blacklist_characters=["<", *map(chr, (*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF))],
    )
)


class TestPlainText:
    @pytest.mark.parametrize(
        "text",
        [
            "R&D at AT&T",
            "5 < 6 and 7 > 6",
            "I <3 you",
            'She said "no", didn\'t she?',
            "A party 🎉 with 👩‍👩‍👧 and naïve café owners",
            "x ]]> y",
            "&unknown; names stay",
            "a <",
        ],
    )
    def test_text_that_only_looks_like_markup_is_said_as_it_stands(self, text: str) -> None:
        assert parse_narration(text) == Narration((Speech(text),))

    def test_white_space_is_folded(self) -> None:
        assert parse_narration("  The\n  lamp\t turns.\r\n").text == "The lamp turns."

    def test_references_mean_their_characters(self) -> None:
        assert parse_narration("Tom &amp; Jerry &lt;3&nbsp;&#8364;5 &mdash; ok").text == "Tom & Jerry <3 €5 — ok"

    @given(PLAIN.filter(lambda text: "&" not in text and any(character.isalnum() for character in text)))
    def test_any_text_without_a_tag_is_said_word_for_word(self, text: str) -> None:
        assert parse_narration(text).text == " ".join(text.split())

    @pytest.mark.parametrize("text", ["", " \n ", "...", "—", "<break time='1s'/>", "<p><s> </s></p>", "<!-- note -->"])
    def test_a_narration_without_words_has_nothing_to_say(self, text: str) -> None:
        assert "nothing to say" in refusal(text).reason


class TestMarkup:
    def test_a_break_is_silence_in_whole_milliseconds(self) -> None:
        narration = parse_narration('One<break time="500ms"/>two <break time="1.5s" strength="weak"/> three')
        assert narration.parts == (Speech("One"), Pause(500), Speech("two"), Pause(1500), Speech("three"))
        assert narration.text == "One two three"

    @pytest.mark.parametrize(("tag", "ms"), [("<break/>", 750), ('<break strength="x-weak"/>', 250)])
    def test_a_break_without_a_time_is_as_long_as_its_strength(self, tag: str, ms: int) -> None:
        assert parse_narration(f"a {tag} b").parts[1] == Pause(ms)

    def test_a_break_of_no_length_leaves_no_pause(self) -> None:
        assert parse_narration('a<break time="0ms"/>b<break strength="none"/>c') == parse_narration("a b c")

    @pytest.mark.parametrize(
        ("written", "rate"),
        [("80%", "4/5"), ("1.1", "11/10"), ("slow", "4/5"), ("+10%", "11/10"), ("-25%", "3/4"), ("medium", "1")],
    )
    def test_prosody_changes_the_rate(self, written: str, rate: str) -> None:
        assert parse_narration(f'<prosody rate="{written}">Slowly.</prosody>').parts == (
            Speech("Slowly.", rate=Fraction(rate)),
        )

    def test_nested_rates_multiply(self) -> None:
        narration = parse_narration('<prosody rate="80%">a <prosody rate="80%">b</prosody> c</prosody> d')
        rates = [part.rate for part in narration.parts if isinstance(part, Speech)]
        assert rates == [Fraction(4, 5), Fraction(16, 25), Fraction(4, 5), Fraction(1)]

    def test_sentences_and_paragraphs_end_where_the_tags_say(self) -> None:
        narration = parse_narration("<p><s>One</s><s>two</s></p><p>three</p>four")
        breaks = [(part.text, part.break_after) for part in narration.parts if isinstance(part, Speech)]
        assert breaks == [("One", "sentence"), ("two", "paragraph"), ("three", "paragraph"), ("four", "none")]
        assert narration.text == "One two three four"

    def test_an_alias_is_said_in_place_of_the_text_and_keeps_its_neighbours(self) -> None:
        narration = parse_narration('(<sub alias="doctor">Dr</sub>, <sub alias="World Wide Web">WWW</sub> fan)')
        assert narration.text == "(doctor, World Wide Web fan)"
        assert narration.parts[1] == Speech("Dr", spoken_as="doctor", space_after=False)

    @pytest.mark.parametrize(
        ("kind", "written", "spoken"),
        [
            ("characters", "NASA", "N A S A"),
            ("spell-out", "a1", "a 1"),
            ("digits", "Room 101", "Room 1 0 1"),
            ("telephone", "+1 (555) 010-9999", "plus 1, 5 5 5, 0 1 0, 9 9 9 9"),
            ("cardinal", "1,200", "1,200"),
            ("ordinal", "1", "1st"),
            ("ordinal", "12", "12th"),
            ("ordinal", "23", "23rd"),
        ],
    )
    def test_say_as_gives_the_words_that_are_said(self, kind: str, written: str, spoken: str) -> None:
        narration = parse_narration(f'It is <say-as interpret-as="{kind}">{written}</say-as>.')
        assert narration.text == f"It is {spoken}."

    def test_markup_that_changes_nothing_makes_no_new_part(self) -> None:
        text = 'The <!-- a <p> --> lamp <prosody rate="100%">turns</prosody>.'
        assert parse_narration(text) == parse_narration("The lamp turns.")

    def test_only_a_sub_or_prosody_without_space_is_glued_to_the_next_part(self) -> None:
        narration = parse_narration('un<prosody rate="90%">believ</prosody>able <prosody rate="90%">story</prosody>')
        assert narration.text == "unbelievable story"


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "line", "column", "reason", "remedy"),
        [
            ("Hi & <emphasis>you</emphasis>", 1, 6, "<emphasis> is not supported", "<prosody"),
            ("One\ntwo <brake/>", 2, 5, "<brake> is not supported", "Did you mean <break>?"),
            ("<speak>Hi</speak>", 1, 1, "<speak> is not supported", "needs no wrapper"),
            ("a <b c", 1, 3, "ends inside a tag", "&lt;"),
            ("Hi <p>there", 1, 4, "<p> is never closed", "</p>"),
            ("Hi <break time='1s'> there", 1, 4, "<break> is never closed", "/>"),
            ("Hi</p>", 1, 3, "never opened", "Remove it"),
            ("<p><s>Hi</p></s>", 1, 9, "</p> stands where <s> is still open", "</s> first"),
            ("Hi <break time=1s/>", 1, 16, "malformed", "quotes"),
            ("Hi <break time='1s' time='2s'/>", 1, 21, "twice", "Keep one"),
            ("Hi <break time='soon'/>", 1, 4, '"soon" is not a time', "500ms"),
            ("Hi <break time='1.5'/>", 1, 4, '"1.5" is not a time', "1.5s"),
            ("Hi <break time='-1s'/>", 1, 4, '"-1s" is not a time', "500ms"),
            ("Hi <break time='61s'/>", 1, 4, "61000 ms is too long", "at most 60s"),
            ("Hi <break strength='huge'/>", 1, 4, "no strength", "x-strong"),
            ("Hi <break>you</break>", 1, 4, "has text inside", "after it"),
            ("<prosody rate='quick'>Hi</prosody>", 1, 1, '"quick" is not a rate', "80%"),
            ("<prosody rate='110'>Hi</prosody>", 1, 1, "11000% of its normal speed", "50% and 200%"),
            ("<prosody pitch='high'>Hi</prosody>", 1, 1, "does not take `pitch`", "`rate`"),
            ("<prosody>Hi</prosody>", 1, 1, "no `rate`", "80%"),
            ("<sub>Dr</sub> No", 1, 1, "no words in its alias", "doctor"),
            ("Hi <sub alias='doctor'/>", 1, 4, "has no text", "between"),
            ("<sub alias='x'>a <p>b</p></sub>", 1, 18, "takes no tags", "Put it after"),
            ("<say-as interpret-as='date'>1.5.</say-as>", 1, 1, 'cannot interpret "date"', "<sub alias="),
            ("<say-as interpret-as='ordinal'>first</say-as>", 1, 1, "cannot be said as ordinal", "number"),
            ("Bell \x07", 1, 6, "U+0007 cannot be spoken", "Remove it"),
            ("Half \ud83d", 1, 6, "U+D83D cannot be spoken", "Remove it"),
            ("Null &#0;", 1, 6, "is no character", "itself"),
        ],
    )
    def test_a_mistake_is_named_by_its_place_cause_and_remedy(
        self, text: str, line: int, column: int, reason: str, remedy: str
    ) -> None:
        error = refusal(text)
        assert (error.line, error.column) == (line, column)
        assert reason in error.reason
        assert remedy in error.remedy

    @pytest.mark.parametrize(
        "attack",
        [
            '<!DOCTYPE x [<!ENTITY a "ha">]>Hi &a;',
            '<?xml version="1.0"?><!DOCTYPE x SYSTEM "file:///etc/passwd">Hi',
            '<?xml-stylesheet href="http://example.org/"?>Hi',
            "<![CDATA[<p>Hi]]>",
            "<p>" * 10_000 + "Hi" + "</p>" * 10_000,
        ],
    )
    def test_attacks_by_xml_are_refused(self, attack: str) -> None:
        assert refusal(attack).line == 1

    def test_a_very_long_narration_is_read_at_once(self) -> None:
        narration = parse_narration("Hi & <break time='10ms'/>\n" * 2_000)
        assert len(narration.parts) == 4_000

    @given(
        st.lists(
            st.sampled_from(
                [
                    *("<p>", "</p>", "<s>", "</s>", "<break/>", "<break time='1s'>", "</break>", "<sub alias='x'>"),
                    *("</sub>", "<say-as interpret-as='digits'>", "</say-as>", "<prosody rate='80%'>", "</prosody>"),
                    *("&", "&amp;", "&#", "<", "</", ">", "]]>", "<!--", "-->", "'", '"', " ", "\n", "\r", "a", "12."),
                    *("</lockstep-narration>", "<lockstep-narration>", "<!DOCTYPE", "🎉", "\u2028", "\x00"),
                ]
            ),
            max_size=12,
        ).map("".join)
        | st.text()
    )
    def test_whatever_is_written_is_read_or_refused_inside_the_text(self, text: str) -> None:
        lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        line, column = 1, 1
        try:
            spoken = parse_narration(text).text
        except NarrationError as error:
            spoken, line, column = "refused", error.line, error.column
        assert spoken == " ".join(spoken.split()) != ""
        assert 1 <= column <= len(lines[line - 1]) + 1


class TestDurations:
    @pytest.mark.parametrize(("text", "ms"), [("500ms", 500), ("1.5s", 1500), (" 2 s ", 2000), ("0.0004s", 0)])
    def test_a_time_is_whole_milliseconds(self, text: str, ms: int) -> None:
        assert read_duration_ms(text) == ms

    @pytest.mark.parametrize("text", ["", "5", "1,5s", "-1s", "1e3s", "1m", "٣s"])
    def test_what_is_no_time_is_refused(self, text: str) -> None:
        with pytest.raises(ValueError, match="is not a time"):
            read_duration_ms(text)
