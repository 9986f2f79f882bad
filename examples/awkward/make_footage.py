"""Makes the demo's footage: twelve clips, each of them awkward in its own way, and one image that moves. What is there
already is left alone.

    python examples/awkward/make_footage.py [--size 640x360] [--into FOLDER]

Everything is drawn by ffmpeg's own generators; `--size` is that of a landscape clip, and the others follow it.
"""

import argparse
import random
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent
H264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")
H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-tag:v", "hvc1")
HDR_TAGS = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_range", "tv")
TO_HDR = (
    "format=gbrpf32le,zscale=primariesin=709:transferin=709:matrixin=gbr:rangein=full"
    ":primaries=2020:transfer=smpte2084:matrix=2020_ncl:range=limited:npl=203,format=yuv420p10le"
)


@dataclass(frozen=True)
class Size:
    """The size of a landscape clip."""

    width: int
    height: int

    def __str__(self) -> str:
        return f"{self.width}x{self.height}"

    @property
    def upright(self) -> "Size":
        """The same, standing."""
        return Size(self.height, self.width)


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg to its end."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True)


def dusk_over(size: Size, rate: str, seconds: float, colours: tuple[str, str, str], speed: float = 0.02) -> str:
    """Slowly turning bands of colour, with a little grain."""
    named = ":".join(f"c{number}=0x{colour}" for number, colour in enumerate(colours))
    whole = f"gradients=s={size}:r={rate}:d={seconds}:n=3:{named}:speed={speed}:seed=7"
    return f"{whole},format=yuv444p,noise=alls=4:allf=t"  # on RGB, noise would break the pixels


