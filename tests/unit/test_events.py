"""Every event has one address, spelled in one place, and can be found again from it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.events import (
    PROJECT_ID_PATTERN,
    STREAM_SUBJECTS,
    AssemblyDue,
    Event,
    ProgressTicked,
    StepFailed,
    dead_letter_address,
    event_class_of,
    event_from,
    history_of,
    tokens_of,
)

project_ids = st.from_regex(PROJECT_ID_PATTERN, fullmatch=True)
event_classes = st.sampled_from(Event.catalogue())
scene_numbers = st.integers(1, 100_000)


def address(event_class: type[Event], project_id: str, number: int) -> str:
    return event_class.subject.format(project_id=project_id, scene_number=number)


@given(event_classes, project_ids, scene_numbers)
def test_an_event_s_class_is_known_from_its_address(event_class: type[Event], project_id: str, number: int) -> None:
    assert event_class_of(address(event_class, project_id, number)) is event_class


@given(event_classes, project_ids, scene_numbers)
def test_an_address_spells_the_project_and_the_scene(event_class: type[Event], project_id: str, number: int) -> None:
    tokens = tokens_of(address(event_class, project_id, number))
    assert tokens["project_id"] == project_id
    assert tokens.get("scene_number", str(number)) == str(number)


@given(event_classes, event_classes)
def test_no_two_events_share_an_address(one: type[Event], other: type[Event]) -> None:
    assert (one.wildcard() == other.wildcard()) == (one is other)


@given(event_classes)
def test_all_events_of_a_project_are_its_history(event_class: type[Event]) -> None:
    prefix = history_of("lighthouse").removesuffix(">")
    assert event_class.wildcard("lighthouse").startswith(prefix)
    assert event_class.wildcard().startswith(STREAM_SUBJECTS.removesuffix(">"))


def test_an_event_is_read_back_from_its_address_and_body() -> None:
    said = AssemblyDue(project_id="lighthouse")
    assert event_from(said.address, said.model_dump_json().encode()) == said


@pytest.mark.parametrize(
    "subject", ["", "lockstep", "lockstep.a.scene.planned", "lockstep.a.scene.1.planned.x", "other.a.b.c"]
)
def test_an_address_that_is_nobody_s_is_told(subject: str) -> None:
    assert event_class_of(subject) is None
    assert event_from(subject, b"{}") is None


def test_a_dead_letter_s_address_names_the_project_the_reader_and_the_message() -> None:
    failed = StepFailed(project_id="lighthouse", service="mixer", scene_id=None, reason="r", remedy="m")
    assert dead_letter_address(failed.address, "mixer", 7) == "lockstep-dead.lighthouse.mixer.7"
    assert dead_letter_address("garbage", "mixer", 7) == "lockstep-dead.unknown.mixer.7"


def test_progress_is_no_part_of_a_project_s_history() -> None:
    tick = ProgressTicked(project_id="lighthouse", service="clip_fitter", scene_number=1, percent=50)
    assert tick.address == "lockstep-progress.lighthouse"
    assert not tick.address.startswith(STREAM_SUBJECTS.removesuffix(">"))


@pytest.mark.parametrize("project_id", ["", "Lighthouse", "a.b", "a b", "a*", ">", "-a", "a" * 81])
def test_a_project_id_is_one_plain_token(project_id: str) -> None:
    with pytest.raises(ValidationError, match="project_id"):
        AssemblyDue(project_id=project_id)


def test_an_event_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        AssemblyDue(project_id="lighthouse").project_id = "harbour"  # type: ignore[misc]


def test_a_field_of_a_later_release_is_passed_over() -> None:
    assert AssemblyDue.model_validate_json('{"project_id": "lighthouse", "later": 1}') == AssemblyDue(
        project_id="lighthouse"
    )
