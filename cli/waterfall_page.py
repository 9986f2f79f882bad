"""A project's time as one self-contained page: no script, no font and no picture from elsewhere. Pure."""

from datetime import UTC, datetime
from html import escape

from cli.trace_path import Kind, Leg, critical_path, with_fitters
from cli.trace_story import ProjectStory, SceneStory
from cli.waterfall import SECOND_NS, Bar, Row, counted, headline, label_of, leg_title, rows, saving, seconds, verdict
from cli.waterfall_style import STYLE

STAGES = ("find", "fetch", "probe", "ffmpeg", "store")
"""The stages that have a colour and a column of their own."""

MILLISECOND_NS = 1_000_000

TICK_STEPS_NS = tuple(
    number * unit_ns
    for unit_ns, numbers in (
        (MILLISECOND_NS, (1, 2, 5, 10, 20, 50, 100, 200, 500)),
        (SECOND_NS, (1, 2, 5, 10, 15, 30)),
        (60 * SECOND_NS, (1, 2, 5, 10, 15, 30, 60, 120, 360)),
    )
    for number in numbers
)

TICKS = 7
"""At most as many on the axis, behind the first."""


def page(story: ProjectStory) -> str:
    """The whole page."""
    sections = [_summary(story), _waterfall(story), _path(story), _scenes(story), _fitters(story)]
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{escape(story.project_id)}: where the time went</title><style>{STYLE}</style></head><body><main>",
            *sections,
            "</main></body></html>",
            "",
        ]
    )


def _summary(story: ProjectStory) -> str:
    at = datetime.fromtimestamp(story.submitted_ns / 1e9, UTC)
    legs = critical_path(story)
    spent = {kind: sum(leg.length_ns for leg in legs if leg.kind is kind) for kind in Kind}
    facts = [
        ("submitted to end" if story.ended else "submitted to the last that is known", seconds(story.end_ns)),
        ("working, on the critical path", seconds(spent[Kind.WORK])),
        ("waiting, on the critical path", seconds(spent[Kind.QUEUE] + spent[Kind.RETRY])),
        ("scenes", f"{len(story.scenes)} on {counted(story.fitters, 'fitter')}"),
    ]
    tiles = "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
    failure = f'<p class="failure">{escape(story.failure)}</p>' if story.failure else ""
    return (
        f"<header><h1>{escape(story.project_id)}</h1>"
        f"<p>{escape(headline(story).partition(': ')[2])} · submitted {at:%Y-%m-%d %H:%M:%S} UTC</p>"
        f'<p class="id">trace id {escape(story.trace_id)}</p>{failure}'
        f'<p class="verdict">{escape(verdict(story))}</p><dl>{tiles}</dl></header>'
    )


def _waterfall(story: ProjectStory) -> str:
    lines = "".join(_line(row, story.end_ns) for row in rows(story))
    whole_ns, step_ns = max(1, story.end_ns), tick_step_ns(story.end_ns)
    ticks = "".join(
        f'<i style="left:{100 * at_ns / whole_ns:.2f}%">{_tick(at_ns, step_ns)}</i>'
        for at_ns in range(0, story.end_ns + 1, step_ns)
    )
    key = "".join(
        f'<span><b class="{kind}"></b>{name}</span>'
        for kind, name in [
            ("queue", "waiting"),
            ("work", "working"),
            *((stage, stage) for stage in STAGES),
            ("failed", "failed or killed"),
            ("retry", "until the next attempt"),
        ]
    )
    return (
        f"<section><h2>Where the time went</h2><p class='key'>{key}<span><em>◆</em>on the critical path</span></p>"
        f'<div class="chart" style="--step:{100 * step_ns / whole_ns:.3f}%">'
        f'<div class="axis"><div>{ticks}</div><span class="took">worked</span></div>{lines}</div></section>'
    )


def tick_step_ns(whole_ns: int) -> int:
    """What lies between two ticks of the axis: a round time."""
    return next((step for step in TICK_STEPS_NS if whole_ns <= TICKS * step), whole_ns)


def _tick(at_ns: int, step_ns: int) -> str:
    units = ((60 * SECOND_NS, "min"), (SECOND_NS, "s"), (MILLISECOND_NS, "ms"))
    unit_ns, unit = next(each for each in units if step_ns >= each[0])
    return f"{at_ns // unit_ns} {unit}" if at_ns else "0"


def _line(row: Row, whole_ns: int) -> str:
    bars = "".join(_bar(bar, whole_ns) for bar in row.bars if bar.end_ns > bar.start_ns)
    mark = "<em>◆</em>" if row.critical else ""
    note = f"<small>{escape(row.note)}</small>" if row.note else ""
    title = f"waited {seconds(row.queue_ns)}, worked {seconds(row.work_ns)}"
    return (
        f'<div class="line{" critical" if row.critical else ""}"><label>{mark}{escape(row.label)}{note}</label>'
        f'<div class="bars">{bars}</div><span class="took" title="{title}">{seconds(row.work_ns)}</span></div>'
    )


