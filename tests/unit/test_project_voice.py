"""The project file's `voice`: each engine takes the keys that it has a use for, and says so of the others."""

from pathlib import Path

import pytest

from shared.project import Project, Scene, Voice
from shared.project_file import ProjectFileError, load_project

VOICE = "21m00Tcm4TlvDq8ikWAM"


def problems(tmp_path: Path, voice: str) -> list[str]:
    (tmp_path / "a.mp4").write_bytes(b"media")
    path = tmp_path / "project.yaml"
    path.write_text(f"name: a\nvoice: {{{voice}}}\nscenes:\n  - {{id: a, narration: Hi, clips: [a.mp4]}}\n")
    try:
        load_project(path)
    except ProjectFileError as error:
        return [line.removeprefix(f"{tmp_path}/") for line in str(error).splitlines()]
    return []


@pytest.mark.parametrize(
    "voice",
    [
        "engine: espeak, name: en-gb, words_per_minute: 150",
        f"engine: elevenlabs, name: {VOICE}",
        f"engine: elevenlabs, name: {VOICE}, model: eleven_v3, stability: 0.5, buy_again: [bcdfgh]",
        f"engine: elevenlabs, name: {VOICE}, speed: 1.2, similarity: 1, style: 0, language: no",
        "engine: openai-speech, name: af_bella, model: org/kokoro-82m, url: 'http://127.0.0.1:8880/v1', speed: 2",
    ],
)
def test_each_engine_takes_its_own_keys(tmp_path: Path, voice: str) -> None:
    assert problems(tmp_path, voice) == []


@pytest.mark.parametrize(
    ("voice", "problem"),
    [
        (
            "engine: elevenlabs",
            "project.yaml:2:8: voice.name: `elevenlabs` needs the id of a voice. Write its 20 letter",
        ),
        ("engine: elevenlabs, name: Rachel", 'project.yaml:2:35: voice.name: "Rachel" is not the id of a voice'),
        ("engine: openai-speech", "project.yaml:2:8: voice.name: `openai-speech` needs a voice. Write a `name` that"),
        (
            "speed: 1.1",
            "project.yaml:2:16: voice.speed: `speed` means nothing to the voice `espeak`. Write `words_per_",
        ),
        (
            "stability: 0.5",
            "project.yaml:2:20: voice.stability: `stability` means nothing to the voice `espeak`. Remov",
        ),
        (
            f"engine: elevenlabs, name: {VOICE}, words_per_minute: 200",
            "project.yaml:2:75: voice.words_per_minute: `words_per_minute` means nothing to the voice `elevenlabs`. "
            "Write `speed`, 1 being the voice's own.",
        ),
        (
            f"engine: elevenlabs, name: {VOICE}, speed: 1.5",
            "project.yaml:2:64: voice.speed: `elevenlabs` does not speak at a speed of 1.5. Write a number from 0.7",
        ),
        (
            f"engine: elevenlabs, name: {VOICE}, url: 'http://a'",
            "project.yaml:2:62: voice.url: `url` means nothing to the voice `elevenlabs`. Remove it, or write "
            "`engine: openai-speech`.",
        ),
        ("engine: openai-speech, name: a, url: 'http://u:pw@host/v1'", "project.yaml:2:46: voice.url: "),
        ("api_key: sk_123", "project.yaml:2:9: voice.api_key: Unknown key `api_key`."),
    ],
)
def test_a_key_that_an_engine_has_no_use_for_is_named_with_its_line(tmp_path: Path, voice: str, problem: str) -> None:
    assert [found[: len(problem)] for found in problems(tmp_path, voice)] == [problem]


def test_every_wrong_key_is_named_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, "engine: espeak, model: x, url: 'http://a', language: de")) == 3


@pytest.mark.parametrize("engine", ["espeak", "elevenlabs", "openai-speech"])
def test_a_voice_survives_the_journey_between_services(engine: str) -> None:
    voice = Voice.model_validate({"engine": engine, "name": VOICE})
    project = Project(name="a", voice=voice, scenes=(Scene(id="a", narration="Hi", clips=("a.mp4",)),))
    assert Project.model_validate_json(project.model_dump_json()) == project
