"""Values of a YAML or JSON text, where they stand, and which texts are refused."""

import json
import re
from typing import Literal

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from shared.project_text import DEEPEST_NESTING, MOST_VALUES, LocatedData, Position, TextError, read_text
from shared.project_values import Place

Language = Literal["yaml", "json"]

DOCUMENT = """\
# a comment
name: lighthouse   # another
scenes:
  - id: dusk
    folded: >-
      Hello there
      my friend.

      Next comes more.
    literal: |
      One
        two
    double: "It’s \\u2019 \\"quoted\\" and \\
      done"
    single: 'it''s fine'
  - plain text over
    two lines
"""

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=["Cs"])),
    lambda children: st.lists(children, max_size=4)
    | st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"]), max_size=5), children, max_size=4),
    max_leaves=12,
)  # fmt: skip


def refusal(text: str, language: Language = "yaml") -> TextError:
    with pytest.raises(TextError) as caught:
        read_text(text, language)
    return caught.value


def place_of_word(located: LocatedData, place: Place, word: str) -> Position:
    """Where the file has a word of a text value."""
    value = located.value(place)
    assert isinstance(value, str)
    before = value[: value.index(word)]
    return located.position_inside(place, before.count("\n") + 1, len(before) - before.rfind("\n"))


class TestValues:
    @pytest.mark.parametrize(
        ("written", "value"),
        [
            ("12", 12),
            ("-3", -3),
            ("2.5", 2.5),
            ("-.5", -0.5),
            ("1e3", 1000.0),
            ("true", True),
            ("False", False),
            ("~", None),
            ("", None),
            ("null", None),
            ("no", "no"),
            ("on", "on"),
            ("007", "007"),
            ("11:40", "11:40"),
            ("2024-05-01", "2024-05-01"),
            ("1_000", "1_000"),
            ("0x1F", "0x1F"),
            (".nan", ".nan"),
            ("30000/1001", "30000/1001"),
            ('"12"', "12"),
            ("'true'", "true"),
        ],
    )
    def test_only_what_is_plainly_a_number_or_a_truth_value_is_one(self, written: str, value: JsonValue) -> None:
        found = read_text(f"key: {written}", "yaml").data
        assert found == {"key": value}
        assert isinstance(found, dict)
        assert type(found["key"]) is type(value)

    @given(st.dictionaries(st.text(st.characters(blacklist_categories=["Cs"])), JSON_VALUES))
    def test_json_is_read_as_the_standard_library_reads_it(self, value: dict[str, JsonValue]) -> None:
        assert read_text(json.dumps(value), "json").data == value
        assert read_text(json.dumps(value, ensure_ascii=False, indent="\t"), "json").data == value

    @given(
        st.dictionaries(
            st.from_regex(r"[a-z]{1,6}", fullmatch=True),
            # PyYAML leaves 0E0 unquoted: in its YAML 1.1 that is text, in YAML 1.2 it is a number.
            st.text(st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufeff")).filter(
                lambda text: re.match(r"[-+.\d]", text) is None
            ),
        )
    )
    def test_text_in_yaml_is_read_as_pyyaml_reads_it(self, value: dict[str, str]) -> None:
        written = yaml.safe_dump({"texts": value}, allow_unicode=True)
        assert read_text(written, "yaml").data == {"texts": value}

    def test_a_pair_of_json_escapes_is_one_character(self) -> None:
        assert read_text('{"a": "\\ud83d\\ude00"}', "json").data == {"a": "😀"}


