"""Reads what a finished segment's header says of it: all that a join by copy needs, without starting ffprobe.

Starting ffprobe costs a tenth of a CPU-second, as much as encoding a few frames, and these files are our own: a row of
boxes, each with its length and its name, as ISO/IEC 14496-12 has it. Files of others are never read by this.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path


class NoSegmentError(Exception):
    """The file is not an mp4 file with one track of pictures; the message says what is missing."""


@dataclass(frozen=True)
class SegmentHeader:
    """What the header of a segment says."""

    label: str
    """The sample entry: `avc1`, `hvc1` or `av01`."""
    is_eight_bit_420: bool
    """True where the codec's profile holds nothing but 4:2:0 in 8 bits."""
    size: tuple[int, int]
    pixel_aspect: Fraction
    colours: tuple[int, int, int]
    """Primaries, transfer and matrix, as numbers of ISO/IEC 23091-2; BT.709 is 1, 1, 1."""
    has_full_range: bool
    frame_count: int
    timescale: int
    """Ticks a second."""
    length_ticks: int
    """How many ticks all frames last together."""


def read_header(path: Path) -> SegmentHeader:
    """The header of a file. Raises `NoSegmentError`."""
    with path.open("rb") as file:
        while len(start := file.read(16)) >= 8:
            length, name = struct.unpack_from(">I4s", start)
            own = 8
            if length == 1:  # a box of more than 4 GB has its length behind its name
                (length,), own = struct.unpack_from(">Q", start, 8), 16
            if length < own:
                break
            file.seek(own - len(start), 1)
            if name == b"moov":
                return segment_header(file.read(length - own))
            file.seek(length - own, 1)
    raise NoSegmentError("it has no header")


def segment_header(movie: bytes) -> SegmentHeader:
    """The facts in a `moov` box. Raises `NoSegmentError`."""
    try:
        media = _inside(movie, b"trak", b"mdia")
        table = _inside(media, b"minf", b"stbl")
        clock, descriptions = _inside(media, b"mdhd"), _inside(table, b"stsd")
        sizes, times = _inside(table, b"stsz"), _inside(table, b"stts")
        (timescale,) = struct.unpack_from(">I", clock, 20 if clock[0] == 1 else 12)
        length, label, width, height = struct.unpack_from(">I4s24xHH", descriptions, 8)
        details = descriptions[8 + 86 : 8 + length]
        return SegmentHeader(
            label=label.decode("ascii"),
            is_eight_bit_420=_is_eight_bit_420(details),
            size=(width, height),
            pixel_aspect=Fraction(*struct.unpack(">II", _inside(details, b"pasp"))),
            colours=struct.unpack_from(">HHH", _inside(details, b"colr"), 4),
            has_full_range=bool(_inside(details, b"colr")[10] & 0x80),
            frame_count=struct.unpack_from(">I", sizes, 8)[0],
            timescale=timescale,
            length_ticks=sum(count * ticks for count, ticks in struct.iter_unpack(">II", times[8:])),
        )
    except (struct.error, IndexError, ZeroDivisionError, UnicodeDecodeError) as error:
        raise NoSegmentError(f"its header is damaged ({error})") from error


def _is_eight_bit_420(details: bytes) -> bool:
    """By the profile in the codec's own box: H.264 up to High, H.265 Main, AV1 Main without its ten bits."""
    boxes = dict(_boxes(details))
    if b"avcC" in boxes:
        return boxes[b"avcC"][1] in {66, 77, 100}
    if b"hvcC" in boxes:
        return boxes[b"hvcC"][1] & 0x1F == 1
    if b"av1C" in boxes:
        return boxes[b"av1C"][1] >> 5 == 0 and not boxes[b"av1C"][2] & 0b0101_0000
    raise NoSegmentError("its codec is none of ours")


def _inside(box: bytes, *names: bytes) -> bytes:
    """What the first box of that name holds, box in box."""
    for name in names:
        box = next((body for found, body in _boxes(box) if found == name), b"")
        if not box:
            raise NoSegmentError(f"its header lacks {name.decode()}")
    return box


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        if length < 8:
            return
        yield name, data[at + 8 : at + length]
        at += length
