"""The `lockstep` command. Each subcommand imports what it needs when it runs, so that `--help` answers at once."""

import sys
from collections.abc import Coroutine
from pathlib import Path

import click

PROJECT_FILE = click.argument("project_file", type=click.Path(path_type=Path), metavar="PROJECT.yaml")
NATS_URL = click.option(
    "--nats-url",
    envvar=["LOCKSTEP_NATS_URL", "NATS_URL"],
    help="The bus to talk to; default: the running `lockstep up`.",
)
OUTPUT = click.option(
    "-o", "--output", type=click.Path(path_type=Path), help="Where the video goes; default: <name>.mp4."
)
FITTERS = click.option(
    "--fitters", type=click.IntRange(1, 64), default=None, help="Clip fitters to run; default: one for each CPU core."
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="lockstep")
def lockstep() -> None:
    """A script, AI-made clips and music become one video in which every layer is cut to the words."""


@lockstep.command()
@PROJECT_FILE
@OUTPUT
@FITTERS
def render(project_file: Path, output: Path | None, fitters: int | None) -> None:
    """Make the video, with everything embedded, then stop."""
    from cli.render import render_project

    _run(render_project(project_file, output, fitters))


@lockstep.command()
@PROJECT_FILE
def check(project_file: Path) -> None:
    """Say whether a project file and its media are sound, without rendering."""
    from cli.check import check_project

    _run(check_project(project_file))


@lockstep.command()
@PROJECT_FILE
@click.option(
    "--picture", type=click.Path(path_type=Path), help="Where the drawing goes; default: <name>.timeline.svg."
)
def plan(project_file: Path, picture: Path | None) -> None:
    """Show and draw where every cut would lie, before any footage is touched."""
    from cli.plan import plan_project

    _run(plan_project(project_file, picture))


@lockstep.command()
@PROJECT_FILE
@click.option("--html", type=click.Path(path_type=Path), help="Where the page goes; default: <name>.listen.html.")
def listen(project_file: Path, html: Path | None) -> None:
    """Mix the soundtrack alone and write a page on which every word can be heard."""
    from cli.listen import listen_to_project

    _run(listen_to_project(project_file, html))


@lockstep.command()
def schema() -> None:
    """Print the JSON Schema of the project file."""
    import json

    from shared.project_file import project_schema

    click.echo(json.dumps(project_schema(), indent=2))


@lockstep.command()
def doctor() -> None:
    """Say what is missing on this machine, and the exact command that installs it."""
    from cli.doctor import report

    sys.exit(report())


@lockstep.command()
@FITTERS
def up(fitters: int | None) -> None:
    """Keep the embedded stack running until Ctrl-C."""
    from cli.up import keep_running

    _run(keep_running(fitters))


@lockstep.command()
@PROJECT_FILE
@NATS_URL
def submit(project_file: Path, nats_url: str | None) -> None:
    """Send a project to a running stack and print its id."""
    from cli.remote import submit_project

    _run(submit_project(project_file, nats_url))


@lockstep.command()
@click.argument("project_id")
@OUTPUT
@NATS_URL
def watch(project_id: str, output: Path | None, nats_url: str | None) -> None:
    """Follow a project to its end and fetch its video."""
    from cli.remote import watch_project

    _run(watch_project(project_id, output, nats_url))


@lockstep.command()
@click.argument("project_id", required=False)
@NATS_URL
def status(project_id: str | None, nats_url: str | None) -> None:
    """Say how far the stack's projects are, or one of them."""
    from cli.remote import show_status

    _run(show_status(project_id, nats_url))


@lockstep.command()
@click.argument("project_id")
@NATS_URL
def cancel(project_id: str, nats_url: str | None) -> None:
    """Stop a project: no service begins new work for it."""
    from cli.cancel import cancel_project

    _run(cancel_project(project_id, nats_url))


@lockstep.command()
@click.argument("project_id")
@NATS_URL
def retry(project_id: str, nats_url: str | None) -> None:
    """Submit a failed or cancelled project again; what is done is kept."""
    from cli.retry import retry_project

    _run(retry_project(project_id, nats_url))


@lockstep.group("dead-letters")
def dead_letters() -> None:
    """Look at the messages that no attempt could handle, and decide what becomes of them."""


@dead_letters.command("list")
@NATS_URL
def list_dead_letters(nats_url: str | None) -> None:
    """List them: which project, which service, and why."""
    from cli.dead_letters import list_letters

    _run(list_letters(nats_url))


@dead_letters.command("show")
@click.argument("letter")
@NATS_URL
def show_dead_letter(letter: str, nats_url: str | None) -> None:
    """Show one with all that is known about it."""
    from cli.dead_letters import show_letter

    _run(show_letter(letter, nats_url))


@dead_letters.command("retry")
@click.argument("letter")
@NATS_URL
def retry_dead_letter(letter: str, nats_url: str | None) -> None:
    """Submit its project again, and drop it."""
    from cli.dead_letters import retry_letter

    _run(retry_letter(letter, nats_url))


@dead_letters.command("drop")
@click.argument("letter")
@NATS_URL
def drop_dead_letter(letter: str, nats_url: str | None) -> None:
    """Throw it away; `all` throws all of them away."""
    from cli.dead_letters import drop_letters

    _run(drop_letters(letter, nats_url))


@lockstep.command()
@click.argument("project_id", required=False)
@click.option("--html", type=click.Path(path_type=Path), help="Write one self-contained page instead.")
def trace(project_id: str | None, html: Path | None) -> None:
    """Show where a project's time went; without an id, the newest project's."""
    from cli.trace import show_trace

    _run(show_trace(project_id, html))


@lockstep.command()
@click.option("--once", is_flag=True, help="Print one view and stop.")
@NATS_URL
def top(once: bool, nats_url: str | None) -> None:
    """Show live what every service has in work and what waits for it."""
    from cli.top import show_top

    _run(show_top(nats_url, once=once))


def _run(work: Coroutine[object, object, None]) -> None:
    from cli.edge import run_to_exit

    sys.exit(run_to_exit(work))


def main() -> None:
    """The console script's entry point."""
    lockstep()


if __name__ == "__main__":
    main()
