"""Beds under ranges of scenes and sounds at words, as the project file writes them and as it is told what is wrong."""

from pathlib import Path

import pytest

from shared.project import Project
from shared.project_file import ProjectFileError, load_project
from shared.project_soundtrack import Anchor, read_anchor, scene_range
from shared.project_values import Misfit

SCENES = """
scenes:
  - {id: dusk, narration: "The storm, the wind.", clips: [dusk.mp4]}
  - {id: "7", narration: "Nobody sleeps.", clips: [dusk.mp4]}
  - {id: dawn, narration: "Calm; at last.", clips: [dusk.mp4]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("dusk.mp4", "night.wav", "morning.wav", "thunder.wav"):
        (tmp_path / name).write_bytes(b"media")
    return tmp_path


def loaded(folder: Path, text: str) -> Project:
    path = folder / "project.yaml"
    path.write_text(f"name: storm\n{text}{SCENES}")
    return load_project(path).project


def told(folder: Path, text: str) -> list[str]:
    with pytest.raises(ProjectFileError) as refusal:
        loaded(folder, text)
    return str(refusal.value).replace(f"{folder}/", "").splitlines()


def test_one_bed_needs_no_list_and_several_are_one() -> None:
    scenes = [{"id": "dusk", "narration": "la", "clips": ["dusk.mp4"]}]
    bed = {"file": "night.wav"}
    alone, listed = (Project.model_validate({"name": "a", "music": m, "scenes": scenes}) for m in (bed, [bed]))
    assert alone == listed
    assert Project.model_validate({"name": "a", "music": None, "scenes": scenes}).music == ()


def test_beds_are_written_with_their_scenes(folder: Path) -> None:
    project = loaded(folder, "music: [{file: night.wav, scenes: dusk..2}, {file: morning.wav, scenes: dawn}]")
    assert [bed.scenes for bed in project.music] == ["dusk..2", "dawn"]


@pytest.mark.parametrize(
    ("written", "places"),
    [(None, [0, 1, 2]), ("dusk", [0]), ("dusk..dawn", [0, 1, 2]), ("2..3", [1, 2]), ("7", [1]), ("dusk..7", [0, 1])],
)
def test_a_range_names_scenes_by_id_or_else_by_number(written: str | None, places: list[int]) -> None:
    assert list(scene_range(written, ["dusk", "7", "dawn"])) == places


@pytest.mark.parametrize(
    ("music", "message"),
    [
        ("[{file: night.wav}, {file: morning.wav, scenes: dawn}]", "2:9: music[0]: There are several beds, and this"),
        (
            "[{file: night.wav, scenes: dusk..7}, {file: morning.wav, scenes: 7..dawn}]",
            "2:73: music[1].scenes: Another bed plays under scene '7' already.",
        ),
        ("{file: night.wav, scenes: dusk..dwan}", '2:34: music.scenes: There is no scene "dwan". Did you mean `dawn`?'),
        ("{file: night.wav, scenes: dawn..dusk}", '2:34: music.scenes: "dawn..dusk" ends before it begins. Write'),
        ("{file: night.wav, scenes: 4}", "2:34: music.scenes: The number 4 stands where text is expected."),
        ("{fil: night.wav}", "2:9: music.fil: Unknown key `fil`. Did you mean `file`?"),
        ("[{file: no.wav}]", "2:16: music[0].file: no.wav does not exist."),
    ],
)
def test_a_bed_that_cannot_be_placed_is_told_with_line_cause_and_remedy(folder: Path, music: str, message: str) -> None:
    assert any(line.startswith(f"project.yaml:{message}") for line in told(folder, f"music: {music}"))


@pytest.mark.parametrize(
    ("at", "message"),
    [
        ("dusk:wimd", "Scene 'dusk' has no word \"wimd\". Did you mean `dusk:wind`?"),
        ("dusk:the#3", "Scene 'dusk' has the word \"the\" 2 times. Write a smaller number."),
        ("dsk:wind", 'There is no scene "dsk". Did you mean `dusk`?'),
        ("dusk", '"dusk" names no word. Write a scene\'s id and one of its words: `storm:thunder`.'),
    ],
)
def test_a_sound_at_a_word_that_is_not_spoken_is_told_with_its_line(folder: Path, at: str, message: str) -> None:
    text = f'sounds: [{{file: thunder.wav, at: "dusk:STORM"}}, {{file: thunder.wav, at: "{at}"}}]'
    assert told(folder, text) == [f"project.yaml:2:73: sounds[1].at: {message}"]


def test_a_sound_file_that_is_missing_is_told(folder: Path) -> None:
    assert "does not exist" in told(folder, 'sounds: [{file: rain.wav, at: "dusk:storm"}]')[0]


@pytest.mark.parametrize(
    ("written", "anchor", "place"),
    [
        ("dusk:storm", Anchor("dusk", "storm", 1), 1),
        ("dusk:the#2", Anchor("dusk", "the", 2), 2),
        ("dusk:Wind.", Anchor("dusk", "Wind.", 1), 3),
        ("dusk:rain", Anchor("dusk", "rain", 1), None),
    ],
)
def test_a_word_is_found_whatever_its_case_and_punctuation(written: str, anchor: Anchor, place: int | None) -> None:
    assert read_anchor(written) == anchor
    assert anchor.place_in(["The", "storm,", "the", "wind."]) == place


@pytest.mark.parametrize("written", ["", "dusk", ":wind", "dusk:", "dusk:#2", "dusk:the#0", "a b:wind"])
def test_what_names_no_word_is_refused(written: str) -> None:
    with pytest.raises(Misfit):
        read_anchor(written)
