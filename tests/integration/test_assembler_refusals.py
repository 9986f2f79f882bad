"""A certificate that could not fail would prove nothing: real files, each broken in one way, and what it says."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import pytest

from services.assembler.handlers import Files, Handlers
from services.assembler.join import concat_list, join_arguments
from services.assembler.packets import read_segments
from services.assembler.settings import Settings
from shared.certificate import Certificate
from shared.errors import Unrecoverable
from shared.segments import TrackClock, track_clock
from shared.testing import RecordedStep
from tests.integration.assembler_project import (
    TinyProject,
    ffmpeg,
    make_project,
    make_segment,
    make_soundtrack,
    voice_samples,
    write_wave,
)

pytestmark = pytest.mark.integration

FPS = Fraction(24)


async def refusal(project: TinyProject) -> Unrecoverable:
    """How the assembler refuses a project of which a part is broken. Nothing of it may be published."""
    scratch = project.folder / "scratch"
    scratch.mkdir()
    step = RecordedStep(scratch=scratch, past=await project.submit())
    with pytest.raises(Unrecoverable) as caught:
        await Handlers(project.store, Settings()).assemble_video(project.due, step)
    assert project.store.put_keys == []
    return caught.value


async def certificate_of(project: TinyProject, video: Path) -> Certificate:
    """What is measured on a video that was joined in another way than the assembler's."""
    files = Files(
        segments=tuple(project.segments),
        soundtrack=project.soundtrack,
        voiceover=write_wave(project.folder / "voiceover.wav", voice_samples(project.plan.length_ms)),
        video=video,
    )
    segments = await read_segments(files.segments, at_once=25, timeout_seconds=60)
    return await Handlers(project.store, Settings())._measure_video(project.plan, files, segments, project.folder)


def joined(
    project: TinyProject,
    *,
    frame_counts: Sequence[int] | None = None,
    clock: TrackClock | None = None,
    replaced: dict[str, str] | None = None,
) -> Path:
    """The assembler's own join with one thing about it changed."""
    counts = frame_counts or [scene.frame_count for scene in project.plan.scenes]
    entries, video = project.folder / "scenes.ffconcat", project.folder / "broken.mp4"
    entries.write_text(concat_list(project.plan.fps, counts, [path.name for path in project.segments]))
    arguments = join_arguments(
        concat_list=str(entries),
        soundtrack=str(project.soundtrack),
        output=str(video),
        clock=clock or track_clock(project.plan.fps),
        lead=2,
    )
    ffmpeg(*((replaced or {}).get(argument, argument) for argument in arguments))
    return video


def messages(certificate: Certificate) -> list[str]:
    assert certificate.holds == (not certificate.failures)
    return [failure.message for failure in certificate.failures]


async def test_a_faultless_join_is_not_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS)
    assert messages(await certificate_of(project, joined(project))) == []


@pytest.mark.parametrize(("surplus", "found"), [(1, "has 25 frames, not 24"), (-1, "has 23 frames, not 24")])
async def test_a_segment_with_a_frame_too_many_or_too_few_ends_the_project(
    tmp_path: Path, surplus: int, found: str
) -> None:
    project = make_project(tmp_path, FPS, [1500, 1000, 1500])
    project.segments[1] = make_segment(tmp_path / "wrong.mp4", 24 + surplus, FPS, look=5)
    refused = await refusal(project)
    assert refused.scene_id == "scene-2"
    assert found in refused.reason


async def test_a_scene_that_is_shown_a_frame_late_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [1500, 1000, 1500])
    certificate = await certificate_of(project, joined(project, frame_counts=[37, 24, 36]))
    assert messages(certificate)[0] == "scene 'scene-2' starts 41.7 ms late (planned for frame 36)"
    assert any("not evenly spaced: one is 41.667 ms" in message for message in messages(certificate))


async def test_a_frame_that_was_lost_in_the_join_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [1500, 1000, 1500])
    whole, video = joined(project), tmp_path / "lost.mp4"
    ffmpeg("-i", str(whole), "-map", "0", "-c", "copy", "-bsf:v", "noise=drop=eq(n\\,40)", str(video))
    certificate = await certificate_of(project, video)
    assert messages(certificate)[0] == "scene 'scene-2' has 23 frames, not 24"
    assert "it has 95 frames, not 96" in messages(certificate)


async def test_a_picture_that_was_damaged_on_the_way_is_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [1500, 1000, 1500])
    whole, video = joined(project), tmp_path / "damaged.mp4"
    data = bytearray(whole.read_bytes())
    data[data.index(b"mdat") + 900] ^= 0xFF
    video.write_bytes(data)
    assert not (await certificate_of(project, video)).holds


async def test_scenes_in_the_wrong_order_are_refused(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [1500, 1000, 1500])
    project.segments[0] = make_segment(tmp_path / "own.mp4", 36, FPS, look=7)
    video = joined(TinyProject(tmp_path, project.plan, project.segments[::-1], project.soundtrack))
    certificate = await certificate_of(project, video)
    assert not certificate.holds
    assert {"scene-1", "scene-3"} & {failure.scene_id for failure in certificate.failures}


