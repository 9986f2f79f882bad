"""Rules about the text of the house: where things may stand, and how large they may grow."""

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = [path for folder in ("services", "shared", "cli") for path in sorted((ROOT / folder).rglob("*.py"))]
CORES = sorted((ROOT / "services").glob("*/core.py"))

MOST_LINES = 450
"""The house's limit is "not much over 400"."""


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_is_much_over_400_lines(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_and_public_function_says_what_it_is(path: Path) -> None:
    tree = ast.parse(path.read_text())
    if path.name != "__init__.py":
        assert ast.get_docstring(tree), f"{path.relative_to(ROOT)} has no module docstring"
    silent = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    ]
    assert not silent, f"{path.relative_to(ROOT)}: {silent} have no docstring"


@pytest.mark.parametrize("path", CORES, ids=lambda path: path.parent.name)
def test_a_core_opens_no_file_and_awaits_nothing(path: Path) -> None:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        assert not isinstance(node, ast.Await | ast.AsyncFunctionDef), f"{path}: line {node.lineno} awaits"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"open", "print", "input"}, f"{path}: line {node.lineno} calls {node.func.id}"


def test_shortest_is_used_nowhere() -> None:
    """It would cut off speech and hide the mismatch that caused it."""
    found = [path for path in CODE if "-shortest" in path.read_text() or '"shortest"' in path.read_text()]
    assert not found


def test_no_tracked_file_is_a_large_media_file() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    large = [
        name
        for name in listed.split("\0")
        if name and (ROOT / name).is_file() and (ROOT / name).stat().st_size > 3 << 20
    ]
    assert not large
