"""Every rung of the fit ladder and every awkward source: made, fitted, counted, priced and pictured.

    python -m benchmarks.fit_table [--write] [--part table] [--part speed] [--part memory] [--part fitters]

Prints the tables of docs/fitting.md; `--write` puts them there, beside a sheet with the first, the middle and the last
frame of each segment. CPU seconds are those of ffmpeg and ffprobe, per second of the segment (320x180 at 24, veryfast,
one thread). The parts `speed`, `memory` and `fitters` are those of `benchmarks/fit_cost.py`; where none is named, all
are done.
"""

import argparse
import asyncio
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

from benchmarks import fit_cost
from benchmarks.fitting import OUTPUT, X264, Case, Row, fit, make_clip
from shared.project import Clip, Fit

PAGE = Path(__file__).parents[1] / "docs" / "fitting.md"
SHEET = PAGE.with_suffix(".jpg")
HDR = (
    "format=gbrpf32le,"
    "zscale=primariesin=709:transferin=709:matrixin=gbr:rangein=full:primaries=2020:transfer=smpte2084:npl=203"
)
HDR_TAGS = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error:crf=8", "-pix_fmt", "yuv420p10le")


SEE_THROUGH = "format=rgba,colorkey=blue:0.4"
PRORES_4444 = ("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le")
BLACK_FIRST = "drawbox=c=black:t=fill:enable='lt(t,1)'"
CASES = (
    Case("as long as its window", 120),
    Case("longer, even", 90),
    Case("longer, starts black", 72, filters=BLACK_FIRST),
    Case("longer, `in: 1.5s`", 72, footage=Clip(file="clip.mp4", in_ms=1500)),
    Case("longer and close, 60", 96, rate="60"),
    Case("the same, starts black", 72, rate="60", filters=BLACK_FIRST),
    Case("a little shorter", 132),
    Case("a little shorter, blend", 132, fit=Fit(slow_motion="blend")),
    Case("a little shorter, interpolate", 132, fit=Fit(slow_motion="interpolate")),
    Case("shorter: hold", 150),
    Case("shorter: boomerang", 220),
    Case("shorter: loop", 336),
    Case("two clips", 200, clips=2),
    Case("23.976", 72, rate="24000/1001"),
    Case("25", 72, rate="25"),
    Case("29.97", 72, rate="30000/1001"),
    Case("50", 72, rate="50"),
    Case("59.94", 72, rate="60000/1001"),
    Case("60", 72, rate="60"),
    Case("variable rate", 72, filters="select='not(mod(n,3))+lt(t,1)'", encoding=("-vsync", "vfr", *X264)),
    Case("turned (rotation metadata)", 72, size="180x320", again=("-metadata:s:v:0", "rotate=90")),
    Case("odd size", 72, size="321x181", encoding=(*X264[:-2], "-pix_fmt", "yuv444p")),
    Case("pixels not square", 72, filters="scale=240:180,setsar=4/3"),
    Case("10-bit H.265", 72, encoding=H265),
    Case("HDR (PQ)", 72, filters=f"{HDR}:matrix=2020_ncl:range=limited", encoding=(*H265, *HDR_TAGS)),
    Case("alpha (ProRes 4444)", 48, 3, filters=SEE_THROUGH, encoding=PRORES_4444, file="clip.mov"),
    Case("interlaced", 72, rate="50", filters="tinterlace=interleave_top", encoding=(*X264, "-flags", "+ildct+ilme")),
    Case("starts at 7.3 s", 72, file="clip.ts", again=("-output_ts_offset", "7.3")),
    Case("has sound", 72, sought=("-f", "lavfi", "-i", "sine=r=48000:d=5"), again=("-c:a", "aac")),
    Case("edit list", 72, encoding=(*X264, "-g", "24"), sought=("-ss", "0.7")),
    Case("still picture", 72, encoding=("-frames:v", "1"), file="clip.png"),
    Case("still picture (JPEG)", 72, encoding=("-frames:v", "1"), file="clip.jpg"),
    Case("still picture (WebP)", 72, encoding=("-frames:v", "1"), file="clip.webp"),
    Case("animated GIF", 48, 3, rate="25", encoding=(), file="clip.gif"),
    Case("animated WebP", 48, 3, rate="25", encoding=("-loop", "0"), file="clip.webp"),
    Case("portrait, cover", 48, size="180x320", fit=Fit(focus=(0.5, 0.2))),
    Case("portrait, contain", 48, size="180x320", fit=Fit(frame="contain")),
    Case("portrait, blur", 48, size="180x320", fit=Fit(frame="blur")),
)


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| | source | asked | got | what was done | CPU-s per s |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for number, row in enumerate(rows, start=1):
        seconds = float(row.case.frames / OUTPUT.fps)
        done = row.answer.fit.replace("|", "/")  # a bar would end the cell
        cells = (number, row.case.name, row.case.frames, row.frames, done, f"{row.cpu_seconds / seconds:.2f}")
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


