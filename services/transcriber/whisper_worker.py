"""The worker's side of `whisper`: loads the model, recognises the passages, prints a report for each.

    python -m services.transcriber.whisper_worker < request

faster-whisper is an optional extra and is imported here and nowhere else. `whisper.py` calls it.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from services.transcriber.voiceover_file import read_sound
from services.transcriber.whisper_segments import report_of_segments
from shared.timeline import Span

MISSING_EXIT_CODE = 3
NO_MODEL_EXIT_CODE = 4


class WhisperRequest(BaseModel):
    """What the worker is asked."""

    model_config = ConfigDict(frozen=True)

    voiceover: Path
    spans: tuple[Span, ...]
    model: str
    """A name, or the folder that holds the model."""
    download_folder: Path | None
    """Where the library keeps models that it downloads; its own place if None."""
    language: str | None


def serve(request: WhisperRequest, answer: Callable[[str], object]) -> int:
    """Answer the one request, a JSON line for each span; returns the exit code."""
    try:
        from faster_whisper import WhisperModel
    except ImportError:
        return MISSING_EXIT_CODE
    if Path(request.model).is_absolute() and not (Path(request.model) / "model.bin").is_file():
        return NO_MODEL_EXIT_CODE
    download_root = str(request.download_folder) if request.download_folder else None
    try:
        model = WhisperModel(request.model, device="cpu", compute_type="int8", download_root=download_root)
    except ValueError:  # a name that the library does not know
        return NO_MODEL_EXIT_CODE
    for span in request.spans:
        segments, _ = model.transcribe(
            read_sound(request.voiceover, span),
            language=request.language,
            word_timestamps=True,
            condition_on_previous_text=False,  # a repeated mistake would run on through the take
        )
        answer(json.dumps(asdict(report_of_segments(segments))))
    return 0


def _print_line(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(serve(WhisperRequest.model_validate_json(sys.stdin.buffer.read()), _print_line))
