"""Which part of a clip's own sound is kept, and where it lies: the span, the keys, and the ffmpeg call as a value."""

import re
from dataclasses import replace
from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from services.clip_fitter.core import Fill
from services.clip_fitter.segment import SegmentJob
from services.clip_fitter.showing import segment_key
from services.clip_fitter.sound import Sounding, heard_parts, sound_cut, sounding_of
from shared.assets import Asset
from shared.events import ScenePlanned
from shared.project import Clip, Fit, Output
from shared.timeline import FrameGrid, Span
from tests.unit.test_clip_fitter_segment import job, two_clips

FPS = Fraction(24)


WINDOW = Span(0, 4_208)


def planned(*footage: Clip, window: Span = WINDOW, fps: Fraction = FPS, before: int = 0) -> ScenePlanned:
    asset = Asset(key="sources/a.mp4", digest="a" * 64, media_type="video/mp4", size=1)
    return ScenePlanned(
        project_id="heard",
        scene_number=1,
        scene_id="harbour",
        window=window,
        frame_count=FrameGrid(fps).frame_count(window),
        clips=(asset,) * len(footage),
        output=Output(fps=fps),
        fit=Fit(),
        footage=footage,
        handle_before=before,
    )


HEARD, SILENT = Clip(file="a.mp4", keep_sound=True), Clip(file="a.mp4")


def sounding(event: ScenePlanned) -> Sounding:
    found = sounding_of(event)
    assert found is not None
    return found


def audible(of: SegmentJob) -> SegmentJob:
    return replace(of, parts=tuple(replace(part, keeps_sound=True) for part in of.parts))


def graph(of: SegmentJob, event: ScenePlanned) -> str:
    arguments = sound_cut(sounding(event), of, range(len(of.parts)), "sound.flac")
    return arguments[arguments.index("-filter_complex") + 1]


def test_a_scene_whose_clips_are_all_silent_keeps_nothing() -> None:
    assert sounding_of(planned(SILENT, SILENT)) is None
    assert sounding_of(planned()) is None


@given(
    start=st.integers(0, 3_600_000),
    length=st.integers(500, 20_000),
    fps=st.sampled_from([Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(60)]),
    before=st.integers(0, 5),
)
def test_the_sound_lies_where_the_frames_do_to_half_a_millisecond(
    start: int, length: int, fps: Fraction, before: int
) -> None:
    event = planned(HEARD, window=Span(start + 1_000, start + 1_000 + length), fps=fps, before=before)
    span, grid = sounding(event).span, FrameGrid(fps)
    first = grid.frame_at(event.window.start) - before
    end = grid.frame_at(event.window.end)
    assert abs(span.start - first * 1000 / fps) <= Fraction(1, 2)
    assert abs(span.end - end * 1000 / fps) <= Fraction(1, 2)


def test_keeping_the_sound_changes_no_key_of_a_picture_and_its_own_keys_with_what_is_heard() -> None:
    heard, silent = planned(HEARD, SILENT), planned(SILENT, HEARD)
    assert segment_key(sounding(heard).showing) == segment_key(sounding(silent).showing)
    later = planned(HEARD.model_copy(update={"in_ms": 40}), SILENT)
    slower = heard.model_copy(update={"fit": Fit(slowest=0.9)})
    keys = {sounding(event).sound_key for event in (heard, silent, later, slower)}
    assert len(keys) == 4
    elsewhere = planned(HEARD, SILENT, window=Span(1_000, 5_208))
    assert sounding(elsewhere).sound_key == sounding(heard).sound_key, "a scene that only moves keeps its sound"


