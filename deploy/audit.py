"""Asks PyPI, by way of pip-audit, for known weaknesses of every pinned dependency: `python -m deploy.audit`.

Exits with 1 where one is known. Where PyPI cannot be asked it says so and exits with 0, since most networks that build
software reach an index of packages and not the database behind it; `--required` exits with 1 there too.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

REQUIREMENTS = Path(__file__).parent / "requirements" / "dev.txt"
"""All that the services' own files hold is in it too."""

LIMIT_SECONDS = 600


class Weakness(BaseModel):
    """One known weakness, as pip-audit tells it."""

    id: str
    fix_versions: list[str] = []


class Dependency(BaseModel):
    """What pip-audit was told of one dependency; with a `skip_reason`, nothing."""

    name: str
    version: str = ""
    vulns: list[Weakness] = []
    skip_reason: str | None = None


class Report(BaseModel):
    """What pip-audit writes."""

    dependencies: list[Dependency]


@dataclass(frozen=True)
class Verdict:
    """What the answers come to, in lines."""

    lines: tuple[str, ...]
    is_answered: bool
    is_weak: bool


def judge(report: Report | None) -> Verdict:
    """What a report means; None where there is none. A dependency that nobody was asked about is not a sound one."""
    dependencies = report.dependencies if report else []
    unknown = [one.name for one in dependencies if one.skip_reason is not None]
    weak = [
        f"{one.name} {one.version}: {weakness.id}, mended in {', '.join(weakness.fix_versions) or 'no release yet'}"
        for one in dependencies
        for weakness in one.vulns
    ]
    asked = len(dependencies) - len(unknown)
    if asked == 0:
        return Verdict(("Audit skipped: PyPI cannot be asked for known weaknesses from here.",), False, False)
    lines = [*weak, f"Audit: {asked} dependencies, {len(weak)} known weaknesses."]
    if unknown:
        lines.append(f"PyPI says nothing of {', '.join(unknown)}.")
    return Verdict(tuple(lines), True, bool(weak))


def first_requirement(text: str) -> str:
    """The first pinned dependency of a requirements file, with its hashes."""
    found = re.search(r"^[a-z0-9].*?(?=^[a-z0-9]|\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, "the requirements are empty"
    return found.group()


def ask(requirements: Path, folder: Path) -> Report | None:
    """What pip-audit says of a requirements file; None where it can say nothing."""
    answer = folder / "answer.json"
    command = ["uv", "tool", "run", "--quiet", "pip-audit", "--disable-pip", "--require-hashes", "--progress-spinner"]
    command += ["off", "--requirement", str(requirements), "--format", "json", "--output", str(answer)]
    command[0] = str(Path(sys.executable).with_name("uv"))
    try:
        subprocess.run(command, capture_output=True, timeout=LIMIT_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return None
    return Report.model_validate(json.loads(answer.read_text())) if answer.exists() else None


def main(arguments: Sequence[str]) -> int:
    """Ask about one dependency first: where nobody answers, a hundred questions take half a minute."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "first.txt").write_text(first_requirement(REQUIREMENTS.read_text()))
        verdict = judge(ask(folder / "first.txt", folder))
        if verdict.is_answered:
            verdict = judge(ask(REQUIREMENTS, folder))
    sys.stdout.write("\n".join(verdict.lines) + "\n")
    return int(verdict.is_weak or (not verdict.is_answered and "--required" in arguments))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
