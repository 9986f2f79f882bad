"""A project's time as rows with bars: what both the terminal and the page draw. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from cli.trace_path import Kind, Leg, WhatIf, critical_path, with_fitters
from cli.trace_story import ProjectStory, Step
from shared.events import ScenePlanned, SceneSounded

SHADES = {"queue": ("░", "dim"), "retry": ("▒", "red"), "failed": ("▓", "red"), "work": ("█", "cyan")}

LABELS = {
    "voiceover": "voiceover",
    "transcriber": "words",
    "scene_planner": "plan",
    "mixer": "soundtrack",
    "assembler_join": "join",
    "assembler": "video",
}


SECOND_NS = 1_000_000_000

UNBROKEN = "\0"
"""Stands for a space at which no line is broken."""


@dataclass(frozen=True)
class Bar:
    """A stretch of a row; `kind` is queue, retry, failed, work or the name of a stage."""

    kind: str
    start_ns: int
    end_ns: int
    title: str = ""


@dataclass(frozen=True)
class Row:
    """One step: its name, its bars in order of time, and what there is to say of it."""

    label: str
    bars: tuple[Bar, ...]
    queue_ns: int
    work_ns: int
    critical: bool
    note: str


def rows(story: ProjectStory) -> tuple[Row, ...]:
    """The rows in the order in which the steps were asked for. Of the joins, and of the mixer's looks whether all clips
    that are heard are there, only one that the end waited for is shown: there is one for each scene, and all others
    found something missing and said nothing."""
    critical = [leg.step for leg in critical_path(story)]
    return tuple(_row(story, step, step in critical) for step in story.steps if not _is_look(step) or step in critical)


def _is_look(step: Step) -> bool:
    return step.name == "assembler_join" or step.subject == SceneSounded.subject


def label_of(step: Step | None) -> str:
    """The step's name for a person."""
    if step is None:
        return "not told"
    if step.subject == ScenePlanned.subject:
        return f"scene {step.scene_number}"
    return LABELS.get(step.name, step.name)


def leg_title(leg: Leg) -> str:
    """What a leg of the critical path is."""
    before = {Kind.QUEUE: "waiting for ", Kind.RETRY: "retries of ", Kind.WORK: "", Kind.UNTOLD: ""}
    return f"{before[leg.kind]}{label_of(leg.step)}"


def seconds(nanoseconds: int) -> str:
    """`45 ms`, `1.23 s`, or `2 min 05 s`."""
    if nanoseconds < SECOND_NS:
        return f"{nanoseconds / 1e6:.0f} ms"
    if nanoseconds < 60 * SECOND_NS:
        return f"{nanoseconds / SECOND_NS:.2f} s"
    minutes, rest = divmod(round(nanoseconds / SECOND_NS), 60)
    return f"{minutes} min {rest:02d} s"


def headline(story: ProjectStory) -> str:
    """The project in one line."""
    state = "failed" if story.failure else "made" if story.ended else "not ended"
    scenes = f"{counted(len(story.scenes), 'scene')}{'' if story.ended else ' begun'}"
    return f"{story.project_id}: {state}, {seconds(story.end_ns)}, {scenes}, {counted(story.fitters, 'fitter')}"


