"""How an author says what happens at a cut, and what is said to an author who says it wrong."""

from pathlib import Path

import pytest

from shared.project import Project, Transition
from shared.project_file import ProjectFileError, load_project


def project(*scenes: str | dict[str, str] | None, everywhere: str | dict[str, str] | None = None) -> Project:
    """A project of scenes with these transitions; None writes nothing."""
    return Project.model_validate(
        {
            "name": "lighthouse",
            "scenes": [
                {"id": f"s{number}", "narration": "The lamp turns.", "clips": ["a.mp4"]}
                | ({} if written is None else {"transition": written})
                for number, written in enumerate(scenes)
            ],
        }
        | ({} if everywhere is None else {"transition": everywhere})
    )


def refused(folder: Path, first: str, last: str = "") -> list[str]:
    (folder / "a.mp4").write_bytes(b"media")
    path = folder / "project.yaml"
    path.write_text(
        "name: lighthouse\nscenes:\n"
        f"  - {{id: dusk, narration: One., clips: [a.mp4]{first}}}\n"
        f"  - {{id: keeper, narration: Two., clips: [a.mp4]{last}}}\n"
    )
    with pytest.raises(ProjectFileError) as caught:
        load_project(path)
    return [f"{problem.place}: {problem.cause} {problem.remedy}" for problem in caught.value.problems]


def test_where_nothing_is_written_every_cut_is_plain() -> None:
    assert [transition.kind for transition in project(None, None, None).transitions] == ["cut", "cut"]


def test_a_scene_s_own_word_outweighs_the_project_s() -> None:
    chosen = project("cut", None, {"kind": "wipe", "length": "1.5s"}, None, everywhere="dissolve").transitions
    assert chosen == (
        Transition(kind="cut"),
        Transition(kind="dissolve"),
        Transition(kind="wipe", length_ms=1_500),
    )


def test_a_transition_lasts_half_a_second_where_no_length_is_written() -> None:
    assert project("fade", None).transitions[0].length_ms == 500


def test_a_transition_survives_the_journey_between_services() -> None:
    sent = project({"kind": "fade", "length": "800ms"}, None, everywhere="wipe")
    assert Project.model_validate_json(sent.model_dump_json()) == sent


def test_an_unknown_kind_is_refused_with_the_one_that_was_meant(tmp_path: Path) -> None:
    assert refused(tmp_path, ", transition: disolve") == [
        'scenes[0].transition: "disolve" is not a choice here. Did you mean `dissolve`?'
    ]


def test_a_length_needs_a_kind(tmp_path: Path) -> None:
    (told,) = refused(tmp_path, ", transition: {length: 1s}")
    assert told.startswith("scenes[0].transition.kind: `kind` is missing.")


def test_a_length_out_of_reason_is_refused(tmp_path: Path) -> None:
    (told,) = refused(tmp_path, ", transition: {kind: fade, length: 9s}")
    assert told == "scenes[0].transition.length: The number 9000 is out of range. Write a number from 40 to 5000."


def test_the_last_scene_gives_way_to_nothing(tmp_path: Path) -> None:
    assert refused(tmp_path, "", ", transition: fade") == [
        "scenes[1].transition: The last scene has a `transition`, but no scene follows it. Remove it."
    ]
