"""The assembler over real segments: what it joins is exact, and it joins nothing twice."""

import hashlib
import subprocess
from fractions import Fraction
from pathlib import Path

import pytest

from services.assembler.handlers import Handlers
from services.assembler.packets import read_segments
from services.assembler.settings import Settings
from shared.certificate import Certificate
from shared.events import AssemblyDue, Event, SceneFitted, SoundtrackMixed, VideoAssembled
from shared.testing import RecordedStep
from tests.integration.assembler_project import (
    PROJECT,
    TinyProject,
    ffmpeg,
    make_project,
    make_segment,
    make_soundtrack,
    plan_of,
)
from tests.integration.clip_fitting import Bench, output

pytestmark = pytest.mark.integration

RATES = [Fraction(24), Fraction(25), Fraction(30), Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60)]


def step_in(folder: Path, past: list[Event], name: str = "scratch") -> RecordedStep:
    scratch = folder / name
    scratch.mkdir()
    return RecordedStep(scratch=scratch, past=past)


async def assembled(project: TinyProject, step: RecordedStep) -> tuple[VideoAssembled, Certificate]:
    answer = await Handlers(project.store, Settings()).assemble_video(project.due, step)
    return answer, await project.store.get_document(answer.certificate, Certificate)


async def video_file(project: TinyProject, answer: VideoAssembled) -> Path:
    path = project.folder / "finished.mp4"
    await project.store.fetch(answer.video, path)
    return path


def decoded_frames(path: Path, *options: str) -> list[str]:
    """One digest for every picture that a decoder gets out of a file."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-xerror", *options, "-i", str(path), "-map", "0:v:0", "-f", "framemd5", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    return [line.rsplit(",", 1)[1].strip() for line in done.stdout.splitlines() if not line.startswith("#")]


@pytest.mark.parametrize("fps", RATES, ids=str)
async def test_at_every_rate_each_frame_is_shown_exactly_in_its_place(tmp_path: Path, fps: Fraction) -> None:
    project = make_project(tmp_path, fps)
    answer, certificate = await assembled(project, step_in(tmp_path, await project.submit()))
    assert certificate.holds
    assert not answer.from_store
    assert certificate.frame_count == project.plan.frame_count
    assert certificate.largest_spacing_error_ms == 0
    assert [scene.first_frame_at for scene in certificate.scenes] == [
        scene.first_frame / fps for scene in project.plan.scenes
    ]
    assert all(abs(scene.error_ms or 0) <= certificate.frame_ms / 2 for scene in certificate.scenes)
    assert certificate.soundtrack.sample_count == project.plan.length_ms * 48
    assert certificate.soundtrack.first_sample_at == 0
    assert {offset.offset_samples for offset in certificate.soundtrack.voice} == {0}


async def test_the_finished_video_shows_every_picture_of_every_segment(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    answer, _ = await assembled(project, step_in(tmp_path, await project.submit()))
    finished = decoded_frames(await video_file(project, answer))
    assert finished == [frame for segment in project.segments for frame in decoded_frames(segment)]


async def test_nothing_is_encoded_again(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    answer, _ = await assembled(project, step_in(tmp_path, await project.submit()))
    copied = tmp_path / "sound.aac"
    original = tmp_path / "original.aac"
    ffmpeg("-i", str(await video_file(project, answer)), "-map", "0:a:0", "-c", "copy", str(copied))
    ffmpeg("-i", str(project.soundtrack), "-c", "copy", str(original))
    assert copied.read_bytes() == original.read_bytes()


async def test_the_video_can_play_before_it_is_loaded(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    answer, _ = await assembled(project, step_in(tmp_path, await project.submit()))
    data = (await video_file(project, answer)).read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")


async def test_two_hundred_scenes_do_not_drift(tmp_path: Path) -> None:
    """Without the explicit lengths they drift 75 to 123 ms."""
    fps = Fraction(30000, 1001)
    project = make_project(tmp_path, fps, [(310, 367, 407, 333, 290)[number % 5] for number in range(200)])
    _, certificate = await assembled(project, step_in(tmp_path, await project.submit()))
    assert certificate.holds
    assert {scene.frame_error_ms for scene in certificate.scenes} == {0}
    assert certificate.largest_spacing_error_ms == 0
    assert [offset.offset_samples for offset in certificate.soundtrack.voice] == [0, 0, 0]


async def test_scenes_of_a_single_frame_are_joined_too(tmp_path: Path) -> None:
    """Such a segment has no reordered frames, so its decode times lead by less than its neighbours'."""
    project = make_project(tmp_path, Fraction(24), [1000, 42, 84, 1000, 41, 42, 900])
    assert {scene.frame_count for scene in project.plan.scenes} >= {1, 2}
    answer, certificate = await assembled(project, step_in(tmp_path, await project.submit()))
    assert certificate.holds
    assert len(decoded_frames(await video_file(project, answer))) == project.plan.frame_count


async def test_the_same_segment_may_be_shown_in_several_scenes(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(25), [1000, 1000, 1000])
    assert len(set(project.segments)) == 1
    _, certificate = await assembled(project, step_in(tmp_path, await project.submit()))
    assert certificate.holds
    assert [scene.first_frame_at for scene in certificate.scenes] == [0, 1, 2]


