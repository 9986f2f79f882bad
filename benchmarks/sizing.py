"""How many scenes one core fits in a minute, and what a fitter needs for it: the numbers behind docs/kubernetes.md.

    python -m benchmarks.sizing

Scenes of 5 s from clips of 6 s with grain, one thread, as a fitter with a CPU limit of 1 works. Processor time is what
is measured, so other programs on the machine hardly matter; memory is the most that one process took.
"""

import asyncio
import multiprocessing
import resource
import tempfile
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from benchmarks.fitting import Case, fit, make_clip
from shared.project import Encoder, EncoderPreset, Output

SIZES = ((1280, 720), (1920, 1080), (3840, 2160))
PRESETS = (EncoderPreset.VERYFAST, EncoderPreset.MEDIUM)
SCENE_SECONDS = 5


@dataclass(frozen=True)
class Need:
    """What one scene took."""

    cpu_seconds: float
    memory_bytes: int
    scratch_bytes: int

    @property
    def fits_per_core_and_minute(self) -> float:
        """How many such scenes one core fits in a minute."""
        return 60 / self.cpu_seconds


def measure(clip: Path, case: Case, output: Output, folder: Path) -> Need:
    """Fit the scene in this process, which has done nothing else."""
    row = asyncio.run(fit(case, clip, folder, output))
    memory = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF))
    scratch = clip.stat().st_size + row.segment.stat().st_size
    return Need(row.cpu_seconds, memory * 1024, scratch)


def main() -> None:
    """Print the table, line by line."""
    print("| scene of 5 s at 24 frames a second | preset | CPU-seconds | fits per core and minute | memory | scratch |")
    print("| --- | --- | ---: | ---: | ---: | ---: |", flush=True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for width, height in SIZES:
            size = f"{width}x{height}"
            case = Case(size, SCENE_SECONDS * 24, 6, size=size, filters="noise=alls=8:allf=t", file=f"{size}.mp4")
            clip = make_clip(case, folder)
            for preset in PRESETS:
                output = Output(width=width, height=height, fps=Fraction(24), encoder=Encoder(preset=preset))
                with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                    need = alone.submit(measure, clip, case, output, folder / f"{size}-{preset}").result()
                print(
                    f"| {size} | {preset} | {need.cpu_seconds:.1f} | {need.fits_per_core_and_minute:.1f} "
                    f"| {need.memory_bytes / 1e6:.0f} MB | {need.scratch_bytes / 1e6:.0f} MB |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
