"""What happens to each picture, by the facts of its source."""

from dataclasses import replace
from fractions import Fraction

import ffmpeg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clip_fitter.picture import Framing, Shape, has_alpha, picture_filters, pictured, shape
from shared.media import VideoFacts

COVER, CONTAIN = Framing("cover"), Framing("contain")

HD = VideoFacts(
    codec="h264",
    width=1920,
    height=1080,
    sample_aspect=Fraction(1),
    average_rate=Fraction(24),
    nominal_rate=Fraction(24),
    pixel_format="yuv420p",
    colour_matrix=None,
    colour_range=None,
    colour_transfer=None,
    colour_primaries=None,
    rotation_degrees=0,
    field_order=None,
    start_ms=0,
    duration_ms=5_000,
    frame_count=120,
)


def options(video: VideoFacts, name: str) -> dict[str, str | int]:
    return dict(next(one.options for one in picture_filters(video, 1280, 720, COVER) if one.name == name))


def names(video: VideoFacts) -> list[str]:
    return [one.name for one in picture_filters(video, 1280, 720, COVER)]


def test_a_picture_of_the_right_shape_is_only_scaled() -> None:
    assert shape(HD, 1280, 720, COVER) == Shape(None, (1280, 720))


def test_cover_crops_the_sides_of_a_wider_picture() -> None:
    assert shape(HD, 720, 1280, COVER) == Shape((608, 1080), (720, 1280), (656, 0))


@pytest.mark.parametrize(
    ("across", "left_edge"), [("0", 0), ("0.1", 0), ("0.3", 272), ("0.5", 656), ("0.75", 1_136), ("1", 1_312)]
)
def test_the_subject_is_in_the_middle_of_the_crop_as_far_as_the_picture_reaches(across: str, left_edge: int) -> None:
    framing = Framing("cover", (Fraction(across), Fraction(1, 2)))
    assert shape(HD, 720, 1280, framing) == Shape((608, 1080), (720, 1280), (left_edge, 0))


def test_a_blurred_backdrop_is_made_small_and_laid_under_the_whole_picture() -> None:
    stream = pictured(ffmpeg.input("clip")["V:0"], HD, 720, 1280, Framing("blur"))
    (chain,) = [part for part in ffmpeg.output(stream, "out.mp4").get_args() if "overlay" in part]
    assert "h=160" in chain
    assert "w=90" in chain
    assert "h=404" in chain
    assert "overlay=eof_action=repeat:x=0:y=438" in chain


def test_a_picture_of_the_right_shape_needs_no_backdrop() -> None:
    stream = pictured(ffmpeg.input("clip")["V:0"], HD, 1280, 720, Framing("blur"))
    assert "overlay" not in str(ffmpeg.output(stream, "out.mp4").get_args())


def test_contain_shows_all_of_a_wider_picture() -> None:
    assert shape(HD, 720, 1280, CONTAIN) == Shape(None, (720, 404))


def test_a_turned_picture_is_measured_upright() -> None:
    assert shape(replace(HD, rotation_degrees=90), 720, 1280, COVER) == Shape(None, (720, 1280))


def test_pixels_that_are_not_square_count_by_what_is_shown() -> None:
    dvd = replace(HD, width=720, height=576, sample_aspect=Fraction(64, 45))  # 16:9 PAL
    assert shape(dvd, 1280, 720, COVER) == Shape(None, (1280, 720))


@given(
    st.integers(min_value=16, max_value=8_000),
    st.integers(min_value=16, max_value=8_000),
    st.sampled_from([Fraction(1), Fraction(64, 45), Fraction(8, 9), Fraction(4, 3)]),
    st.sampled_from([0, 90, 180, 270]),
    st.tuples(st.fractions(0, 1), st.fractions(0, 1)),
)
def test_the_used_part_lies_inside_the_picture_and_the_scaled_one_inside_the_output(
    width: int, height: int, aspect: Fraction, rotation: int, focus: tuple[Fraction, Fraction]
) -> None:
    video = replace(HD, width=width, height=height, sample_aspect=aspect, rotation_degrees=rotation)
    upright = (height, width) if rotation in {90, 270} else (width, height)
    cover, contain = shape(video, 1280, 720, Framing("cover", focus)), shape(video, 1280, 720, CONTAIN)
    assert cover.scaled == (1280, 720)
    assert cover.crop is None or (2 <= cover.crop[0] <= upright[0] and 2 <= cover.crop[1] <= upright[1])
    assert cover.crop is None or 0 <= cover.corner[0] <= upright[0] - cover.crop[0]
    assert cover.crop is None or 0 <= cover.corner[1] <= upright[1] - cover.crop[1]
    assert contain.crop is None
    assert 2 <= contain.scaled[0] <= 1280
    assert 2 <= contain.scaled[1] <= 720
    assert 1280 in contain.scaled or 720 in contain.scaled


def test_untagged_high_definition_is_bt709_and_untagged_standard_definition_is_not() -> None:
    assert options(HD, "scale")["in_color_matrix"] == "bt709"
    assert options(replace(HD, width=720, height=576), "scale")["in_color_matrix"] == "smpte170m"


def test_a_tag_outweighs_the_guess() -> None:
    assert options(replace(HD, colour_matrix="smpte170m"), "scale")["in_color_matrix"] == "smpte170m"
    assert options(replace(HD, colour_range="pc"), "scale")["in_range"] == "pc"


def test_pictures_of_red_green_and_blue_have_the_full_range() -> None:
    assert options(replace(HD, pixel_format="rgb24"), "scale")["in_range"] == "pc"


def test_high_dynamic_range_is_tone_mapped_and_not_just_scaled() -> None:
    hdr = replace(HD, colour_transfer="smpte2084", colour_primaries="bt2020", colour_matrix="bt2020nc")
    assert "tonemap" in names(hdr)
    assert "scale" not in names(hdr)


def test_interlaced_pictures_are_made_whole_before_they_are_scaled() -> None:
    assert names(replace(HD, field_order="tt"))[0] == "bwdif"


@pytest.mark.parametrize("pixel_format", ["yuva420p", "rgba", "gbrap", "pal8", "ya8"])
def test_transparency_becomes_black(pixel_format: str) -> None:
    assert has_alpha(replace(HD, pixel_format=pixel_format))
    assert "premultiply" in names(replace(HD, pixel_format=pixel_format))


def test_every_picture_leaves_with_square_pixels_and_the_tags_of_the_project() -> None:
    *_, aspect, tags = picture_filters(HD, 1280, 720, COVER)
    assert aspect.options == {"sar": "1"}
    assert tags.options["colorspace"] == "bt709"
    assert tags.options["range"] == "tv"
