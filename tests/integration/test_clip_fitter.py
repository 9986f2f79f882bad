"""A clip becomes a segment: the frames of the window are counted, and the pixels say which picture each one shows."""

import re
from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from shared.errors import Unrecoverable
from shared.media_makers import H264, decode_colour, decode_grey, make_numbered_clip, read_numbers, run_tool
from shared.project import Clip, Fit
from tests.integration.clip_fitting import Bench, output

pytestmark = pytest.mark.integration


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


@pytest.fixture
def two_seconds(tmp_path: Path) -> Path:
    return make_numbered_clip(tmp_path / "clip.mp4", frames=48)


async def test_a_clip_that_is_long_enough_is_trimmed_at_its_own_speed(bench: Bench, two_seconds: Path) -> None:
    answer, segment = await bench.fit(two_seconds, 30)
    assert read_numbers(segment) == list(range(30))
    assert (answer.fit, answer.clip_ms, answer.frame_count) == ("trimmed to 1.25 s of 2.00 s", 2_000, 30)
    assert answer.from_store is False


async def test_a_clip_of_the_right_length_is_shown_whole(bench: Bench, two_seconds: Path) -> None:
    answer, segment = await bench.fit(two_seconds, 48)
    assert read_numbers(segment) == list(range(48))
    assert answer.fit == "as it is"


async def test_a_slowed_clip_shows_all_its_pictures_and_ends_with_its_last(bench: Bench, two_seconds: Path) -> None:
    answer, segment = await bench.fit(two_seconds, 52)
    numbers = read_numbers(segment)
    assert answer.fit == "slowed to 0.92x"
    assert len(numbers) == 52
    assert sorted(set(numbers)) == list(range(48))
    assert numbers == sorted(numbers)


@pytest.mark.parametrize("slow_motion", ["blend", "interpolate"])
async def test_smooth_slow_motion_has_every_frame_and_shows_pictures_that_the_clip_does_not_have(
    bench: Bench, tmp_path: Path, slow_motion: Literal["blend", "interpolate"]
) -> None:
    # A light square on dark ground that moves by four pixels a picture.
    moving = (
        "color=c=0x202020:s=128x72:r=24:d=2[g];color=c=0xd0d0d0:s=16x16:r=24:d=2[s];[g][s]overlay=x=4*mod(n\\,24):y=28"
    )
    clip = tmp_path / "clip.mp4"
    run_tool("ffmpeg", "-f", "lavfi", "-i", moving, *H264, str(clip))
    answer, smooth = await bench.fit(clip, 56, fit=Fit(slow_motion=slow_motion))
    _, repeated = await bench.fit(clip, 56)
    assert answer.fit == "slowed to 0.86x"
    own, seen, plain = (decode_grey(path).astype(int) for path in (clip, smooth, repeated))
    assert len(seen) == len(plain) == 56

    def strangers(pictures: NDArray[np.int_]) -> int:
        """Pictures that are like none of the clip's own."""
        return sum(min(int(np.abs(one - other).max()) for other in own) > 40 for one in pictures)

    assert strangers(plain) == 0
    assert strangers(seen) >= 8
    assert np.abs(seen[0] - own[0]).max() < 20
    assert np.abs(seen[-1] - own[-1]).max() < 20


@pytest.mark.parametrize("slow_motion", ["blend", "interpolate"])
async def test_a_boomerang_of_smooth_slow_motion_runs_back_through_the_same_pictures(
    bench: Bench, two_seconds: Path, slow_motion: Literal["blend", "interpolate"]
) -> None:
    _, segment = await bench.fit(two_seconds, 100, fit=Fit(fill="boomerang", slow_motion=slow_motion))
    pictures = decode_grey(segment).astype(int)
    assert len(pictures) == 100
    assert np.abs(pictures[56:100] - pictures[54:10:-1]).mean() < 3


async def test_a_longer_clip_with_pictures_to_spare_is_sped_up_to_its_end(bench: Bench, tmp_path: Path) -> None:
    clip = make_numbered_clip(tmp_path / "clip.mp4", frames=150, fps="60")
    answer, segment = await bench.fit(clip, 44)
    numbers = read_numbers(segment)
    assert answer.fit == "trimmed to 2.00 s of 2.50 s, then sped up to 1.09x"
    assert len(numbers) == 44
    assert all(abs(number - frame * 120 / 44) <= 1.5 for frame, number in enumerate(numbers))


