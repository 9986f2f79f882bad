"""What a fit costs beside a plain ffmpeg, how much memory it takes, and how much two fitters do beside one.

Three parts of `python -m benchmarks.fit_table`.
"""

import asyncio
import multiprocessing
import os
import resource
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from fractions import Fraction
from multiprocessing.synchronize import Barrier
from pathlib import Path
from statistics import median

from benchmarks.fitting import Case, fit, make_clip
from services.clip_fitter.processors import processors_given, threads_of_one_encode
from services.clip_fitter.settings import Settings
from shared.project import Encoder, EncoderPreset, Fit, Output

ROUNDS = 5
"""The median round counts."""

HD = Output(width=1280, height=720, fps=Fraction(24), encoder=Encoder(preset=EncoderPreset.VERYFAST, crf=20))

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

AT_FULL_HD = Case("20 s at 24", 0, 20, size="1920x1080")
"""Without grain: how many pictures are held in memory does not depend on what they show, and it is quick to draw."""

SIXTY = replace(AT_FULL_HD, seconds=10, rate="60")
PHOTOGRAPH = replace(AT_FULL_HD, encoding=("-frames:v", "1"), file="clip.png")
ANIMATION = replace(AT_FULL_HD, seconds=5, file="clip.webp", encoding=("-loop", "0"))

PEAKS = (
    ("trimmed", replace(AT_FULL_HD, frames=240)),
    ("sped up", replace(SIXTY, frames=216)),
    ("slowed", replace(AT_FULL_HD, frames=520)),
    ("slowed, blend", replace(AT_FULL_HD, frames=520, fit=Fit(slow_motion="blend"))),
    ("slowed, interpolate", replace(AT_FULL_HD, seconds=2, frames=52, fit=Fit(slow_motion="interpolate"))),
    ("hold", replace(AT_FULL_HD, frames=600, fit=Fit(fill="hold"))),
    ("boomerang", replace(AT_FULL_HD, frames=960, fit=Fit(fill="boomerang"))),
    ("loop", replace(AT_FULL_HD, frames=960, fit=Fit(fill="loop"))),
    ("two clips", replace(AT_FULL_HD, frames=600, clips=2)),
    ("photograph", replace(PHOTOGRAPH, frames=240)),
    ("animated WebP of 5 s", replace(ANIMATION, frames=96)),
    ("portrait, blur", replace(AT_FULL_HD, frames=240, size="1080x1920", fit=Fit(frame="blur"))),
)
"""Every rung. All pictures of a clip of 20 s together would take 1,490 MB. Interpolation is slow and holds a few
pictures whatever the length, so its clip is short."""

DEFAULT_FULL_HD = Output(width=1920, height=1080, fps=Fraction(24))
"""With the default encoder settings, which look 40 frames ahead; `veryfast` looks ten."""

PEAK_THREADS = 2


def speed(folder: Path) -> str:
    """The table of the cost, as Markdown."""
    folder.mkdir()
    lines = ["| rung | CPU-s fitted | CPU-s plain | ratio (median, least to most) |", "| --- | --- | --- | --- |"]
    for number, (name, case, slower) in enumerate(RATIOS):
        own = folder / str(number)
        own.mkdir()
        lines.append(_beside_plain(name, case, slower, own))
    return "\n".join(lines) + "\n"


def memory(folder: Path) -> str:
    """The table of the most memory that any one process of a fit takes, as Markdown."""
    folder.mkdir()
    lines = ["| rung at 1920x1080 | frames | most memory of one process |", "| --- | --- | --- |"]
    for name, case in PEAKS:
        own = folder / name
        own.mkdir()
        clip = make_clip(case, own)
        # A process of its own: the most that a child has taken is kept until the parent ends.
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
            peak = alone.submit(peak_bytes, case, clip, own / "fit").result()
        lines.append(f"| {name} | {case.frames} | {peak / 1_000_000:.0f} MB |")
    return "\n".join(lines) + "\n"


def _beside_plain(name: str, case: Case, slower: str, folder: Path) -> str:
    clip = make_clip(case, folder)
    rounds = [fitted_and_plain(clip, case, slower, folder / str(number)) for number in range(ROUNDS)]
    ratios = sorted(fitted / plain for fitted, plain in rounds)
    ratio = f"{median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
    return f"| {name} | {median(one for one, _ in rounds):.2f} | {median(one for _, one in rounds):.2f} | {ratio} |"


