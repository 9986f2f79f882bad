"""Words in a drawing can be read: none covers another where there is a line for it."""

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from cli.lettering import lines_for

PLACED = st.lists(st.tuples(st.floats(0, 500), st.text("abc", min_size=1, max_size=9))).map(sorted)


@given(PLACED)
def test_with_lines_enough_no_text_covers_another(placed: list[tuple[float, str]]) -> None:
    lines = lines_for(placed, letter_pixels=6, line_count=max(1, len(placed)))
    for (one, (left, text)), (other, (next_left, _)) in combinations(zip(lines, placed, strict=True), 2):
        assert one != other or next_left >= left + 6 * len(text)


def test_texts_that_have_room_stay_on_the_first_line() -> None:
    assert lines_for([(0, "dusk"), (40, "keeper"), (100, "lamp")], letter_pixels=6, line_count=2) == (0, 0, 0)


def test_where_all_lines_are_taken_the_text_that_ends_first_is_covered() -> None:
    assert lines_for([(0, "lighthouse"), (6, "a"), (12, "keeper")], letter_pixels=6, line_count=2) == (0, 1, 1)
