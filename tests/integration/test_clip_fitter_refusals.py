"""Files that are no footage: each gets one clear sentence, and the fitter lives on."""

import asyncio
import random
import struct
import zlib
from pathlib import Path

import pytest
from PIL import Image

from services.clip_fitter.clip import Clip
from services.clip_fitter.clip_file import open_clip
from services.clip_fitter.settings import Settings
from shared.errors import Unrecoverable
from shared.media_makers import H264, make_numbered_clip, make_tone, read_numbers, run_tool
from tests.integration.clip_fitting import Bench

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def footage(tmp_path: Path) -> Path:
    return make_numbered_clip(tmp_path / "footage.mp4", frames=48)


async def refusal_of(bench: Bench, clip: Path) -> Unrecoverable:
    with pytest.raises(Unrecoverable) as refused:
        await bench.fit(clip, 24)
    error = refused.value
    assert error.scene_id == "harbour"
    assert error.remedy.endswith(".")
    assert str(bench.folder) not in str(error)
    assert all(key.startswith("sources/") for key in bench.store.put_keys), "a refused clip leaves nothing behind"
    return error


async def test_an_empty_file(bench: Bench, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.touch()
    assert (await refusal_of(bench, clip)).reason == "The clip is empty: a file of 0 bytes."


async def test_a_text_file_with_the_name_of_a_video(bench: Bench, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("This is not a video.\n" * 100)
    assert "cannot be read as a video" in (await refusal_of(bench, clip)).reason


@pytest.mark.parametrize(
    "script",
    [
        "ffconcat version 1.0\nfile footage.mp4\n",
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\nfootage.mp4\n#EXT-X-ENDLIST\n",
    ],
)
async def test_a_playlist_or_a_concat_script_in_disguise_opens_no_other_file(
    bench: Bench, footage: Path, tmp_path: Path, script: str
) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text(script)
    assert "playlist" in (await refusal_of(bench, clip)).reason


async def test_a_drawing_that_could_name_other_files(bench: Bench, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><image href="/etc/passwd"/></svg>')
    await refusal_of(bench, clip)


async def test_sound_without_a_picture(bench: Bench, tmp_path: Path) -> None:
    clip = make_tone(tmp_path / "clip.mp4", seconds=2)
    assert (await refusal_of(bench, clip)).reason == "The clip has no picture, only sound or nothing at all."


async def test_a_song_with_a_cover_is_not_a_clip(bench: Bench, tmp_path: Path) -> None:
    cover, song = tmp_path / "cover.png", tmp_path / "song.m4a"
    run_tool("ffmpeg", "-f", "lavfi", "-i", "testsrc2=s=64x64", "-frames:v", "1", str(cover))
    tone = make_tone(tmp_path / "tone.m4a", seconds=2)
    run_tool(
        *("ffmpeg", "-i", str(tone), "-i", str(cover), "-map", "0", "-map", "1", "-c", "copy"),
        *("-disposition:v:0", "attached_pic", str(song)),
    )
    assert "no picture" in (await refusal_of(bench, song)).reason


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("clip.mp4", ("-movflags", "+faststart")),
        ("fragmented.mp4", ("-movflags", "frag_keyframe+empty_moov", "-g", "12")),
        ("clip.mkv", ()),
    ],
)
async def test_a_download_that_was_cut_off(bench: Bench, tmp_path: Path, name: str, options: tuple[str, ...]) -> None:
    whole = make_numbered_clip(tmp_path / name, frames=96, encoding=(*H264, *options))
    cut = tmp_path / f"cut-{name}"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    error = await refusal_of(bench, cut)
    assert "cut off" in error.reason
    assert "again" in error.remedy


async def test_a_cut_off_file_whose_index_is_lost(bench: Bench, tmp_path: Path) -> None:
    whole, cut = make_numbered_clip(tmp_path / "whole.mp4", frames=48), tmp_path / "cut.mp4"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert "cannot be read" in (await refusal_of(bench, cut)).reason


async def test_a_few_pictures_that_claim_to_last_ten_days(bench: Bench, tmp_path: Path) -> None:
    bomb = make_numbered_clip(
        tmp_path / "bomb.mp4", frames=24, filters="setpts=N*36000/TB", encoding=("-vsync", "vfr", *H264)
    )
    assert "one picture for 36000 s" in (await refusal_of(bench, bomb)).reason


async def test_a_clip_that_is_far_too_long(bench: Bench, footage: Path) -> None:
    bench.settings = Settings(longest_clip_seconds=1)
    assert (await refusal_of(bench, footage)).reason == "The clip is 2 s long; at most 1 s can be used."


async def test_a_picture_with_too_many_pixels(bench: Bench, footage: Path) -> None:
    bench.settings = Settings(most_pixels=9_000)
    assert "pixels" in (await refusal_of(bench, footage)).reason


def animated_webp(path: Path, pictures: int = 12, size: tuple[int, int] = (64, 36)) -> Path:
    first, *others = (Image.new("RGB", size, (20 * number % 256, 90, 160)) for number in range(pictures))
    first.save(path, save_all=True, append_images=others, duration=40)
    return path


async def test_an_animated_webp_that_was_cut_off(bench: Bench, tmp_path: Path) -> None:
    whole, cut = animated_webp(tmp_path / "whole.webp"), tmp_path / "cut.webp"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    error = await refusal_of(bench, cut)
    assert "WebP" in error.reason
    assert "video" in error.remedy


async def test_an_animated_webp_of_too_many_pictures_is_not_unpacked(bench: Bench, tmp_path: Path) -> None:
    bench.settings = Settings(most_animation_pictures=10)
    error = await refusal_of(bench, animated_webp(tmp_path / "clip.webp"))
    assert "it has 12 pictures, more than 10" in error.reason


async def test_an_animated_webp_that_claims_a_huge_canvas_is_not_unpacked(bench: Bench, tmp_path: Path) -> None:
    data = bytearray(animated_webp(tmp_path / "small.webp").read_bytes())
    at = data.index(b"VP8X") + 12  # after the chunk's size and flags: width - 1 and height - 1, 24 bits each
    data[at : at + 6] = (16_000 - 1).to_bytes(3, "little") + (16_000 - 1).to_bytes(3, "little")
    bomb = tmp_path / "bomb.webp"
    bomb.write_bytes(data)
    assert "WebP" in (await refusal_of(bench, bomb)).reason


def with_streams(footage: Path, target: Path, count: int) -> Path:
    """The same mp4 file with its only track written `count` times into its header."""
    data = footage.read_bytes()
    at = data.index(b"moov") - 4
    moov = data[at : at + int.from_bytes(data[at : at + 4], "big")]
    start = moov.index(b"trak") - 4
    end = start + int.from_bytes(moov[start : start + 4], "big")
    body = moov[8:start] + moov[start:end] * count + moov[end:]
    header = (len(body) + 8).to_bytes(4, "big") + b"moov"
    target.write_bytes(data[:at] + header + body + data[at + len(moov) :])  # the header is last: no place moves
    return target


@pytest.mark.parametrize("count", [80, 10_000])
async def test_a_file_with_too_many_streams(bench: Bench, footage: Path, tmp_path: Path, count: int) -> None:
    assert "streams" in (await refusal_of(bench, with_streams(footage, tmp_path / "many.mp4", count))).reason
    assert read_numbers(with_streams(footage, tmp_path / "two.mp4", 2))[:3] == [0, 1, 2], "the file is a video"


def png_of(width: int, height: int, target: Path) -> Path:
    """A whole picture of that size in a few bytes: a single grey line, repeated without end, packs well."""
    rows = zlib.compressobj(9)
    data = b"".join(rows.compress(bytes(1 + width)) for _ in range(height)) + rows.flush()

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    target.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))
    return target


