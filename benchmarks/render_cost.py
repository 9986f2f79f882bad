"""What the whole system costs beside ONE plain ffmpeg: same sources decoded, same frames encoded.

    python -m benchmarks.render_cost [--scenes 12] [--preset veryfast]

Prints CPU seconds (user + system, of every process and its children) and their ratio, measured in one run. Start-up and
shut-down of the embedded stack are measured by a run that encodes nothing, and printed separately.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import yaml

from services.clip_fitter.core import Fill, FitLimits, fit
from shared.certificate import Certificate

SHAPES = (("1280x720", "24", 10), ("1920x1080", "30", 10), ("1280x720", "30000/1001", 10), ("960x540", "25", 10))
"""Sizes, rates and lengths of the clips, in turn: what video models deliver."""

SENTENCES = (
    "Long before the harbour had a name, fishermen steered by the light of a single fire on the rock.",
    "When the wind came from the north they could not see it, and many boats were lost in those years.",
    "So the town built a tower, stone by stone, with a lamp that a hundred winters could not put out.",
    "Today nobody lives in it, but every evening the light still turns, and every sailor still looks for it.",
)


@dataclass(frozen=True)
class Cost:
    """What a run cost."""

    cpu_seconds: float
    wall_seconds: float


def cost_of(command: list[str], environment: dict[str, str]) -> Cost:
    """Run a command to its end; the CPU of it and of all its descendants that were waited for."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(cpu, time.monotonic() - began)


def make_clip(path: Path, number: int) -> int:
    """A moving clip with detail and noise; returns its length in milliseconds."""
    size, rate, seconds = SHAPES[number % len(SHAPES)]
    picture = f"mandelbrot=size={size}:rate={rate}:start_scale={1 + number / 4}:maxiter=500"
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", picture, "-t", str(seconds), "-vf", "noise=alls=6:allf=t",
         "-c:v", "libx264", "-preset", "veryfast", "-crf", "20", "-pix_fmt", "yuv420p", str(path)],
        check=True,
    )  # fmt: skip
    return seconds * 1000


def write_project(folder: Path, scenes: int, preset: str) -> Path:
    """A project over clips of several shapes, with music."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda number: make_clip(folder / f"clip-{number}.mp4", number), range(scenes)))
    bed = "sine=frequency=220:duration=40,tremolo=f=0.5,aformat=sample_rates=48000:channel_layouts=stereo"
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", bed, str(folder / "bed.wav")], check=True)
    project = {
        "name": "cost",
        "output": {"width": 1280, "height": 720, "fps": 24, "encoder": {"preset": preset, "crf": 20}},
        "music": {"file": "bed.wav"},
        "scenes": [
            {
                "id": f"scene-{number}",
                "narration": f"{SENTENCES[number % len(SENTENCES)]} That was chapter {number + 1}.",
                "clips": [f"clip-{number}.mp4"],
            }
            for number in range(scenes)
        ],
    }
    path = folder / "project.yaml"
    path.write_text(yaml.safe_dump(project, sort_keys=False))
    return path


def plain_command(folder: Path, certificate: Certificate, preset: str, target: Path) -> list[str]:
    """One ffmpeg process that shows the same part of every clip at the same speed, for the same frames."""
    limits = FitLimits(slowest=Fraction(85, 100), fastest=Fraction(115, 100), fill=Fill.HOLD)
    inputs: list[str] = []
    chains: list[str] = []
    for index, scene in enumerate(certificate.scenes):
        clip_ms = SHAPES[index % len(SHAPES)][2] * 1000
        recipe = fit(scene.planned_frame_count, certificate.fps, clip_ms, limits)
        if recipe.fill_frames:
            raise SystemExit(f"{scene.scene_id} is too long to be filled by trim and speed; use shorter sentences")
        inputs += ["-t", f"{recipe.source_span.end / 1000 + 0.1}", "-i", str(folder / f"clip-{index}.mp4")]
        chains.append(
            f"[{index}:v]setpts=(PTS-STARTPTS)/{float(recipe.speed)},fps={certificate.fps},"
            "scale=1280:720:flags=bicubic+accurate_rnd+full_chroma_int:out_color_matrix=bt709:out_range=tv,"
            f"setsar=1,format=yuv420p,tpad=stop=-1:stop_mode=clone,trim=end_frame={recipe.frame_count}[v{index}]"
        )
    labels = "".join(f"[v{index}]" for index in range(len(chains)))
    graph = ";".join([*chains, f"{labels}concat=n={len(chains)}:v=1:a=0[v]"])
    return ["ffmpeg", "-v", "error", "-nostdin", "-y", *inputs, "-filter_complex", graph, "-map", "[v]",
            "-frames:v", str(certificate.frame_count), "-c:v", "libx264", "-preset", preset, "-crf", "20",
            "-pix_fmt", "yuv420p", str(target)]  # fmt: skip


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--scenes", type=int, default=12)
    options.add_argument("--preset", default="veryfast")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        environment = {**os.environ, "LOCKSTEP_HOME": str(folder / "home")}
        project = write_project(folder, chosen.scenes, chosen.preset)
        video = folder / "video.mp4"
        command = [sys.executable, "-m", "cli.main", "render", str(project), "-o", str(video)]
        first = cost_of(command, environment)
        start_up = cost_of([sys.executable, "-m", "benchmarks.start_up"], environment)
        again = cost_of(command, environment)
        certificate = Certificate.model_validate_json(video.with_suffix(".certificate.json").read_text())
        plain = cost_of(plain_command(folder, certificate, chosen.preset, folder / "plain.mp4"), dict(os.environ))
        audio = ["ffmpeg", "-v", "error", "-y", "-i", str(video), "-map", "0:a", "-c:a", "aac", "-b:a", "192k"]
        sound = cost_of([*audio, str(folder / "plain.m4a")], dict(os.environ))
    seconds = float(certificate.video_length)
    print(f"{len(certificate.scenes)} scenes, {seconds:.1f} s, {certificate.frame_count} frames, {chosen.preset}")
    rows = {
        "one plain ffmpeg, pictures only": plain,
        "one AAC encode of the soundtrack": sound,
        "the whole system": first,
        "  of it starting and stopping": start_up,
        "rendering again (encodes nothing)": again,
    }
    for name, cost in rows.items():
        print(f"{name:<36} {cost.cpu_seconds:8.1f} CPU-s  {cost.wall_seconds:6.1f} s")
    work = first.cpu_seconds - start_up.cpu_seconds
    both = plain.cpu_seconds + sound.cpu_seconds
    print(f"{'':<36} start-up apart   start-up included")
    for name, limit in {"pictures and sound": both, "pictures only": plain.cpu_seconds}.items():
        print(f"ratio to one plain ffmpeg, {name:<19}{work / limit:6.3f}{first.cpu_seconds / limit:20.3f}")


if __name__ == "__main__":
    main()
