"""The models of the project file: their bounds, their spellings, and what travels between services."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.assets import Asset
from shared.project import PRESETS, Clip, Music, Output, Project, Scene, SubmittedProject, Voice, disagreements


def scene(scene_id: str = "dusk", *, recording: str | None = None) -> Scene:
    return Scene(id=scene_id, narration="The lamp turns.", clips=(Clip(file="a.mp4"),), recording=recording)


class TestFrameRates:
    @pytest.mark.parametrize(
        ("written", "rate"),
        [
            (24, Fraction(24)),
            ("25", Fraction(25)),
            (12.5, Fraction(25, 2)),
            ("30000/1001", Fraction(30000, 1001)),
            (29.97, Fraction(30000, 1001)),
            ("23.976", Fraction(24000, 1001)),
            (23.98, Fraction(24000, 1001)),
            (59.94, Fraction(60000, 1001)),
        ],
    )
    def test_the_rates_of_broadcasting_are_read_as_exact_fractions(self, written: object, rate: Fraction) -> None:
        assert Output.model_validate({"fps": written}).fps == rate

    @pytest.mark.parametrize(
        "written", [0, -25, 0.5, 241, "1/0", "30/", "quick", "1e9", "1e999999999", True, None, [], float("nan")]
    )
    def test_what_is_no_frame_rate_is_refused_with_examples(self, written: object) -> None:
        with pytest.raises(ValidationError, match="Write 24, 25, 30 or 30000/1001"):
            Output.model_validate({"fps": written})

    @given(st.fractions(min_value=1, max_value=240, max_denominator=1001))
    def test_every_rate_survives_the_journey_between_services(self, rate: Fraction) -> None:
        output = Output(fps=rate)
        assert Output.model_validate_json(output.model_dump_json()) == output

    def test_a_rate_that_no_mp4_file_can_hold_is_refused_before_anything_is_encoded(self) -> None:
        with pytest.raises(ValidationError, match="cannot be written to a video file"):
            Output.model_validate({"fps": "23.123456789"})


class TestPresets:
    def test_a_preset_sets_what_its_platform_plays(self) -> None:
        output = Output.model_validate({"preset": "shorts"})
        assert (output.width, output.height, output.fps, output.loudness) == (1080, 1920, Fraction(30), -14)

    def test_a_key_that_is_written_outweighs_the_preset(self) -> None:
        output = Output.model_validate({"preset": "draft", "fps": 30, "encoder": {"crf": 24}})
        assert (output.width, output.fps) == (640, Fraction(30))
        assert (output.encoder.preset, output.encoder.crf) == ("ultrafast", 24)

    def test_what_a_preset_set_arrives_at_every_service(self) -> None:
        output = Output.model_validate({"preset": "draft", "width": 320})
        assert Output.model_validate_json(output.model_dump_json()) == output

    @pytest.mark.parametrize("preset", PRESETS)
    def test_every_preset_that_can_be_written_is_a_sound_output(self, preset: str) -> None:
        output = Output.model_validate({"preset": preset})
        assert output.width == PRESETS[preset]["width"]

    def test_an_unknown_preset_is_refused(self) -> None:
        with pytest.raises(ValidationError, match="youtube-1080p"):
            Output.model_validate({"preset": "cinema"})


class TestFocus:
    @pytest.mark.parametrize(
        ("written", "focus"), [("left", (0, 0.5)), ("top", (0.5, 0)), ("centre", (0.5, 0.5)), ([0.5, 0.3], (0.5, 0.3))]
    )
    def test_a_subject_s_place_is_a_name_or_two_shares(self, written: object, focus: tuple[float, float]) -> None:
        assert Clip.model_validate({"file": "a.mp4", "focus": written}).focus == focus

    @pytest.mark.parametrize("written", ["middle", [0.5], [0.5, 1.5], 7])
    def test_what_is_no_place_in_a_picture_is_refused(self, written: object) -> None:
        with pytest.raises(ValidationError):
            Clip.model_validate({"file": "a.mp4", "focus": written})


class TestScenes:
    @pytest.mark.parametrize(
        ("written", "ms"), [(0, 0), (400, 400), ("400ms", 400), ("1.5s", 1500), ("60s", 60_000), ("0.25 s", 250)]
    )
    def test_a_pause_is_milliseconds_or_a_time_with_its_unit(self, written: object, ms: int) -> None:
        document = {"id": "a", "narration": "Hi", "clips": ["a.mp4"], "pause_after": written}
        assert Scene.model_validate(document).pause_after_ms == ms

    @pytest.mark.parametrize("written", [-1, 60_001, "61s", 1.5, "soon", "1.5", None])
    def test_a_pause_without_unit_or_out_of_range_is_refused(self, written: object) -> None:
        with pytest.raises(ValidationError):
            Scene.model_validate({"id": "a", "narration": "Hi", "clips": ["a.mp4"], "pause_after": written})

    def test_a_clip_is_a_path_or_a_group_of_keys(self) -> None:
        document = {"id": "a", "narration": "Hi", "clips": ["a.mp4", {"file": "b.mp4"}]}
        assert Scene.model_validate(document).clips == (Clip(file="a.mp4"), Clip(file="b.mp4"))

    @pytest.mark.parametrize("narration", ["", "...", "<p>Hi", "<emphasis>Hi</emphasis>"])
    def test_a_narration_that_cannot_be_spoken_never_reaches_a_service(self, narration: str) -> None:
        with pytest.raises(ValidationError):
            Scene(id="a", narration=narration, clips=(Clip(file="a.mp4"),))


class TestRecordings:
    def test_a_recording_needs_the_voice_that_plays_it(self) -> None:
        with pytest.raises(ValidationError, match="another voice speaks"):
            Project(name="a", voice=Voice(file="all.wav"), scenes=(scene(),))
        with pytest.raises(ValidationError, match="another voice speaks"):
            Project(name="a", scenes=(scene(recording="a.wav"),))

    def test_the_recorded_voice_takes_one_file_or_one_in_every_scene(self) -> None:
        Project(name="a", voice=Voice(engine="recorded", file="all.wav"), scenes=(scene(),))
        Project(name="a", voice=Voice(engine="recorded"), scenes=(scene(recording="a.wav"),))

    @pytest.mark.parametrize(
        ("one_file", "in_scenes", "reason", "places"),
        [
            (False, [False, False], "no recording is named", [("voice",)]),
            (True, [False, True], "and one of this scene too", [("scenes", 1, "recording")]),
            (False, [True, False], "has no `recording`", [("scenes", 1)]),
        ],
    )
    def test_a_missing_or_a_second_recording_is_named_by_its_place(
        self, one_file: bool, in_scenes: list[bool], reason: str, places: list[tuple[str | int, ...]]
    ) -> None:
        scenes = [(f"s{number}", recorded) for number, recorded in enumerate(in_scenes)]
        found = disagreements("recorded", one_file, scenes)
        assert [misfit.place for misfit in found] == places
        assert all(reason in misfit.reason for misfit in found)

    def test_two_scenes_never_have_the_same_id(self) -> None:
        with pytest.raises(ValidationError, match=r'Two scenes have the id "dusk": scenes\[0\]'):
            Project(name="a", scenes=(scene(), scene("dawn"), scene()))


class TestTheJourneyBetweenServices:
    def test_a_submitted_project_arrives_as_it_left(self) -> None:
        asset = Asset(key="sources/a.mp4", digest="0" * 64, media_type="video/mp4", size=1)
        project = Project(
            name="a",
            output=Output(fps=Fraction(30000, 1001)),
            music=Music(file="bed.wav"),
            scenes=(scene().model_copy(update={"pause_after_ms": 900}),),
        )
        submitted = SubmittedProject(project=project, sources={"a.mp4": asset})
        arrived = SubmittedProject.model_validate_json(submitted.model_dump_json())
        assert arrived == submitted
        assert arrived.source(arrived.project.scenes[0].clips[0].file) == asset

    def test_a_service_survives_keys_of_a_later_version(self) -> None:
        document = json.loads(Project(name="a", scenes=(scene(),)).model_dump_json())
        document["weather"] = "rain"
        document["output"]["grain"] = 3
        document["scenes"][0]["clips"][0]["speed"] = 2
        assert Project.model_validate(document) == Project(name="a", scenes=(scene(),))
