"""What the measurements of a finished file prove, and every way in which the proof can fail."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assembler.judgement import Sighting, certify, sightings
from services.assembler.tracks import Packet, PictureTrack, SegmentTrack, SoundTrack
from shared.certificate import Certificate, VoiceOffset
from shared.plan import ScenePlan
from shared.segments import track_clock
from shared.testing import planned_scene
from shared.timeline import FrameGrid, Span, windows_between

FPS = Fraction(24)
CLOCK = track_clock(FPS)
TICK = Fraction(1, CLOCK.timescale)
IN_PLACE = (VoiceOffset(heard_at=Span(0, 3000), offset_samples=0, likeness=0.97),)
NAMES = ("shore", "lamp", "storm")


def plan_of(*lengths_ms: int, fps: Fraction = FPS) -> ScenePlan:
    grid, total = FrameGrid(fps), sum(lengths_ms)
    cuts = [sum(lengths_ms[: index + 1]) for index in range(len(lengths_ms) - 1)]
    return ScenePlan(
        length_ms=total,
        fps=fps,
        frame_count=grid.frame_at(total),
        scenes=tuple(
            planned_scene(number, window, fps, scene_id=NAMES[number - 1])
            for number, window in enumerate(windows_between(cuts, total), start=1)
        ),
    )


PLAN = plan_of(1010, 1490, 1000)
SOUND = SoundTrack(first_sample_at=Fraction(0), sample_count=3500 * 48, is_continuous=True)


def segments_of(plan: ScenePlan) -> list[SegmentTrack]:
    return [
        SegmentTrack(TICK, "setup", 0, tuple(f"{scene.scene_id}-{number}" for number in range(scene.frame_count)))
        for scene in plan.scenes
    ]


SEGMENTS = segments_of(PLAN)


def joined(segments: Sequence[SegmentTrack], tick: Fraction = TICK, lasts: int = CLOCK.ticks_per_frame) -> PictureTrack:
    """The picture that a faultless join of the segments gives."""
    packets = [(digest, position == 0) for segment in segments for position, digest in enumerate(segment.digests)]
    return PictureTrack(
        tick,
        "setup",
        tuple(
            Packet(number * lasts, (number - 2) * lasts, lasts, is_key, digest)
            for number, (digest, is_key) in enumerate(packets)
        ),
    )


PICTURE = joined(SEGMENTS)


def judged(
    *,
    picture: PictureTrack = PICTURE,
    sound: SoundTrack = SOUND,
    voice: tuple[VoiceOffset, ...] = IN_PLACE,
    plan: ScenePlan = PLAN,
    segments: Sequence[SegmentTrack] = SEGMENTS,
) -> Certificate:
    return certify(plan, segments, picture, sound, voice)


def messages(certificate: Certificate) -> list[str]:
    return [failure.message for failure in certificate.failures]


def moved(first: int, by_frames: Fraction) -> PictureTrack:
    """The picture with every frame from `first` on shown `by_frames` later."""
    by = round(by_frames * CLOCK.ticks_per_frame)
    packets = [
        replace(packet, shown_at=packet.shown_at + by, decoded_at=packet.decoded_at + by) if number >= first else packet
        for number, packet in enumerate(PICTURE.packets)
    ]
    return replace(PICTURE, packets=tuple(packets))


def changed(number: int, change: Callable[[Packet], Packet]) -> PictureTrack:
    """The picture with one packet changed."""
    packets = list(PICTURE.packets)
    packets[number] = change(packets[number])
    return replace(PICTURE, packets=tuple(packets))


def test_a_faultless_file_is_certified() -> None:
    certificate = judged()
    assert certificate.holds
    assert certificate.frame_count == certificate.planned_frame_count == 84
    assert certificate.largest_spacing_error_ms == 0
    assert [scene.first_frame_at for scene in certificate.scenes] == [0, Fraction(24, 24), Fraction(60, 24)]
    assert [scene.frame_error_ms for scene in certificate.scenes] == [0, 0, 0]
    assert [scene.frame_count for scene in certificate.scenes] == [24, 36, 24]


def test_a_scenes_error_is_what_the_cut_was_rounded_by() -> None:
    certificate = judged()
    assert [scene.error_ms for scene in certificate.scenes] == [0, -10, 0]
    assert certificate.largest_error_ms == 10


@given(
    st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(30000, 1001), Fraction(60)]),
    st.tuples(*[st.integers(300, 5000)] * 3),
)
def test_at_any_rate_a_faultless_file_holds_within_half_a_frame(fps: Fraction, lengths: tuple[int, ...]) -> None:
    plan, clock = plan_of(*lengths, fps=fps), track_clock(fps)
    segments = segments_of(plan)
    picture = joined(segments, Fraction(1, clock.timescale), clock.ticks_per_frame)
    sound = SoundTrack(Fraction(0), plan.length_ms * 48, is_continuous=True)
    certificate = certify(plan, segments, picture, sound, IN_PLACE)
    assert certificate.holds
    assert certificate.largest_error_ms <= certificate.frame_ms / 2 + 0.001


def test_a_scene_that_starts_a_frame_late_is_refused_by_name() -> None:
    certificate = judged(picture=moved(24, Fraction(1)))
    assert certificate.failures[0].scene_id == "lamp"
    assert messages(certificate)[0] == "scene 'lamp' starts 41.7 ms late (planned for frame 24)"
    assert messages(certificate)[1] == "scene 'storm' starts 41.7 ms late (planned for frame 60)"


def test_a_scene_that_starts_half_a_frame_early_is_refused() -> None:
    certificate = judged(picture=moved(60, Fraction(-1, 2)))
    assert messages(certificate)[0] == "scene 'storm' starts 20.8 ms early (planned for frame 60)"


def test_a_dropped_frame_is_refused_with_the_scene_that_lost_it() -> None:
    packets = PICTURE.packets[:40] + PICTURE.packets[41:]
    certificate = judged(picture=replace(PICTURE, packets=packets))
    assert certificate.failures[0].scene_id == "lamp"
    assert messages(certificate)[0] == "scene 'lamp' has 35 frames, not 36"
    assert "it has 83 frames, not 84" in messages(certificate)
    assert any("not evenly spaced" in message for message in messages(certificate))


def test_a_repeated_frame_is_refused() -> None:
    segments = [SEGMENTS[0], replace(SEGMENTS[1], digests=(*SEGMENTS[1].digests, "lamp-35")), SEGMENTS[2]]
    certificate = judged(picture=joined(segments))
    assert "scene 'lamp' has 37 frames, not 36" in messages(certificate)
    assert "scene 'storm' starts 41.7 ms late (planned for frame 60)" in messages(certificate)


def test_a_segment_that_is_short_and_a_next_that_is_long_do_not_cancel_out() -> None:
    segments = [
        replace(SEGMENTS[0], digests=SEGMENTS[0].digests[:-1]),
        replace(SEGMENTS[1], digests=(*SEGMENTS[1].digests, "lamp-more")),
        SEGMENTS[2],
    ]
    certificate = judged(picture=joined(segments), segments=segments)
    assert certificate.frame_count == 84
    assert messages(certificate) == [
        "scene 'shore' has 23 frames, not 24",
        "scene 'lamp' starts 41.7 ms early (planned for frame 24)",
    ]


def test_scenes_in_the_wrong_order_are_refused() -> None:
    certificate = judged(picture=joined([SEGMENTS[0], SEGMENTS[2], SEGMENTS[1]]))
    assert not certificate.holds
    assert {"lamp", "storm"} & {failure.scene_id for failure in certificate.failures}


def test_a_scene_that_is_missing_is_named() -> None:
    certificate = judged(picture=joined([SEGMENTS[0], SEGMENTS[2]]))
    assert "scene 'lamp' is not in it" in messages(certificate)
    assert certificate.scenes[1].first_frame_at is None


def test_a_frame_with_other_content_is_refused() -> None:
    certificate = judged(picture=changed(30, lambda packet: replace(packet, digest="another")))
    assert messages(certificate) == ["scene 'lamp' does not show all frames of its segment in their order"]


def test_a_scene_must_start_with_a_key_frame() -> None:
    certificate = judged(picture=changed(24, lambda packet: replace(packet, is_key=False)))
    assert messages(certificate) == ["scene 'lamp' does not start with a key frame"]


def test_one_frame_off_the_grid_is_refused() -> None:
    certificate = judged(picture=changed(30, lambda packet: replace(packet, shown_at=packet.shown_at + 1)))
    assert messages(certificate) == ["its frames are not evenly spaced: one is 0.081 ms from its place on the grid"]


def test_decode_times_that_run_backwards_are_refused() -> None:
    certificate = judged(picture=changed(30, lambda packet: replace(packet, decoded_at=packet.decoded_at - 512)))
    assert messages(certificate) == ["its frames' decode times do not always increase"]


def test_a_frame_must_be_decoded_before_it_is_shown() -> None:
    packets = tuple(replace(packet, decoded_at=packet.shown_at + 512) for packet in PICTURE.packets)
    certificate = judged(picture=replace(PICTURE, packets=packets))
    assert messages(certificate) == ["a frame is to be shown before it is decoded"]


def test_a_file_that_sets_decoders_up_otherwise_than_its_segments_is_refused() -> None:
    certificate = judged(picture=replace(PICTURE, decoder_setup="another"))
    assert messages(certificate) == ["it sets decoders up otherwise than its segments do"]


def test_an_empty_picture_is_refused_in_words() -> None:
    certificate = judged(picture=replace(PICTURE, packets=()))
    assert "it has 0 frames, not 84" in messages(certificate)


@pytest.mark.parametrize(
    ("offset", "found"),
    [
        (2400, "the voice is 50.0 ms late at 0.0 to 3.0 s"),
        (-2001, "the voice is 41.7 ms early at 0.0 to 3.0 s"),
        (None, "the voice was not found in its soundtrack at 0.0 to 3.0 s"),
    ],
)
def test_a_voice_out_of_place_is_refused(offset: int | None, found: str) -> None:
    voice = (VoiceOffset(heard_at=Span(0, 3000), offset_samples=offset, likeness=0.9),)
    assert messages(judged(voice=voice)) == [found]


def test_a_voice_within_a_frame_is_certified_with_its_error() -> None:
    certificate = judged(voice=(VoiceOffset(heard_at=Span(0, 3000), offset_samples=-1024, likeness=0.9),))
    assert certificate.holds
    assert certificate.largest_error_ms == pytest.approx(21.333, abs=0.001)


def test_a_soundtrack_that_starts_late_is_refused() -> None:
    certificate = judged(sound=replace(SOUND, first_sample_at=Fraction(50, 1000)))
    assert messages(certificate) == [
        "its soundtrack starts 50.0 ms late",
        "its soundtrack is 50.0 ms longer than its picture",
    ]


def test_a_soundtrack_that_is_too_short_is_refused() -> None:
    certificate = judged(sound=replace(SOUND, sample_count=3400 * 48))
    assert messages(certificate) == [
        "its soundtrack has 163200 samples, not 168000",
        "its soundtrack is 100.0 ms shorter than its picture",
    ]


def test_a_soundtrack_with_a_hole_is_refused() -> None:
    assert messages(judged(sound=replace(SOUND, is_continuous=False))) == ["its soundtrack has a hole or an overlap"]


def test_two_scenes_with_the_same_pictures_are_told_apart_by_their_order() -> None:
    finished = ["a", "b", "c", "x", "y", "a", "b", "c", "a", "b", "c"]
    assert sightings(finished, [("a", "b", "c"), ("x", "y"), ("a", "b", "c"), ("a", "b", "c")]) == (
        Sighting(0, 3),
        Sighting(3, 2),
        Sighting(5, 3),
        Sighting(8, 3),
    )


def test_a_picture_that_recurs_within_a_scene_is_not_taken_for_the_next_scenes_start() -> None:
    finished = ["k", "b", "k", "c", "k", "c", "d"]
    assert sightings(finished, [("k", "b", "k", "c"), ("k", "c", "d")]) == (Sighting(0, 4), Sighting(4, 3))


@given(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), min_size=1, max_size=8))
def test_whole_segments_joined_in_order_are_all_found_where_they_are(segments: list[list[str]]) -> None:
    finished = [digest for segment in segments for digest in segment]
    position = 0
    for segment, sighting in zip(segments, sightings(finished, segments), strict=True):
        assert sighting == Sighting(position, len(segment))
        position += len(segment)
