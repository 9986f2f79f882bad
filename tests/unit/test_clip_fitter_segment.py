"""The one ffmpeg call that makes a segment, as a value."""

from dataclasses import replace
from fractions import Fraction

from services.clip_fitter.clip import Clip, ClipLimits
from services.clip_fitter.core import Fill, FitLimits, fit, fit_scene, starting_at
from services.clip_fitter.encoding import Purpose
from services.clip_fitter.mp4_header import SegmentHeader
from services.clip_fitter.picture import Framing
from services.clip_fitter.segment import (
    Part,
    SegmentJob,
    encoded_again,
    longest_backwards,
    makes_pictures_apart,
    segment_encodes,
    segment_faults,
    segment_join,
)
from shared.media import PictureTimes, VideoFacts
from shared.project import Encoder, EncoderPreset, Output

VIDEO = VideoFacts(
    codec="h264",
    width=1280,
    height=720,
    sample_aspect=Fraction(1),
    average_rate=Fraction(24),
    nominal_rate=Fraction(24),
    pixel_format="yuv420p",
    colour_matrix="bt709",
    colour_range="tv",
    colour_transfer="bt709",
    colour_primaries="bt709",
    rotation_degrees=0,
    field_order="progressive",
    start_ms=0,
    duration_ms=5_000,
    frame_count=120,
)
PICTURES = PictureTimes(count=120, start_ms=0, last_ms=4_958, length_ms=5_000, longest_ms=42, cut_short=False)
LADDER = FitLimits(Fraction(17, 20), Fraction(23, 20), Fill.HOLD)
LIMITS = ClipLimits(pixels=40_000_000, streams=64, length_ms=3_600_000, picture_ms=10_000, animation_pictures=3_000)


def job(frame_count: int, *, fill: Fill = Fill.BOOMERANG, fps: str = "24", video: VideoFacts = VIDEO) -> SegmentJob:
    output = Output(width=1280, height=720, fps=Fraction(fps), encoder=Encoder(preset=EncoderPreset.VERYFAST, crf=20))
    recipe = fit(frame_count, output.fps, 5_000, FitLimits(Fraction(17, 20), Fraction(23, 20), fill))
    return SegmentJob(
        parts=(Part(Clip(video, PICTURES, container_start_ms=0, is_indexed=True), "clip", recipe, Framing("cover")),),
        crossfade_frames=0,
        frame_count=frame_count,
        output=output,
        target="segment.mp4",
        guard=("-protocol_whitelist", "file"),
        threads=1,
    )


def two_clips() -> SegmentJob:
    one = job(101)
    scene = fit_scene(180, Fraction(24), [5_000, 5_000], FitLimits(Fraction(17, 20), Fraction(23, 20), Fill.HOLD))
    parts = tuple(
        Part(one.parts[0].clip, name, recipe, Framing("cover"))
        for name, recipe in zip(("one", "two"), scene.parts, strict=True)
    )
    return replace(one, parts=parts, crossfade_frames=scene.crossfade_frames, frame_count=180)


def only_call(of: SegmentJob) -> list[str]:
    (encode,) = segment_encodes(of)
    return list(encode.arguments)


def graph(of: SegmentJob) -> str:
    return after(only_call(of), "-filter_complex")


def after(arguments: list[str], option: str) -> str:
    return arguments[arguments.index(option) + 1]


def test_a_trim_is_one_input_one_chain_and_one_encode() -> None:
    assert only_call(job(101)) == [
        *("-v", "error", "-xerror", "-filter_complex_threads", "1"),
        *("-protocol_whitelist", "file", "-t", "5.208", "-threads", "1", "-i", "clip"),
        "-filter_complex",
        "[0:V:0]setpts=expr=PTS-STARTPTS[s0];"
        "[s0]trim=duration=4.208[s1];"
        "[s1]scale=flags=bicubic+accurate_rnd+full_chroma_int:h=720:in_color_matrix=bt709:in_range=tv"
        ":out_color_matrix=bt709:out_range=tv:w=1280[s2];"
        "[s2]setsar=sar=1[s3];"
        "[s3]setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:field_mode=prog:range=tv[s4];"
        "[s4]fps=fps=24/1:round=near:start_time=0[s5];"
        "[s5]tpad=stop=3:stop_mode=clone[s6];"
        "[s6]format=pix_fmts=yuv420p[s7];"
        "[s7]trim=end_frame=101[s8];"
        "[s8]settb=expr=1/24[s9];"
        "[s9]setpts=expr=N[s10]",
        *("-map", "[s10]", "-f", "mp4", "-bf", "2", "-c:v", "libx264", "-crf", "20", "-frames:v", "101"),
        *("-map_metadata", "-1", "-pix_fmt", "yuv420p", "-preset", "veryfast", "-r", "24/1", "-threads", "1"),
        *("-video_track_timescale", "12288"),
        *("-x264-params", "keyint=48:min-keyint=24:scenecut=40:open-gop=0:stitchable=1", "segment.mp4"),
    ]


def test_two_clips_overlap_in_a_crossfade_that_starts_on_a_frame() -> None:
    chain = graph(two_clips())
    assert "xfade=duration=0.500000:offset=3.500000:transition=fade" in chain
    assert chain.count("trim=end_frame=96") == 2  # 96 + 96 frames, of which 12 are shown together, are 180
    assert only_call(two_clips()).count("-i") == 2


