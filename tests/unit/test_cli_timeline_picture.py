"""The drawing of a timeline: every word, every window, every cut, and whatever is wrong."""

from fractions import Fraction
from itertools import pairwise
from xml.etree import ElementTree

from cli.lettering import text_pixels
from cli.timeline_picture import MARGIN, ROW_MS, Peaks, Timeline, clock, timeline_svg
from shared.plan import PlannedScene, PlannedTransition, PlanWarning, ScenePlan
from shared.project import Output
from shared.timeline import FrameGrid, Span
from shared.transcript import Word

SVG = "{http://www.w3.org/2000/svg}"
FPS = Fraction(25)


def word(text: str, start: int, end: int, confidence: float = 0.9) -> Word:
    return Word(text=text, span=Span(start, end), confidence=confidence, source="test")


def scene(number: int, window: Span, words: tuple[Word, ...]) -> PlannedScene:
    grid = FrameGrid(FPS)
    return PlannedScene(
        number=number, scene_id=f"scene-{number}", window=window, first_frame=grid.frame_at(window.start),
        frame_count=grid.frame_count(window), speech=window, words=words, gap_after=Span(window.end, window.end),
        cut_kind="silence", confidence=0.9, clip_ms_to_ask_for=window.length,
    )  # fmt: skip


WORDS = (word("Before", 100, 400), word("dawn & after", 500, 900, confidence=0.2), word("later", 17_000, 17_400))
PLAN = ScenePlan(
    length_ms=20_000,
    fps=FPS,
    frame_count=500,
    scenes=(scene(1, Span(0, 12_000), WORDS[:2]), scene(2, Span(12_000, 20_000), WORDS[2:])),
    warnings=(
        PlanWarning(
            kind="rushed", scene_id="scene-2", message="It is rushed.", remedy="Slow down.", span=Span(13_000, 14_000)
        ),
    ),
)
PEAKS = Peaks(10, (0.5,) * 2_000)


def drawn(plan: ScenePlan | None = PLAN, refusal: str | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(timeline_svg(Timeline(20_000, PEAKS, WORDS, plan, refusal)))


def texts(root: ElementTree.Element, style: str) -> list[str]:
    return [node.text or "" for node in root.iter(f"{SVG}text") if style in (node.get("class") or "").split()]


def test_every_word_is_written_once() -> None:
    assert texts(drawn(), "word") == ["Before", "dawn & after", "later"]


def test_an_unsure_word_is_marked() -> None:
    assert texts(drawn(), "unsure") == ["dawn & after"]


def test_a_cut_is_drawn_between_two_windows_and_none_at_the_end() -> None:
    assert len([node for node in drawn().iter(f"{SVG}line") if node.get("class") == "cut"]) == 1


def test_a_window_that_runs_over_a_row_is_drawn_in_both() -> None:
    assert 12_000 < ROW_MS < 20_000
    assert len([title for title in texts(drawn(), "scene") if title.startswith("scene-2")]) == 2


def test_a_warning_says_where_it_is() -> None:
    assert texts(drawn(), "note") == ["0:13.000 scene-2: It is rushed."]


def test_without_a_plan_the_words_are_drawn_with_the_reason() -> None:
    root = drawn(None, "scene-2 was not heard.")
    assert texts(root, "stop") == ["scene-2 was not heard."]
    assert texts(root, "word")
    assert not texts(root, "scene")


def marks(root: ElementTree.Element, style: str) -> list[tuple[float, float]]:
    """The left edge and the width of each mark."""
    found = [node for node in root.iter(f"{SVG}rect") if node.get("class") == style]
    return [(float(node.get("x", "")), float(node.get("width", ""))) for node in found]


def refused(at: Span) -> ElementTree.Element:
    return ElementTree.fromstring(timeline_svg(Timeline(20_000, PEAKS, WORDS, None, "It skips a sentence.", at)))


def test_a_refusal_is_marked_at_its_time() -> None:
    root = refused(Span(2_000, 3_000))
    assert marks(root, "stop-mark") == [(160, 80)]
    assert texts(root, "stop-flag") == ["stops here"]
    assert texts(root, "stop") == ["0:02.000 It skips a sentence."]


def test_a_refusal_of_no_length_is_seen_as_well() -> None:
    ((left, wide),) = marks(refused(Span(2_000, 2_000)), "stop-mark")
    assert left == 160
    assert wide > 1


def test_a_refusal_at_the_recordings_end_is_marked_in_the_last_row() -> None:
    ((left, wide),) = marks(refused(Span(20_000, 20_000)), "stop-mark")
    assert left + wide == 4_000 * 80 / 1_000


def test_a_refusal_over_two_rows_is_marked_in_both_and_named_once() -> None:
    root = refused(Span(15_000, 17_000))
    assert marks(root, "stop-mark") == [(1_200, 80), (0, 80)]
    assert texts(root, "stop-flag") == ["stops here"]


def test_a_warning_is_marked_at_its_time() -> None:
    assert marks(drawn(), "odd-mark") == [(13_000 * 80 / 1_000, 80)]


def test_words_close_together_do_not_touch_and_the_last_of_a_row_stays_in_the_picture() -> None:
    close = [word("www", at, at + 40) for at in range(0, 1_000, 50)]
    late = word("extraordinarily", ROW_MS - 20, ROW_MS + 400)
    root = ElementTree.fromstring(timeline_svg(Timeline(20_000, PEAKS, (*close, late), None, None)))
    width = float((root.get("viewBox") or "").split()[2])
    by_line: dict[str, list[tuple[float, str]]] = {}
    for node in root.iter(f"{SVG}text"):
        if node.get("class") == "word":
            by_line.setdefault(node.get("y", ""), []).append((float(node.get("x", "")), node.text or ""))
    for line in by_line.values():
        for (left, text), (after, _) in pairwise(line):
            assert left + text_pixels(text, 10) < after
        left, text = line[-1]
        assert MARGIN + left + text_pixels(text, 10) <= width


def test_times_are_written_as_people_read_them() -> None:
    assert clock(64_250) == "1:04.250"


def test_a_transition_covers_its_frames_on_both_sides_of_the_cut_and_names_its_kind() -> None:
    first = PLAN.scenes[0].model_copy(update={"transition": PlannedTransition(kind="wipe", half_frames=10)})
    root = drawn(PLAN.model_copy(update={"scenes": (first, PLAN.scenes[1])}))
    (band,) = [node for node in root.iter(f"{SVG}rect") if node.get("class") == "transition"]
    (cut,) = [node for node in root.iter(f"{SVG}line") if node.get("class") == "cut"]
    left, wide = float(band.get("x", "")), float(band.get("width", ""))
    assert wide == 20 / FPS * 80  # 80 pixels a second
    assert left + wide / 2 == float(cut.get("x1", ""))
    assert texts(root, "kind") == ["wipe"]


def test_the_frame_and_its_safe_area_are_drawn_to_scale_below_the_rows() -> None:
    output = Output.model_validate({"preset": "reels"})
    root = ElementTree.fromstring(timeline_svg(Timeline(20_000, PEAKS, WORDS, PLAN, None), output))
    frame, safe = (
        next(node for node in root.iter(f"{SVG}rect") if node.get("class") == name) for name in ("frame", "safe")
    )
    for side, share in (("width", 950 / 1080), ("height", 979 / 1920)):
        assert abs(float(safe.get(side, "")) / float(frame.get(side, "")) - share) < 0.01
    bottom = float(frame.get("y", "")) + float(frame.get("height", ""))
    assert bottom < float((root.get("viewBox") or "").split()[3])
    assert "safe 950x979 from 65, 269" in texts(root, "time")
