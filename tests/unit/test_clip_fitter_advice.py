"""What a user is told to ask a video model for."""

import pytest

from services.clip_fitter.footage_advice import VideoModel, hopeless_clip, read_models
from services.clip_fitter.settings import Settings

MODELS = (
    VideoModel(name="Even", seconds=(4, 6, 8), source="a test"),
    VideoModel(name="Long", seconds=(5, 10), source="a test"),
)


def test_the_smallest_length_of_each_model_that_would_do_is_named() -> None:
    refusal = hopeless_clip([1_000], 5_200, MODELS)
    assert refusal.reason == "The scene lasts 5.20 s and its footage only 1.00 s: less than a fifth of it."
    assert refusal.remedy == ("Ask for a clip of at least 5.20 s (Even 6 s, Long 10 s), or give the scene more clips.")


def test_a_model_that_makes_no_clip_so_long_is_not_named() -> None:
    assert "(Long 10 s)" in hopeless_clip([1_000], 9_000, MODELS).remedy


def test_a_scene_that_no_model_can_fill_needs_several_clips() -> None:
    assert "use several clips" in hopeless_clip([1_000], 60_000, MODELS).remedy


def test_the_list_that_comes_with_the_fitter_names_the_usual_models_and_where_their_lengths_are_documented() -> None:
    models = read_models(Settings().video_models_file.read_text())
    makers = {model.name.split()[0].partition("-")[0] for model in models}
    assert makers >= {"Seedance", "Kling", "Veo", "Runway", "Luma", "Hailuo", "Wan", "LTX"}
    assert all(model.source and sorted(model.seconds) == list(model.seconds) for model in models)


def test_a_list_without_models_is_refused() -> None:
    with pytest.raises(ValueError, match="model"):
        read_models("title = 'nothing'")
