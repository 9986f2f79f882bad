"""Every rung of the fit ladder and every awkward source: made, fitted, counted, priced and pictured.

    python -m benchmarks.fit_table [--write] [--two-fitters]

Prints the table of docs/fitting.md; `--write` puts it there, with a picture of the middle of each segment. CPU seconds
are those of ffmpeg and ffprobe, per second of the segment (320x180 at 24, veryfast, one thread). Ratios follow: a
trim and a slow-down beside one plain ffmpeg that decodes the same part and encodes the same frames, and, with
`--two-fitters` on a machine that is otherwise idle, two fitters beside one.
"""

import argparse
import asyncio
import resource
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from services.clip_fitter.footage_advice import read_models
from services.clip_fitter.handlers import Handlers
from services.clip_fitter.settings import Settings
from shared.events import SceneFitted, ScenePlanned
from shared.project import Clip, Encoder, EncoderPreset, Fit, Output
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import FrameGrid, Span

PAGE = Path(__file__).parents[1] / "docs" / "fitting.md"
PICTURES = PAGE.with_suffix("")
OUTPUT = Output(width=320, height=180, fps=Fraction(24), encoder=Encoder(preset=EncoderPreset.VERYFAST, crf=20))
TABLE_STARTS, TABLE_ENDS = "<!-- table -->\n", "<!-- /table -->\n"

MOVING = "testsrc2=s={size}:r={rate}:d={seconds}"
X264 = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "18", "-pix_fmt", "yuv420p")
HDR = (
    "format=gbrpf32le,zscale=primariesin=709:transferin=709:matrixin=gbr:rangein=full:primaries=2020:transfer=smpte2084"
)
HDR_TAGS = ("-color_primaries", "bt2020", "-color_trc", "smpte2084", "-colorspace", "bt2020nc")
H265 = ("-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p10le")


@dataclass(frozen=True)
class Case:
    """One line of the table: how its source is made, how many frames are asked for, and what the project says."""

    name: str
    frames: int
    seconds: float = 5
    size: str = "320x180"
    rate: str = "24"
    filters: str = "null"
    encoding: tuple[str, ...] = X264
    file: str = "clip.mp4"
    again: tuple[str, ...] = ()
    """Arguments of a second ffmpeg that copies the clip into what is fitted."""
    clips: int = 1
    fit: Fit = field(default_factory=Fit)
    footage: Clip | None = None


BLACK_FIRST = "drawbox=c=black:t=fill:enable='lt(t,1)'"
CASES = (
    Case("as long as its window", 120),
    Case("longer, even", 90),
    Case("longer, starts black", 72, filters=BLACK_FIRST),
    Case("longer, `in: 1.5s`", 72, footage=Clip(file="clip.mp4", in_ms=1500)),
    Case("a little shorter", 132),
    Case("shorter: hold", 150),
    Case("shorter: boomerang", 220),
    Case("shorter: loop", 336),
    Case("two clips", 200, clips=2),
    Case("23.976", 72, rate="24000/1001"),
    Case("25", 72, rate="25"),
    Case("29.97", 72, rate="30000/1001"),
    Case("60", 72, rate="60"),
    Case("variable rate", 72, filters="select='not(mod(n,3))+lt(t,1)'", encoding=("-vsync", "vfr", *X264)),
    Case("turned (rotation metadata)", 72, size="180x320", again=("-metadata:s:v:0", "rotate=90")),
    Case("odd size", 72, size="321x181", encoding=(*X264[:-2], "-pix_fmt", "yuv444p")),
    Case("pixels not square", 72, filters="scale=240:180,setsar=4/3"),
    Case("10-bit H.265", 72, encoding=H265),
    Case("HDR (PQ)", 72, filters=f"{HDR}:matrix=2020_ncl:range=limited", encoding=(*H265, *HDR_TAGS)),
    Case("alpha (ProRes 4444)", 48, 3, encoding=("-c:v", "prores_ks", "-pix_fmt", "yuva444p10le"), file="clip.mov"),
    Case("interlaced", 72, rate="50", filters="tinterlace=interleave_top", encoding=(*X264, "-flags", "+ildct+ilme")),
    Case("starts at 7.3 s", 72, file="clip.ts", again=("-output_ts_offset", "7.3")),
    Case("edit list", 72, again=("-ss", "0.7")),
    Case("still picture", 72, encoding=("-frames:v", "1"), file="clip.png"),
    Case("animated GIF", 48, 3, rate="25", encoding=(), file="clip.gif"),
    Case("portrait, cover", 48, size="180x320", fit=Fit(focus=(0.5, 0.2))),
    Case("portrait, contain", 48, size="180x320", fit=Fit(frame="contain")),
    Case("portrait, blur", 48, size="180x320", fit=Fit(frame="blur")),
)


@dataclass(frozen=True)
class Row:
    """What became of a case."""

    case: Case
    answer: SceneFitted
    frames: int
    cpu_seconds: float
    segment: Path


def ffmpeg(*arguments: str) -> None:
    """Run ffmpeg to its end."""
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True)