def tides(size: Size, rate: str, seconds: float) -> str:
    """A set of waves that rolls from the left to the right."""
    small = f"{size.width // 2}x{size.height // 2}"
    wave = "110+70*sin(X/{0}+T*2.4)*sin(Y/{1}-T*1.1)"
    lum = wave.format(size.width // 26, size.height // 16)
    drawn = f"color=black:s={small}:r={rate}:d={seconds},format=yuv444p,geq=lum='{lum}':cb='150-30*Y/H':cr='100+20*X/W'"
    return f"{drawn},scale={size.width}:{size.height}:flags=bicubic"


def rings(size: Size, rate: str, seconds: float) -> str:
    """Rings that run outwards from the middle."""
    small = f"{size.width // 2}x{size.height // 2}"
    lum = "120+80*sin(hypot(X-W/2,Y-H/2)/8-T*5)"
    drawn = f"color=black:s={small}:r={rate}:d={seconds},format=yuv444p,geq=lum='{lum}':cb='118':cr='138+20*sin(T)'"
    return f"{drawn},scale={size.width}:{size.height}:flags=bicubic"


def zoom(size: Size, rate: str, seconds: float) -> str:
    """A flight into the Mandelbrot set."""
    return f"mandelbrot=s={size}:r={rate}:end_scale=0.02:end_pts=300,trim=duration={seconds}"


def lavfi(source: str, target: Path, *encoding: str) -> None:
    """Draw a source and encode it."""
    ffmpeg("-f", "lavfi", "-i", source, *encoding, str(target))


def phone(size: Size, target: Path) -> None:
    """Variable rate: a phone drops pictures where it is dark."""
    source = tides(size, "60", 6)
    lavfi(f"{source},select='if(lt(t,2),not(mod(n,3)),if(lt(t,4),1,not(mod(n,2))))'", target, "-vsync", "vfr", *H264)


def tilted(size: Size, target: Path) -> None:
    """Stored lying on its side, with the note that it has to be turned."""
    lying = target.with_suffix(".lying.mp4")
    drawn = dusk_over(size, "30", 5, ("f0b060", "204050", "805070"))
    lavfi(f"{drawn},transpose=clock", lying, *H264)
    ffmpeg("-i", str(lying), "-c", "copy", "-metadata:s:v:0", "rotate=90", str(target))
    lying.unlink()


def anamorphic(size: Size, target: Path) -> None:
    """Pixels that are wider than high, as on a DVD."""
    lavfi(f"{rings(size, '25', 5)},scale={size.width * 3 // 4 // 2 * 2}:{size.height},setsar=4/3", target, *H264)


def ten_bit(size: Size, target: Path) -> None:
    """H.265 in ten bits."""
    source = dusk_over(size, "24", 5, ("102040", "e07030", "301030"))
    lavfi(source, target, *H265, "-pix_fmt", "yuv420p10le")


def bright(size: Size, target: Path) -> None:
    """High dynamic range: BT.2020 colours and PQ brightness."""
    source = dusk_over(size, "30", 6, ("204060", "f0e0a0", "803020"))
    lavfi(f"{source},{TO_HDR}", target, *H265, "-pix_fmt", "yuv420p10le", *HDR_TAGS)


def sticker(size: Size, target: Path) -> None:
    """Transparent around a shape, with hidden colours: an overlay that somebody exported as ProRes 4444."""
    alpha = "geq=r='r(X,Y)':g='g(X,Y)':b='b(X,Y)':a='255*lt(hypot(X-W/2-W/6*sin(T),Y-H/2),H/3)'"
    lavfi(f"{rings(size, '24', 5)},format=gbrap,{alpha}", target, "-c:v", "prores_ks", "-pix_fmt", "yuva444p10le")


def broadcast(size: Size, target: Path) -> None:
    """Interlaced, as television has it."""
    fields = f"{tides(size, '50', 5)},tinterlace=interleave_top,setfield=tff"
    lavfi(fields, target, *H264, "-flags", "+ildct+ilme", "-x264-params", "tff=1")


def late(size: Size, target: Path) -> None:
    """A recording whose clock says 7.3 s at its first picture."""
    whole = target.with_suffix(".whole.ts")
    lavfi(rings(size, "30000/1001", 5), whole, *H264)
    ffmpeg("-i", str(whole), "-c", "copy", "-output_ts_offset", "7.3", str(target))
    whole.unlink()


def edited(size: Size, target: Path) -> None:
    """Cut without encoding it again: an edit list hides the pictures before the cut."""
    whole = target.with_suffix(".whole.mp4")
    lavfi(zoom(size, "30", 8), whole, *H264, "-g", "48")
    ffmpeg("-ss", "1.3", "-i", str(whole), "-c", "copy", str(target))
    whole.unlink()


def photograph(size: Size, target: Path) -> None:
    """A still picture, larger than the video."""
    large = Size(size.width * 2, size.height * 2)
    lavfi(f"mandelbrot=s={large}:start_scale=0.4", target, "-frames:v", "1")


def sketch(size: Size, target: Path) -> None:
    """An animated GIF, drawn by hand."""
    chance, pictures = random.Random(3), []
    boats = [(chance.uniform(0, 1), chance.uniform(0.35, 0.8)) for _ in range(5)]
    for number in range(48):
        picture = Image.new("P", (size.width // 2, size.height // 2), 0)
        picture.putpalette([24, 40, 72, 240, 236, 220, 196, 90, 60])
        draw = ImageDraw.Draw(picture)
        for across, down in boats:
            left, top = (across + number / 240) % 1 * picture.width, down * picture.height
            unit = picture.height / 14
            draw.polygon(
                [(left, top), (left + 3 * unit, top), (left + 2.4 * unit, top + unit), (left + 0.5 * unit, top + unit)],
                fill=2,
            )
            draw.polygon(
                [
                    (left + 1.4 * unit, top - 2.4 * unit),
                    (left + 1.4 * unit, top - 0.2 * unit),
                    (left + 2.8 * unit, top - 0.2 * unit),
                ],
                fill=1,
            )
        pictures.append(picture)
    pictures[0].save(target, save_all=True, append_images=pictures[1:], duration=100, loop=0)


def vertical(size: Size, target: Path) -> None:
    """Portrait, at 59.94 pictures a second."""
    lavfi(tides(size.upright, "60000/1001", 5), target, *H264)


CLIPS: dict[str, Callable[[Size, Path], None]] = {
    "phone.mp4": phone,
    "tilted.mp4": tilted,
    "anamorphic.mp4": anamorphic,
    "ten-bit.mp4": ten_bit,
    "bright.mp4": bright,
    "sticker.mov": sticker,
    "broadcast.mp4": broadcast,
    "late.ts": late,
    "edited.mp4": edited,
    "photograph.png": photograph,
    "sketch.gif": sketch,
    "vertical.mp4": vertical,
}


def main() -> None:
    """Make what is missing and say so."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="640x360", help="of a landscape clip, multiples of four")
    parser.add_argument("--into", type=Path, default=HERE / "clips", help="the folder")
    chosen = parser.parse_args()
    width, _, height = chosen.size.partition("x")
    chosen.into.mkdir(parents=True, exist_ok=True)
    for name, make in CLIPS.items():
        target = chosen.into / name
        if target.exists():
            continue
        arriving = target.with_name(f"arriving-{name}")
        make(Size(int(width), int(height)), arriving)
        arriving.replace(target)
        print(f"  clips/{name}: {(make.__doc__ or '').splitlines()[0]}")


if __name__ == "__main__":
    main()