async def test_a_boomerang_runs_back_picture_by_picture_in_bounded_pieces(
    bench: Bench, two_seconds: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.clip_fitter.segment.BACKWARDS_BYTES", 9 * 128 * 72 * 3 // 2)
    answer, segment = await bench.fit(two_seconds, 150, fit=Fit(fill="boomerang"))
    numbers = read_numbers(segment)
    assert answer.fit == "slowed to 0.85x, then 3.92 s of boomerang"
    assert len(numbers) == 150
    # 56 frames forth, 55 back to the first picture, then forth again without showing the turning picture twice.
    assert numbers[56:111] == numbers[54::-1]
    assert numbers[111:] == numbers[1:40]
    # The pieces are joined by copy: every frame is on its place of the grid, to the tick.
    ticks = run_tool("ffprobe", "-show_entries", "packet=pts", "-of", "csv=p=0", str(segment)).decode().split()
    assert sorted(int(tick.strip(",")) for tick in ticks) == [512 * frame for frame in range(150)]


async def test_a_held_picture_is_the_last_one_and_moves_in_slowly(bench: Bench, two_seconds: Path) -> None:
    answer, segment = await bench.fit(two_seconds, 80, fit=Fit(fill="hold"))
    assert answer.fit == "slowed to 0.85x, then held for 1.00 s with a slow push-in"
    assert read_numbers(segment)[55:] == [47] * 25
    held = decode_grey(segment)[55:].astype(int)
    steps = [int(np.abs(later - earlier).sum()) for earlier, later in pairwise(held)]
    # No jump where the hold begins, and motion in the middle of it.
    assert steps[0] < max(steps)
    assert np.abs(held[-1] - held[0]).sum() > 0


async def test_a_few_missing_frames_are_held_and_not_run_backwards(bench: Bench, two_seconds: Path) -> None:
    answer, segment = await bench.fit(two_seconds, 61)
    assert answer.fit == "slowed to 0.85x, then held for 0.21 s with a slow push-in"
    assert read_numbers(segment)[55:] == [47] * 6


async def test_a_loop_starts_again_behind_a_crossfade_and_shows_every_picture(bench: Bench, two_seconds: Path) -> None:
    answer, segment = await bench.fit(two_seconds, 120, fit=Fit(fill="loop"))
    numbers = read_numbers(segment)
    assert answer.fit == "shown 3 times with crossfades, each as it is"
    assert len(numbers) == 120
    # 48 frames each, of which twelve are shared with the next round.
    assert numbers[:36] == list(range(36))
    assert numbers[48:72] == list(range(12, 36))
    assert numbers[84:] == list(range(12, 48))


async def test_two_clips_fill_a_window_together_with_a_crossfade(bench: Bench, tmp_path: Path) -> None:
    clips = [
        make_numbered_clip(tmp_path / f"{name}.mp4", frames=60, fps=fps) for name, fps in (("one", "24"), ("two", "25"))
    ]
    answer, segment = await bench.fit(clips[0], 90, clips[1])
    numbers = read_numbers(segment)
    assert answer.fit == "2 clips with crossfades: trimmed to 2.17 s of 2.50 s | trimmed to 2.08 s of 2.40 s"
    assert len(numbers) == 90
    # 52 frames of the first and 50 of the second; twelve are seen together.
    assert numbers[:40] == list(range(40))
    assert all(abs(number - frame * 25 / 24) <= 1 for frame, number in enumerate(numbers[52:], start=12))


async def test_after_a_crossfade_only_the_last_clip_runs_back(bench: Bench, tmp_path: Path, two_seconds: Path) -> None:
    still = tmp_path / "still.png"
    run_tool("ffmpeg", "-f", "lavfi", "-i", "color=gray:s=128x72", "-frames:v", "1", str(still))
    answer, segment = await bench.fit(still, 200, two_seconds, fit=Fit(fill="boomerang"))
    numbers = read_numbers(segment)
    assert "boomerang" in answer.fit
    assert len(numbers) == 200
    turn = numbers.index(47)
    assert numbers[turn : turn + 3] == [47, 46, 45]
    ticks = run_tool("ffprobe", "-show_entries", "packet=pts", "-of", "csv=p=0", str(segment)).decode().split()
    assert sorted(int(tick.strip(",")) for tick in ticks) == [512 * frame for frame in range(200)]


async def test_progress_rises_to_the_end(bench: Bench, two_seconds: Path) -> None:
    await bench.fit(two_seconds, 48)
    assert bench.percents == sorted(bench.percents)
    assert all(0 <= percent <= 100 for percent in bench.percents)


async def test_a_second_request_finds_the_segment_and_its_explanation_in_the_store(
    bench: Bench, two_seconds: Path
) -> None:
    first, _ = await bench.fit(two_seconds, 52)
    writes = len(bench.store.put_keys)
    second, _ = await bench.fit(two_seconds, 52)
    assert second == first.model_copy(update={"from_store": True})
    assert bench.store.put_keys[writes:] == ["sources/clip.mp4"]


async def test_loudness_does_not_make_another_segment_but_size_does(bench: Bench, two_seconds: Path) -> None:
    first, _ = await bench.fit(two_seconds, 30)
    louder, _ = await bench.fit(two_seconds, 30, to=output(loudness=-20))
    smaller, _ = await bench.fit(two_seconds, 30, to=output(width=64, height=36))
    assert louder.segment == first.segment
    assert smaller.segment.key != first.segment.key


async def test_segments_of_every_kind_can_be_joined_by_copy(bench: Bench, two_seconds: Path, tmp_path: Path) -> None:
    """Same headers, same clock, a closed first group: what a join by copy needs."""
    still = tmp_path / "still.png"
    run_tool("ffmpeg", "-f", "lavfi", "-i", "testsrc2=s=320x200", "-frames:v", "1", str(still))
    phone = make_numbered_clip(tmp_path / "phone.mp4", frames=60, fps="30000/1001", size=(72, 128))
    segments = [
        (await bench.fit(clip, frames, fit=Fit(fill=fill)))[1]
        for clip, frames, fill in (
            (two_seconds, 30, "hold"),
            (two_seconds, 52, "hold"),
            (two_seconds, 90, "boomerang"),
            (two_seconds, 90, "loop"),
            (two_seconds, 90, "hold"),
            (still, 40, "hold"),
            (phone, 40, "hold"),
        )
    ]
    wanted = "stream=codec_name,profile,level,width,height,pix_fmt,time_base,extradata_hash,r_frame_rate,color_space"
    headers = {
        run_tool("ffprobe", "-show_entries", wanted, "-show_data_hash", "md5", "-of", "csv", str(segment))
        for segment in segments
    }
    assert len(headers) == 1
    listing = tmp_path / "list.txt"
    listing.write_text("".join(f"file '{segment}'\n" for segment in segments))
    joined = tmp_path / "joined.mp4"
    run_tool("ffmpeg", "-f", "concat", "-safe", "0", "-i", str(listing), "-c", "copy", str(joined))
    assert len(decode_grey(joined)) == 30 + 52 + 90 + 90 + 90 + 40 + 40


async def test_the_finished_segment_carries_the_tags_of_the_project(bench: Bench, two_seconds: Path) -> None:
    _, segment = await bench.fit(two_seconds, 30, to=output(fps="30000/1001"))
    entries = "stream=pix_fmt,sample_aspect_ratio,r_frame_rate,time_base,color_range,color_space,color_transfer"
    found = run_tool("ffprobe", "-show_entries", entries, "-of", "default=nw=1:nk=1", str(segment)).decode().split()
    assert found == ["1:1", "yuv420p", "tv", "bt709", "bt709", "30000/1001", "1/30000"]


async def test_contain_shows_all_of_a_portrait_clip_between_bars(bench: Bench, tmp_path: Path) -> None:
    phone = make_numbered_clip(tmp_path / "phone.mp4", frames=24, size=(72, 128))
    _, segment = await bench.fit(phone, 24, fit=Fit(frame="contain"))
    pictures = decode_colour(segment)
    assert pictures[:, :, :40].max() < 12
    assert pictures[:, :, 88:].max() < 12
    # The picture is 40 wide and 72 high; its number's square is half of its width.
    assert read_numbers(segment, side=20.25) == list(range(24))


async def test_cover_fills_the_output_with_the_middle_of_a_portrait_clip(bench: Bench, tmp_path: Path) -> None:
    phone = make_numbered_clip(tmp_path / "phone.mp4", frames=24, size=(72, 128))
    _, segment = await bench.fit(phone, 24)
    assert read_numbers(segment, side=64) == list(range(24))


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi"])
async def test_a_clip_starts_where_the_project_says(bench: Bench, tmp_path: Path, name: str) -> None:
    encoding = ("-c:v", "mpeg4", "-q:v", "2") if name.endswith("avi") else (*H264, "-bf", "2", "-g", "20")
    clip = make_numbered_clip(tmp_path / name, frames=72, encoding=encoding)
    for in_ms in (0, 42, 1_000, 1_375):
        answer, segment = await bench.fit(clip, 36, footage=[Clip(file=name, in_ms=in_ms)])
        first = round(in_ms * 24 / 1000)
        assert read_numbers(segment) == list(range(first, first + 36)), in_ms
    assert answer.fit == "trimmed to 1.50 s of 1.62 s, from 1.38 s on"


async def test_a_clip_that_ends_before_it_is_to_start_is_refused(bench: Bench, two_seconds: Path) -> None:
    with pytest.raises(Unrecoverable, match=r"2\.00 s long and is to be shown from 2\.50 s on"):
        await bench.fit(two_seconds, 36, footage=[Clip(file="clip.mp4", in_ms=2_500)])


@pytest.mark.parametrize(("focus", "side"), [((0, 0.5), "red"), ((1, 0.5), "blue")])
async def test_cover_keeps_the_side_where_the_subject_is(
    bench: Bench, tmp_path: Path, focus: tuple[float, float], side: str
) -> None:
    wide = tmp_path / "wide.png"
    halves = "color=red:s=64x72[l];color=blue:s=64x72[r];[l][r]hstack"
    run_tool("ffmpeg", "-f", "lavfi", "-i", halves, "-frames:v", "1", str(wide))
    _, segment = await bench.fit(wide, 4, to=output(width=40, height=72), footage=[Clip(file="wide.png", focus=focus)])
    red, _, blue = decode_colour(segment)[0].reshape(-1, 3).mean(axis=0)
    assert (red > 200 and blue < 50) if side == "red" else (blue > 200 and red < 50)


async def test_blur_shows_all_of_the_picture_before_a_soft_copy_of_itself(bench: Bench, tmp_path: Path) -> None:
    phone = make_numbered_clip(tmp_path / "phone.mp4", frames=24, size=(72, 128))
    _, segment = await bench.fit(phone, 24, fit=Fit(frame="blur"))
    assert read_numbers(segment, side=20.25) == list(range(24))
    pictures = decode_grey(segment).astype(int)
    beside = pictures[:, :, :40]
    assert beside.mean() > 40  # no black bars
    assert np.abs(np.diff(beside, axis=2)).max() < 30  # nothing sharp in it


def make_clip_with_a_cut(folder: Path) -> Path:
    """Half a second of black, one second of one shot, then two of another, at 24 frames a second."""
    moving = "testsrc2=s=128x72:r=24:d={},noise=alls=20:allf=t"
    shots = f"color=black:s=128x72:r=24:d=0.5[a];{moving.format(1)},negate[b];{moving.format(2)}[c];[a][b][c]concat=n=3"
    clip = folder / "cut.mp4"
    run_tool("ffmpeg", "-f", "lavfi", "-i", shots, *H264, str(clip))
    return clip


async def test_a_longer_clip_shows_its_best_part_and_is_looked_at_once(bench: Bench, tmp_path: Path) -> None:
    clip = make_clip_with_a_cut(tmp_path)
    answer, segment = await bench.fit(clip, 40)
    # Of the second shot alone, as if the clip were no more than that.
    told = re.fullmatch(r"trimmed to 1\.67 s of (1\.[789]\d) s, from (\d\.\d\d) s on", answer.fit)
    assert told is not None, answer.fit
    start = float(told[2])
    assert 1.5 <= start <= 1.83
    source, shown = decode_grey(clip).astype(int), decode_grey(segment).astype(int)
    assert np.abs(shown - source[round(start * 24) :][:40]).mean() < 30  # all of it is noise
    assert np.abs(shown - source[:40]).mean() > 60
    looks = [key for key in bench.store.put_keys if key.startswith("looks/")]
    await bench.fit(clip, 44)
    assert [key for key in bench.store.put_keys if key.startswith("looks/")] == looks != []


async def test_an_uneven_clip_with_pictures_to_spare_is_sped_up_through_what_is_clean_of_it(
    bench: Bench, tmp_path: Path
) -> None:
    """Half a second of black, then 2.5 s of numbered pictures at 60 a second, for a window of 1.8 s."""
    clip = make_numbered_clip(
        tmp_path / "clip.mp4", frames=180, fps="60", filters="drawbox=c=black:t=fill:enable='lt(n,30)'"
    )
    answer, segment = await bench.fit(clip, 44)
    told = re.fullmatch(
        r"trimmed to (\d\.\d\d) s of (\d\.\d\d) s, then sped up to (1\.\d+)x, from (\d\.\d\d) s on", answer.fit
    )
    assert told is not None, answer.fit
    shown_s, clean_s, speed, start_s = (float(one) for one in told.groups())
    assert 2.2 <= clean_s <= 2.5
    assert start_s >= 0.5
    assert 1 < speed <= 1.15
    numbers = read_numbers(segment)
    assert len(numbers) == 44
    assert all(abs(number - (start_s * 60 + frame * shown_s * 60 / 44)) <= 1.5 for frame, number in enumerate(numbers))


async def test_an_even_clip_and_one_whose_start_is_given_are_not_looked_at(
    bench: Bench, tmp_path: Path, two_seconds: Path
) -> None:
    answer, _ = await bench.fit(make_clip_with_a_cut(tmp_path), 24, footage=[Clip(file="cut.mp4", in_ms=500)])
    assert answer.fit == "trimmed to 1.00 s of 3.00 s, from 0.50 s on"
    await bench.fit(two_seconds, 30)
    assert not [key for key in bench.store.put_keys if key.startswith("looks/")]