def counted(number: int, noun: str) -> str:
    """`1 scene`, `2 scenes`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def verdict(story: ProjectStory) -> str:
    """What held the project up most, in a sentence or two: the step that the critical path spends most time on."""
    if not story.ended:
        now = [label_of(step) for step in story.steps if step.attempts[-1].end_ns is None]
        if not now:
            return "Not ended, and nothing of it is in work: it waits for a service, or the stack was stopped."
        return f"Still in work, now: {', '.join(now)}."
    legs = critical_path(story)
    steps = [leg.step for leg in legs if leg.step is not None]
    if not steps:
        return "Nothing is known of what it was spent on."
    worst = max(steps, key=lambda step: _spent(legs, step, *Kind))
    sentence = f"{label_of(worst)} took most of it: {seconds(_spent(legs, worst, *Kind))} of {seconds(story.end_ns)}"
    for_what = "a free fitter" if worst.subject == ScenePlanned.subject else "its service"
    parts = {Kind.QUEUE: f"waiting for {for_what}", Kind.RETRY: "on attempts that failed"}
    told = [
        f"{seconds(spent)} {what}" for kind, what in parts.items() if (spent := _spent(legs, worst, kind)) > SECOND_NS
    ]
    sentence = f"{sentence[0].upper()}{sentence[1:]}{', of that ' if told else ''}{' and '.join(told)}."
    guesses = with_fitters(story)
    if guesses and story.end_ns - guesses[-1].makespan_ns >= SECOND_NS:
        best = guesses[-1]
        sentence += f" With {best.fitters} fitters, each on cores of its own, it would have been {saving(story, best)}."
    return sentence


def _spent(legs: Sequence[Leg], step: Step, *kinds: Kind) -> int:
    return sum(leg.length_ns for leg in legs if leg.step == step and leg.kind in kinds)


def saving(story: ProjectStory, what_if: WhatIf) -> str:
    """What that many fitters would have saved, in words."""
    saved = story.end_ns - what_if.makespan_ns
    if abs(saved) < 1_000_000:
        return "nothing saved"
    return f"{seconds(abs(saved))} {'less' if saved >= 0 else 'more'}"


def _row(story: ProjectStory, step: Step, critical: bool) -> Row:
    bars = [Bar("queue", step.asked_ns, step.first_ns)]
    end = step.last_ns
    for number, attempt in enumerate(step.attempts):
        is_last = number == len(step.attempts) - 1
        until = story.end_ns if is_last else step.attempts[number + 1].start_ns
        end = until if attempt.end_ns is None else attempt.end_ns
        lost = attempt.end_ns is None and (not is_last or story.ended)
        kind = "failed" if attempt.failure or lost else "work"
        title = attempt.failure or ("its process was killed" if lost else f"attempt {attempt.delivery}")
        bars.append(Bar(kind, attempt.start_ns, end, title))
        bars += [Bar(stage.name, stage.start_ns, stage.end_ns) for stage in attempt.stages]
        if not is_last and end < until:
            bars.append(Bar("retry", end, until))
    return Row(
        label_of(step),
        tuple(bars),
        step.first_ns - step.asked_ns,
        max(0, end - step.last_ns),
        critical,
        _note(step),
    )


def _note(step: Step) -> str:
    notes = ["kept from before"] if step.from_store else []
    notes += [f"{step.deliveries} attempts"] if step.deliveries > 1 else []
    notes += [step.failure] if step.failure else []
    return ", ".join(notes)


def terminal_waterfall(story: ProjectStory, *, width: int) -> Group:
    """The waterfall, the critical path and what more fitters would have saved, for a terminal of that width."""
    bar_width = max(20, width - 62)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    table.add_column("step", no_wrap=True)
    table.add_column(f"0 ─ {seconds(story.end_ns)}", width=bar_width, no_wrap=True)
    for heading in ("waited", "worked"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for row in rows(story):
        mark = Text("◆", style="yellow") if row.critical else Text(" ")
        bar = _drawn(row, story.end_ns, bar_width)
        table.add_row(mark, row.label, bar, seconds(row.queue_ns), seconds(row.work_ns), Text(row.note, style="dim"))
    stretches = [f"{leg_title(leg)} {seconds(leg.length_ns)}".replace(" ", UNBROKEN) for leg in critical_path(story)]
    lines = fill(" → ".join(["Critical path:", *stretches]).replace(" →", "", 1), width).replace(UNBROKEN, " ")
    path = Text(lines)
    path.stylize("bold", 0, len("Critical path:"))
    parts: list[Table | Text] = [
        Text(headline(story), style="bold"),
        Text(verdict(story)),
        table,
        Text("◆ on the critical path   ░ waiting   █ work   ▓ failed   ▒ until the next attempt", style="dim"),
        path,
    ]
    if guesses := with_fitters(story):
        text = ", ".join(f"{each.fitters}: {seconds(each.makespan_ns)}" for each in guesses)
        parts.append(Text.assemble(("With so many fitters, each on cores of its own: ", "bold"), text))
    if story.failure:
        parts.append(Text(f"Failed: {story.failure}", style="red"))
    parts.append(Text(f"Trace id, by which a backend finds it: {story.trace_id}", style="dim"))
    return Group(*parts)


def _drawn(row: Row, whole_ns: int, width: int) -> Text:
    """One row's bar. What is shorter than a character still gets one, so that nothing is invisible."""
    cells: list[tuple[str, str]] = [(" ", "")] * width
    for bar in row.bars:
        if bar.kind not in SHADES or bar.end_ns <= bar.start_ns:
            continue
        first = min(width - 1, bar.start_ns * width // max(1, whole_ns))
        last = min(width, max(first + 1, -(-bar.end_ns * width // max(1, whole_ns))))
        sign, style = SHADES[bar.kind]
        cells[first:last] = [(sign, "yellow" if row.critical and bar.kind == "work" else style)] * (last - first)
    text = Text()
    for sign, style in cells:
        text.append(sign, style=style or None)
    return text


def print_waterfall(story: ProjectStory) -> None:
    """Print it; a pipe has no width of its own."""
    console = Console()
    width = console.width if console.is_terminal else 140
    Console(width=width).print(terminal_waterfall(story, width=width), soft_wrap=False)
