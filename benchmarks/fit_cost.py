"""What a fit costs beside a plain ffmpeg, how much memory it takes, and how much two fitters do beside one.

Two parts of `python -m benchmarks.fit_table`.
"""

import asyncio
import multiprocessing
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from statistics import median

from benchmarks.fitting import Case, cpu_of_children, ffmpeg, fit, make_clip
from shared.project import Encoder, EncoderPreset, Fit, Output

ROUNDS = 5
"""Fitted and plain take turns, so that what else the machine does hits both alike; the median round counts."""

HD = Output(width=1280, height=720, fps=Fraction(24), encoder=Encoder(preset=EncoderPreset.VERYFAST, crf=20))
FULL_HD = HD.model_copy(update={"width": 1920, "height": 1080})

NOISY = "noise=alls=8:allf=t"
"""Footage has grain; a drawing without it would be decoded and encoded for next to nothing."""

AT_HD = Case("5 s at 24", 0, 5, size="1280x720", filters=NOISY)

RATIOS = (
    ("trimmed to 4 s", replace(AT_HD, frames=96), "1"),
    ("slowed to 0.91x", replace(AT_HD, frames=132), "132/120"),
    ("slowed to 0.91x, blend", replace(AT_HD, frames=132, fit=Fit(slow_motion="blend")), "132/120"),
    ("50 a second, sped up to 1.12x", replace(AT_HD, frames=96, rate="50"), "96/108"),
    ("50 a second, trimmed to 3 s", replace(AT_HD, frames=72, rate="50"), "1"),
)

AT_FULL_HD = Case("10 s at 24", 0, 10, size="1920x1080", filters=NOISY)

PEAKS = (
    ("trimmed", replace(AT_FULL_HD, frames=120)),
    ("slowed", replace(AT_FULL_HD, frames=260)),
    ("boomerang", replace(AT_FULL_HD, frames=480, fit=Fit(fill="boomerang"))),
    ("loop", replace(AT_FULL_HD, frames=480, fit=Fit(fill="loop"))),
    ("hold", replace(AT_FULL_HD, frames=330, fit=Fit(fill="hold"))),
)


def speed(folder: Path) -> str:
    """The tables of the cost and of the memory, as Markdown."""
    folder.mkdir()
    lines = ["| rung | CPU-s fitted | CPU-s plain | ratio (median, least to most) |", "| --- | --- | --- | --- |"]
    for number, (name, case, slower) in enumerate(RATIOS):
        own = folder / str(number)
        own.mkdir()
        lines.append(_beside_plain(name, case, slower, own))
    lines += ["", "| rung at 1920x1080 | most memory of one process |", "| --- | --- |"]
    clip = make_clip(AT_FULL_HD, folder)
    for name, case in PEAKS:
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            peak = alone.submit(peak_bytes, case, clip, folder / name).result()
        lines.append(f"| {name} | {peak / 1_000_000:.0f} MB |")
    return "\n".join(lines) + "\n"


def _beside_plain(name: str, case: Case, slower: str, folder: Path) -> str:
    clip = make_clip(case, folder)
    fitted, plain = [], []
    for number in range(ROUNDS):
        fitted.append(asyncio.run(fit(case, clip, folder / f"fit-{number}", HD)).cpu_seconds)
        plain.append(_plain_cost(clip, case, slower, folder / f"plain-{number}.mp4"))
    ratios = sorted(one / other for one, other in zip(fitted, plain, strict=True))
    ratio = f"{median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    return f"| {name} | {median(fitted):.2f} | {median(plain):.2f} | {ratio} |"


def _plain_cost(clip: Path, case: Case, slower: str, target: Path) -> float:
    """CPU seconds of one plain ffmpeg that decodes the same part and encodes as many frames at the same settings."""
    part = str(float(case.frames / HD.fps / Fraction(slower)))
    before = cpu_of_children()
    ffmpeg(
        *("-threads", "1", "-t", part, "-i", str(clip)),
        *("-vf", f"setpts=PTS*{slower},fps=24,tpad=stop=2:stop_mode=clone", "-frames:v", str(case.frames)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "2", "-threads", "1"),
        *("-x264-params", "keyint=48:min-keyint=24", str(target)),
    )
    return cpu_of_children() - before


def peak_bytes(case: Case, clip: Path, folder: Path) -> int:
    """The most memory that any process of one fit took: ffmpeg, ffprobe or the fitter itself."""
    asyncio.run(fit(case, clip, folder, FULL_HD))
    sizes = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    return 1024 * max(sizes)


def two_fitters(folder: Path) -> str:
    """How many times more two fitters do than one in the same time: a sentence."""
    folder.mkdir()
    case = replace(AT_HD, frames=110)
    clip = make_clip(case, folder)
    ratios = sorted(asyncio.run(_throughput(case, clip, folder / str(number))) for number in range(ROUNDS))
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"Two fitters do {median(ratios):.2f} times what one does (rounds: {each}; `fit` of 4.6 s of 1280x720).\n"


async def _throughput(case: Case, clip: Path, folder: Path) -> float:
    await asyncio.to_thread(folder.mkdir)
    began = time.monotonic()
    for number in range(2):
        await fit(case, clip, folder / f"alone-{number}", HD)
    alone = time.monotonic() - began
    began = time.monotonic()
    await asyncio.gather(*(fit(case, clip, folder / f"beside-{number}", HD) for number in range(2)))
    return alone / (time.monotonic() - began)
