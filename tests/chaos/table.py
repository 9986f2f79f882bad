"""The table of what was survived, for docs/reliability.md: printed at the end of a run."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One batch and what became of it."""

    fault: str
    projects: int
    assembled: int
    failed: int
    handed_out_again: int
    dead_letters: int
    seconds: int


ROWS: list[Row] = []


def note(row: Row) -> None:
    """Keep a row for the table."""
    ROWS.append(row)


def table(rows: Sequence[Row]) -> list[str]:
    """The table in Markdown."""
    lines = [
        "| during the batch | projects | videos | failures, told | handed out again | dead letters | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    return lines + [
        f"| {row.fault} | {row.projects} | {row.assembled} | {row.failed} | {row.handed_out_again} "
        f"| {row.dead_letters} | {row.seconds} |"
        for row in rows
    ]