def fitted_and_plain(clip: Path, case: Case, slower: str, folder: Path) -> tuple[float, float]:
    """CPU seconds of a fit, and of a plain ffmpeg that decodes the same part and encodes as many frames.

    Both run at the same time on one processor, picture by picture in turn, so that what else the machine does, and how
    fast it is at the moment, is the same for both.
    """
    mine = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(mine)})
    try:
        plain = subprocess.Popen(_plain_command(clip, case, slower, folder.with_suffix(".plain.mp4")))
        fitted = asyncio.run(fit(case, clip, folder, HD)).cpu_seconds
        # What a child has used is counted when it is waited for, so until here the plain one is not among the others.
        _, status, used = os.wait4(plain.pid, 0)
        plain.returncode = os.waitstatus_to_exitcode(status)
    finally:
        os.sched_setaffinity(0, mine)
    if plain.returncode != 0:
        raise RuntimeError("the plain ffmpeg failed")
    return fitted, used.ru_utime + used.ru_stime


def _plain_command(clip: Path, case: Case, slower: str, target: Path) -> list[str]:
    part = str(float(case.frames / HD.fps / Fraction(slower)))
    return [
        *("ffmpeg", "-nostdin", "-v", "error", "-y", "-threads", "1", "-t", part, "-i", str(clip)),
        *("-vf", f"setpts=PTS*{slower},fps=24,tpad=stop=2:stop_mode=clone", "-frames:v", str(case.frames)),
        *("-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-bf", "2", "-threads", "1"),
        *("-x264-params", "keyint=48:min-keyint=24", str(target)),
    ]


def peak_bytes(case: Case, clip: Path, folder: Path) -> int:
    """The most memory that any process of one fit took: ffmpeg, ffprobe or the fitter itself."""
    asyncio.run(fit(case, clip, folder, DEFAULT_FULL_HD, PEAK_THREADS))
    sizes = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    return 1024 * max(sizes)


FITS_EACH = 2


def two_fitters(folder: Path) -> str:
    """How many times more two fitters do than one in the same time: a sentence.

    Each fitter is a process with a processor of its own, as a container with a quota of one has, and takes the threads
    that the service would: `processors.py` finds one processor, so an encode gets one thread.
    """
    folder.mkdir()
    case = replace(AT_HD, frames=110)
    clip = make_clip(case, folder)
    first, second, *_ = sorted(os.sched_getaffinity(0))
    ratios = []
    for number in range(ROUNDS):
        alone = _seconds_of(case, clip, folder / f"alone-{number}", [first])
        both = _seconds_of(case, clip, folder / f"both-{number}", [first, second])
        ratios.append(2 * alone / both)
    each = ", ".join(f"{ratio:.2f}" for ratio in sorted(ratios))
    work = f"{FITS_EACH} scenes each, of 4.6 s of 1280x720"
    return f"Two fitters do {median(ratios):.2f} times what one does (rounds: {each}; {work}).\n"


def _seconds_of(case: Case, clip: Path, folder: Path, processors: Sequence[int]) -> float:
    """How long fitters take, one on each of those processors, each for as many fits; their start is not counted."""
    folder.mkdir()
    context = multiprocessing.get_context("spawn")
    started = context.Barrier(len(processors) + 1)
    fitters = [
        context.Process(target=_fit_again_and_again, args=(case, clip, folder / str(one), one, started))
        for one in processors
    ]
    for fitter in fitters:
        fitter.start()
    started.wait()
    began = time.monotonic()
    for fitter in fitters:
        fitter.join()
    taken = time.monotonic() - began
    if any(fitter.exitcode != 0 for fitter in fitters):
        raise RuntimeError("a fitter failed")
    return taken


def _fit_again_and_again(case: Case, clip: Path, folder: Path, processor: int, started: Barrier) -> None:
    os.sched_setaffinity(0, {processor})
    folder.mkdir()
    settings = Settings()
    threads = threads_of_one_encode(settings.encoder_threads, settings.at_once, processors_given())
    started.wait()
    for number in range(FITS_EACH):
        asyncio.run(fit(case, clip, folder / str(number), HD, threads))
