"""A soundtrack as one self-contained page: layers, the bed's gain, words to click on, loudness by scene. Pure.

dusk                                        | keeper          scenes' windows
at the   edge of   the map      where       | every           words; a click plays from there
~~~^^^~~~^^^~~~~^^^^~~~         ~~^^~~      | ~~^^~~          voice
~~~~~\\__________________________~~~~~~~\\__________~~~        bed, with its gain in decibels drawn over it
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import numpy as np

from cli.lettering import length_attributes, places_for, text_pixels
from cli.listen_style import SCRIPT, STYLE
from cli.timeline_picture import clock
from services.mixer.envelope import BedCurve, SpeechRegion
from shared.plan import PlannedScene, ScenePlan
from shared.project import Project
from shared.soundtrack import BedEnd, SceneLoudness, SoundtrackReport
from shared.timeline import SAMPLES_PER_MS, Span

LOUDEST_STEP_MS = 20
"""How much of a layer one point of its outline stands for: a pixel and a half."""

ROW_MS = 16_000
PIXELS_PER_SECOND = 70
WIDTH = ROW_MS * PIXELS_PER_SECOND // 1000
HEIGHT = 244
WORDS_AT = (34, 47, 60)
"""Lines for the words: short ones lie too close together for one."""

LANE_MIDDLES = {"voice": 104, "bed": 186, "effects": 186}
LANE_REACH = 34
GAIN_FLOOR_DB = -36.0
GAIN_STEP_MS = 20
AXIS_AT = 238
BED_ENDS: dict[BedEnd, str] = {
    "ending": "its own ending",
    "phrase": "a phrase",
    "bar": "a bar",
    "beat": "a beat",
    "fade": "a fade",
    "next bed": "the next bed",
}
WORD_PIXELS, SCENE_LETTER_PIXELS = 11.5, 8.0
"""A word's letters are 10.5 pixels high, in a font that is up to a tenth wider than Helvetica."""


@dataclass(frozen=True)
class Lane:
    """A layer by name, `voice`, `bed` or `effects`, and its loudest sample in each `LOUDEST_STEP_MS`."""

    name: str
    levels: tuple[float, ...]


@dataclass(frozen=True)
class Listened:
    """All that the page shows."""

    project: Project
    plan: ScenePlan
    report: SoundtrackReport
    lanes: tuple[Lane, ...]


def listening_page(listened: Listened, *, sound: bytes | None, beside: str) -> str:
    """The whole page. `sound` is the AAC to embed; without it the page plays the file `beside` it."""
    name = escape(listened.project.name)
    source = beside if sound is None else "data:audio/mp4;base64," + base64.b64encode(sound).decode()
    rows = "".join(_row(listened, span) for span in _rows(listened.plan.length_ms))
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{name}: soundtrack</title><style>{STYLE}</style></head><body><main>",
            f"<header><h1>{name}</h1><p>The soundtrack as it is in the finished video. Click on a word to hear it.</p>",
            f"{_facts(listened)}{_warnings(listened.report)}</header>",
            f'<section class="player"><audio id="sound" controls preload="auto" src="{escape(source)}"></audio>'
            f"{_key(listened)}</section>",
            f'<section class="rows">{rows}</section>',
            _scenes(listened),
            f"</main><script>{_script()}</script></body></html>",
            "",
        ]
    )


def _script() -> str:
    return SCRIPT.replace("__ROW_MS__", str(ROW_MS)).replace("__PIXELS__", str(PIXELS_PER_SECOND / 1000))


def _facts(listened: Listened) -> str:
    report = listened.report
    apart = [s.voice_over_bed_lu for s in report.scenes if s.voice_over_bed_lu is not None]
    facts = [
        ("loudness", f"{report.loudness_lufs:.1f} LUFS"),
        ("true peak", f"{report.true_peak_dbtp:.1f} dBTP"),
        ("length", clock(report.sample_count // SAMPLES_PER_MS)),
        ("voice over bed, under words", f"{min(apart):.1f}&ndash;{max(apart):.1f} LU" if apart else "no bed"),
    ]
    if (voices := _voices(report)) and report.pauses_bed_lufs is not None:
        facts.append(("voice over bed, in pauses", f"{sum(voices) / len(voices) - report.pauses_bed_lufs:.1f} LU"))
    if report.bed_ends:
        facts.append(("the music ends with", BED_ENDS[report.bed_ends[-1]]))
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts) + "</dl>"


def _voices(report: SoundtrackReport) -> list[float]:
    return [scene.voice_lufs for scene in report.scenes if scene.voice_lufs is not None]


def _warnings(report: SoundtrackReport) -> str:
    return "".join(
        f'<p class="warning">{"" if warning.at_ms is None else f"{clock(warning.at_ms)} "}{escape(warning.message)}</p>'
        for warning in report.warnings
    )


def _key(listened: Listened) -> str:
    names = [(lane.name, lane.name) for lane in listened.lanes]
    names += [("gain", "the bed's gain")] if listened.report.beds else []
    shown = "".join(f'<span><b class="{kind}"></b>{name}</span>' for kind, name in names)
    return f'<p class="key">{shown}<span>Each layer is drawn at a height of its own.</span></p>'


def _rows(length_ms: int) -> Iterator[Span]:
    for start in range(0, length_ms, ROW_MS):
        yield Span(start, min(start + ROW_MS, length_ms))


def _row(listened: Listened, row: Span) -> str:
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" data-start="{row.start}" data-end="{row.end}" role="img" '
        f'aria-label="{clock(row.start)} to {clock(row.end)}">',
        *_windows(listened.plan, row),
        *(_outline(lane, row) for lane in listened.lanes),
        *_gain(listened, row),
        *_words(listened.plan, row),
        *_axis(row),
        f'<line class="head" x1="0" y1="18" x2="0" y2="{AXIS_AT - 12}"/></svg>',
    ]
    return "".join(parts)


