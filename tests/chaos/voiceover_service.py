"""A voiceover service that tests can hold in the middle of its work, kill and watch: it works while a file named
`hold` is in its folder, and notes in `journal` what it began and what it ended."""

import asyncio
import os
from pathlib import Path

from faststream import FastStream

from shared.events import ProjectSubmitted, VoiceoverRecorded
from shared.service import BusSettings, Service, Step
from tests.integration.bus_bench import recorded

FOLDER_VARIABLE = "LOCKSTEP_TEST_FOLDER"


def create_app() -> FastStream:
    """Settings from the environment, like every room."""
    folder = Path(os.environ[FOLDER_VARIABLE])

    async def record(event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        (step.scratch / "take.wav").write_bytes(b"\0" * 1000)
        _note(folder, f"began {event.project_id}")
        while (folder / "hold").exists():  # noqa: ASYNC110 - the signal comes from another process
            await asyncio.sleep(0.01)
        _note(folder, f"ended {event.project_id}")
        return recorded(event.project_id)

    service = Service("voiceover", BusSettings())
    service.on(ProjectSubmitted, record)
    return service.app


def _note(folder: Path, line: str) -> None:
    with (folder / "journal").open("a") as journal:
        journal.write(f"{line} by {os.getpid()}\n")
