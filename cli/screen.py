"""What a project's progress looks like: a live table on a terminal, one line per fact elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from shared.events import (
    Event,
    ProgressTicked,
    ProjectSubmitted,
    SceneFitted,
    ScenePlanned,
    ScenesPlanned,
    SoundtrackMixed,
    StepFailed,
    VideoAssembled,
    VoiceoverRecorded,
    WordsTimed,
)

SCENES_SHOWN = 12
"""A live table taller than a terminal flickers; of a long project the scenes in work and the next ones are shown."""


class Screen(Protocol):
    """Where a command tells how far it is."""

    def say(self, line: str) -> None:
        """One line that stays."""

    def show_event(self, event: Event) -> None:
        """A fact about the project."""

    def show_tick(self, tick: ProgressTicked) -> None:
        """How far a step is."""


@dataclass
class Row:
    """One step as it stands: waiting, in work (with a percentage) or done (with a result)."""

    label: str
    percent: int | None = None
    result: str | None = None


@dataclass
class Board:
    """All steps of one project, told what happened and asked what to show. Holds no terminal."""

    rows: dict[str, Row] = field(
        default_factory=lambda: {
            "voiceover": Row("voiceover"),
            "transcriber": Row("words"),
            "scene_planner": Row("plan"),
            "mixer": Row("soundtrack"),
            "assembler": Row("video"),
        }
    )
    scenes: dict[int, Row] = field(default_factory=dict)

    def take_event(self, event: Event) -> str | None:
        """Note the event; the sentence that says it, or None where it says nothing to a person."""
        said: str | None = None
        match event:
            case ProjectSubmitted():
                said = f"{event.project_id}: {event.scene_count} scenes submitted"
            case VoiceoverRecorded():
                said = self._done("voiceover", f"{event.length_ms / 1000:.3f} s recorded", event.from_store)
            case WordsTimed():
                said = self._done("transcriber", f"{event.word_count} words timed", event.from_store)
            case ScenesPlanned():
                said = self._done("scene_planner", f"{event.scene_count} scenes, {event.frame_count} frames", False)
            case ScenePlanned():
                self.scenes[event.scene_number] = Row(f"scene {event.scene_number} {event.scene_id}")
            case SceneFitted():
                row = self.scenes.setdefault(event.scene_number, Row(f"scene {event.scene_number} {event.scene_id}"))
                row.result = _kept(f"{event.frame_count} frames, {event.fit}", event.from_store)
                said = f"{row.label}: {row.result}"
            case SoundtrackMixed():
                measured = f"{event.loudness_lufs:.1f} LUFS, {event.true_peak_dbtp:.1f} dBTP"
                said = self._done("mixer", measured, event.from_store)
            case VideoAssembled():
                said = self._done("assembler", "assembled, certificate holds", event.from_store)
            case StepFailed():
                said = f"{event.service}: failed"
        return said

    def take_tick(self, tick: ProgressTicked) -> None:
        """Note how far a step is."""
        row = self.rows.get(tick.service) if tick.scene_number is None else self.scenes.get(tick.scene_number)
        if row is not None and row.result is None:
            row.percent = tick.percent

    def scenes_to_show(self) -> list[Row]:
        """The scenes that matter now: all of a short project; of a long one those in work, then those that wait."""
        ordered = [self.scenes[number] for number in sorted(self.scenes)]
        if len(ordered) <= SCENES_SHOWN:
            return ordered
        unfinished = [row for row in ordered if row.result is None]
        return sorted(unfinished, key=lambda row: row.percent is None)[:SCENES_SHOWN]

    def _done(self, name: str, result: str, from_store: bool) -> str:
        self.rows[name].result = _kept(result, from_store)
        return f"{self.rows[name].label}: {self.rows[name].result}"


def _kept(result: str, from_store: bool) -> str:
    return f"{result} (kept from before)" if from_store else result


class PlainScreen:
    """One line per fact: for logs and pipes."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._board = Board()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def show_event(self, event: Event) -> None:
        if sentence := self._board.take_event(event):
            self.say(sentence)

    def show_tick(self, tick: ProgressTicked) -> None:
        """Percentages are for eyes; a log wants facts."""


class LiveScreen:
    """A table that is drawn again as things happen."""

    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live
        self._board = Board()

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False)

    def show_event(self, event: Event) -> None:
        self._board.take_event(event)
        self._live.update(self._table())

    def show_tick(self, tick: ProgressTicked) -> None:
        self._board.take_tick(tick)
        self._live.update(self._table())

    def _table(self) -> Table:
        board = self._board
        table = Table.grid(padding=(0, 2))
        first = [board.rows[name] for name in ("voiceover", "transcriber", "scene_planner")]
        last = [board.rows[name] for name in ("mixer", "assembler")]
        for row in [*first, *board.scenes_to_show(), *last]:
            table.add_row(_mark(row), Text(row.label), _state(row))
        fitted = sum(row.result is not None for row in board.scenes.values())
        if board.scenes:
            table.add_row("", Text(f"{fitted} of {len(board.scenes)} scenes fitted", style="dim"), "")
        return table


def _mark(row: Row) -> RenderableType:
    if row.result is not None:
        return Text("✓", style="green")
    return Text("·", style="dim") if row.percent is None else Spinner("dots")


def _state(row: Row) -> RenderableType:
    if row.result is not None:
        return Text(row.result)
    return (
        Text("waiting", style="dim") if row.percent is None else ProgressBar(total=100, completed=row.percent, width=32)
    )


@contextmanager
def shown_progress() -> Iterator[Screen]:
    """The screen that suits where standard output goes."""
    console = Console()
    if not console.is_terminal:
        yield PlainScreen(Console(width=200, soft_wrap=True))
        return
    with Live(console=console, refresh_per_second=8, transient=True) as live:
        yield LiveScreen(console, live)