def _bar(bar: Bar, whole_ns: int) -> str:
    left, width = 100 * bar.start_ns / max(1, whole_ns), 100 * (bar.end_ns - bar.start_ns) / max(1, whole_ns)
    inner = "" if bar.kind in {"queue", "retry", "failed", "work"} else " stage"
    title = ": ".join(part for part in (bar.kind, bar.title, seconds(bar.end_ns - bar.start_ns)) if part)
    kind = bar.kind if not inner or bar.kind in STAGES else "other"
    return f'<b class="{kind}{inner}" style="left:{left:.3f}%;width:{width:.3f}%" title="{escape(title)}"></b>'


def _path(story: ProjectStory) -> str:
    legs = critical_path(story)
    strip = "".join(
        f'<b class="{leg.kind}" style="width:{100 * leg.length_ns / max(1, story.end_ns):.3f}%" '
        f'title="{escape(leg_title(leg))} {seconds(leg.length_ns)}">{_short_title(leg, story.end_ns)}</b>'
        for leg in legs
    )
    items = "".join(
        f"<tr><td><b class='dot {leg.kind}'></b>{escape(leg_title(leg))}</td><td>{seconds(leg.start_ns)}</td>"
        f"<td>{seconds(leg.length_ns)}</td><td>{100 * leg.length_ns / max(1, story.end_ns):.1f} %</td></tr>"
        for leg in legs
    )
    meaning = (
        "The chain of causes that the end waited for: to make the video sooner, one of these has to become shorter."
        if story.ended
        else "The chain of causes of what ended last. The project has not ended: the rest is not in it yet."
    )
    return (
        f"<section><h2>The critical path</h2><p>{meaning} Its stretches add up to {seconds(story.end_ns)}.</p>"
        f'<div class="strip">{strip}</div><table><thead><tr><th>stretch</th><th>from</th><th>took</th>'
        f"<th>share</th></tr></thead><tbody>{items}</tbody></table></section>"
    )


def _short_title(leg: Leg, whole_ns: int) -> str:
    """The name inside a leg of the strip that has room for it."""
    return escape(label_of(leg.step)) if leg.kind is Kind.WORK and 12 * leg.length_ns >= whole_ns else ""


def _scenes(story: ProjectStory) -> str:
    critical = {leg.step.scene_number for leg in critical_path(story) if leg.step and label_of(leg.step)[:5] == "scene"}
    heads = "".join(f"<th>{name}</th>" for name in ("scene", "latency", "waited", "worked", *STAGES, "attempts", ""))
    body = "".join(_scene(scene, scene.number in critical) for scene in story.scenes)
    return (
        "<section><h2>Scene by scene</h2><p>Latency is from planned to fitted, by the stream's own clock.</p>"
        f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div></section>'
    )


def _scene(scene: SceneStory, critical: bool) -> str:
    step = scene.step
    note = scene.failure or ("kept from before" if step and step.from_store else "")
    values = [scene.latency_ns, scene.queue_ns, scene.work_ns, *(scene.stage_ns(stage) for stage in STAGES)]
    cells = "".join(f"<td>{seconds(value) if value else '–'}</td>" for value in values)
    mark = "<em>◆</em>" if critical else ""
    return (
        f"<tr><td>{mark}{scene.number}</td>{cells}<td>{step.deliveries if step else 0}</td><td>{escape(note)}</td></tr>"
    )


def _fitters(story: ProjectStory) -> str:
    guesses = with_fitters(story)
    if not guesses:
        return ""
    longest = max(story.end_ns, *(guess.makespan_ns for guess in guesses))
    lines = [_fitter_line(f"as it was ({counted(story.fitters, 'fitter')})", story.end_ns, longest, "measured", "")]
    lines += [
        _fitter_line(counted(guess.fitters, "fitter"), guess.makespan_ns, longest, "guess", saving(story, guess))
        for guess in guesses
    ]
    return (
        "<section><h2>What more fitters would have saved</h2><p>Computed from this trace: the scenes in the order in "
        "which they were planned, each on the next free fitter, each as long as it took here. Every fitter is taken to "
        "have cores of its own; on one machine they share them.</p>"
        f'<div class="fitters">{"".join(lines)}</div></section>'
    )


def _fitter_line(label: str, makespan_ns: int, longest_ns: int, kind: str, saved: str) -> str:
    return (
        f'<div class="line"><label>{escape(label)}</label><div class="bars">'
        f'<b class="{kind}" style="left:0;width:{100 * makespan_ns / max(1, longest_ns):.2f}%"></b></div>'
        f'<span class="took">{seconds(makespan_ns)}</span><small>{escape(saved)}</small></div>'
    )
