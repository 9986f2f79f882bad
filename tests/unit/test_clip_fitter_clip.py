"""Which clips are refused before anything is decoded, and in which words."""

from dataclasses import replace
from fractions import Fraction

import pytest

from services.clip_fitter.clip import ClipLimits, empty_clip, read_clip, unreadable_clip
from shared.errors import Unrecoverable
from shared.media import MediaFacts, PictureTimes, VideoFacts

VIDEO = VideoFacts(
    codec="h264",
    width=1280,
    height=720,
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
MEDIA = MediaFacts("mov,mp4", 5_000, 1, VIDEO, None)
PICTURES = PictureTimes(count=120, start_ms=0, last_ms=4_958, length_ms=5_000, longest_ms=42, cut_short=False)
LIMITS = ClipLimits(pixels=40_000_000, streams=64, length_ms=3_600_000, picture_ms=10_000, animation_pictures=3_000)


def refusal(media: MediaFacts = MEDIA, pictures: PictureTimes | None = PICTURES) -> str:
    with pytest.raises(Unrecoverable) as refused:
        read_clip(media, pictures, LIMITS)
    assert refused.value.remedy
    return refused.value.reason


def test_ordinary_footage_is_a_clip_with_a_length() -> None:
    clip = read_clip(MEDIA, PICTURES, LIMITS)
    assert (clip.length_ms, clip.is_still) == (5_000, False)


def test_a_single_picture_is_a_still_and_has_no_length() -> None:
    clip = read_clip(MEDIA, replace(PICTURES, count=1, length_ms=40), LIMITS)
    assert (clip.length_ms, clip.is_still) == (0, True)


def test_sound_alone_is_refused() -> None:
    assert "no picture" in refusal(replace(MEDIA, video=None))


def test_a_picture_without_a_size_is_refused() -> None:
    assert "no readable size" in refusal(replace(MEDIA, video=replace(VIDEO, width=0)))


def test_a_huge_picture_is_refused_with_its_size() -> None:
    assert "20000x20000" in refusal(replace(MEDIA, video=replace(VIDEO, width=20_000, height=20_000)))


def test_a_cut_off_file_is_refused_with_what_is_left_of_it() -> None:
    short = replace(PICTURES, length_ms=1_420, cut_short=True)
    assert refusal(pictures=short) == "The clip is cut off: only 1.42 s of 5.00 s are in the file."


def test_a_video_stream_without_pictures_is_refused() -> None:
    assert "holds no pictures" in refusal(pictures=None)


def test_pictures_that_all_claim_the_same_time_are_refused() -> None:
    assert "same time" in refusal(pictures=replace(PICTURES, length_ms=0, longest_ms=0))


def test_ffmpegs_complaint_is_told_without_its_memory_addresses() -> None:
    complaint = "[mov,mp4,m4a @ 0x55c78025a2c0] moov atom not found\n"
    assert unreadable_clip(complaint).reason == "The clip cannot be read as a video (moov atom not found)."


def test_a_refusal_without_a_complaint_is_still_a_sentence() -> None:
    assert unreadable_clip("").reason == "The clip cannot be read as a video (no reason was given)."


def test_an_empty_file_is_called_empty() -> None:
    assert "empty" in empty_clip().reason


def test_the_guard_lets_ffmpeg_open_nothing_but_footage() -> None:
    guard = dict(zip(LIMITS.guard()[::2], LIMITS.guard()[1::2], strict=True))
    assert guard["-protocol_whitelist"] == "file"
    assert not {"concat", "hls", "image2", "svg_pipe", "dash"} & set(guard["-format_whitelist"].split(","))
