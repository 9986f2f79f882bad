"""The words of a real Whisper model. Skipped where faster-whisper or a model is not there."""

import importlib.util
import os
import subprocess
from pathlib import Path

import pytest

from services.transcriber.app import create_handlers
from services.transcriber.settings import Settings
from shared.events import VoiceoverRecorded
from shared.project import Project, Scene, SubmittedProject, Words
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import Span
from shared.transcript import Recording, Take, Transcript

MODEL = os.environ.get("LOCKSTEP_TEST_WHISPER_MODEL", "")

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        importlib.util.find_spec("faster_whisper") is None or not MODEL,
        reason="install lockstep[whisper] and set LOCKSTEP_TEST_WHISPER_MODEL to a model's folder",
    ),
]

TEXT = "The lighthouse has stood on this rock for a hundred years."


def speak(folder: Path) -> tuple[Path, int]:
    """A take by espeak-ng at 48 kHz, and its length."""
    raw, path = folder / "raw.wav", folder / "48k.wav"
    subprocess.run(["espeak-ng", "-v", "en-us", "-s", "150", "-w", str(raw), TEXT], check=True)
    subprocess.run(["ffmpeg", "-v", "error", "-i", raw, "-ar", "48000", path], check=True)
    return path, (path.stat().st_size - 100) // 96


async def test_a_real_model_agrees_with_the_aligner(tmp_path: Path) -> None:
    store = MemoryStore()
    path, length_ms = speak(tmp_path)
    recording = Recording(
        voiceover=await store.put_file(path, "voiceovers/live.wav", "audio/wav"),
        length_ms=length_ms,
        takes=(Take(scene_id="one", text=TEXT, span=Span(0, length_ms)),),
        take_boundaries_known=True,
        engine="espeak",
    )
    kept = await store.put_document(recording, "recordings/live.json")
    found: dict[str, Transcript] = {}
    for name in ("whisper", "pocketsphinx"):
        words = Words.model_validate({"engine": name, "model": MODEL if name == "whisper" else None})
        project = Project(name="live", words=words, scenes=(Scene(id="one", narration=TEXT, clips=("a.mp4",)),))
        document = await store.put_document(SubmittedProject(project=project, sources={}), f"projects/{name}.json")
        event = VoiceoverRecorded(
            project_id="live", project=document, recording=kept, length_ms=length_ms, from_store=False
        )
        timed = await create_handlers(store, Settings()).time_words(event, RecordedStep(tmp_path))
        found[name] = await store.get_document(timed.transcript, Transcript)
    whispered, offline = found["whisper"].words, found["pocketsphinx"].words
    assert [word.text.strip(".").lower() for word in whispered] == [word.text.strip(".").lower() for word in offline]
    assert max(abs(one.span.start - other.span.start) for one, other in zip(whispered, offline, strict=True)) < 150
