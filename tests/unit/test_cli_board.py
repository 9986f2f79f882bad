"""What a person is shown while a project is made."""

from cli.screen import SCENES_SHOWN, Board
from shared.assets import Asset
from shared.events import ProgressTicked, SceneFitted, ScenePlanned, StepFailed, VoiceoverRecorded
from shared.project import Fit, Output
from shared.timeline import Span

ASSET = Asset(key="segments/a.mp4", digest="0" * 64, media_type="video/mp4", size=1)


def planned(number: int) -> ScenePlanned:
    return ScenePlanned(
        project_id="p", scene_number=number, scene_id=f"s{number}", window=Span(0, 1000), frame_count=25,
        clips=(ASSET,), output=Output(), fit=Fit(),
    )  # fmt: skip


def fitted(number: int, *, from_store: bool = False) -> SceneFitted:
    return SceneFitted(
        project_id="p", scene_number=number, scene_id=f"s{number}", segment=ASSET, frame_count=25, clip_ms=5000,
        fit="trimmed", from_store=from_store,
    )  # fmt: skip


def test_a_recorded_voiceover_is_told_with_its_length() -> None:
    event = VoiceoverRecorded(project_id="p", project=ASSET, recording=ASSET, length_ms=12_345, from_store=False)
    assert Board().take_event(event) == "voiceover: 12.345 s recorded"


def test_work_that_was_found_in_the_store_is_told_as_kept() -> None:
    board = Board()
    board.take_event(planned(1))
    assert board.take_event(fitted(1, from_store=True)) == "scene 1 s1: 25 frames, trimmed (kept from before)"


def test_a_tick_shows_how_far_its_scene_is() -> None:
    board = Board()
    board.take_event(planned(2))
    board.take_tick(ProgressTicked(project_id="p", service="clip_fitter", scene_number=2, percent=40))
    assert board.scenes[2].percent == 40


def test_a_late_tick_does_not_reopen_a_finished_scene() -> None:
    board = Board()
    board.take_event(fitted(1))
    board.take_tick(ProgressTicked(project_id="p", service="clip_fitter", scene_number=1, percent=90))
    assert board.scenes[1].percent is None


def test_of_a_long_project_the_scenes_in_work_are_shown_first() -> None:
    board = Board()
    for number in range(1, 41):
        board.take_event(planned(number))
    board.take_event(fitted(1))
    board.take_tick(ProgressTicked(project_id="p", service="clip_fitter", scene_number=30, percent=10))
    shown = board.scenes_to_show()
    assert len(shown) == SCENES_SHOWN
    assert shown[0].label == "scene 30 s30"


def test_a_failure_names_the_service() -> None:
    event = StepFailed(
        project_id="p", service="mixer", scene_id=None, reason="The bed is silent.", remedy="Choose another."
    )
    assert Board().take_event(event) == "mixer: failed"
