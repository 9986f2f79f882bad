"""What is read from ffprobe's reports, without running it."""

import json
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from shared.ffmpeg import media_facts, picture_times

STREAM = {
    "codec_type": "video",
    "codec_name": "h264",
    "width": 1920,
    "height": 1080,
    "pix_fmt": "yuv420p",
    "avg_frame_rate": "24/1",
    "r_frame_rate": "24/1",
    "duration": "2.000000",
}


def report(starts: list[str], *, each: str = "0.041667", stream: dict[str, object] | None = None, **whole: str) -> str:
    packets = [{"pts_time": start, "duration_time": each, "flags": "__"} for start in starts]
    return json.dumps(
        {
            "packets": packets,
            "streams": [STREAM | (stream or {})],
            "format": {"format_name": "mov", "nb_streams": 1} | whole,
        }
    )


def frames(count: int, first: float = 0.0) -> list[str]:
    return [f"{first + number / 24:.6f}" for number in range(count)]


def test_the_length_reaches_to_the_end_of_the_last_picture() -> None:
    times = picture_times(report(frames(48)))
    assert times is not None
    assert (times.count, times.start_ms, times.length_ms, times.longest_ms) == (48, 0, 2_000, 42)
    assert not times.cut_short


def test_pictures_are_counted_in_the_order_in_which_they_are_shown() -> None:
    stored = frames(48)
    stored[1], stored[2] = stored[2], stored[1]  # a B-frame is stored after the frame that it leans on
    assert picture_times(report(stored)) == picture_times(report(frames(48)))


def test_the_first_picture_is_where_the_clips_own_time_starts() -> None:
    times = picture_times(report(frames(48, first=1.4)))
    assert times is not None
    assert (times.start_ms, times.length_ms) == (1_400, 2_000)


def test_a_packet_that_an_edit_list_hides_is_no_picture() -> None:
    hidden = json.loads(report(frames(48)))
    hidden["packets"][0]["flags"] = "KD"
    times = picture_times(json.dumps(hidden))
    assert times is not None
    assert times.count == 47


def test_a_file_that_declares_more_than_it_holds_is_cut_short() -> None:
    times = picture_times(report(frames(20)))
    assert times is not None
    assert times.cut_short


def test_a_file_that_ends_inside_a_packet_is_cut_short() -> None:
    times = picture_times(report(frames(47)), "[mov @ 0x1] stream 0, offset 0x7c38b: partial file")
    assert times is not None
    assert times.cut_short


def test_a_longer_sound_track_does_not_make_the_picture_cut_short() -> None:
    times = picture_times(report(frames(48), stream={"duration": "N/A"}, duration="9.0", nb_streams="2"))
    assert times is not None
    assert not times.cut_short


def test_matroska_declares_the_pictures_end_in_a_tag() -> None:
    stream: dict[str, object] = {"duration": "N/A", "tags": {"DURATION": "00:01:02.000000000"}}
    times = picture_times(report(frames(48), stream=stream))
    assert times is not None
    assert times.cut_short


def test_no_packets_are_no_pictures() -> None:
    assert picture_times(report([])) is None


@given(st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=60, unique=True))
def test_any_times_give_a_length_that_holds_every_picture(starts: list[int]) -> None:
    times = picture_times(report([f"{start / 10**6:.6f}" for start in starts]))
    assert times is not None
    assert times.count == len(starts)
    assert 0 <= times.last_ms <= times.length_ms
    assert times.longest_ms <= times.length_ms + 1


def test_a_songs_cover_is_not_its_picture() -> None:
    text = json.dumps({"streams": [STREAM | {"disposition": {"attached_pic": 1}}], "format": {"nb_streams": 1}})
    assert media_facts(text).video is None


def test_odd_values_are_unknown_and_not_an_error() -> None:
    facts = media_facts(report([], stream={"avg_frame_rate": "0/0", "sample_aspect_ratio": "0:1", "duration": "N/A"}))
    assert facts.video is not None
    assert facts.video.average_rate is None
    assert facts.video.sample_aspect == Fraction(1)
    assert facts.video.duration_ms is None


def test_a_turn_to_the_left_is_a_turn_to_the_right() -> None:
    facts = media_facts(report([], stream={"side_data_list": [{"rotation": -90}]}))
    assert facts.video is not None
    assert facts.video.rotation_degrees == 270
