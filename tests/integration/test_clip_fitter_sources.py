"""Awkward sources: whatever a clip is, its segment has the frames of the window and its pixels are right."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from shared.media_makers import (
    H264,
    decode_colour,
    decode_grey,
    make_colour_clip,
    make_numbered_clip,
    numbered_picture,
    read_numbers,
    run_tool,
)
from shared.project import Clip, Fit
from tests.integration.clip_fitting import Bench, output

pytestmark = pytest.mark.integration

BLUE = (48, 96, 192)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def rebuilt(source: Path, target: Path, *arguments: str) -> Path:
    """`source` written again as `target` with other options."""
    run_tool("ffmpeg", "-i", str(source), *arguments, str(target))
    return target


async def colour_of(bench: Bench, clip: Path, frames: int = 12) -> tuple[int, int, int]:
    """The colour in the middle of a fitted clip."""
    _, segment = await bench.fit(clip, frames)
    pictures = decode_colour(segment)
    assert len(pictures) == frames
    red, green, blue = (int(value) for value in pictures[frames // 2, 36, 64])
    return red, green, blue


def is_close(colour: tuple[int, int, int], wanted: tuple[int, int, int], by: int = 4) -> bool:
    return all(abs(one - other) <= by for one, other in zip(colour, wanted, strict=True))


@pytest.mark.parametrize("fps", ["24000/1001", "25", "30000/1001", "50", "60"])
@pytest.mark.parametrize("to", ["24", "30000/1001"])
async def test_any_rate_becomes_the_projects(bench: Bench, tmp_path: Path, fps: str, to: str) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=110, fps=fps)
    _, segment = await bench.fit(clip, 36, to=output(fps=to), fit=Fit(fastest=1))
    numbers = read_numbers(segment)
    assert len(numbers) == 36
    # Each frame shows the picture of its own time, at most one source picture away.
    for frame, number in enumerate(numbers):
        assert abs(number - frame * Fraction(fps) / Fraction(to)) <= 1


async def test_every_second_picture_of_60_makes_30_without_a_stumble(bench: Bench, tmp_path: Path) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=90, fps="60")
    _, segment = await bench.fit(clip, 40, to=output(fps="30"))
    assert set(np.diff(read_numbers(segment))) == {2}


async def test_pictures_of_varying_length_are_shown_at_their_own_times(bench: Bench, tmp_path: Path) -> None:
    # 20 pictures a second, then, from the 20th on, 40 a second, as a phone does in bright light.
    varying = "setpts='if(lt(N,20),N/20,1+(N-20)/40)/TB'"
    encoding = ("-vsync", "vfr", "-enc_time_base", "1/1000", *H264)
    clip = make_numbered_clip(tmp_path / "clip.mkv", frames=60, fps="1000", filters=varying, encoding=encoding)
    _, segment = await bench.fit(clip, 44)
    numbers = read_numbers(segment)
    assert len(numbers) == 44
    for frame, number in enumerate(numbers):
        second = frame / 24
        assert abs(number - (second * 20 if second < 1 else 20 + (second - 1) * 40)) <= 1.5


async def test_a_turned_clip_is_shown_upright(bench: Bench, tmp_path: Path) -> None:
    # Lying on its side in the file, with the note that it has to be turned: what phones write.
    lying = make_numbered_clip(
        tmp_path / "lying.mp4", frames=24, size=(72, 128), filters="transpose=clock,scale=128:72"
    )
    upright = rebuilt(lying, tmp_path / "upright.mp4", "-c", "copy", "-metadata:s:v:0", "rotate=90")
    facts = run_tool("ffprobe", "-show_entries", "stream_side_data=rotation", "-of", "csv=p=0", str(upright))
    assert facts.decode().strip().strip(",") in {"90", "-90"}
    _, segment = await bench.fit(upright, 24, to=output(width=72, height=128))
    assert read_numbers(segment) == list(range(24))


@pytest.mark.parametrize("size", [(127, 71), (129, 73), (101, 133)])
async def test_odd_sizes_are_no_trouble(bench: Bench, tmp_path: Path, size: tuple[int, int]) -> None:
    encoding = ("-c:v", "libx264", "-crf", "8", "-pix_fmt", "yuv444p")
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=24, size=size, encoding=encoding)
    _, segment = await bench.fit(clip, 24)
    side = 36 if size[0] > size[1] else 66 * 128 / 101
    assert read_numbers(segment, side=side) == list(range(24))


async def test_pixels_that_are_not_square_are_stretched_to_their_shape(bench: Bench, tmp_path: Path) -> None:
    clip = make_numbered_clip(
        tmp_path / "clip.mp4", frames=24, size=(128, 72), filters="scale=96:72:flags=neighbor,setsar=4/3"
    )
    _, segment = await bench.fit(clip, 24)
    assert read_numbers(segment) == list(range(24))


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("ten-bit.mp4", ("-c:v", "libx265", "-x265-params", "log-level=error:crf=10", "-pix_fmt", "yuv420p10le")),
        ("clip.webm", ("-c:v", "libvpx-vp9", "-crf", "10", "-b:v", "0", "-cpu-used", "8", "-pix_fmt", "yuv420p")),
        ("clip.mkv", ("-c:v", "libsvtav1", "-preset", "12", "-crf", "15", "-pix_fmt", "yuv420p")),
        ("clip.mov", ("-c:v", "prores_ks", "-profile:v", "3", "-pix_fmt", "yuv422p10le")),
        ("clip.ts", H264),
        ("clip.avi", ("-c:v", "mpeg4", "-q:v", "2", "-pix_fmt", "yuv420p")),
    ],
)
async def test_any_usual_codec_and_container(
    bench: Bench, tmp_path: Path, name: str, encoding: tuple[str, ...]
) -> None:
    clip = make_numbered_clip(tmp_path / name, frames=30, encoding=encoding)
    _, segment = await bench.fit(clip, 24)
    assert read_numbers(segment) == list(range(24))


async def test_sound_in_a_clip_is_dropped(bench: Bench, tmp_path: Path) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=30, sound=True)
    _, segment = await bench.fit(clip, 24)
    assert read_numbers(segment) == list(range(24))
    assert run_tool("ffprobe", "-show_entries", "stream=codec_type", "-of", "csv=p=0", str(segment)) == b"video\n"


async def test_a_clip_that_does_not_start_at_zero_starts_with_its_first_picture(bench: Bench, tmp_path: Path) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=40)
    late = rebuilt(clip, tmp_path / "late.ts", "-c", "copy", "-output_ts_offset", "7.3")
    _, segment = await bench.fit(late, 36)
    assert read_numbers(segment) == list(range(36))


async def test_a_picture_that_starts_after_the_sound_starts_with_its_first_picture(
    bench: Bench, tmp_path: Path
) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=40)
    late = tmp_path / "late.mkv"
    run_tool(
        *("ffmpeg", "-itsoffset", "0.7", "-i", str(clip), "-f", "lavfi", "-i", "sine=d=3:r=48000"),
        *("-c:v", "copy", "-c:a", "aac", str(late)),
    )
    answer, segment = await bench.fit(late, 40)
    assert read_numbers(segment) == list(range(40))
    assert answer.fit == "as it is"


async def test_an_edit_list_hides_what_it_hides(bench: Bench, tmp_path: Path) -> None:
    encoding = (*H264, "-g", "12", "-bf", "0")
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=60, encoding=encoding)
    # A cut by copy inside a group of pictures: the pictures before the cut stay in the file, an edit list hides them.
    cut = tmp_path / "cut.mp4"
    run_tool("ffmpeg", "-ss", "0.75", "-i", str(clip), "-c", "copy", str(cut))
    answer, segment = await bench.fit(cut, 36)
    numbers = read_numbers(segment)
    assert numbers[0] == 18
    assert numbers == list(range(18, 54))
    assert answer.clip_ms == 1_750


async def test_interlaced_pictures_come_out_whole(bench: Bench, tmp_path: Path) -> None:
    encoding = (
        "-c:v",
        "libx264",
        "-crf",
        "10",
        "-flags",
        "+ildct+ilme",
        "-x264-params",
        "tff=1",
        "-pix_fmt",
        "yuv420p",
    )
    clip = make_numbered_clip(
        tmp_path / "clip.mp4",
        frames=60,
        fps="50",
        filters="tinterlace=mode=interleave_top,setfield=tff",
        encoding=encoding,
    )
    _, segment = await bench.fit(clip, 24, to=output(fps="25"))
    numbers = read_numbers(segment)
    assert len(numbers) == 24
    # A frame woven of two pictures would read as neither of them.
    assert all(number in {2 * frame, 2 * frame + 1} for frame, number in enumerate(numbers))


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
async def test_a_still_picture_fills_its_window_and_moves(bench: Bench, tmp_path: Path, suffix: str) -> None:
    still = tmp_path / f"still.{suffix}"
    run_tool("ffmpeg", "-f", "lavfi", "-i", "testsrc2=s=320x180", "-frames:v", "1", str(still))
    answer, segment = await bench.fit(still, 48)
    pictures = decode_colour(segment).astype(int)
    assert len(pictures) == 48
    assert answer.clip_ms == 0
    assert np.abs(pictures[-1] - pictures[0]).mean() > 1


@pytest.mark.parametrize(("focus", "towards"), [((0.5, 0.5), (0.2, 0.5)), ((0.9, 0.25), (0.9, 0.25))])
async def test_a_still_picture_pans_and_zooms_along_an_easing_curve_without_a_tremble(
    bench: Bench, tmp_path: Path, focus: tuple[float, float], towards: tuple[float, float]
) -> None:
    width, height, frames = 320, 180, 72
    rows, columns = np.mgrid[0:height, 0:width]
    spot = (200.0, 70.0)  # a soft spot of light, whose middle can be told to a part of a pixel
    light = 20 + 200 * np.exp(-((columns - spot[0]) ** 2 + (rows - spot[1]) ** 2) / (2 * 9**2))
    still = tmp_path / "still.png"
    Image.fromarray(light.astype(np.uint8)).save(still)
    to = output(width=width, height=height)
    _, segment = await bench.fit(still, frames, to=to, footage=[Clip(file="still.png", focus=focus)])
    pictures = decode_grey(segment).astype(float) - 20
    assert len(pictures) == frames
    bright = np.where(pictures > 20, pictures, 0)
    seen = np.stack([(bright * axis).sum(axis=(1, 2)) / bright.sum(axis=(1, 2)) for axis in (columns, rows)], axis=1)
    passed = np.arange(frames) / (frames - 1)
    zoom = 1 + 0.02 * 3 * (frames - 1) / frames * (3 * passed**2 - 2 * passed**3)
    wanted = np.stack(
        [
            (at - size * (1 - 1 / zoom) * anchor) * zoom
            for at, size, anchor in zip(spot, (width, height), towards, strict=True)
        ],
        axis=1,
    )
    assert np.abs(seen - wanted).max() < 0.35  # of a pixel: nothing trembles, and the speed has no jump
    assert np.abs(wanted[-1] - wanted[0]).max() > 3, "it moves"


async def test_an_animated_gif_is_a_clip(bench: Bench, tmp_path: Path) -> None:
    clip = make_numbered_clip(tmp_path / "clip.gif", frames=30, fps="25", encoding=("-c:v", "gif"))
    _, segment = await bench.fit(clip, 24, to=output(fps="25"))
    assert read_numbers(segment) == list(range(24))


@pytest.mark.parametrize("lossless", [True, False])
async def test_an_animated_webp_is_a_clip_whose_pictures_last_as_long_as_they_say(
    bench: Bench, tmp_path: Path, lossless: bool
) -> None:
    first, *others = (Image.fromarray(numbered_picture(number, 128, 72)).convert("RGB") for number in range(20))
    # Every third picture is shown for three frames of the project, the others for one.
    lasts = [3 if number % 3 == 2 else 1 for number in range(20)]
    clip = tmp_path / "clip.webp"
    durations = [40 * frames for frames in lasts]
    first.save(clip, save_all=True, append_images=others, duration=durations, lossless=lossless, quality=90)
    answer, segment = await bench.fit(clip, sum(lasts), to=output(fps="25"))
    assert answer.fit == "as it is"
    assert answer.clip_ms == sum(durations)
    assert read_numbers(segment) == [number for number, frames in enumerate(lasts) for _ in range(frames)]


async def test_pictures_of_a_webp_that_claim_no_time_are_shown_as_browsers_show_them(
    bench: Bench, tmp_path: Path
) -> None:
    first, *others = (Image.fromarray(numbered_picture(number, 128, 72)).convert("RGB") for number in range(6))
    clip = tmp_path / "clip.webp"
    first.save(clip, save_all=True, append_images=others, duration=0, lossless=True)
    answer, segment = await bench.fit(clip, 15, to=output(fps="25"))
    assert answer.clip_ms == 600
    assert len(read_numbers(segment)) == 15


@pytest.mark.parametrize("suffix", ["webp", "png"])
async def test_what_is_transparent_in_an_animation_becomes_black_and_the_rest_keeps_its_colour(
    bench: Bench, tmp_path: Path, suffix: str
) -> None:
    pictures = np.zeros((12, 72, 128, 4), np.uint8)
    pictures[..., :3] = BLUE
    pictures[:, :, :64, 3] = 255
    for number, picture in enumerate(pictures):
        picture[:12, number * 4 : number * 4 + 4, :3] = 255  # nothing would move without it
    first, *others = (Image.fromarray(picture) for picture in pictures)
    clip = tmp_path / f"clip.{suffix}"
    # WebP is told to be exact, or it would throw away the hidden colours that must not come to light.
    first.save(clip, save_all=True, append_images=others, duration=40, exact=True, lossless=True)
    _, segment = await bench.fit(clip, 12, to=output(fps="25"))
    shown = decode_colour(segment)
    assert len(shown) == 12
    left, right = (tuple(int(value) for value in shown[6, 36, x]) for x in (32, 96))
    assert max(right) <= 6, right
    assert is_close((left[0], left[1], left[2]), BLUE), left


@pytest.mark.parametrize(
    ("name", "filters", "tags"),
    [
        ("tagged high definition", "scale=1280:720:out_color_matrix=bt709:out_range=tv", ("-colorspace", "bt709")),
        ("untagged high definition", "scale=1280:720:out_color_matrix=bt709:out_range=tv", ()),
        ("untagged standard definition", "scale=720:576:out_color_matrix=smpte170m:out_range=tv", ()),
        ("tagged BT.601", "scale=1280:720:out_color_matrix=smpte170m:out_range=tv", ("-colorspace", "smpte170m")),
        ("full range", "scale=1280:720:out_color_matrix=bt709:out_range=pc", ("-color_range", "pc")),
    ],
)
async def test_colours_stay_what_they_are(
    bench: Bench, tmp_path: Path, name: str, filters: str, tags: tuple[str, ...]
) -> None:
    plain = "setparams=colorspace=unknown:color_primaries=unknown:color_trc=unknown"
    clip = make_colour_clip(
        tmp_path / "clip.mp4",
        BLUE,
        frames=15,
        filters=f"{filters},format=yuv420p,{plain}",
        encoding=(*H264, *tags),
    )
    colour = await colour_of(bench, clip)
    assert is_close(colour, BLUE), f"{name}: {colour}"


@pytest.mark.parametrize("suffix", ["png", "jpg"])
async def test_the_colour_of_a_still_picture_stays(bench: Bench, tmp_path: Path, suffix: str) -> None:
    still = tmp_path / f"still.{suffix}"
    run_tool(
        "ffmpeg",
        "-f",
        "lavfi",
        "-i",
        f"color=c=#{bytes(BLUE).hex()}:s=1280x720,format=gbrp",
        "-frames:v",
        "1",
        str(still),
    )
    assert is_close(await colour_of(bench, still), BLUE)


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
async def test_high_dynamic_range_is_tone_mapped_and_keeps_its_colour(
    bench: Bench, tmp_path: Path, transfer: str
) -> None:
    # A white page at 203 candela per square metre, as ITU-R BT.2408 has it.
    to_light = (
        "rangein=full:matrixin=gbr:transferin=709:primariesin=709:matrix=gbr:primaries=709:transfer=linear:npl=203"
    )
    from_light = "primariesin=709:transferin=linear:matrixin=gbr:primaries=2020:matrix=2020_ncl:range=limited:npl=203"
    to_hdr = f"zscale={to_light},format=gbrpf32le,zscale={from_light}:transfer={transfer},format=yuv420p10le"
    tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc", "-color_range", "tv")
    encoding = ("-c:v", "libx265", "-x265-params", "log-level=error:crf=10", *tags)
    clip = make_colour_clip(tmp_path / "clip.mp4", BLUE, frames=15, filters=to_hdr, encoding=encoding)
    colour = await colour_of(bench, clip)
    assert is_close(colour, BLUE, by=12), colour


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("clip.webm", ("-c:v", "libvpx-vp9", "-crf", "4", "-b:v", "0", "-cpu-used", "8", "-pix_fmt", "yuva420p")),
        ("clip.mov", ("-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le")),
        ("rgba.mov", ("-c:v", "png", "-pix_fmt", "rgba")),
    ],
)
async def test_what_is_transparent_becomes_black(
    bench: Bench, tmp_path: Path, name: str, encoding: tuple[str, ...]
) -> None:
    # The left half can be seen, the right half is there but transparent.
    see_left = (
        "format=gbrap,geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*lt(X,W/2)',scale=out_color_matrix=bt709:out_range=tv"
    )
    clip = make_colour_clip(tmp_path / name, BLUE, frames=15, filters=see_left, encoding=encoding)
    _, segment = await bench.fit(clip, 12)
    left, right = (tuple(int(value) for value in decode_colour(segment)[6, 36, x]) for x in (32, 96))
    assert max(right) <= 6, right
    assert all(abs(one - other) <= 8 for one, other in zip(left, BLUE, strict=True)), left
