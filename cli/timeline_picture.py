"""Draws a project's timeline as SVG: the waveform, the words, the gaps, the windows, the cuts, the transitions, and
where something is odd or wrong.

    | dusk (window 0:00.000 - 0:10.600, 265 frames)          | keeper ...
    |  ~~~~^~~~~  ^^~~~~~^~~          ~~~~^^~~~    [stop]    |   waveform
    |  at the     edge of the map     where the road         |   words

Rows are 16 s long, so that every word has room for its letters. Pure: values in, text out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from cli.lettering import length_attributes, places_for, text_pixels
from shared.plan import PlannedScene, ScenePlan
from shared.project_output import Output
from shared.timeline import FrameGrid, Span
from shared.transcript import Word

ROW_MS = 16_000
PIXELS_PER_SECOND = 80
ROW_HEIGHT = 162
MARGIN = 24
FRAME_HEIGHT = 120
WAVE_MIDDLE = 66
WAVE_REACH = 30

SCENE_PIXELS, WORD_PIXELS = 12, 10
"""How high letters are."""

BOLD = 1.08
"""A bold text is so much wider than one that is not."""

WORDS_AT = (110, 121, 132)
"""Lines for the words: short ones lie too close together for one."""

WINDOW_TOP, WINDOW_BOTTOM = 18, 136
AXIS_AT = 147

NARROWEST_MARK = 3.0
"""In pixels: a sentence that was skipped has no length in the recording."""

SCENE_COLOURS = ("#dbeafe", "#fef3c7")
"""Windows alternate, so that a cut is seen from afar."""

STYLE = (
    "text{font-family:Helvetica,Arial,sans-serif;fill:#0f172a}"
    ".scene{font-size:12px;font-weight:bold}.time{font-size:10px;fill:#64748b}.word{font-size:10px}"
    ".unsure{fill:#b45309}.wave{fill:#475569}.speech{stroke:#2563eb;stroke-width:2}"
    ".frame{fill:#e2e8f0;stroke:#64748b}.safe{fill:#ffffff;stroke:#16a34a;stroke-dasharray:4 3}"
    ".transition{fill:#dc2626;fill-opacity:0.18}.kind{font-size:9px;fill:#b91c1c}"
    ".cut{stroke:#dc2626;stroke-width:1.5}.joined{stroke-dasharray:3 2}.note{font-size:12px;fill:#b45309}"
    ".stop{font-size:13px;font-weight:bold;fill:#b91c1c}"
    ".odd-mark{fill:#d97706;fill-opacity:0.22}.stop-mark{fill:#dc2626;fill-opacity:0.45}"
    ".stop-flag{font-size:10px;font-weight:bold;fill:#b91c1c}"
)

UNSURE_BELOW = 0.5
"""Words of less confidence are drawn in another colour."""


@dataclass(frozen=True)
class Peaks:
    """The loudest sample of each stretch of the voiceover, from 0 to 1."""

    step_ms: int
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Timeline:
    """All that is drawn. Without a plan the words are drawn alone, with the reason why there is none."""

    length_ms: int
    peaks: Peaks
    words: tuple[Word, ...]
    plan: ScenePlan | None
    refusal: str | None
    refused_at: Span | None = None
    """Where in the recording the reason lies, where it has a place there."""


def timeline_svg(timeline: Timeline, output: Output | None = None) -> str:
    """The picture as an SVG document; with `output`, its frame and the safe area in it are drawn below."""
    rows = [Span(start, min(start + ROW_MS, timeline.length_ms)) for start in range(0, timeline.length_ms, ROW_MS)]
    notes = _notes(timeline)
    width = 2 * MARGIN + _x(ROW_MS)
    height = 2 * MARGIN + len(rows) * ROW_HEIGHT + 18 * len(notes) + (FRAME_HEIGHT + MARGIN if output else 0)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height}">',
        f"<style>{STYLE}</style>",
        f'<rect width="{width:g}" height="{height}" fill="#ffffff"/>',
    ]
    for number, row in enumerate(rows):
        lines.append(f'<g transform="translate({MARGIN} {MARGIN + number * ROW_HEIGHT})">')
        lines += _row(timeline, row)
        lines.append("</g>")
    top = MARGIN + len(rows) * ROW_HEIGHT + 14
    for number, (style, note) in enumerate(notes):
        lines.append(f'<text class="{style}" x="{MARGIN}" y="{top + 18 * number}">{escape(note)}</text>')
    if output is not None:
        lines += _frame(output, top + 18 * len(notes))
    return "\n".join([*lines, "</svg>"]) + "\n"


def clock(at_ms: int) -> str:
    """A time on the master clock for people: `1:04.250`."""
    minutes, rest = divmod(at_ms, 60_000)
    return f"{minutes}:{rest // 1000:02d}.{rest % 1000:03d}"


def _notes(timeline: Timeline) -> list[tuple[str, str]]:
    when = f"{clock(timeline.refused_at.start)} " if timeline.refused_at else ""
    notes = [("stop", f"{when}{timeline.refusal}")] if timeline.refusal else []
    for warning in timeline.plan.warnings if timeline.plan else ():
        place = f"{clock(warning.span.start)} " if warning.span else ""
        notes.append(("note", f"{place}{warning.scene_id or 'project'}: {warning.message}"))
    return notes


def _frame(output: Output, top: int) -> Iterator[str]:
    """The picture's frame, small, and in it the part that no app covers.

    +-----------+
    |  . . . .  |
    |  . safe.  |
    +-----------+
    """
    scale, safe = FRAME_HEIGHT / output.height, output.safe_area
    place = f'x="{MARGIN + safe.left * scale:.1f}" y="{top + safe.top * scale:.1f}"'
    size = f'width="{safe.width * scale:.1f}" height="{safe.height * scale:.1f}"'
    yield f'<rect class="frame" x="{MARGIN}" y="{top}" width="{output.width * scale:.1f}" height="{FRAME_HEIGHT}"/>'
    yield f'<rect class="safe" {place} {size}/>'
    right = MARGIN + output.width * scale + 10
    yield f'<text class="time" x="{right:.1f}" y="{top + 14}">{output.width}x{output.height}</text>'
    told = f"safe {safe.width}x{safe.height} from {safe.left}, {safe.top}"
    yield f'<text class="time" x="{right:.1f}" y="{top + 30}">{told}</text>'


def _row(timeline: Timeline, row: Span) -> Iterator[str]:
    if timeline.plan is not None:
        yield from _windows(timeline.plan, row)
    yield f'<path class="wave" d="{_wave(timeline.peaks, row)}"/>'
    yield from _marks(timeline, row)
    yield from _words(timeline.words, row)
    for second in range(row.start, row.end + 1, 1000):
        yield f'<text class="time" x="{_x(second - row.start):g}" y="{AXIS_AT}">{clock(second)[:-4]}</text>'
    if timeline.plan is not None:
        yield from _transitions(timeline.plan, row)
        yield from _cuts(timeline.plan, row)


def _windows(plan: ScenePlan, row: Span) -> Iterator[str]:
    for scene in plan.scenes:
        if not scene.window.overlaps(row):
            continue
        shown = _inside(scene.window, row)
        left, wide = _x(shown.start - row.start), _x(shown.length)
        colour = SCENE_COLOURS[scene.number % len(SCENE_COLOURS)]
        yield _band(left, wide, f'fill="{colour}"')
        title = _title(scene, wide)
        yield _text("scene", left + 3, 13, title, _title_pixels(title))


def _band(left: float, wide: float, style: str) -> str:
    """A stretch of a row, as high as the windows."""
    height = WINDOW_BOTTOM - WINDOW_TOP
    return f'<rect x="{left:g}" y="{WINDOW_TOP}" width="{wide:g}" height="{height}" {style}/>'


def _title(scene: PlannedScene, wide: float) -> str:
    """As much of a scene's heading as its stretch of the row has room for."""
    times = f"{clock(scene.window.start)} - {clock(scene.window.end)}"
    choices = (f"{scene.scene_id}  {times}, {scene.frame_count} frames", f"{scene.scene_id}  {times}", scene.scene_id)
    return next((text for text in choices if _title_pixels(text) + 6 <= wide), "")


