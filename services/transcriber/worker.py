"""The worker's side: a child process that aligns passages and prints one answer line for each as soon as it has it.

    python -m services.transcriber.worker < request

It lives for one request, so memory comes back, and it imports little, so it starts at once. `workers.py` calls it.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from services.transcriber.passage import Passage
from shared.timeline import Span

ESPEAK_MISSING_EXIT_CODE = 3


@dataclass(frozen=True)
class Request:
    """What a worker is asked."""

    voiceover: Path
    passages: tuple[Passage, ...]

    def to_json(self) -> str:
        """The request as one JSON text."""
        return json.dumps({"voiceover": str(self.voiceover), "passages": [asdict(each) for each in self.passages]})

    @staticmethod
    def from_json(text: bytes) -> "Request":
        """The request that `to_json` wrote."""
        value = json.loads(text)
        passages = (
            Passage(Span(**each["span"]), *(tuple(each[name]) for name in ("tokens", "scene_ids", "scene_starts")))
            for each in value["passages"]
        )
        return Request(Path(value["voiceover"]), tuple(passages))


def serve(request: Request, answer: Callable[[str], object]) -> int:
    """Answer the one request, a JSON line for each passage; returns the exit code."""
    from services.transcriber.aligner import align_passage, find_pronunciations
    from services.transcriber.espeak import EspeakMissing

    try:
        pronunciations = find_pronunciations([token for each in request.passages for token in each.tokens])
    except EspeakMissing:
        return ESPEAK_MISSING_EXIT_CODE
    for passage in request.passages:
        answer(json.dumps(asdict(align_passage(request.voiceover, passage, pronunciations))))
    return 0


def _print_line(answers: IO[str], line: str) -> None:
    answers.write(line + "\n")
    answers.flush()


if __name__ == "__main__":
    raise SystemExit(serve(Request.from_json(sys.stdin.buffer.read()), lambda line: _print_line(sys.stdout, line)))
