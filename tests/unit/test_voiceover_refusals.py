"""`lockstep check` knows what the project's voice cannot speak, before any of it is bought."""

from pathlib import Path

import pytest

from cli.check import checked_project
from cli.edge import Refused

PROJECT = """\
name: a
voice: {engine: elevenlabs, name: 21m00Tcm4TlvDq8ikWAM}
scenes:
  - id: dusk
    narration: The sea is calm.
    clips: [a.mp4]
  - id: keeper
    narration: Ships <break time="1s"/> sank.
    clips: [a.mp4]
  - id: night
    narration: <prosody rate="50%">So they lit a lamp.</prosody>
    clips: [a.mp4]
"""


async def refused_lines(folder: Path, project: str) -> list[str]:
    (folder / "a.mp4").write_bytes(b"media")
    (folder / "project.yaml").write_text(project)
    with pytest.raises(Refused) as refused:
        await checked_project(folder / "project.yaml")
    return [line.removeprefix(f"{folder}/") for line in str(refused.value).splitlines()]


async def test_every_narration_that_the_voice_cannot_speak_is_named_with_its_line(tmp_path: Path) -> None:
    first, second = await refused_lines(tmp_path, PROJECT)
    assert first.startswith("project.yaml:8:16: scenes[1].narration: A pause of 1000 ms stands inside a sentence")
    assert second.startswith("project.yaml:11:16: scenes[2].narration: The narration is to be spoken at 50% of")


async def test_a_key_that_does_not_suit_the_model_is_named_at_the_voice(tmp_path: Path) -> None:
    (line,) = await refused_lines(tmp_path, PROJECT.replace("ikWAM}", "ikWAM, model: eleven_v3, style: 0.5}"))
    assert line.startswith("project.yaml:2:8: voice: The model eleven_v3 is not known to take `style`")