def _title_pixels(text: str) -> float:
    return BOLD * text_pixels(text, SCENE_PIXELS)


def _text(style: str, left: float, at: int, text: str, wide: float) -> str:
    length = length_attributes(wide) if text else ""
    return f'<text class="{style}" x="{left:g}" y="{at}" {length}>{escape(text)}</text>'


def _wave(peaks: Peaks, row: Span) -> str:
    first, last = row.start // peaks.step_ms, -(-row.end // peaks.step_ms)
    levels = peaks.levels[first:last]
    places = [_x((first + number) * peaks.step_ms - row.start) for number in range(len(levels))]
    upper = [f"{x:.1f} {WAVE_MIDDLE - WAVE_REACH * level:.1f}" for x, level in zip(places, levels, strict=True)]
    lower = [f"{x:.1f} {WAVE_MIDDLE + WAVE_REACH * level:.1f}" for x, level in zip(places, levels, strict=True)]
    return f"M{'L'.join([*upper, *reversed(lower)])}Z" if levels else ""


def _marks(timeline: Timeline, row: Span) -> Iterator[str]:
    """What is odd, and what stops the project, at its time. A mark at the very end of the recording is drawn, too."""
    marks = [
        ("odd-mark", warning.span) for warning in (timeline.plan.warnings if timeline.plan else ()) if warning.span
    ]
    marks += [("stop-mark", timeline.refused_at)] if timeline.refused_at else []
    for style, span in marks:
        is_last_row = row.end == timeline.length_ms
        if not (span.overlaps(row) or row.contains(span.start) or (is_last_row and span.start >= row.end)):
            continue
        left, right = _x(max(span.start, row.start) - row.start), _x(min(span.end, row.end) - row.start)
        left = min(left, _x(row.length) - NARROWEST_MARK)
        wide = max(NARROWEST_MARK, right - left)
        yield _band(left, wide, f'class="{style}"')
        if style == "stop-mark" and (span.start >= row.start or row.start == 0):
            yield f'<text class="stop-flag" x="{left + 2:g}" y="{WINDOW_TOP + 10}">stops here</text>'


