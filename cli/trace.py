"""`lockstep trace`: where a project's time went, from the spans that the embedded stack kept on this machine."""

import asyncio
from pathlib import Path

import click

from cli.edge import Refused
from cli.home import SPANS, home_folder
from cli.trace_story import ProjectStory, read_story
from cli.waterfall import print_waterfall
from shared.spans import known_projects, spans_of


async def show_trace(project_id: str | None, html: Path | None) -> None:
    """Print the waterfall of a project, or write it as a page."""
    story = kept_story(home_folder() / SPANS, project_id)
    if html is None:
        print_waterfall(story)
        return
    from cli.waterfall_page import page

    await asyncio.to_thread(_write, html, page(story))
    click.echo(html)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def kept_story(path: Path, project_id: str | None) -> ProjectStory:
    """The story of the project, or of the newest one. Raises `Refused` where nothing of it was kept."""
    known = known_projects(path) if path.exists() else []
    if not known:
        raise Refused("No project has been traced here. Render one with `lockstep render PROJECT.yaml` first.")
    chosen = project_id or known[0]
    if chosen not in known:
        raise Refused(f"No spans of {chosen!r} were kept here. The newest are: {', '.join(known[:5])}.")
    return read_story(spans_of(path, chosen))
