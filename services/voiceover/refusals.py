"""Which narrations the project's voice cannot speak as they are written: found before anything is bought. Pure."""

from services.voiceover.elevenlabs_requests import requests_for
from services.voiceover.line import Line, without_edge_pauses
from services.voiceover.passages import plain_text
from shared.errors import Unrecoverable
from shared.narration import parse_narration
from shared.project import Project, Scene


def refusals(project: Project) -> tuple[Unrecoverable, ...]:
    """One failure for each scene at most, in their order, each with what to write instead; empty where all is well.

    A failure without a scene id is about the keys under `voice`, and is the only one.
    """
    found: list[Unrecoverable] = []
    for scene in project.scenes:
        try:
            _require_speakable(project, scene)
        except Unrecoverable as refusal:
            if refusal.scene_id is None:
                return (refusal,)
            found.append(refusal)
    return tuple(found)


def _require_speakable(project: Project, scene: Scene) -> None:
    _, narration, _ = without_edge_pauses(parse_narration(scene.narration))
    line = Line(scene.id, narration)
    match project.voice.engine:
        case "elevenlabs":
            requests_for(line, project.voice)
        case "openai-speech":
            plain_text(line, engine=project.voice.engine)
