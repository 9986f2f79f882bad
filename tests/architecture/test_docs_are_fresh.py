"""Documentation that a test holds to the code."""

from itertools import pairwise
from pathlib import Path

import click
import pytest

from cli.main import lockstep
from docs.generate import PAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_generated_pages_are_fresh(name: str) -> None:
    assert (ROOT / "docs" / name).read_text() == PAGES[name](), f"docs/{name} is stale; run `make docs`"


@pytest.mark.parametrize("command", sorted(lockstep.commands))
def test_every_command_is_documented_and_has_help(command: str) -> None:
    assert f"lockstep {command}" in (ROOT / "docs" / "commands.md").read_text()
    assert lockstep.commands[command].get_short_help_str(limit=200)


@pytest.mark.parametrize("command", sorted(lockstep.commands))
def test_every_option_is_documented(command: str) -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    options = [option for option in lockstep.commands[command].params if isinstance(option, click.Option)]
    assert all(option.opts[-1] in page for option in options)


def test_the_readme_names_only_make_targets_that_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    words = (ROOT / "README.md").read_text().replace("`", " ").split()
    named = {after for word, after in pairwise(words) if word == "make" and after.isalpha()}
    assert {name for name in named if f"\n{name}:" not in makefile} == set()
