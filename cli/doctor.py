"""What this machine needs and whether it has it."""

import importlib.util
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click

from shared.segments import CODECS, CodecName

PROGRAMS = {
    "ffmpeg": "decodes, fits and joins the pictures and the sound",
    "ffprobe": "reads what a media file holds",
    "espeak-ng": "speaks the narration, and pronounces names for the aligner",
}

PACKAGE_OF = {"ffmpeg": "ffmpeg", "ffprobe": "ffmpeg", "espeak-ng": "espeak-ng"}

EMBEDDED = {"nats-server": "the bus of the embedded stack", "weed": "the object store of the embedded stack"}


@dataclass(frozen=True)
class Finding:
    """One thing looked for: what it is for, where it was found, and what installs it where it was not."""

    name: str
    purpose: str
    found: str | None
    remedy: str


def findings() -> list[Finding]:
    """Everything that a render needs, found or not."""
    return [*_programs(), _encoder(), *_embedded(), *_libraries()]


def install_command(packages: list[str]) -> str:
    """The command of this machine's package manager that installs `packages`."""
    managers = {
        "apt-get": "sudo apt-get install -y",
        "dnf": "sudo dnf install -y",
        "pacman": "sudo pacman -S",
        "apk": "sudo apk add",
        "brew": "brew install",
    }
    command = next(
        (text for name, text in managers.items() if shutil.which(name)), "install with your package manager:"
    )
    return f"{command} {' '.join(packages)}"


def report() -> int:
    """Print what was found; return 0 where nothing is missing, else 1."""
    found = findings()
    for finding in found:
        mark, note = ("✓", finding.found) if finding.found else ("✗", f"missing. {finding.remedy}")
        click.secho(f"  {mark} {finding.name:<22} {note}", fg=None if finding.found else "red")
        if not finding.found:
            click.echo(f"    {'':<22} needed because it {finding.purpose}")
    missing = [finding for finding in found if not finding.found]
    if not missing:
        click.secho("Nothing is missing.", fg="green")
        return 0
    click.secho(f"Missing: {', '.join(finding.name for finding in missing)}.", fg="red")
    return 1


def missing_programs() -> list[Finding]:
    """The outside programs that are missing: what every command that renders asks first."""
    return [finding for finding in [*_programs(), *_embedded()] if finding.found is None]


def _programs() -> list[Finding]:
    return [
        Finding(name, purpose, shutil.which(name), f"Install it: {install_command([PACKAGE_OF[name]])}")
        for name, purpose in PROGRAMS.items()
    ]


def _embedded() -> list[Finding]:
    beside_python = Path(sys.executable).parent
    return [
        Finding(
            name,
            f"is {purpose}",
            shutil.which(name, path=f"{beside_python}") or shutil.which(name),
            "Install it: pip install 'lockstep[local]'",
        )
        for name, purpose in EMBEDDED.items()
    ]


def missing_encoder(codec: CodecName) -> Finding | None:
    """What is missing where this ffmpeg cannot encode a project's codec; None where it can."""
    finding = _encoder(codec)
    return finding if finding.found is None else None


def _encoder(codec: CodecName = "h264") -> Finding:
    name, purpose = CODECS[codec].encoder, f"encodes {codec.upper().replace('H26', 'H.26')}"
    program = shutil.which("ffmpeg")
    remedy = f"Install a full build: {install_command(['ffmpeg'])}"
    if program is None:
        return Finding(name, purpose, None, remedy)
    listed = subprocess.run([program, "-v", "quiet", "-encoders"], capture_output=True, text=True, check=False).stdout
    return Finding(name, purpose, "in ffmpeg" if name in listed.split() else None, remedy)


def _libraries() -> list[Finding]:
    needed = {"pocketsphinx": "times the words", "faststream": "connects the services", "minio": "reaches the store"}
    return [
        Finding(
            name,
            purpose,
            "in this Python" if importlib.util.find_spec(name) else None,
            "Install it: pip install 'lockstep[local]'",
        )
        for name, purpose in needed.items()
    ]