THUMBNAIL = (128, 72)
CAPTION = 14
STRIPS_ACROSS = 3


def sheet(rows: list[Row]) -> Image.Image:
    """The first, the middle and the last frame of each segment, row by row under the table's numbers."""
    width, height = THUMBNAIL
    down = -(-len(rows) // STRIPS_ACROSS)
    size = (STRIPS_ACROSS * (3 * width + 8), down * (height + CAPTION + 4))
    page = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(page)
    for number, row in enumerate(rows):
        left = number % STRIPS_ACROSS * (3 * width + 8)
        top = number // STRIPS_ACROSS * (height + CAPTION + 4)
        draw.text((left + 2, top + 1), f"{number + 1}  {row.case.name}", fill="black")
        for place, picture in enumerate(pictures_of(row)):
            page.paste(picture, (left + place * width, top + CAPTION))
    return page


def pictures_of(row: Row) -> list[Image.Image]:
    """The first, the middle and the last frame of a row's segment, as small as they stand on the sheet."""
    width, height = THUMBNAIL
    wanted = "+".join(f"eq(n\\,{frame})" for frame in (0, row.frames // 2, row.frames - 1))
    reading = ("-i", str(row.segment), "-vf", f"select={wanted},scale={width}:{height}", "-vsync", "passthrough")
    command = ["ffmpeg", "-nostdin", "-v", "error", *reading, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    size = width * height * 3
    return [Image.frombytes("RGB", THUMBNAIL, data[at : at + size]) for at in range(0, len(data), size)]


def replaced(page: str, name: str, text: str) -> str:
    """The page with `text` between the marks of that name."""
    starts, ends = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    return page.split(starts, maxsplit=1)[0] + starts + "\n" + text + "\n" + ends + page.split(ends)[1]


PARTS = ["table", "speed", "memory", "fitters"]


def main() -> None:
    """Make, fit, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put what is printed and the sheet into docs/")
    parser.add_argument("--part", action="append", choices=PARTS, help="do only this part")
    chosen = parser.parse_args()
    wanted = chosen.part or PARTS
    parts: dict[str, str] = {}
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        if "table" in wanted:
            rows = list(fitted_rows(home))
            parts["table"] = table(rows)
            wrong = [row.case.name for row in rows if row.frames != row.case.frames]
            if chosen.write:
                sheet(rows).save(SHEET, quality=72)
        if "speed" in wanted:
            parts["speed"] = fit_cost.speed(home / "speed")
        if "memory" in wanted:
            parts["memory"] = fit_cost.memory(home / "memory")
        if "fitters" in wanted:
            parts["fitters"] = fit_cost.two_fitters(home / "fitters")
    for name, text in parts.items():
        print(text)
        if chosen.write:
            PAGE.write_text(replaced(PAGE.read_text(), name, text))
    if wrong:
        raise SystemExit(f"not the frames that were asked for: {', '.join(wrong)}")


def fitted_rows(home: Path) -> Iterator[Row]:
    """Every case, made and fitted."""
    for number, case in enumerate(CASES):
        own = home / str(number)
        own.mkdir()
        yield asyncio.run(fit(case, make_clip(case, own), own / "scratch"))


if __name__ == "__main__":
    main()