def make_clip(case: Case, folder: Path) -> Path:
    """The source of a case."""
    made = folder / case.file
    source = MOVING.format(size=case.size, rate=case.rate, seconds=case.seconds)
    ffmpeg("-f", "lavfi", "-i", source, "-vf", case.filters, *case.encoding, str(made))
    if not case.again:
        return made
    second = folder / f"again-{case.file}"
    ffmpeg("-i", str(made), "-c", "copy", *case.again, str(second))
    return second


def cpu_of_children() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def fit(case: Case, clip: Path, folder: Path) -> Row:
    """Fit the case's source as the service does."""
    store, settings = MemoryStore(), Settings()
    await asyncio.to_thread(folder.mkdir)
    asset = await store.put_file(clip, f"sources/{clip.name}", "video/mp4")
    event = ScenePlanned(
        project_id="table",
        scene_number=1,
        scene_id="scene",
        window=Span(0, FrameGrid(OUTPUT.fps).ms_at(case.frames)),
        frame_count=case.frames,
        clips=(asset,) * case.clips,
        output=OUTPUT,
        fit=case.fit,
        footage=(case.footage,) if case.footage else (),
    )
    models = read_models(await asyncio.to_thread(settings.video_models_file.read_text))
    before = cpu_of_children()
    answer = await Handlers(store, settings, 1, models).fit_scene(event, RecordedStep(folder))
    spent = cpu_of_children() - before
    segment = folder / "segment.mp4"
    return Row(case, answer, await asyncio.to_thread(count_frames, segment), spent, segment)


def count_frames(segment: Path) -> int:
    """How many frames a file has, every one of them decoded."""
    entries = ("-count_frames", "-show_entries", "stream=nb_read_frames", "-of", "csv=p=0")
    count = subprocess.run(["ffprobe", "-v", "error", *entries, str(segment)], check=True, capture_output=True)
    return int(count.stdout.decode().strip().strip(","))


def picture_name(case: Case) -> str:
    """The file of a case's picture."""
    return "".join(letter if letter.isalnum() else "-" for letter in case.name.lower()).strip("-") + ".jpg"


def table(rows: list[Row]) -> str:
    """The rows as Markdown."""
    lines = [
        "| source | asked | got | what was done | CPU-s per s | the middle |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        seconds = float(row.case.frames / OUTPUT.fps)
        picture = f"![](fitting/{picture_name(row.case)})"
        cells = (
            row.case.name,
            row.case.frames,
            row.frames,
            row.answer.fit,
            f"{row.cpu_seconds / seconds:.2f}",
            picture,
        )
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def plain_cost(clip: Path, frames: int, slowed: str, target: Path) -> float:
    """CPU seconds of one plain ffmpeg that decodes the part and encodes the frames."""
    before = cpu_of_children()
    ffmpeg(
        *("-threads", "1", "-t", "5", "-i", str(clip), "-vf", f"setpts=PTS*{slowed},fps=24", "-frames:v", str(frames)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "2", "-threads", "1", str(target)),
    )
    return cpu_of_children() - before


async def fitters_ratio(clip: Path, folder: Path) -> float:
    """How many times more two fitters do than one in the same time."""
    case = Case("throughput", 110)
    began = time.monotonic()
    for number in range(4):
        await fit(case, clip, folder / f"alone-{number}")
    alone = time.monotonic() - began
    began = time.monotonic()
    for number in range(2):
        await asyncio.gather(*(fit(case, clip, folder / f"beside-{number}-{one}") for one in range(2)))
    return alone / (time.monotonic() - began)


def main() -> None:
    """Make, fit, count, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="put the table and the pictures into docs/")
    parser.add_argument("--two-fitters", action="store_true", help="measure two fitters beside one, too")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home, rows = Path(folder), []
        for number, case in enumerate(CASES):
            own = home / str(number)
            own.mkdir()
            rows.append(asyncio.run(fit(case, make_clip(case, own), own / "scratch")))
        text = table(rows)
        clip = make_clip(CASES[0], home)
        for name, frames, slowed in (("trim", 90, "1"), ("slowed", 132, "132/120")):
            spent = asyncio.run(fit(Case(name, frames), clip, home / name)).cpu_seconds
            plain = plain_cost(clip, frames, slowed, home / f"plain-{name}.mp4")
            text += f"\n{name}: {spent:.2f} CPU-s, plain ffmpeg {plain:.2f}, ratio {spent / plain:.2f}\n"
        if chosen.two_fitters:
            text += f"\ntwo fitters do {asyncio.run(fitters_ratio(clip, home)):.2f} times what one does\n"
        print(text)
        if chosen.write:
            PICTURES.mkdir(exist_ok=True)
            for row in rows:
                middle = f"select=eq(n\\,{row.frames // 2}),scale=160:-2"
                target = str(PICTURES / picture_name(row.case))
                ffmpeg("-i", str(row.segment), "-vf", middle, "-frames:v", "1", "-q:v", "7", target)
            page = PAGE.read_text()
            before, after = page.split(TABLE_STARTS)[0], page.split(TABLE_ENDS)[1]
            PAGE.write_text(before + TABLE_STARTS + "\n" + text + "\n" + TABLE_ENDS + after)
    wrong = [row.case.name for row in rows if row.frames != row.case.frames]
    if wrong:
        raise SystemExit(f"not the frames that were asked for: {', '.join(wrong)}")


if __name__ == "__main__":
    main()
