"""Words in a drawing can be read: none covers another, and none leaves the picture."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from cli.lettering import places_for, text_pixels

PLACED = st.lists(st.tuples(st.floats(0, 500), st.text("abcmW—", min_size=1, max_size=9))).map(sorted)
RIGHT = 620
"""A text of nine letters of 10 pixels that begins at 500 ends before it."""


@given(PLACED)
def test_with_lines_enough_no_text_covers_another_and_each_stands_where_it_should(
    placed: list[tuple[float, str]],
) -> None:
    places = places_for(placed, font_pixels=10, line_count=max(1, len(placed)), right=RIGHT)
    assert [place.left for place in places] == [left for left, _ in placed]
    for (one, (_, text)), (other, _) in combinations(zip(places, placed, strict=True), 2):
        assert one.line != other.line or other.left > one.left + text_pixels(text, 10)


@given(PLACED, st.integers(1, 4))
def test_no_text_leaves_the_picture(placed: list[tuple[float, str]], line_count: int) -> None:
    places = places_for(placed, font_pixels=10, line_count=line_count, right=RIGHT)
    for place, (_, text) in zip(places, placed, strict=True):
        assert place.left + text_pixels(text, 10) <= RIGHT + 1e-9
        assert 0 <= place.line < line_count


def test_texts_that_have_room_stay_on_the_first_line() -> None:
    places = places_for([(0, "dusk"), (40, "keeper"), (100, "lamp")], font_pixels=10, line_count=2, right=500)
    assert [place.line for place in places] == [0, 0, 0]


def test_where_all_lines_are_taken_a_text_moves_right_until_it_covers_none() -> None:
    first, second, third = places_for(
        [(0, "lighthouse"), (6, "a"), (8, "keeper")], font_pixels=10, line_count=2, right=500
    )
    assert (first.line, second.line, third.line) == (0, 1, 1)
    assert third.left > 6 + text_pixels("a", 10)
    assert third.left < 20


def test_a_text_at_the_right_edge_moves_left_on_a_line_that_is_free() -> None:
    (before, last) = places_for([(440, "the"), (480, "lighthouse")], font_pixels=10, line_count=2, right=500)
    assert last.left == 500 - text_pixels("lighthouse", 10)
    assert last.line != before.line


def test_a_wide_text_is_measured_by_its_letters() -> None:
    assert text_pixels("WWW", 10) > 2 * text_pixels("ill", 10)
    assert text_pixels("edge", 10) == 10 * (556 + 556 + 556 + 556) / 1_000
