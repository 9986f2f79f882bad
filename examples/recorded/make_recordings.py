"""Records the example's script as an author would: one file for all scenes, and one in which a sentence is left out.

python examples/recorded/make_recordings.py
"""

import subprocess
from pathlib import Path

import yaml

HERE = Path(__file__).parent

LEFT_OUT = "They ask about the light."
"""What the second speaker forgets to say."""


def record(text: str, target: Path) -> str:
    """Speak a text into a file; says what it is."""
    arriving = target.with_suffix(".part.wav")
    subprocess.run(["espeak-ng", "-v", "en-gb", "-s", "150", "-w", str(arriving), text], check=True)
    arriving.replace(target)
    return f"  {target.relative_to(HERE)}"


def main() -> None:
    """Record what is missing."""
    scenes = yaml.safe_load((HERE / "project.yaml").read_text())["scenes"]
    script = "\n\n".join(scene["narration"] for scene in scenes)
    (HERE / "voice").mkdir(exist_ok=True)
    for name, text in {"whole.wav": script, "skipped.wav": script.replace(LEFT_OUT, "")}.items():
        if not (HERE / "voice" / name).exists():
            print(record(text, HERE / "voice" / name), flush=True)


if __name__ == "__main__":
    main()
