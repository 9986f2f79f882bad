"""The voice `openai-speech` against a real server of the user's. It may cost a little; skipped where none is set."""

import os
from pathlib import Path

import pytest

from services.voiceover.app import create_handlers
from services.voiceover.settings import Settings
from shared.events import ProjectSubmitted
from shared.project import Project, Scene, SubmittedProject, Voice
from shared.testing import MemoryStore, RecordedStep
from shared.transcript import Recording

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not os.environ.get("LOCKSTEP_SPEECH_URL"),
        reason="no speech server: set LOCKSTEP_SPEECH_URL (https://api.openai.com/v1) and LOCKSTEP_SPEECH_API_KEY",
    ),
]

ALLOY = "alloy"
"""One of OpenAI's voices; LOCKSTEP_LIVE_SPEECH_VOICE names one of another server."""


async def test_a_real_server_speaks_a_scene_once(tmp_path: Path) -> None:
    store = MemoryStore()
    voice = Voice(engine="openai-speech", name=os.environ.get("LOCKSTEP_LIVE_SPEECH_VOICE", ALLOY))
    scene = Scene(id="one", narration="The lamp was lit in 1862. It still turns.", clips=("a.mp4",))
    project = Project(name="live", voice=voice, scenes=(scene,))
    document = await store.put_document(SubmittedProject(project=project, sources={}), "projects/live.json")
    event = ProjectSubmitted(project_id="live", project=document, scene_count=1)
    handlers = create_handlers(store, Settings())
    answer = await handlers.record_voiceover(event, RecordedStep(tmp_path))
    (take,) = (await store.get_document(answer.recording, Recording)).takes
    assert 2_000 <= take.span.length <= 10_000
    assert (await handlers.record_voiceover(event, RecordedStep(tmp_path))).from_store
