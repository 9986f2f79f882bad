"""Codecs by name, and the part of the picture that no app writes over."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.project import PRESETS, Encoder, Output
from shared.segments import CODECS

MANUAL = (Path(__file__).parents[2] / "docs" / "project-file.md").read_text()


@pytest.mark.parametrize(("codec", "crf"), [("h264", 18), ("h265", 18), ("av1", 20)])
def test_every_codec_has_a_quality_of_its_own_where_none_is_written(codec: str, crf: int) -> None:
    assert Encoder.model_validate({"codec": codec}).crf == crf


@pytest.mark.parametrize("codec", CODECS)
def test_a_quality_that_is_written_is_kept_on_every_journey(codec: str) -> None:
    encoder = Encoder.model_validate({"codec": codec, "crf": 33})
    assert encoder.crf == 33
    assert Encoder.model_validate_json(encoder.model_dump_json()) == encoder


def test_an_unknown_codec_is_refused() -> None:
    with pytest.raises(ValidationError, match="h264"):
        Encoder.model_validate({"codec": "vp9"})


def test_a_message_of_before_there_were_codecs_means_h264() -> None:
    assert Encoder.model_validate({"preset": "medium", "crf": 18}).codec == "h264"


@pytest.mark.parametrize("preset", PRESETS)
def test_the_manual_tells_every_preset_s_safe_area(preset: str) -> None:
    output = Output.model_validate({"preset": preset})
    safe = output.safe_area
    row = f"| `{preset}` | {output.width}x{output.height} | {safe.width}x{safe.height} | {safe.left}, {safe.top} |"
    assert row in MANUAL


@given(st.sampled_from([*PRESETS, None]), st.integers(8, 3840), st.integers(8, 3840))
def test_a_safe_area_lies_inside_the_picture_at_any_size(preset: str | None, half_width: int, half_height: int) -> None:
    output = Output.model_validate({"preset": preset, "width": 2 * half_width, "height": 2 * half_height})
    safe = output.safe_area
    assert 0 < safe.left < safe.left + safe.width < output.width
    assert 0 < safe.top < safe.top + safe.height < output.height


def test_a_reel_is_clear_of_the_caption_and_the_buttons() -> None:
    safe = Output.model_validate({"preset": "reels"}).safe_area
    assert safe.top + safe.height <= 1920 * 0.65
    assert re.search(r"Meta's advice", MANUAL)
