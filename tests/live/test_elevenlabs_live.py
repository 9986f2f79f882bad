"""The voice `elevenlabs` against the real service. It costs a few credits, and is skipped where no key is set."""

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
        not (os.environ.get("ELEVENLABS_API_KEY") or os.environ.get("ELEVENLABS_API_KEY_FILE")),
        reason="no key for ElevenLabs: set ELEVENLABS_API_KEY or ELEVENLABS_API_KEY_FILE to ask the real service",
    ),
]

RACHEL = "21m00Tcm4TlvDq8ikWAM"
"""One of the voices that every account has; LOCKSTEP_LIVE_VOICE names another."""


@pytest.mark.parametrize("model", ["eleven_multilingual_v2", "eleven_flash_v2_5", "eleven_v3"])
async def test_a_real_voice_says_two_sentences_with_a_pause_and_times_their_words(tmp_path: Path, model: str) -> None:
    store = MemoryStore()
    voice = Voice(engine="elevenlabs", name=os.environ.get("LOCKSTEP_LIVE_VOICE", RACHEL), model=model)
    narration = 'The lamp was lit in 1862. <break time="900ms"/> It still turns.'
    project = Project(name="live", voice=voice, scenes=(Scene(id="one", narration=narration, clips=("a.mp4",)),))
    document = await store.put_document(SubmittedProject(project=project, sources={}), "projects/live.json")
    event = ProjectSubmitted(project_id="live", project=document, scene_count=1)
    handlers = create_handlers(store, Settings())
    answer = await handlers.record_voiceover(event, RecordedStep(tmp_path))
    (take,) = (await store.get_document(answer.recording, Recording)).takes
    words = take.reported_words
    assert [word.text for word in words] == narration.replace('<break time="900ms"/>', "").split()
    assert 700 <= words[6].span.start - words[5].span.end <= 1400
    assert (await handlers.record_voiceover(event, RecordedStep(tmp_path))).from_store