def test_a_trim_is_one_input_beside_the_silence_that_makes_it_exact() -> None:
    arguments = sound_cut(sounding(planned(HEARD)), job(101), (0,), "sound.flac")
    assert list(arguments) == [
        *("-v", "error", "-filter_complex_threads", "1"),
        *("-f", "lavfi", "-t", "5.208", "-i", "anullsrc=r=48000:cl=stereo"),
        *("-protocol_whitelist", "file", "-t", "5.208", "-i", "clip"),
        "-filter_complex",
        "[0:a]atrim=end_sample=201984[s0];"
        "[s0]aformat=channel_layouts=stereo:sample_fmts=fltp:sample_rates=48000[s1];"
        "[1:a:0]aresample=async=1:first_pts=0:sample_rate=48000[s2];"
        "[s2]aformat=channel_layouts=stereo:sample_fmts=fltp:sample_rates=48000[s3];"
        "[s3]atrim=end_sample=201984:start_sample=0[s4];"
        "[s4]asetpts=expr=N[s5];"
        "[s5]atrim=end_sample=202000[s6];"
        "[s6]afade=curve=qsin:nb_samples=480:start_sample=0:type=in[s7];"
        "[s7]afade=curve=qsin:nb_samples=480:start_sample=201520:type=out[s8];"
        "[s8]adelay=all=1:delays=0S[s9];"
        "[s1][s9]amix=duration=first:inputs=2:normalize=0[s10]",
        *("-map", "[s10]", "-f", "flac", "-ac", "2", "-acodec", "flac", "-ar", "48000", "-map_metadata", "-1"),
        *("-sample_fmt", "s32", "sound.flac"),
    ]


def test_a_part_from_inside_a_clip_is_decoded_from_a_second_before_it() -> None:
    of = job(48)
    part = replace(of.parts[0], recipe=replace(of.parts[0].recipe, source_span=Span(1_500, 3_500)))
    arguments = sound_cut(sounding(planned(HEARD, window=Span(0, 2_000))), replace(of, parts=(part,)), (0,), "s.flac")
    assert arguments[arguments.index("-ss") + 1] == "0.500"
    chain = arguments[arguments.index("-filter_complex") + 1]
    assert "atrim=end_sample=144000:start_sample=48000" in chain


def test_a_slowed_clip_keeps_its_pitch_and_what_is_filled_is_faded_into_silence() -> None:
    of = job(168)
    assert of.parts[0].recipe.fill is Fill.BOOMERANG
    chain = graph(of, planned(HEARD, window=Span(0, 7_000)))
    moving = of.parts[0].recipe.moving_frames * 2_000
    assert "atempo=tempo=0.850000" in chain
    assert f"atrim=end_sample={moving}" in chain
    assert f"afade=curve=qsin:nb_samples=14400:start_sample={moving - 14_400}:type=out" in chain


def test_two_clips_cross_at_constant_power_where_their_pictures_do() -> None:
    chain = graph(two_clips(), planned(HEARD, HEARD, window=Span(0, 7_500)))
    assert re.findall(r"afade=curve=qsin:nb_samples=(\d+):start_sample=(\d+):type=(\w+)", chain) == [
        ("480", "0", "in"),
        ("24000", str(84 * 2_000), "out"),
        ("24000", "0", "in"),
        ("480", str(96 * 2_000 - 480), "out"),
    ]
    assert f"delays={84 * 2_000}S" in chain


def test_over_a_transition_the_sound_fades_as_long_as_it_lasts() -> None:
    event = planned(HEARD, window=Span(1_000, 4_958), before=6)
    assert sounding(event).span == Span(750, 4_958)
    assert "afade=curve=qsin:nb_samples=24000:start_sample=0:type=in" in graph(job(101), event)


def test_only_parts_that_keep_their_sound_and_have_any_are_heard() -> None:
    of = two_clips()
    assert heard_parts(of, {"one", "two"}) == ()
    assert heard_parts(audible(of), {"two"}) == (1,)
    still = replace(of.parts[0].clip, pictures=replace(of.parts[0].clip.pictures, count=1))
    silent = replace(audible(of), parts=tuple(replace(part, clip=still, keeps_sound=True) for part in of.parts))
    assert heard_parts(silent, {"one", "two"}) == ()
