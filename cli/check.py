"""`lockstep check`: is the project file sound, and is its media what it says it is?"""

from pathlib import Path

import click
from shared.project_file import LoadedProject, ProjectFileError, load_project

from cli.doctor import missing_programs
from cli.edge import Refused

PROBES_AT_ONCE = 4


async def check_project(project_file: Path) -> None:
    """Print that a project file is sound. Raises `Refused` with every problem, each with its line and remedy."""
    loaded = await checked_project(project_file)
    project = loaded.project
    click.echo(f"{project_file}: {len(project.scenes)} scenes, {len(loaded.sources)} files, all sound.")


async def checked_project(project_file: Path) -> LoadedProject:
    """The project, its file and its media looked at. Raises `Refused`."""
    if missing := missing_programs():
        raise Refused(" ".join(f"{finding.name} is missing. {finding.remedy}." for finding in missing))
    try:
        loaded = load_project(project_file)
    except ProjectFileError as error:
        raise Refused(str(error)) from None
    return loaded