class TestPositions:
    def test_keys_and_values_have_their_places(self) -> None:
        located = read_text(DOCUMENT, "yaml")
        assert located.key_position(("name",)) == Position(2, 1)
        assert located.value_position(("name",)) == Position(2, 7)
        assert located.key_position(("scenes", 0, "id")) == Position(4, 5)
        assert located.value_position(("scenes", 1)) == Position(16, 5)

    def test_what_is_missing_is_looked_for_where_it_would_stand(self) -> None:
        located = read_text(DOCUMENT, "yaml")
        assert located.value_position(("scenes", 0, "clips", 3, "file")) == located.value_position(("scenes", 0))
        assert located.value_position(("music",)) == Position(2, 1)

    @pytest.mark.parametrize(
        ("key", "word", "line", "column"),
        [
            ("folded", "there", 6, 13),
            ("folded", "friend", 7, 10),
            ("folded", "comes", 9, 12),
            ("literal", "two", 12, 9),
            ("double", "quoted", 13, 28),
            ("double", "done", 14, 7),
            ("single", "fine", 15, 20),
        ],
    )
    def test_a_word_inside_a_text_is_found_in_the_file(self, key: str, word: str, line: int, column: int) -> None:
        assert place_of_word(read_text(DOCUMENT, "yaml"), ("scenes", 0, key), word) == Position(line, column)

    def test_a_word_of_a_plain_text_over_two_lines_is_found_in_the_file(self) -> None:
        assert place_of_word(read_text(DOCUMENT, "yaml"), ("scenes", 1), "two") == Position(17, 5)

    def test_a_word_behind_json_escapes_is_found_in_the_file(self) -> None:
        text = '{\n\t"a": "\\ud83d\\ude00 x\\n\\u2019 \\"lamp\\""\n}'
        position = place_of_word(read_text(text, "json"), ("a",), "lamp")
        assert text.split("\n")[position.line - 1][position.column - 1 :].startswith("lamp")

    @given(
        st.lists(st.from_regex(r"[a-z]{1,8}", fullmatch=True), min_size=1, max_size=40, unique=True),
        st.sampled_from([None, "'", '"', "|", ">"]),
        st.integers(20, 80),
    )
    def test_every_word_is_found_however_the_text_is_written(
        self, words: list[str], style: str | None, width: int
    ) -> None:
        class Styled(yaml.SafeDumper):
            pass

        Styled.add_representer(
            str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)
        )
        value = " ".join([*(f"<{word}>’\n" for word in words), "end"])
        text = yaml.dump([value], Dumper=Styled, width=width, allow_unicode=True)
        located = read_text(text, "yaml")
        for word in words:
            position = place_of_word(located, (0,), f"<{word}>")
            assert text.split("\n")[position.line - 1][position.column - 1 :].startswith(f"<{word}>")


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "line", "column", "cause", "remedy"),
        [
            ("a: b: c", 1, 5, '": "', "in quotes"),
            ("a:\n\t- b", 2, 1, "indented with a tab", "spaces"),
            ("a: 'x\nb: 1", 1, 4, "never closed", "same mark"),
            ("a: @x", 1, 4, "cannot start with @", "quotes"),
            ("a:\n  - [1, 2\nb: 3", 2, 5, "bracket that opens here is not closed in line 3", "Close it"),
            ("a: {x: 1", 1, 4, "bracket that opens here", "Close it"),
            ("a:\n  b: 1\n c: 2", 3, 2, "not indented like its neighbours", "alike"),
            ('a: "x" y', 1, 8, "after a closing quotation mark", "whole text in quotes"),
            ('a: "\\q"', 1, 5, "backslash", "single quotes"),
            ("a: 1\nb", 2, 2, "no colon", "key: value"),
            ("- a\nb: 1", 2, 1, "not indented like", "alike"),
            ("a: &x 1\nb: *x", 2, 4, "Aliases", "Write the value out"),
            ("a: !!python/object/apply:os.system [ls]", 1, 4, "Tags", "Remove it"),
            ("a: !secret x", 1, 4, "Tags", "Remove it"),
            ("a: 1\n---\nb: 1", 2, 1, "more than one document", "---"),
            ("? [a]\n: b", 1, 3, "where a key is expected", "key: value"),
            ("a: \x07", 1, 4, "U+0007", "Remove it"),
            ("%YAML 3.0\n---\na: 1", 1, 1, "cannot be read here", "Check"),
        ],
    )
    def test_a_mistake_in_yaml_is_told_in_plain_words(
        self, text: str, line: int, column: int, cause: str, remedy: str
    ) -> None:
        error = refusal(text)
        assert error.position == Position(line, column)
        assert cause in error.cause
        assert remedy in error.remedy

    @pytest.mark.parametrize(
        ("text", "line", "column", "cause"),
        [
            ('{"a": 1, "b"}', 1, 13, "':' delimiter"),
            ('{\n  "a": NaN}', 2, 8, "NaN is no number"),
            ('{"a": "\\ud83d"}', 1, 7, "half a character"),
            ('{"a": tru}', 1, 7, "malformed"),
        ],
    )
    def test_a_mistake_in_json_is_told_in_plain_words(self, text: str, line: int, column: int, cause: str) -> None:
        error = refusal(text, "json")
        assert error.position == Position(line, column)
        assert cause in error.cause

    @pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n"])
    def test_a_text_without_values_is_empty(self, text: str) -> None:
        assert refusal(text).cause == "The file is empty."

    @pytest.mark.parametrize("language", ["yaml", "json"])
    def test_depth_is_bounded(self, language: Language) -> None:
        read_text("[" * DEEPEST_NESTING + "]" * DEEPEST_NESTING, language)
        for depth in (DEEPEST_NESTING + 1, 100_000):
            assert "nested" in refusal("[" * depth + "]" * depth, language).cause

    def test_the_number_of_values_is_bounded(self) -> None:
        assert "more than" in refusal("[" + "1," * MOST_VALUES + "1]", "json").cause

    def test_a_bomb_of_aliases_does_not_go_off(self) -> None:
        levels = [f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * 9)}]" for level in range(1, 30)]
        assert "Aliases" in refusal("\n".join(["a0: &a0 lol", *levels])).cause

    def test_a_key_that_stands_twice_is_kept_once_and_told(self) -> None:
        located = read_text("a: 1\nb: {c: 1, c: {d: 1}}\na: [2]\n", "yaml")
        assert located.data == {"a": 1, "b": {"c": 1}}
        assert located.repeated == ((("b", "c"), Position(2, 11)), (("a",), Position(3, 1)))

    @given(
        st.text(max_size=60) | st.text("[]{}:,-#&*!|>'\"%@` \t\nabc1\\ud8", max_size=40),
        st.sampled_from(["yaml", "json"]),
    )
    def test_any_text_is_read_or_refused(self, text: str, language: Language) -> None:
        cause = "."
        try:
            read_text(text, language)
        except TextError as error:
            cause = error.cause
        assert cause.endswith(".")
