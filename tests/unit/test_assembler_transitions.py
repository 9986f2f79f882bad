"""A transition is certified like any segment, and the scene behind it by the frame in its middle: the cut's own."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assembler import core
from services.assembler.judgement import certify
from services.assembler.tracks import PictureTrack, SegmentTrack
from shared.certificate import Certificate
from shared.errors import Unrecoverable
from shared.plan import PlannedTransition, ScenePlan
from shared.segments import track_clock
from tests.unit.test_assembler_core import asset, fitted
from tests.unit.test_assembler_judgement import CLOCK, IN_PLACE, SOUND, TICK, joined, plan_of

TICKS = CLOCK.ticks_per_frame


def with_transitions(plan: ScenePlan, *halves: int) -> ScenePlan:
    """The plan with transitions of these half lengths at its cuts; 0 is a plain cut."""
    scenes = [
        scene.model_copy(update={"transition": PlannedTransition(kind="dissolve", half_frames=half) if half else None})
        for scene, half in zip(plan.scenes, (*halves, 0), strict=True)
    ]
    return ScenePlan.model_validate(plan.model_copy(update={"scenes": tuple(scenes)}).model_dump())


def tracks_of(plan: ScenePlan) -> list[SegmentTrack]:
    """A track for each planned segment; its second and third packets are decoded in the other order."""
    tracks = []
    for number, planned in enumerate(plan.segments):
        order = list(range(planned.frame_count))
        order[1:3] = order[1:3][::-1]
        ticks = track_clock(plan.fps).ticks_per_frame
        digests = tuple(f"{number}-{frame}" for frame in order)
        tracks.append(SegmentTrack(TICK, "setup", 0, digests, tuple(frame * ticks for frame in order)))
    return tracks


def shown(tracks: Sequence[SegmentTrack]) -> PictureTrack:
    """The picture that a faultless join gives: every frame at its own time, in the order of decoding."""
    picture = joined(tracks)
    packets, first = [], 0
    for track in tracks:
        for packet, at in zip(picture.packets[first : first + len(track.digests)], track.shown_at, strict=True):
            packets.append(replace(packet, shown_at=first * TICKS + at))
        first += len(track.digests)
    return replace(picture, packets=tuple(packets))


PLAN = with_transitions(plan_of(1010, 1490, 1000), 4, 0)
"""24, 36 and 24 frames: body 0-19, transition 20-27, body 28-59, plain cut, body 60-83."""

TRACKS = tracks_of(PLAN)

PICTURE = shown(TRACKS)


def judged(picture: PictureTrack = PICTURE, tracks: Sequence[SegmentTrack] = TRACKS) -> Certificate:
    return certify(PLAN, tracks, picture, SOUND, IN_PLACE)


def messages(certificate: Certificate) -> list[str]:
    return [failure.message for failure in certificate.failures]


def moved(first: int, by_frames: int) -> PictureTrack:
    """The picture with every packet from `first` on shown so many frames later."""
    by = by_frames * TICKS
    packets = [
        replace(packet, shown_at=packet.shown_at + by, decoded_at=packet.decoded_at + by) if number >= first else packet
        for number, packet in enumerate(PICTURE.packets)
    ]
    return replace(PICTURE, packets=tuple(packets))


def test_a_faultless_file_is_certified_with_the_cut_in_the_transition_s_middle() -> None:
    certificate = judged()
    assert messages(certificate) == []
    assert [scene.first_frame_at for scene in certificate.scenes] == [0, Fraction(24, 24), Fraction(60, 24)]
    assert [scene.frame_error_ms for scene in certificate.scenes] == [0, 0, 0]
    assert [scene.frame_count for scene in certificate.scenes] == [24, 36, 24]
    assert [scene.transition_frames for scene in certificate.scenes] == [0, 8, 0]
    assert all(scene.is_intact and scene.starts_with_key_frame for scene in certificate.scenes)


@given(st.tuples(*[st.integers(0, 8)] * 2), st.tuples(*[st.integers(900, 4000)] * 3))
def test_whatever_transitions_a_plan_has_a_faultless_file_holds(
    halves: tuple[int, int], lengths: tuple[int, int, int]
) -> None:
    plan = with_transitions(plan_of(*lengths), *halves)
    tracks = tracks_of(plan)
    sound = replace(SOUND, sample_count=plan.length_ms * 48)
    certificate = certify(plan, tracks, shown(tracks), sound, IN_PLACE)
    assert messages(certificate) == []
    assert [scene.frame_count for scene in certificate.scenes] == [scene.frame_count for scene in plan.scenes]
    assert certificate.largest_error_ms <= certificate.frame_ms / 2 + 0.001


def test_a_transition_that_starts_a_frame_late_is_refused_with_the_scene_behind_it() -> None:
    assert messages(judged(moved(20, 1)))[:3] == [
        "scene 'lamp' starts 41.7 ms late (planned for frame 24)",
        "scene 'storm' starts 41.7 ms late (planned for frame 60)",
        "the transition after scene 'shore' starts 41.7 ms late (planned for frame 20)",
    ]


def test_a_picture_that_comes_late_behind_its_transition_is_refused() -> None:
    assert "the picture of scene 'lamp' behind its transition starts 41.7 ms late (planned for frame 28)" in messages(
        judged(moved(28, 1))
    )


def test_a_transition_that_is_long_and_a_body_that_is_short_do_not_cancel_out() -> None:
    longer = replace(TRACKS[1], digests=(*TRACKS[1].digests, "more"), shown_at=(*TRACKS[1].shown_at, 8 * TICKS))
    shorter = replace(TRACKS[2], digests=TRACKS[2].digests[:-1], shown_at=TRACKS[2].shown_at[:-1])
    tracks = [TRACKS[0], longer, shorter, TRACKS[3]]
    certificate = judged(shown(tracks), tracks)
    assert certificate.frame_count == 84
    assert messages(certificate) == [
        "the picture of scene 'lamp' behind its transition starts 41.7 ms late (planned for frame 28)"
    ]


@pytest.mark.parametrize("number", [20, 28])
def test_a_transition_and_the_picture_behind_it_start_with_key_frames(number: int) -> None:
    packets = list(PICTURE.packets)
    packets[number] = replace(packets[number], is_key=False)
    told = messages(judged(replace(PICTURE, packets=tuple(packets))))
    assert any("does not start with a key frame" in message for message in told)


def test_a_frame_of_the_transition_with_other_content_fails_both_of_its_scenes() -> None:
    packets = list(PICTURE.packets)
    packets[26] = replace(packets[26], digest="another")
    assert messages(judged(replace(PICTURE, packets=tuple(packets)))) == [
        "scene 'shore' does not show all frames of its segment in their order",
        "scene 'lamp' does not show all frames of its segment in their order",
    ]


def test_a_transition_that_is_missing_is_named() -> None:
    tracks = [TRACKS[0], *TRACKS[2:]]
    told = messages(judged(shown(tracks)))
    assert "scene 'lamp' is not in it" in told
    assert "the transition after scene 'shore' is not in it" in told


def test_bodies_and_transitions_are_joined_in_the_order_of_the_plan() -> None:
    first = fitted(1).model_copy(update={"transition": asset("dissolve-1")})
    keys = [one.key for one in core.segments_in_order(PLAN, [fitted(3), first, fitted(2)])]
    assert keys == ["made/segment-1", "made/dissolve-1", "made/segment-2", "made/segment-3"]


def test_a_fitter_that_made_no_transition_is_told_to_be_brought_up_to_date() -> None:
    with pytest.raises(Unrecoverable, match="its clip fitter made none") as caught:
        core.segments_in_order(PLAN, [fitted(1), fitted(2), fitted(3)])
    assert caught.value.scene_id == "scene-1"
