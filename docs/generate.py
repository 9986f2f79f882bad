"""Writes the pages that are made from the code: `make docs`. A test fails when they are stale.

`docs/events.md` comes from `shared/events.py`; the README's frame strip (only with `--strip`) from the demo's video.
"""

import json
import subprocess
import sys
from pathlib import Path

from pydantic import BaseModel

from shared.events import Event
from shared.project_file import project_schema
from shared.stream import CONSUMERS

HERE = Path(__file__).parent
ROOT = HERE.parent


def events_page() -> str:
    """The page of all events: who hears each, its subject, what it says, and its fields."""
    lines = [
        "# Events",
        "",
        "Every message on the bus, in the order in which a project passes them. Generated from `shared/events.py` by",
        "`make docs`; do not edit. Times are whole milliseconds on the master clock.",
    ]
    for event in Event.catalogue():
        hearers = (
            ", ".join(f"`{consumer.name}`" for consumer in CONSUMERS if event in consumer.hears) or "whoever watches"
        )
        lines += [
            "",
            f"## {event.__name__}",
            "",
            f"{_folded(event.__doc__)}",
            "",
            f"`{event.subject}`, heard by {hearers}",
            "",
        ]
        lines += ["| field | type | |", "| --- | --- | --- |"]
        for name, field in event.model_fields.items():
            lines.append(f"| `{name}` | {_type_name(field.annotation)} | {_folded(field.description)} |")
    return "\n".join(lines) + "\n"


def schema_page() -> str:
    """The project file's JSON Schema as it is published."""
    return json.dumps(project_schema(), indent=2) + "\n"


PAGES = {"events.md": events_page, "project.schema.json": schema_page}


def _folded(text: str | None) -> str:
    return " ".join((text or "").split())


def _type_name(annotation: object) -> str:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation.__name__
    name = annotation.__name__ if isinstance(annotation, type) and "[" not in str(annotation) else str(annotation)
    for module in ("shared.assets.", "shared.timeline.", "shared.project.", "typing."):
        name = name.replace(module, "")
    return f"`{name}`".replace("|", "\\|")


def draw_strip(video: Path, certificate: Path) -> None:
    """The README's strip: the first frame of every scene, small, in the order of the video."""
    scenes = json.loads(certificate.read_text())["scenes"]
    chosen = "+".join(f"eq(n,{scene['planned_first_frame']})" for scene in scenes)
    columns = (len(scenes) + 1) // 2
    graph = f"select='{chosen}',scale=320:-2,tile={columns}x2:padding=4:margin=4:color=white"
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(video), "-vf", graph, "-frames:v", "1", "-q:v", "4"]
    subprocess.run([*command, str(HERE / "strip.jpg")], check=True)


def main() -> None:
    """Write all pages; with `--strip`, draw the strip from `out/lighthouse.mp4`."""
    for name, page in PAGES.items():
        (HERE / name).write_text(page())
    if "--strip" in sys.argv:
        draw_strip(ROOT / "out" / "lighthouse.mp4", ROOT / "out" / "lighthouse.certificate.json")


if __name__ == "__main__":
    main()