def _words(words: Sequence[Word], row: Span) -> Iterator[str]:
    shown = [word for word in words if row.contains(word.span.start)]
    lefts = [_x(word.span.start - row.start) for word in shown]
    placed = [(left, word.text) for left, word in zip(lefts, shown, strict=True)]
    places = places_for(placed, font_pixels=WORD_PIXELS, line_count=len(WORDS_AT), right=_x(ROW_MS) + MARGIN)
    for word, left, place in zip(shown, lefts, places, strict=True):
        right = _x(_inside(word.span, row).end - row.start)
        unsure = " unsure" if word.confidence < UNSURE_BELOW else ""
        yield f'<line class="speech" x1="{left:g}" y1="99" x2="{right:g}" y2="99"/>'
        yield _text(f"word{unsure}", place.left, WORDS_AT[place.line], word.text, text_pixels(word.text, WORD_PIXELS))


def _transitions(plan: ScenePlan, row: Span) -> Iterator[str]:
    """The stretches in which two scenes are seen at once."""
    grid = FrameGrid(plan.fps)
    for planned in plan.segments:
        seen = Span(grid.ms_at(planned.first_frame), grid.ms_at(planned.first_frame + planned.frame_count))
        transition = plan.scenes[planned.scene_number - 1].transition
        if not planned.is_transition or transition is None or not seen.overlaps(row):
            continue
        shown = _inside(seen, row)
        left, wide = _x(shown.start - row.start), _x(shown.length)
        yield _band(left, wide, 'class="transition"')
        if row.contains(seen.start):
            yield f'<text class="kind" x="{left + 1:g}" y="27">{transition.kind}</text>'


def _cuts(plan: ScenePlan, row: Span) -> Iterator[str]:
    for scene in plan.scenes[:-1]:
        if row.contains(scene.window.end):
            x = _x(scene.window.end - row.start)
            joined = " joined" if scene.cut_kind == "joined" else ""
            yield f'<line class="cut{joined}" x1="{x:g}" y1="{WINDOW_TOP - 2}" x2="{x:g}" y2="{WINDOW_BOTTOM}"/>'


def _inside(span: Span, row: Span) -> Span:
    return Span(max(span.start, row.start), min(span.end, row.end))


def _x(length_ms: int) -> float:
    return length_ms * PIXELS_PER_SECOND / 1000