@pytest.mark.parametrize(("fps", "tick"), [(Fraction(24), 500), (Fraction(25), 500), (Fraction(30000, 1001), 1000)])
async def test_a_wrong_tick_is_refused_though_the_join_succeeds(tmp_path: Path, fps: Fraction, tick: int) -> None:
    project = make_project(tmp_path, fps)
    certificate = await certificate_of(project, joined(project, clock=TrackClock(track_clock(fps).timescale, tick)))
    assert any("not evenly spaced" in message for message in messages(certificate))


async def test_a_join_that_trusts_the_containers_lengths_is_refused(tmp_path: Path) -> None:
    """A container rounds its length to milliseconds, and a join adds the errors up."""
    fps = Fraction(30000, 1001)
    project = make_project(tmp_path, fps, [(310, 367, 407)[number % 3] for number in range(60)])
    entries = tmp_path / "trusting.ffconcat"
    entries.write_text("ffconcat version 1.0\n" + "".join(f"file {path.name}\n" for path in project.segments))
    restamping = "setts=pts=round(PTS/1001)*1001:dts=(N-2)*1001"
    trusting = {restamping: "null", str(tmp_path / "scenes.ffconcat"): str(entries)}
    certificate = await certificate_of(project, joined(project, replaced=trusting))
    assert certificate.failures[0].scene_id is not None
    assert any("not evenly spaced" in message for message in messages(certificate))


async def test_repeated_parameter_sets_are_seen(tmp_path: Path) -> None:
    """What the concat demuxer does to H.264 unless it is told not to: harmless, but not the segments' bytes."""
    project = make_project(tmp_path, FPS)
    certificate = await certificate_of(project, joined(project, replaced={"0": "1"}))
    assert "scene 'scene-1' is not in it" in messages(certificate)


async def test_a_segment_that_was_encoded_otherwise_ends_the_project_by_name(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [1500, 1000, 1500])
    project.segments[1] = make_segment(tmp_path / "other.mp4", 24, FPS, parameters=":ref=1:cabac=0")
    refused = await refusal(project)
    assert refused.scene_id == "scene-2"
    assert "other parameters than scene 'scene-1'" in refused.reason


async def test_a_segment_of_another_rate_ends_the_project_by_name(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [1500, 1000, 1500])
    project.segments[1] = make_segment(tmp_path / "other.mp4", 24, Fraction(30))
    assert (await refusal(project)).scene_id == "scene-2"


async def test_a_voice_that_is_fifty_milliseconds_late_in_the_mix_ends_the_project(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [3000, 3000, 3000])
    project.soundtrack = make_soundtrack(tmp_path, 9000, late_ms=50)
    assert "the voice is 50.0 ms late at" in (await refusal(project)).reason


async def test_a_soundtrack_that_the_container_makes_late_is_refused(tmp_path: Path) -> None:
    """The bytes are right. ffmpeg writes a delay of 50 ms as 28 ms of nothing and 21 ms of priming, which is heard."""
    project = make_project(tmp_path, FPS, [3000, 3000, 3000])
    whole, video = joined(project), tmp_path / "late.mp4"
    late = ("-itsoffset", "0.05", "-i", str(whole))
    ffmpeg("-i", str(whole), *late, "-map", "0:v:0", "-map", "1:a:0", "-c", "copy", str(video))
    certificate = await certificate_of(project, video)
    assert certificate.soundtrack.first_sample_at == Fraction(28, 1000)
    assert [offset.offset_samples for offset in certificate.soundtrack.voice] == [28 * 48 + 1024] * 3
    assert "the voice is 49.3 ms late at 0.8 to 4.8 s" in messages(certificate)


async def test_priming_that_is_heard_is_measured_to_the_sample(tmp_path: Path) -> None:
    """Through ADTS the encoder's 1,024 samples of priming lose their edit: 21.3 ms, less than a frame at 24."""
    project = make_project(tmp_path, FPS, [3000, 3000, 3000])
    raw, soundtrack = tmp_path / "raw.aac", tmp_path / "primed.m4a"
    ffmpeg("-i", str(project.soundtrack), "-c", "copy", str(raw))
    ffmpeg("-i", str(raw), "-c", "copy", str(soundtrack))
    project.soundtrack = soundtrack
    certificate = await certificate_of(project, joined(project))
    assert [offset.offset_samples for offset in certificate.soundtrack.voice] == [1024, 1024, 1024]
    assert certificate.largest_error_ms == pytest.approx(21.333, abs=0.001)


async def test_a_soundtrack_of_another_length_ends_the_project(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [3000, 3000, 3000])
    project.soundtrack = make_soundtrack(tmp_path, 8800)
    assert "its soundtrack has 422400 samples, not 432000" in (await refusal(project)).reason


async def test_a_soundtrack_without_the_voice_ends_the_project(tmp_path: Path) -> None:
    project = make_project(tmp_path, FPS, [3000, 3000, 3000])
    ffmpeg("-f", "lavfi", "-i", "sine=220:r=48000:d=9", "-ac", "2", "-c:a", "aac", str(project.soundtrack))
    assert "the voice was not found" in (await refusal(project)).reason
