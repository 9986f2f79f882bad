"""The join as values: the concat list, the arguments, and which segments cannot be joined."""

from fractions import Fraction
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assembler import join
from services.assembler.tracks import SegmentTrack
from shared.errors import Unrecoverable
from shared.plan import PlannedScene
from shared.segments import TrackClock, track_clock
from shared.timeline import Span

RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(24000, 1001), Fraction(30000, 1001)])


def scene(number: int, scene_id: str) -> PlannedScene:
    window = Span(0, 1000)
    return PlannedScene(
        number=number,
        scene_id=scene_id,
        window=window,
        first_frame=0,
        frame_count=24,
        speech=window,
        words=(),
        gap_after=Span(1000, 1000),
        cut_kind="silence",
        confidence=1,
        clip_ms_to_ask_for=1000,
    )


def segment(*, timescale: int = 12288, setup: str = "s", decode_lead: int = 1024) -> SegmentTrack:
    return SegmentTrack(Fraction(1, timescale), setup, decode_lead, ("a", "b"))


def test_every_segment_is_listed_with_its_exact_length() -> None:
    assert join.concat_list(Fraction(30000, 1001), [1, 2], ["scene-1.mp4", "scene-2.mp4"]) == (
        "ffconcat version 1.0\nfile scene-1.mp4\nduration 33367us\nfile scene-2.mp4\nduration 66733us\n"
    )


@given(RATES, st.lists(st.integers(1, 10_000), min_size=1, max_size=300))
def test_no_boundary_of_the_list_is_ever_more_than_half_a_microsecond_off(fps: Fraction, counts: list[int]) -> None:
    text = join.concat_list(fps, counts, [f"{number}.mp4" for number in range(len(counts))])
    lengths = [
        int(line.removeprefix("duration ").removesuffix("us"))
        for line in text.splitlines()
        if line.startswith("duration")
    ]
    for listed_us, frame in zip(accumulate(lengths), accumulate(counts), strict=True):
        assert abs(listed_us - frame * 1_000_000 / fps) <= Fraction(1, 2)


def test_a_list_needs_a_name_for_every_length() -> None:
    with pytest.raises(ValueError, match="argument"):
        join.concat_list(Fraction(24), [1, 2], ["one.mp4"])


def test_the_join_copies_every_stream_and_stamps_every_frame_onto_the_clock() -> None:
    arguments = join.join_arguments(
        concat_list="scenes.ffconcat",
        soundtrack="soundtrack.m4a",
        output="video.mp4",
        clock=TrackClock(12288, 512),
        lead=2,
    )
    assert " ".join(arguments) == (
        "-v error"
        " -protocol_whitelist file -f concat -auto_convert 0 -i scenes.ffconcat"
        " -protocol_whitelist file -i soundtrack.m4a"
        " -map 0:v:0 -map 1:a:0 -c copy"
        " -bsf:v setts=pts=round(PTS/512)*512:dts=(N-2)*512"
        " -tag:v avc1 -video_track_timescale 12288"
        " -map_metadata -1 -movflags +faststart"
        " video.mp4"
    )


def test_many_segments_are_read_by_one_process_that_decodes_nothing() -> None:
    assert " ".join(join.reading_arguments(["a.mp4", "b.mp4"], "packets.txt")) == (
        "-v error -protocol_whitelist file -i a.mp4 -protocol_whitelist file -i b.mp4"
        " -map 0:v:0 -map 1:v:0 -c copy -f framehash -hash murmur3 packets.txt"
    )


def test_decoding_leads_by_what_the_most_reordered_segment_needs() -> None:
    clock = track_clock(Fraction(24))
    segments = [segment(decode_lead=0), segment(decode_lead=1024), segment(decode_lead=512)]
    assert join.decode_lead(segments, clock) == 2


def test_segments_without_reordered_frames_need_no_lead() -> None:
    assert join.decode_lead([segment(decode_lead=0)], track_clock(Fraction(24))) == 0


def test_segments_that_are_alike_may_be_joined() -> None:
    scenes = [scene(1, "shore"), scene(2, "lamp")]
    join.refuse_unlike(scenes, [segment(), segment()], track_clock(Fraction(24)))


@pytest.mark.parametrize(
    ("unlike", "found"),
    [
        (segment(setup="another"), r"encoded with other parameters than scene 'shore'"),
        (segment(timescale=90_000), r"ticks 90000 times a second, not 12288"),
    ],
)
def test_a_segment_unlike_the_others_ends_the_project_and_names_its_scene(unlike: SegmentTrack, found: str) -> None:
    scenes = [scene(1, "shore"), scene(2, "lamp")]
    with pytest.raises(Unrecoverable, match=found) as caught:
        join.refuse_unlike(scenes, [segment(), unlike], track_clock(Fraction(24)))
    assert caught.value.scene_id == "lamp"