async def test_a_second_assembly_finds_its_work_done(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    past = await project.submit()
    first, _ = await assembled(project, step_in(tmp_path, past, "first"))
    assert project.store.put_keys == [first.video.key, first.certificate.key]
    again = step_in(tmp_path, past, "again")
    second, _ = await assembled(project, again)
    assert second == first.model_copy(update={"from_store": True})
    assert len(project.store.put_keys) == 2
    assert list(again.scratch.iterdir()) == []


async def test_the_certificate_says_what_the_mixer_measured_and_warned_of(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    _, certificate = await assembled(project, step_in(tmp_path, await project.submit()))
    loudness = certificate.loudness
    assert loudness is not None
    assert [scene.voice_over_bed_lu for scene in loudness.scenes] == [16, 16, 16]
    assert [(warning.scene_number, warning.at_ms) for warning in loudness.warnings] == [(1, 250)]


async def test_a_video_without_its_certificate_is_measured_and_not_replaced(tmp_path: Path) -> None:
    """As a crash between the two leaves it, or a plan whose cuts moved within the same frames."""
    project = make_project(tmp_path, Fraction(24))
    past = await project.submit()
    first, _ = await assembled(project, step_in(tmp_path, past, "first"))
    del project.store.objects[first.certificate.key]
    second, certificate = await assembled(project, step_in(tmp_path, past, "again"))
    assert second.video == first.video
    assert certificate.holds
    assert project.store.put_keys == [first.video.key, first.certificate.key, first.certificate.key]


async def test_the_same_parts_are_joined_to_the_same_bytes(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    past = await project.submit()
    first, _ = await assembled(project, step_in(tmp_path, past, "first"))
    project.store.objects.pop(first.video.key)
    second, _ = await assembled(project, step_in(tmp_path, past, "again"))
    assert second.video.digest == first.video.digest
    assert hashlib.sha256(project.store.objects[first.video.key][0]).hexdigest() == first.video.digest


async def test_progress_only_ever_goes_up_and_ends_at_a_hundred(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    step = step_in(tmp_path, await project.submit())
    await assembled(project, step)
    assert step.percents == sorted(step.percents)
    assert step.percents[-1] == 100


async def test_assembly_is_due_when_the_last_part_arrives_whichever_it_is(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    planned, *parts = await project.submit()
    for last in parts:
        handlers = Handlers(project.store, Settings())
        assert isinstance(last, SceneFitted | SoundtrackMixed)
        others = [part for part in parts if part is not last]
        before = RecordedStep(scratch=tmp_path, past=[planned, *others])
        assert isinstance(others[0], SceneFitted | SoundtrackMixed)
        assert await handlers.judge_completeness(others[0], before) is None
        complete = RecordedStep(scratch=tmp_path, past=[planned, *others, last])
        assert await handlers.judge_completeness(last, complete) == AssemblyDue(project_id=PROJECT)


async def test_nothing_is_due_before_the_plan_is_known(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24))
    _, *parts = await project.submit()
    assert isinstance(parts[0], SceneFitted)
    step = RecordedStep(scratch=tmp_path, past=parts)
    assert await Handlers(project.store, Settings()).judge_completeness(parts[0], step) is None


async def test_segments_are_read_in_any_number_at_once(tmp_path: Path) -> None:
    project = make_project(tmp_path, Fraction(24), [500, 600, 700, 800, 900])
    answer = await Handlers(project.store, Settings(segments_read_at_once=2, fetches_at_once=1)).assemble_video(
        project.due, step_in(tmp_path, await project.submit())
    )
    assert (await project.store.get_document(answer.certificate, Certificate)).holds


async def test_segments_are_made_alike_whatever_they_show(tmp_path: Path) -> None:
    """The join relies on it: x264's `stitchable` keeps a segment's headers free of its content."""
    segments = [
        make_segment(tmp_path / f"{frames}.mp4", frames, Fraction(24), look=look)
        for look, frames in enumerate([1, 2, 90])
    ]
    tracks = await read_segments(segments, at_once=10, timeout_seconds=60)
    assert len({track.decoder_setup for track in tracks}) == 1


async def test_what_the_clip_fitter_makes_of_all_kinds_of_clips_is_joined_and_certified(tmp_path: Path) -> None:
    """The two services share nothing but the track clock; here they meet."""
    plan = plan_of(Fraction(30000, 1001), [1200, 2700, 2300, 1900, 1000])
    sources = {
        "trimmed.mp4": ("testsrc2=size=320x180:rate=24:duration=2",),
        "boomerang.mkv": ("testsrc=size=200x300:rate=25:duration=1",),
        "slowed.mp4": ("testsrc2=size=102x78:rate=60:duration=2",),
        "still.png": ("smptebars=size=160x90", "-frames:v", "1"),
        "short.webm": ("mandelbrot=size=160x90:rate=15", "-t", "1", "-c:v", "libvpx-vp9", "-cpu-used", "8"),
    }
    bench = Bench(tmp_path)
    segments = []
    for (name, source), scene in zip(sources.items(), plan.scenes, strict=True):
        ffmpeg("-f", "lavfi", "-i", *source, str(tmp_path / name))
        _, segment = await bench.fit(tmp_path / name, scene.frame_count, to=output(fps="30000/1001"))
        segments.append(segment.rename(tmp_path / f"{name}-segment.mp4"))
    project = TinyProject(tmp_path, plan, segments, make_soundtrack(tmp_path, plan.length_ms))
    answer, certificate = await assembled(project, step_in(tmp_path, await project.submit(), "join"))
    assert certificate.holds
    finished = decoded_frames(await video_file(project, answer))
    assert finished == [frame for segment in segments for frame in decoded_frames(segment)]
