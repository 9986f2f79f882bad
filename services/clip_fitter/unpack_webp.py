"""Unpacks an animated WebP into an animated PNG, which ffmpeg reads: a program of its own, since its input is hostile.

    python -I unpack_webp.py SOURCE TARGET MOST_PIXELS MOST_PICTURES

It limits itself before it opens anything: memory, processor time, the size of what it writes. One picture is in memory
at a time, and each keeps its own duration. What it refuses it says in one line on standard error.
"""

import resource
import signal
import struct
import sys
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import BinaryIO

from PIL import Image, WebPImagePlugin

MEMORY_BYTES = 1_500_000_000
"""Two canvases of 40 million pixels and two copies of a picture, four bytes a pixel, and Python itself."""
PROCESSOR_SECONDS = 300
TARGET_BYTES = 2_000_000_000

INSTANT_MS, SHOWN_INSTEAD_MS = 10, 100
"""Pictures that claim no time at all are shown for a tenth of a second by every browser, and so here."""

LONGEST_MS = 65_535
"""A PNG keeps a picture's duration in 16 bits. The fitter refuses far shorter ones (`ClipLimits.picture_ms`)."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"


class RefusedError(Exception):
    """The file is no animation that could be footage; the message says why."""


def limit_this_process() -> None:
    """From now on: no more memory, time or space than any footage needs, and never more than was given before."""
    signal.signal(signal.SIGXCPU, _refuse_to_go_on)
    for what, most, grace in (
        (resource.RLIMIT_AS, MEMORY_BYTES, 0),
        (resource.RLIMIT_FSIZE, TARGET_BYTES, 0),
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS, 10),  # time to say so
    ):
        _, given = resource.getrlimit(what)
        hard = most + grace if given == resource.RLIM_INFINITY else min(most + grace, given)
        resource.setrlimit(what, (min(most, hard), hard))


def _refuse_to_go_on(_: int, __: FrameType | None) -> None:
    raise RefusedError("it takes too long to unpack")


def unpack(source: Path, target: Path, most_pixels: int, most_pictures: int) -> None:
    """Write every picture of the WebP `source` into the animated PNG `target`. Raises `RefusedError` and `OSError`."""
    Image.MAX_IMAGE_PIXELS = None  # our own limit follows, as soon as the size is known and before anything is decoded
    with Image.open(source, formats=["WEBP"]) as opened, target.open("wb") as written:
        assert isinstance(opened, WebPImagePlugin.WebPImageFile)
        width, height = opened.size
        if width * height > most_pixels:
            raise RefusedError(f"it is {width}x{height}, more than {most_pixels // 1_000_000} million pixels")
        if opened.n_frames > most_pictures:
            raise RefusedError(f"it has {opened.n_frames} pictures, more than {most_pictures}")
        write_animated_png(written, opened.n_frames, pictures_of(opened))


def pictures_of(opened: WebPImagePlugin.WebPImageFile) -> Iterator[tuple[Image.Image, int]]:
    """Each picture, whole, and for how many milliseconds it is shown."""
    # A WebP without transparency is opened as RGB; all pictures of a PNG are of one kind.
    for number in range(opened.n_frames):
        opened.seek(number)
        opened.load()
        shown_ms = int(opened.info["duration"])
        if shown_ms > LONGEST_MS:
            raise RefusedError(f"it shows one picture for {shown_ms // 1000} s")
        yield opened, SHOWN_INSTEAD_MS if shown_ms <= INSTANT_MS else shown_ms


def write_animated_png(written: BinaryIO, count: int, pictures: Iterator[tuple[Image.Image, int]]) -> None:
    """Write `count` pictures of one size, each with its duration in milliseconds.

    Pillow writes animated PNGs too, but keeps all pictures in memory until the last has come. An animated PNG is a row
    of whole PNGs that share one header (PNG specification, third edition, 11.3.7): acTL once, then for each picture
    fcTL (its place, size and duration) and its data, which after the first picture is called fdAT.
    """
    order = 0
    written.write(SIGNATURE)
    for number, (picture, shown_ms) in enumerate(pictures):
        header, *data = _header_and_data(picture)
        if number == 0:
            _write_chunk(written, b"IHDR", header)
            _write_chunk(written, b"acTL", struct.pack(">II", count, 0))
        control = struct.pack(">IIIIIHHBB", order, picture.width, picture.height, 0, 0, shown_ms, 1000, 0, 0)
        _write_chunk(written, b"fcTL", control)
        order += 1
        for part in data:
            if number == 0:
                _write_chunk(written, b"IDAT", part)
            else:
                _write_chunk(written, b"fdAT", struct.pack(">I", order) + part)
                order += 1
    _write_chunk(written, b"IEND", b"")


def _header_and_data(picture: Image.Image) -> Iterator[bytes]:
    """The header of a picture as a PNG, then its compressed data part by part."""
    png = BytesIO()
    picture.save(png, format="PNG", compress_level=1)  # read once and thrown away: fast counts, not small
    whole, at = png.getbuffer(), len(SIGNATURE)
    while at < len(whole):
        length, kind = struct.unpack_from(">I4s", whole, at)
        if kind in {b"IHDR", b"IDAT"}:
            yield bytes(whole[at + 8 : at + 8 + length])
        at += 12 + length


def _write_chunk(written: BinaryIO, kind: bytes, data: bytes) -> None:
    written.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


def main(arguments: list[str]) -> None:
    """Unpack, or say in one line why not."""
    source, target, most_pixels, most_pictures = arguments
    limit_this_process()
    try:
        unpack(Path(source), Path(target), int(most_pixels), int(most_pictures))
    except MemoryError:
        sys.exit("it takes too much memory to unpack")
    except (RefusedError, OSError, EOFError, SyntaxError, ValueError) as error:  # what Pillow raises for damaged files
        sys.exit(str(error))


if __name__ == "__main__":
    main(sys.argv[1:])
