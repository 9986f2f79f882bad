"""A room that is half-built is found here, in words, before anybody deploys it."""

import ast
import re
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
import yaml

from shared.stream import CONSUMERS

ROOT = Path(__file__).parents[2]
ROOMS = sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir() and not path.name.startswith("_"))
FILES = ("__init__.py", "README.md", "app.py", "handlers.py", "core.py", "settings.py")
HEADINGS = ("## Hears", "## Says", "## Decides", "## Needs")


def dashed(room: str) -> str:
    return room.replace("_", "-")


def test_the_house_has_the_six_rooms_of_the_design() -> None:
    assert set(ROOMS) >= {"voiceover", "transcriber", "scene_planner", "clip_fitter", "mixer", "assembler"}


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_the_same_files(room: str) -> None:
    missing = [name for name in FILES if not (ROOT / "services" / room / name).is_file()]
    assert not missing, f"services/{room} lacks {missing}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_says_what_it_hears_says_decides_and_needs(room: str) -> None:
    text = (ROOT / "services" / room / "README.md").read_text()
    assert [line for line in text.splitlines() if line.startswith("## ")] == list(HEADINGS)
    for heading in HEADINGS:
        paragraph = text.split(heading)[1].split("## ")[0].strip()
        assert paragraph, f"services/{room}/README.md says nothing under {heading}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_started_by_docker_compose(room: str) -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    service = compose["services"].get(dashed(room))
    assert service is not None, f"docker-compose.yml does not start {dashed(room)}"
    assert service["build"]["args"]["SERVICE"] == room
    assert service["image"] == f"lockstep/{dashed(room)}"


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_an_extra_and_locked_requirements(room: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert dashed(room) in project["optional-dependencies"]
    locked = (ROOT / "deploy" / "requirements" / f"{dashed(room)}.txt").read_text()
    assert "--hash=sha256:" in locked


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_stands_in_the_readme(room: str) -> None:
    assert re.search(rf"^\| \[?`?{dashed(room)}`?\b", (ROOT / "README.md").read_text(), re.MULTILINE)


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_has_a_paragraph_on_the_architecture_page(room: str) -> None:
    assert f"**{dashed(room)}**" in (ROOT / "docs" / "architecture.md").read_text()


@pytest.mark.parametrize("room", ROOMS)
def test_every_core_has_unit_tests(room: str) -> None:
    assert list((ROOT / "tests" / "unit").glob(f"test_{room}*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_every_room_is_heard_of_by_the_provisioner(room: str) -> None:
    assert any(consumer.name == room or consumer.name.startswith(f"{room}_") for consumer in CONSUMERS)


def test_locked_requirements_name_no_address() -> None:
    for path in (ROOT / "deploy" / "requirements").glob("*.txt"):
        assert "://" not in path.read_text(), f"{path.name} names an index or a download address"


def test_a_service_container_installs_only_what_its_room_needs() -> None:
    fitter = (ROOT / "deploy" / "requirements" / "clip-fitter.txt").read_text()
    assert "pocketsphinx" not in fitter
    assert "pytest" not in fitter


def imported_distributions(path: Path) -> set[str]:
    """The distributions that a file's imports come from; the standard library and the house itself are left out."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    known = packages_distributions()
    foreign = names - sys.stdlib_module_names - {"services", "shared", "cli"}
    return {known[name][0].lower().replace("_", "-") for name in foreign if name in known}


@pytest.mark.parametrize("room", ROOMS)
def test_every_container_has_all_that_its_room_imports(room: str) -> None:
    locked = (ROOT / "deploy" / "requirements" / f"{dashed(room)}.txt").read_text()
    installed = {line.split("==")[0] for line in locked.splitlines() if "==" in line}
    for path in (ROOT / "services" / room).glob("*.py"):
        missing = imported_distributions(path) - installed
        assert not missing, f"{path.relative_to(ROOT)} imports {missing}, which the {dashed(room)} extra does not bring"
