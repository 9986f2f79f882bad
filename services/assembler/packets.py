"""Reads packets with ffmpeg and ffprobe: their times, their flags and the digests of their bytes. Decodes nothing."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from services.assembler import join
from services.assembler.tracks import Packet, PictureTrack, SegmentTrack, SoundTrack
from shared.ffmpeg import INPUT_GUARD, run_ffmpeg, stream_ffprobe_lines
from shared.timeline import SAMPLE_RATE


async def read_segments(paths: Sequence[Path], *, at_once: int, timeout_seconds: float) -> tuple[SegmentTrack, ...]:
    """The tracks of segment files, read `at_once` files at a time, which bounds the memory."""
    tracks: list[SegmentTrack] = []
    for start in range(0, len(paths), at_once):
        batch = paths[start : start + at_once]
        listing = batch[0].with_suffix(".packets")
        await run_ffmpeg(join.reading_arguments([str(p) for p in batch], str(listing)), timeout_seconds=timeout_seconds)
        tracks += segment_tracks(await asyncio.to_thread(listing.read_text), count=len(batch))
        listing.unlink()
    return tuple(tracks)


def segment_tracks(listing: str, *, count: int) -> tuple[SegmentTrack, ...]:
    """The tracks in ffmpeg's `framehash` listing of `count` files.

    #extradata 0,                              42, 90a8e21ff71ed0bffaf17ccc7807be45
    #tb 0: 1/30000
    #codec_id 0: h264
    0,      -2002,          0,     1001,     1184, 70232e81b4989f5c8287f84e502407c5
    file   decoded       shown    lasts     bytes  digest
    """
    ticks, setups, leads = [Fraction(1)] * count, [""] * count, [0] * count
    digests: list[list[str]] = [[] for _ in range(count)]
    shown: list[list[int]] = [[] for _ in range(count)]
    codecs = ["h264"] * count
    for line in listing.splitlines():
        if line.startswith("#extradata "):
            number, _, digest = line.removeprefix("#extradata ").split(",")
            setups[int(number)] = digest.strip()
        elif line.startswith("#codec_id "):
            number, codec = line.removeprefix("#codec_id ").split(":")
            codecs[int(number)] = codec.strip()
        elif line.startswith("#tb "):
            number, tick = line.removeprefix("#tb ").split(":")
            ticks[int(number)] = Fraction(tick.strip())
        elif line and not line.startswith("#"):
            number, decoded_at, shown_at, _, _, digest = line.split(",")
            if not digests[int(number)]:
                leads[int(number)] = int(shown_at) - int(decoded_at)
            digests[int(number)].append(digest.strip())
            shown[int(number)].append(int(shown_at))
    return tuple(
        SegmentTrack(tick, setup, lead, tuple(own), tuple(times), codec)
        for tick, setup, lead, own, times, codec in zip(ticks, setups, leads, digests, shown, codecs, strict=True)
    )


async def read_video(path: Path, *, timeout_seconds: float) -> tuple[PictureTrack, SoundTrack]:
    """The picture and sound tracks of a finished file, packet by packet, as a player finds them."""
    reading = VideoReading()
    await stream_ffprobe_lines(
        [
            *("-v", "error", *INPUT_GUARD),
            *("-show_entries", "stream=codec_type,time_base,extradata_hash"),
            *("-show_entries", "packet=codec_type,pts,dts,duration,flags,data_hash"),
            *("-show_entries", "packet_side_data=skip_samples,discard_padding"),
            *("-show_data_hash", join.PACKET_HASH, "-of", "compact", str(path)),
        ],
        reading.take,
        timeout_seconds=timeout_seconds,
    )
    return reading.picture, reading.sound


@dataclass
class VideoReading:
    """Takes ffprobe's report line by line. What is kept of an hour of video is 30 MB.

    packet|codec_type=video|pts=0|dts=-1024|duration=512|flags=K_|data_hash=murmur3:5e30d359d5f5f37105ffdff2e5e07e84
    packet|codec_type=audio|pts=-1024|dts=-1024|duration=1024|flags=KD|side_data|skip_samples=1024|discard_padding=0
    stream|codec_type=video|time_base=1/12288|extradata_hash=murmur3:90a8e21ff71ed0bffaf17ccc7807be45
    """

    _packets: list[Packet] = field(default_factory=list)
    _ticks: dict[str, Fraction] = field(default_factory=dict)
    _decoder_setup: str = ""
    _sound_start: int | None = None
    _sound_end: int = 0
    _sound_lasts: int = 0
    _sound_is_continuous: bool = True

    def take(self, line: str) -> None:
        """Take one line of the report."""
        section, *parts = line.split("|")
        values = dict(part.partition("=")[::2] for part in parts)
        if section == "stream":
            self._ticks[values["codec_type"]] = Fraction(values["time_base"])
            if values["codec_type"] == "video":
                self._decoder_setup = _digest(values["extradata_hash"])
        elif section == "packet" and values["codec_type"] == "video":
            self._take_picture(values)
        elif section == "packet" and values["codec_type"] == "audio":
            self._take_sound(values)

    @property
    def picture(self) -> PictureTrack:
        """The video track that was read."""
        return PictureTrack(self._ticks["video"], self._decoder_setup, tuple(self._packets))

    @property
    def sound(self) -> SoundTrack:
        """The audio track that was read."""
        tick = self._ticks["audio"]
        return SoundTrack(
            first_sample_at=(self._sound_start or 0) * tick,
            sample_count=round(self._sound_lasts * tick * SAMPLE_RATE),
            is_continuous=self._sound_is_continuous,
        )

    def _take_picture(self, values: dict[str, str]) -> None:
        if "D" in values["flags"]:
            return  # an edit list hides it: decoded, never shown
        self._packets.append(
            Packet(
                shown_at=int(values["pts"]),
                decoded_at=int(values["dts"]),
                lasts=int(values["duration"]),
                is_key="K" in values["flags"],
                digest=_digest(values["data_hash"]),
            )
        )

    def _take_sound(self, values: dict[str, str]) -> None:
        at, lasts = int(values["pts"]), int(values["duration"])
        skipped, padding = int(values.get("skip_samples", 0)), int(values.get("discard_padding", 0))
        if self._sound_start is None:
            self._sound_start = at + skipped
        elif at != self._sound_end:
            self._sound_is_continuous = False
        self._sound_end = at + lasts
        self._sound_lasts += lasts - skipped - padding


def _digest(value: str) -> str:
    return value.partition(":")[2]
