"""Tiny media for tests, and readers that look at the pixels of what comes out.

A numbered clip carries each frame's number in its pixels: nine dark or light squares in the middle of the picture,
which survive scaling, cropping, colour conversion and encoding. So a test can tell which source frame is shown:

    +-----------------------+
    |       [1][2][4]       |      the middle square is half as high as the picture's shorter side
    |       [8] ...         |
    |       [64]  [256]     |
    +-----------------------+
"""

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pictures: TypeAlias = NDArray[np.uint8]
"""Frames, rows, columns, and for colour a last axis of red, green, blue."""

NUMBERS = 512
"""How many frames nine squares can tell apart."""

H264 = ("-c:v", "libx264", "-preset", "ultrafast", "-crf", "10", "-pix_fmt", "yuv420p")


def make_numbered_clip(
    path: Path,
    *,
    frames: int,
    fps: str = "24",
    size: tuple[int, int] = (128, 72),
    filters: str = "null",
    encoding: Sequence[str] = H264,
    sound: bool = False,
) -> Path:
    """Write a clip of `frames` numbered frames, passed through `filters` and encoded as `encoding` says."""
    width, height = size
    pictures = np.stack([numbered_picture(number, width, height) for number in range(frames)])
    seconds = float(frames / Fraction(fps))
    tone = ("-f", "lavfi", "-i", f"sine=f=440:r=48000:d={seconds}") if sound else ()
    command = [
        *("-f", "rawvideo", "-pix_fmt", "gray", "-s", f"{width}x{height}", "-r", fps, "-i", "pipe:0", *tone),
        *("-vf", f"scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,{filters}"),
        *encoding,
        *(("-c:a", "aac") if sound else ()),
        str(path),
    ]
    run_tool("ffmpeg", *command, data=pictures.tobytes())
    return path


def numbered_picture(number: int, width: int, height: int) -> Pictures:
    """One grey picture that carries `number`."""
    if not 0 <= number < NUMBERS:
        raise ValueError(f"a frame's number is below {NUMBERS}, not {number}")
    picture = np.full((height, width), 110, dtype=np.uint8)
    cell = min(width, height) // 6
    left, top = (width - 3 * cell) // 2, (height - 3 * cell) // 2
    for bit in range(9):
        x, y = left + bit % 3 * cell, top + bit // 3 * cell
        picture[y : y + cell, x : x + cell] = 220 if number >> bit & 1 else 35
    return picture


def read_number(picture: Pictures, *, side: float | None = None) -> int:
    """The number that a grey picture carries; `side` is the middle square's where the picture was cropped or barred."""
    height, width = picture.shape
    cell = (side or min(width, height) / 2) / 3
    number = 0
    for bit in range(9):
        x, y = width / 2 + (bit % 3 - 1) * cell, height / 2 + (bit // 3 - 1) * cell
        reach = max(1, cell / 5)
        middle = picture[int(y - reach) : int(y + reach) + 1, int(x - reach) : int(x + reach) + 1]
        number |= int(middle.mean() > 120) << bit
    return number


def read_numbers(path: Path, *, side: float | None = None) -> list[int]:
    """The numbers that the frames of a file carry, in the order in which they are shown."""
    return [read_number(picture, side=side) for picture in decode_grey(path)]


def make_colour_clip(
    path: Path, colour: tuple[int, int, int], *, frames: int, filters: str, encoding: Sequence[str], fps: str = "24"
) -> Path:
    """Write a clip of one colour, given as red, green, blue; `filters` turn it into the pixels to encode."""
    source = f"color=c=#{bytes(colour).hex()}:s=128x72:r={fps}"
    chain = f"format=gbrp,{filters}"
    run_tool("ffmpeg", "-f", "lavfi", "-i", source, "-vf", chain, "-frames:v", str(frames), *encoding, str(path))
    return path


def make_tone(path: Path, *, seconds: float, frequency: int = 440) -> Path:
    """Write a sound file that holds a sine."""
    run_tool("ffmpeg", "-f", "lavfi", "-i", f"sine=f={frequency}:r=48000:d={seconds}", str(path))
    return path


def decode_grey(path: Path) -> Pictures:
    """All frames of a file as they are stored, brightness only."""
    width, height = _stored_size(path)
    data = run_tool("ffmpeg", "-i", str(path), "-vsync", "passthrough", "-f", "rawvideo", "-pix_fmt", "gray", "pipe:1")
    return np.frombuffer(data, np.uint8).reshape(-1, height, width)


def decode_colour(path: Path) -> Pictures:
    """All frames of a BT.709 file as red, green, blue."""
    width, height = _stored_size(path)
    to_rgb = "scale=in_color_matrix=bt709:in_range=tv:flags=accurate_rnd+full_chroma_int,format=rgb24"
    data = run_tool("ffmpeg", "-i", str(path), "-vsync", "passthrough", "-vf", to_rgb, "-f", "rawvideo", "pipe:1")
    return np.frombuffer(data, np.uint8).reshape(-1, height, width, 3)


def run_tool(program: str, *arguments: str, data: bytes | None = None) -> bytes:
    """Run ffmpeg or ffprobe to its end and return what it printed; raises with its complaint where it refuses."""
    own = ("-nostdin", "-y") if program == "ffmpeg" and data is None else ("-y",) if program == "ffmpeg" else ()
    command = [program, "-v", "error", *own, *arguments]
    done = subprocess.run(command, input=data, capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise RuntimeError(f"{program} {' '.join(arguments)}: {done.stderr.decode(errors='replace')}")
    return done.stdout


def _stored_size(path: Path) -> tuple[int, int]:
    text = run_tool(
        "ffprobe", "-select_streams", "v:0", "-show_entries", "stream=width,height", "-of", "csv=p=0", str(path)
    )
    width, height = text.decode().split()[0].strip(",").split(",")[:2]
    return int(width), int(height)
