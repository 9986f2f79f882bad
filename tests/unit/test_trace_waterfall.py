"""The terminal's waterfall and the page: everything is on them, and nothing in them can break out of them."""

import io
import re
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from cli.trace_path import with_fitters
from cli.trace_story import read_story
from cli.waterfall import headline, rows, seconds, terminal_waterfall, verdict
from cli.waterfall_page import TICK_STEPS_NS, TICKS, page, tick_step_ns
from tests.unit.trace_spans import SECOND, told


def printed(width: int = 120) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(terminal_waterfall(read_story(told()), width=width))
    return console.export_text()


def test_the_terminal_shows_waiting_apart_from_work_and_marks_the_critical_path() -> None:
    text = printed()
    line = next(line for line in text.splitlines() if "scene 1" in line)
    assert line.startswith("◆")
    assert re.search(r"░+▓+█+", line)
    assert "2 attempts" in line
    assert "retries of scene 1 6.00 s" in " ".join(text.split())


def test_a_step_too_short_for_a_character_is_still_to_be_seen() -> None:
    spans = [replace(each, start_ns=each.end_ns - 1) if each.span_id == "p1" else each for each in told()]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(terminal_waterfall(read_story(spans), width=80))
    assert "█" in next(line for line in console.export_text().splitlines() if "plan" in line)


def test_terminal_and_page_tell_the_id_by_which_a_backend_finds_the_trace() -> None:
    spans = [replace(each, trace_id="4bf92f3577b34da6a3ce929d0e0e4736") for each in told()]
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(terminal_waterfall(read_story(spans), width=80))
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in console.export_text()
    assert "4bf92f3577b34da6a3ce929d0e0e4736" in page(read_story(spans))


def test_every_row_lies_within_the_project() -> None:
    story = read_story(told())
    assert all(0 <= bar.start_ns <= bar.end_ns <= story.end_ns for row in rows(story) for bar in row.bars)


def test_the_page_needs_nothing_from_elsewhere() -> None:
    html = page(read_story(told()))
    assert "://" not in html
    assert "<script" not in html
    assert "url(" not in html


def test_the_page_names_every_scene_the_killed_attempt_and_the_stages() -> None:
    html = page(read_story(told()))
    assert "its process was killed" in html
    assert "retries of scene 1" in html
    assert 'class="ffmpeg stage"' in html
    assert "What more fitters would have saved" in html


def test_a_reason_cannot_break_out_of_the_page() -> None:
    spans = [
        replace(each, failure="<img src=x onerror=alert(1)>") if each.name in {"project", "scene"} else each
        for each in told()
    ]
    assert "<img" not in page(read_story(spans))


def test_times_are_told_in_the_unit_that_fits() -> None:
    assert [seconds(at) for at in (0, 4_000_000, 999_000_000, 1_234_000_000)] == ["0 ms", "4 ms", "999 ms", "1.23 s"]
    assert [seconds(at * SECOND) for at in (59, 60, 125, 3601)] == [
        "59.00 s",
        "1 min 00 s",
        "2 min 05 s",
        "60 min 01 s",
    ]


def test_the_first_sentence_names_what_held_the_project_up() -> None:
    sentence = (
        "Scene 1 took most of it: 16.00 s of 20.00 s, of that 2.00 s waiting for a free fitter and 6.00 s on attempts"
    )
    assert sentence in " ".join(printed().split())
    assert sentence in page(read_story(told()))


def test_the_first_sentence_tells_what_fitters_would_have_saved_and_is_silent_where_they_save_nothing() -> None:
    story = read_story(told())
    busy = replace(story, scenes=tuple(replace(story.scenes[0], number=number) for number in (1, 2)))
    assert "With 2 fitters, each on cores of its own, it would have been" in verdict(
        replace(busy, end_ns=busy.end_ns * 2)
    )
    assert "With" not in verdict(replace(story, scenes=()))


def test_a_project_in_work_is_told_as_it_stands_and_nothing_is_guessed_of_its_end() -> None:
    spans = [each for each in told() if each.span_id not in ("root", "s1", "p3", "f", "said", "done")]
    story = read_story(spans)
    assert verdict(story) == "Still in work, now: scene 1."
    assert with_fitters(story) == ()
    assert "fitters would have saved" not in page(story)
    assert "not ended" in headline(story)
    assert "1 scene begun" in headline(story)
    assert "The project has not ended" in page(story)


def test_a_project_of_which_nothing_is_in_work_is_not_said_to_be_in_work() -> None:
    spans = [each for each in told() if each.span_id in ("q1", "p1", "say")]
    assert verdict(read_story(spans)).startswith("Not ended, and nothing of it is in work")


@given(whole_ns=st.integers(1, 42 * 3600 * SECOND))
def test_the_axis_has_few_ticks_at_round_times(whole_ns: int) -> None:
    step_ns = tick_step_ns(whole_ns)
    assert step_ns in TICK_STEPS_NS
    assert whole_ns // step_ns <= TICKS