async def test_a_decompression_bomb_is_refused_by_its_size_and_not_unpacked(bench: Bench, tmp_path: Path) -> None:
    bomb = png_of(30_000, 30_000, tmp_path / "bomb.png")
    assert bomb.stat().st_size < 1_000_000, "a bomb is small"
    error = await refusal_of(bench, bomb)
    assert "pixels" in error.reason
    assert "smaller" in error.remedy
    answer, _ = await bench.fit(png_of(320, 180, tmp_path / "small.png"), 24)
    assert answer.frame_count == 24, "a small picture made the same way is a picture"


async def test_footage_for_less_than_a_fifth_of_the_scene(bench: Bench, tmp_path: Path) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=12)
    with pytest.raises(Unrecoverable) as refused:
        await bench.fit(clip, 150)
    error = refused.value
    assert error.reason == "The scene lasts 6.25 s and its footage only 0.50 s: less than a fifth of it."
    assert "Kling 2.6 10 s, Kling 3.0 7 s, Veo 3.1 8 s" in error.remedy


async def test_pictures_that_are_broken_in_the_middle(bench: Bench, tmp_path: Path) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mkv", frames=48, size=(320, 180))
    data = bytearray(clip.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3_000] = random.Random(7).randbytes(3_000)
    broken = tmp_path / "broken.mkv"
    broken.write_bytes(data)
    with pytest.raises(Unrecoverable):
        await bench.fit(broken, 48)


async def test_the_fitter_goes_on_after_a_refusal(bench: Bench, footage: Path, tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_text("no video")
    await refusal_of(bench, clip)
    _, segment = await bench.fit(footage, 24)
    assert read_numbers(segment) == list(range(24))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.gif", "clip.ts", "clip.webp", "clip.png"])
async def test_any_damaged_file_is_a_clip_or_a_refusal_and_nothing_else(tmp_path: Path, name: str) -> None:
    """A fixed seed, so that what fails once fails again."""
    still = ("-frames:v", "1")
    encoding = {"gif": ("-c:v", "gif"), "webp": still, "png": still}.get(name.rpartition(".")[2], H264)
    whole = make_numbered_clip(tmp_path / name, frames=4, size=(32, 18), encoding=encoding).read_bytes()
    chance = random.Random(20260)
    for _ in range(60):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 12)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        judgement = await judged(
            tmp_path / "damaged", data[: chance.choice([len(data), chance.randrange(1, len(data))])]
        )
        assert isinstance(judgement, Clip) or judgement.reason.endswith(".")


async def test_any_damaged_animated_webp_is_a_clip_or_a_refusal_and_nothing_else(tmp_path: Path) -> None:
    whole = animated_webp(tmp_path / "clip.webp", pictures=4, size=(32, 18)).read_bytes()
    chance = random.Random(20261)
    judgements = []
    for _ in range(25):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 6)):
            data[chance.randrange(12, len(data))] = chance.randrange(256)
        judgements.append(await judged(tmp_path / "damaged", data))
    assert all(isinstance(one, Clip) or one.reason.endswith(".") for one in judgements)
    assert any(isinstance(one, Clip) for one in judgements)


async def judged(path: Path, data: bytes | bytearray) -> Clip | Unrecoverable:
    """What becomes of a file of these bytes; a crash of what reads it is neither."""
    await asyncio.to_thread(path.write_bytes, data)
    try:
        clip, _ = await open_clip(path, path.with_name("unpacked"), Settings().clip_limits, timeout_seconds=60)
    except Unrecoverable as refusal:
        return refusal
    return clip