def test_a_part_from_inside_a_clip_is_jumped_to_where_the_clip_has_an_index() -> None:
    whole = job(48)
    scene = starting_at(fit_scene(48, Fraction(24), [5_000], LADDER), [1_500])
    part = replace(whole.parts[0], recipe=scene.parts[0])
    arguments = only_call(replace(whole, parts=(part,)))
    assert after(arguments, "-ss") == "1.499"
    assert after(arguments, "-t") == "3.001"
    without_index = replace(part, clip=replace(part.clip, is_indexed=False))
    of = replace(whole, parts=(without_index,))
    assert "-ss" not in only_call(of)
    assert "trim=start=1.499" in graph(of)


def test_a_slowed_clip_gets_its_new_times_on_a_fine_clock() -> None:
    assert "settb=expr=AVTB[s2];[s2]setpts=expr=PTS*43/40" in graph(job(129))


def test_a_picture_that_is_repeated_is_scaled_once_and_a_dropped_one_not_at_all() -> None:
    slower, faster = graph(job(101)), graph(job(101, video=replace(VIDEO, average_rate=Fraction(60))))
    assert slower.index("scale=") < slower.index("fps=")
    assert faster.index("fps=") < faster.index("scale=")


def test_pictures_that_are_made_up_are_made_in_one_process_and_encoded_in_another() -> None:
    slowed = job(129)
    made_up = replace(slowed, parts=(replace(slowed.parts[0], slow_motion="interpolate"),))
    assert makes_pictures_apart(made_up)
    assert not makes_pictures_apart(slowed)
    assert not makes_pictures_apart(replace(made_up, purpose=Purpose.INTERIM)), "they are being made"
    again = encoded_again(made_up, "made.mp4")
    assert (again.frame_count, again.target) == (129, "segment.mp4")
    assert "minterpolate" not in " ".join(again.arguments)


def test_a_hold_moves_in_only_after_the_clip_has_ended() -> None:
    chain = graph(job(170, fill=Fill.HOLD))
    assert "tpad=stop=32:stop_mode=clone" in chain  # 29 held frames and the time of the last picture
    assert "enable=gte(n\\\\\\,141)" in chain or "gte(n" in chain
    assert "perspective=" in chain


def test_a_boomerang_is_encoded_in_pieces_that_hold_little_memory() -> None:
    encodes = segment_encodes(job(260))
    assert [encode.frame_count for encode in encodes] == [141, 108, 11]
    assert ["reverse" in after(list(encode.arguments), "-filter_complex") for encode in encodes] == [False, True, True]


def test_pieces_are_joined_by_copy_at_their_exact_places() -> None:
    pieces = segment_encodes(job(260))
    join = segment_join(job(260), pieces)
    assert join.listing.splitlines() == [
        "ffconcat version 1.0",
        *("file 'segment.mp4.000.mp4'", "duration 5.875000"),
        *("file 'segment.mp4.001.mp4'", "duration 4.500000"),
        *("file 'segment.mp4.002.mp4'", "duration 0.458333"),
    ]
    assert after(list(join.arguments), "-c") == "copy"
    assert after(list(join.arguments), "-bsf:v") == "setts=pts=round(PTS/512)*512:dts=round(DTS/512)*512"


def test_backward_pieces_hold_a_bounded_part_of_the_memory() -> None:
    assert longest_backwards(Output(width=1920, height=1080)) == 48
    assert longest_backwards(Output(width=3840, height=2160)) == 12


def test_the_guard_stands_before_every_input() -> None:
    for encode in segment_encodes(replace(job(260), guard=LIMITS.guard())):
        arguments = list(encode.arguments)
        assert arguments.count("-i") == 1
        assert arguments.index("-format_whitelist") < arguments.index("-i")


def test_transparent_vp9_is_decoded_by_the_decoder_that_sees_transparency() -> None:
    transparent = replace(VIDEO, codec="vp9", alpha_beside=True)
    assert after(only_call(job(101, video=transparent)), "-c:v") == "libvpx-vp9"


def test_segments_at_broadcast_rates_have_whole_ticks() -> None:
    arguments = only_call(job(101, fps="30000/1001"))
    assert after(arguments, "-video_track_timescale") == "30000"
    assert after(arguments, "-r") == "30000/1001"


def test_a_finished_segment_is_checked_for_all_that_a_join_by_copy_needs() -> None:
    done = job(101)
    good = SegmentHeader(
        label="avc1",
        is_eight_bit_420=True,
        size=(1280, 720),
        pixel_aspect=Fraction(1),
        colours=(1, 1, 1),
        has_full_range=False,
        frame_count=101,
        timescale=12_288,
        length_ticks=101 * 512,
    )
    assert segment_faults(done, good) == []
    too_long = replace(good, frame_count=120, length_ticks=120 * 512)
    assert segment_faults(done, too_long) == ["it has 120 frames, not 101"]
    for wrong in (
        replace(good, label="hvc1"),
        replace(good, is_eight_bit_420=False),
        replace(good, size=(640, 720)),
        replace(good, pixel_aspect=Fraction(4, 3)),
        replace(good, colours=(1, 1, 6)),
        replace(good, has_full_range=True),
        replace(good, timescale=24_000),
        replace(good, length_ticks=101 * 512 + 1),
    ):
        assert len(segment_faults(done, wrong)) == 1
