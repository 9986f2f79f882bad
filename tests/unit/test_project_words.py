"""The project file's `words`: each engine takes the keys that it has a use for."""

from pathlib import Path

import pytest

from shared.project_file import ProjectFileError, load_project


def problems(tmp_path: Path, words: str) -> list[str]:
    (tmp_path / "a.mp4").write_bytes(b"media")
    path = tmp_path / "project.yaml"
    path.write_text(f"name: a\nwords: {{{words}}}\nscenes:\n  - {{id: a, narration: Hi, clips: [a.mp4]}}\n")
    try:
        load_project(path)
    except ProjectFileError as error:
        return str(error).splitlines()
    return []


@pytest.mark.parametrize(
    "words",
    [
        "engine: pocketsphinx",
        "engine: voice",
        "engine: elevenlabs-alignment, buy_again: [bcdfgh]",
        "engine: elevenlabs-scribe, model: scribe_v3, language: en",
        "engine: whisper, model: /srv/models/small.en",
        "engine: whisper, model: Systran/faster-whisper-small",
    ],
)
def test_each_engine_takes_its_own_keys(tmp_path: Path, words: str) -> None:
    assert problems(tmp_path, words) == []


@pytest.mark.parametrize("key", ["model: scribe_v2", "language: en"])
@pytest.mark.parametrize("engine", ["pocketsphinx", "voice", "elevenlabs-alignment"])
def test_a_key_that_an_engine_has_no_use_for_is_refused(tmp_path: Path, engine: str, key: str) -> None:
    (problem,) = problems(tmp_path, f"engine: {engine}, {key}")
    assert f"means nothing to the engine `{engine}`. Remove it, or write `engine: elevenlabs-scribe` or" in problem


@pytest.mark.parametrize(
    "voice",
    ["{engine: recorded, file: a.mp4}", "{engine: openai-speech, name: alloy, url: 'http://127.0.0.1:8880/v1'}"],
)
def test_the_report_of_a_voice_that_makes_none_is_refused_at_its_line(tmp_path: Path, voice: str) -> None:
    (tmp_path / "a.mp4").write_bytes(b"media")
    path = tmp_path / "project.yaml"
    scenes = "scenes:\n  - {id: a, narration: Hi, clips: [a.mp4]}\n"
    path.write_text(f"name: a\nvoice: {voice}\nwords:\n  engine: voice\n{scenes}")
    with pytest.raises(ProjectFileError) as refused:
        load_project(path)
    (problem,) = str(refused.value).splitlines()
    assert "project.yaml:4:11" in problem
    assert "reports no times for its words. Write another engine for the words, e.g. `engine: pocketsphinx`" in problem
