"""A segment's header says what ffprobe says of it, for every codec."""

from contextlib import suppress
from fractions import Fraction
from pathlib import Path

import pytest

from services.clip_fitter.mp4_header import NoSegmentError, SegmentHeader, read_header, segment_header
from shared.ffmpeg import probe_pictures
from shared.media_makers import H264, make_numbered_clip, run_tool
from shared.project import Encoder, EncoderPreset, Output
from shared.segments import CODECS, CodecName
from tests.integration.clip_fitting import Bench

pytestmark = pytest.mark.integration

TAGGED = ("-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709")


@pytest.mark.parametrize("fps", ["24", "30000/1001"])
@pytest.mark.parametrize("codec", CODECS)
async def test_the_header_of_a_segment_says_what_ffprobe_says(tmp_path: Path, codec: CodecName, fps: str) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=30, fps=fps)
    encoder = Encoder(codec=codec, preset=EncoderPreset.SUPERFAST, crf=20)
    _, segment = await Bench(tmp_path).fit(
        clip, 24, to=Output(width=128, height=72, fps=Fraction(fps), encoder=encoder)
    )
    header = read_header(segment)
    media, pictures = await probe_pictures(segment)
    assert media.video is not None
    assert pictures is not None
    assert header.frame_count == pictures.count == 24
    assert header.size == (media.video.width, media.video.height)
    assert header.is_eight_bit_420 == (media.video.pixel_format == "yuv420p")
    assert (header.colours == (1, 1, 1)) == (media.video.colour_matrix == "bt709")
    assert (header.label, header.pixel_aspect, header.has_full_range) == (CODECS[codec].tag, Fraction(1), False)
    assert Fraction(header.timescale * 24, header.length_ticks) == media.video.nominal_rate == Fraction(fps)


@pytest.mark.parametrize(
    ("encoding", "filters", "wrong"),
    [
        (("-c:v", "libx264", "-pix_fmt", "yuv444p", *TAGGED), "setsar=1", "pixels"),
        (("-c:v", "libx264", "-pix_fmt", "yuv420p10le", *TAGGED), "setsar=1", "pixels"),
        (
            ("-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p10le", *TAGGED),
            "setsar=1",
            "pixels",
        ),
        (("-c:v", "libsvtav1", "-preset", "12", "-pix_fmt", "yuv420p10le", *TAGGED), "setsar=1", "pixels"),
        ((*H264, "-colorspace", "smpte170m", *TAGGED[2:]), "setsar=1", "colours"),
        ((*H264, *TAGGED, "-color_range", "pc"), "setsar=1", "range"),
        ((*H264, *TAGGED), "setsar=4/3", "aspect"),
        ((*H264, *TAGGED, "-vsync", "vfr"), "setsar=1,setpts='(N+gte(N,6))/24/TB'", "ticks"),
    ],
)
def test_what_is_wrong_with_a_file_stands_in_its_header(
    tmp_path: Path, encoding: tuple[str, ...], filters: str, wrong: str
) -> None:
    header = read_header(make_numbered_clip(tmp_path / "clip.mp4", frames=12, filters=filters, encoding=encoding))
    found = {
        "pixels": not header.is_eight_bit_420,
        "colours": header.colours != (1, 1, 1),
        "range": header.has_full_range,
        "aspect": header.pixel_aspect != 1,
        "ticks": header.length_ticks * 24 != header.frame_count * header.timescale,
    }
    assert [name for name, is_wrong in found.items() if is_wrong] == [wrong]


def test_a_file_without_a_header_is_no_segment(tmp_path: Path) -> None:
    whole = make_numbered_clip(tmp_path / "clip.mp4", frames=12).read_bytes()
    cut = tmp_path / "cut.mp4"
    for length in (0, 7, 30, len(whole) // 2, whole.index(b"moov") + 4):
        cut.write_bytes(whole[:length])
        with pytest.raises(NoSegmentError):
            read_header(cut)


def test_a_damaged_header_is_refused_or_read_and_nothing_else(tmp_path: Path) -> None:
    data = make_numbered_clip(
        tmp_path / "clip.mp4", frames=12, filters="setsar=1", encoding=(*H264, *TAGGED)
    ).read_bytes()
    movie = data[data.index(b"moov") + 4 :]
    for place in range(0, len(movie), 3):
        damaged = movie[:place] + bytes([movie[place] ^ 0xFF]) + movie[place + 1 :]
        with suppress(NoSegmentError):
            assert isinstance(segment_header(damaged), SegmentHeader)


def test_a_segment_without_frames_has_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    run_tool(
        *("ffmpeg", "-f", "lavfi", "-i", "color=s=128x72:d=1", "-vf", "trim=start=5,setsar=1", *H264, *TAGGED),
        str(empty),
    )
    with pytest.raises(NoSegmentError):
        read_header(empty)
