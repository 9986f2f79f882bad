"""The table at the end: each scene's window, its clip, what was done to it and how exact the result is."""

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from cli.follow import Story
from shared.certificate import Certificate
from shared.plan import ScenePlan


def summary(plan: ScenePlan, story: Story, certificate: Certificate) -> Group:
    """The finished video, scene by scene, and the proof in one line."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    apart = _voice_over_bed(certificate)
    for heading in ("scene", "window", "frames", "clip", "what was done", "voice over bed", "sync error"):
        table.add_column(
            heading,
            justify="left" if heading in {"scene", "window", "what was done"} else "right",
            no_wrap=heading != "what was done",
        )
    for scene, proof in zip(plan.scenes, certificate.scenes, strict=True):
        fitted = story.fitted[scene.number]
        table.add_row(
            scene.scene_id,
            f"{_clock(scene.window.start)} - {_clock(scene.window.end)}",
            str(scene.frame_count),
            f"{fitted.clip_ms / 1000:.2f} s",
            fitted.fit,
            apart.get(scene.number, "-"),
            "-" if proof.error_ms is None else f"{proof.error_ms:+.1f} ms",
        )
    warnings = [
        Text(f"{warning.scene_id or 'project'}: {warning.message}", style="yellow") for warning in plan.warnings
    ]
    warnings += [Text(line, style="yellow") for line in _soundtrack_warnings(plan, certificate)]
    return Group(table, *warnings, Text(certificate.sentence))


def _voice_over_bed(certificate: Certificate) -> dict[int, str]:
    """How far the voice stands above the bed, for each scene that has both."""
    scenes = () if certificate.loudness is None else certificate.loudness.scenes
    return {one.number: f"{one.voice_over_bed_lu:.1f} LU" for one in scenes if one.voice_over_bed_lu is not None}


def _soundtrack_warnings(plan: ScenePlan, certificate: Certificate) -> list[str]:
    """What can be heard and should not be, with its scene and its time."""
    ids = {scene.number: scene.scene_id for scene in plan.scenes}
    lines: list[str] = []
    for warning in () if certificate.loudness is None else certificate.loudness.warnings:
        place = f"Scene '{ids[warning.scene_number]}'" if warning.scene_number in ids else "The soundtrack"
        at = "" if warning.at_ms is None else f" at {_clock(warning.at_ms)}"
        lines.append(f"{place}{at}: {warning.message}")
    return lines


def print_summary(plan: ScenePlan, story: Story, certificate: Certificate) -> None:
    """Print the summary; a pipe has no width of its own, and must not break the lines."""
    console = Console()
    (console if console.is_terminal else Console(width=160)).print(summary(plan, story, certificate))


def _clock(at_ms: int) -> str:
    minutes, rest = divmod(at_ms, 60_000)
    return f"{minutes}:{rest / 1000:06.3f}"
