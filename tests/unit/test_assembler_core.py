"""When assembly is due, what is joined, and under which keys."""

from fractions import Fraction

import pytest

from services.assembler import core
from shared.assets import Asset
from shared.certificate import Certificate, CertificateFailure, CertifiedSoundtrack
from shared.errors import Unrecoverable
from shared.events import SceneFitted, ScenesPlanned
from shared.plan import ScenePlan
from shared.testing import planned_scene
from shared.timeline import FrameGrid, windows_between

PROJECT = "lighthouse-1"


def asset(name: str) -> Asset:
    return Asset(key=f"made/{name}", digest=name.encode().hex().ljust(64, "0")[:64], media_type="video/mp4", size=1)


def fitted(number: int, *, segment: str | None = None) -> SceneFitted:
    return SceneFitted(
        project_id=PROJECT,
        scene_number=number,
        scene_id=f"scene-{number}",
        segment=asset(segment or f"segment-{number}"),
        frame_count=24,
        clip_ms=5000,
        fit="trimmed",
        from_store=False,
    )


def plan_of(*lengths_ms: int, fps: Fraction = Fraction(24)) -> ScenePlan:
    total = sum(lengths_ms)
    cuts = [sum(lengths_ms[: index + 1]) for index in range(len(lengths_ms) - 1)]
    grid = FrameGrid(fps)
    return ScenePlan(
        length_ms=total,
        fps=fps,
        frame_count=grid.frame_at(total),
        scenes=tuple(
            planned_scene(number, window, fps) for number, window in enumerate(windows_between(cuts, total), start=1)
        ),
    )


def planned_as(plan: str, recording: str = "recording") -> ScenesPlanned:
    return ScenesPlanned(
        project_id=PROJECT,
        project=asset("project"),
        recording=asset(recording),
        plan=asset(plan),
        scene_count=2,
        frame_count=48,
    )


def test_segments_stand_in_the_order_of_the_plan_however_they_arrived() -> None:
    segments = core.segments_in_order(plan_of(1000, 1000, 1000), [fitted(3), fitted(1), fitted(2)])
    assert [segment.key for segment in segments] == ["made/segment-1", "made/segment-2", "made/segment-3"]


def test_a_missing_scene_is_waited_for_not_left_out() -> None:
    with pytest.raises(LookupError, match="no fitted scene 2"):
        core.segments_in_order(plan_of(1000, 1000, 1000), [fitted(1), fitted(3)])


def test_the_same_parts_give_the_same_key_and_any_other_part_another() -> None:
    plan = plan_of(1000, 1000)
    segments = [asset("a"), asset("b")]
    key = core.video_key(plan, segments, asset("sound"))
    assert key == core.video_key(plan, list(segments), asset("sound"))
    others = {
        core.video_key(plan, segments[::-1], asset("sound")),
        core.video_key(plan, segments, asset("another")),
        core.video_key(plan_of(1100, 900), segments, asset("sound")),
        core.video_key(plan_of(1000, 1000, fps=Fraction(25)), segments, asset("sound")),
    }
    assert len(others | {key}) == 5


def test_a_plan_with_other_cuts_in_the_same_frames_keeps_the_video_and_renews_the_certificate() -> None:
    segments = [asset("a"), asset("b")]
    before, after = plan_of(1000, 1000), plan_of(1003, 997)
    video = core.video_key(before, segments, asset("sound"))
    assert core.video_key(after, segments, asset("sound")) == video
    assert core.certificate_key(video, planned_as("before")) != core.certificate_key(video, planned_as("after"))


def test_another_recording_renews_the_certificate() -> None:
    assert core.certificate_key("v", planned_as("p", "one")) != core.certificate_key("v", planned_as("p", "two"))


def certificate(*failures: CertificateFailure) -> Certificate:
    return Certificate(
        fps=Fraction(24),
        planned_frame_count=24,
        frame_count=24,
        largest_spacing_error_ms=0,
        scenes=(),
        soundtrack=CertifiedSoundtrack(
            planned_sample_count=48_000, sample_count=48_000, first_sample_at=Fraction(0), is_continuous=True, voice=()
        ),
        video_length=Fraction(1),
        audio_length=Fraction(1),
        length_difference_ms=0,
        largest_error_ms=0,
        failures=failures,
        holds=not failures,
    )


def test_a_certificate_that_holds_lets_the_video_pass() -> None:
    core.refuse_unless_it_holds(certificate())


def test_a_certificate_that_does_not_hold_ends_the_project_with_the_scene_and_by_how_much() -> None:
    failures = (
        CertificateFailure(scene_id="lamp", message="scene 'lamp' starts 41.7 ms late (planned for frame 24)"),
        CertificateFailure(scene_id=None, message="it has 25 frames, not 24"),
    )
    with pytest.raises(Unrecoverable, match=r"'lamp' starts 41.7 ms late .* \(and 1 more\)") as caught:
        core.refuse_unless_it_holds(certificate(*failures))
    assert caught.value.scene_id == "lamp"
