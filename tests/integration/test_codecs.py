"""Every codec by name: segments that a decoder takes for one film, joined by copy, to the frame."""

from fractions import Fraction
from pathlib import Path

import pytest

from services.assembler.handlers import Handlers
from services.assembler.settings import Settings
from shared.errors import Unrecoverable
from shared.ffmpeg import probe_media
from shared.media_makers import make_numbered_clip, read_numbers, run_tool
from shared.project import Encoder, EncoderPreset, Fit, Output
from shared.segments import CODECS, CodecName
from shared.testing import RecordedStep
from tests.integration.assembler_project import TinyProject, make_soundtrack, plan_of
from tests.integration.clip_fitting import Bench

pytestmark = pytest.mark.integration

FRAMES = (2, 61, 30, 3)


def output(codec: CodecName, fps: str = "24") -> Output:
    encoder = Encoder(codec=codec, preset=EncoderPreset.SUPERFAST, crf=12)
    return Output(width=128, height=72, fps=Fraction(fps), encoder=encoder)


@pytest.mark.parametrize("fps", ["24", "30000/1001"])
@pytest.mark.parametrize("codec", CODECS)
async def test_segments_of_every_codec_are_joined_by_copy_and_decoded_frame_by_frame(
    tmp_path: Path, codec: CodecName, fps: str
) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=62, fps=fps)
    bench = Bench(tmp_path)
    segments = []
    for number, frames in enumerate(FRAMES):
        _, path = await bench.fit(clip, frames, to=output(codec, fps), fit=Fit())
        segments.append(path.rename(tmp_path / f"segment-{number}.mp4"))
    plan = plan_of(Fraction(fps), [round(frames * 1000 / Fraction(fps)) for frames in FRAMES])
    assert [scene.frame_count for scene in plan.scenes] == list(FRAMES)
    project = TinyProject(tmp_path, plan, segments, make_soundtrack(tmp_path, plan.length_ms))
    history = await project.submit()
    scratch = tmp_path / "join"
    scratch.mkdir()
    answer = await Handlers(project.store, Settings()).assemble_video(project.due, RecordedStep(scratch, history))
    video = tmp_path / "video.mp4"
    await project.store.fetch(answer.video, video)
    assert read_numbers(video) == [number for frames in FRAMES for number in range(frames)]
    label = run_tool(
        "ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "stream=codec_name,codec_tag_string",
        "-of", "csv=p=0", str(video),
    )  # fmt: skip
    assert label.decode().strip() == f"{CODECS[codec].stream},{CODECS[codec].tag}"
    facts = (await probe_media(video)).video
    assert facts is not None
    assert (facts.colour_matrix, facts.colour_range, facts.pixel_format) == ("bt709", "tv", "yuv420p")


@pytest.mark.parametrize("codec", ["h265", "av1"])
async def test_a_boomerang_of_every_codec_is_joined_from_its_pieces(tmp_path: Path, codec: CodecName) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=48)
    _, segment = await Bench(tmp_path).fit(clip, 90, to=output(codec), fit=Fit(fill="boomerang"))
    numbers = read_numbers(segment)
    assert len(numbers) == 90
    assert numbers[56:] == numbers[54:20:-1]


async def test_a_fitter_without_the_encoder_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CODECS, "h265", CODECS["h265"].__class__("libnone", "hevc", "hvc1"))
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=48)
    with pytest.raises(Unrecoverable, match="has no encoder for the project's codec"):
        await Bench(tmp_path).fit(clip, 24, to=output("h265"))