def _windows(plan: ScenePlan, row: Span) -> Iterator[str]:
    for scene in plan.scenes:
        if scene.window.overlaps(row):
            left, right = _x(max(scene.window.start, row.start), row), _x(min(scene.window.end, row.end), row)
            shade = "even" if scene.number % 2 == 0 else "odd"
            yield f'<rect class="{shade}" x="{left:.1f}" y="18" width="{right - left:.1f}" height="{AXIS_AT - 30}"/>'
            if right - left >= SCENE_LETTER_PIXELS * (len(scene.scene_id) + 1):
                yield f'<text class="scene" x="{left + 3:.1f}" y="13">{escape(scene.scene_id)}</text>'


def _outline(lane: Lane, row: Span) -> str:
    loudest = max(lane.levels, default=0.0) or 1.0
    first, last = row.start // LOUDEST_STEP_MS, -(-row.end // LOUDEST_STEP_MS)
    middle = LANE_MIDDLES[lane.name]
    points = [
        (_x((first + number) * LOUDEST_STEP_MS, row), LANE_REACH * level / loudest)
        for number, level in enumerate(lane.levels[first:last])
    ]
    upper = [f"{x:.1f} {middle - reach:.1f}" for x, reach in points]
    lower = [f"{x:.1f} {middle + reach:.1f}" for x, reach in reversed(points)]
    return f'<path class="{lane.name}" d="M{"L".join(upper + lower)}Z"/>' if points else ""


def _gain(listened: Listened, row: Span) -> Iterator[str]:
    if not listened.report.beds:
        return
    labels: list[str] = []
    for level in (0, -12, -24):
        y = _gain_y(level)
        yield f'<line class="level" x1="0" y1="{y:.1f}" x2="{_x(row.end, row):.1f}" y2="{y:.1f}"/>'
        labels.append(f'<text class="db" x="2" y="{y - 2:.1f}">{level} dB</text>')
    for stretch, curve in zip(listened.report.beds, _curves(listened), strict=True):
        if stretch.overlaps(row):
            first, last = max(row.start, stretch.start), min(row.end, stretch.end)
            at_ms = np.linspace(first, last, 2 + (last - first) // GAIN_STEP_MS)
            points = " ".join(
                f"{_x(at, row):.1f},{_gain_y(level):.1f}"
                for at, level in zip(at_ms, curve.decibels(at_ms), strict=True)
            )
            yield f'<polyline class="gain" points="{points}"/>'
    yield from labels


def _curves(listened: Listened) -> Iterator[BedCurve]:
    for music, stretch in zip(listened.project.music, listened.report.beds, strict=True):
        # What was said just before a bed begins holds it down at its start, too.
        ducking = music.ducking
        first = max(0, stretch.start - ducking.hold_ms - ducking.release_ms)
        heard = Span(first, stretch.end + ducking.lead_ms + ducking.attack_ms)
        regions = sorted(
            (region for region in listened.report.ducked if region.span.overlaps(heard)), key=lambda region: region.span
        )
        yield BedCurve(tuple(SpeechRegion(region.span, region.depth_db) for region in regions), ducking)


def _gain_y(level_db: float) -> float:
    top, bottom = LANE_MIDDLES["bed"] - LANE_REACH, LANE_MIDDLES["bed"] + LANE_REACH
    return top + (bottom - top) * min(1.0, max(0.0, level_db / GAIN_FLOOR_DB))


def _words(plan: ScenePlan, row: Span) -> Iterator[str]:
    words = [word for scene in plan.scenes for word in scene.words if row.contains(word.span.start)]
    lefts = [_x(word.span.start, row) for word in words]
    placed = [(left, word.text) for left, word in zip(lefts, words, strict=True)]
    places = places_for(placed, font_pixels=WORD_PIXELS, line_count=len(WORDS_AT), right=WIDTH)
    for word, place in zip(words, places, strict=True):
        yield (
            f'<text class="word" x="{place.left:.1f}" y="{WORDS_AT[place.line]}" data-start="{word.span.start}"'
            f' data-end="{word.span.end}" {length_attributes(text_pixels(word.text, WORD_PIXELS))}>'
            f"{escape(word.text)}</text>"
        )


def _axis(row: Span) -> Iterator[str]:
    for second in range(row.start, row.end, 1000):
        yield f'<text class="time" x="{_x(second, row):.1f}" y="{AXIS_AT}">{clock(second)[:-4]}</text>'


def _scenes(listened: Listened) -> str:
    heads = "".join(f"<th>{name}</th>" for name in ("scene", "from", "to", "voice", "bed", "voice over bed"))
    pairs = zip(listened.plan.scenes, listened.report.scenes, strict=True)
    body = "".join(_scene(scene, loudness) for scene, loudness in pairs)
    return (
        "<section><h2>Scene by scene</h2><p>Loudness while its words are spoken, measured on the layers before the "
        f"final gain.</p><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></section>"
    )


def _scene(scene: PlannedScene, loudness: SceneLoudness) -> str:
    cells = [clock(scene.window.start), clock(scene.window.end), _lufs(loudness.voice_lufs), _lufs(loudness.bed_lufs)]
    apart = "–" if loudness.voice_over_bed_lu is None else f"{loudness.voice_over_bed_lu:.1f} LU"
    return f"<tr><td>{escape(scene.scene_id)}</td>{''.join(f'<td>{cell}</td>' for cell in [*cells, apart])}</tr>"


def _lufs(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} LUFS"


def _x(at_ms: float, row: Span) -> float:
    return (at_ms - row.start) * PIXELS_PER_SECOND / 1000
