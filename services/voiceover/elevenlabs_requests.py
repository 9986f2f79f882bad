"""A line as requests to ElevenLabs: what each model takes, and what it cannot say. Pure."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from pydantic import BaseModel, ConfigDict

from services.voiceover.elevenlabs_models import (
    AS_OF,
    DEFAULT_MODEL,
    FASTEST,
    SLOWEST,
    ElevenLabsModel,
    model_named,
)
from services.voiceover.line import Line
from services.voiceover.passages import Passage, cut_passages
from shared import project
from shared.errors import Unrecoverable

_SETTING_NAMES = {"stability": "stability", "similarity": "similarity_boost", "style": "style", "speed": "speed"}


class SpeechRequest(BaseModel):
    """The body of a request; what is None is not sent."""

    model_config = ConfigDict(frozen=True)

    text: str
    model_id: str
    voice_settings: dict[str, float] | None = None
    language_code: str | None = None
    previous_text: str | None = None
    next_text: str | None = None

    def json_text(self) -> str:
        """The body as it is sent, and as it determines the answer's key."""
        return self.model_dump_json(exclude_none=True)


@dataclass(frozen=True)
class Asked:
    """A request and the silence after what it says."""

    request: SpeechRequest
    pause_after_ms: int


def requests_for(line: Line, voice: project.Voice) -> tuple[Asked, ...]:
    """The line's requests in order, nearly always one. Raises `Unrecoverable` with what to write instead.

    The neighbouring texts are those of the same scene only: so a changed sentence is bought anew in one scene.
    """
    name = voice.model or DEFAULT_MODEL
    model = model_named(name)
    _require_keys(voice, name, model)
    passages = cut_passages(line.narration, engine="ElevenLabs", scene_id=line.scene_id)
    for passage in passages:
        _require_text(passage, name, model, line.scene_id)
    return tuple(
        Asked(
            SpeechRequest(
                text=passage.text,
                model_id=name,
                voice_settings=_settings(passage, voice, name, model, line.scene_id),
                language_code=voice.language,
                previous_text=_neighbour(passages, at - 1) if model.takes_neighbours else None,
                next_text=_neighbour(passages, at + 1) if model.takes_neighbours else None,
            ),
            passage.pause_after_ms,
        )
        for at, passage in enumerate(passages)
    )


def _neighbour(passages: Sequence[Passage], at: int) -> str | None:
    return passages[at].text if 0 <= at < len(passages) else None


def _require_keys(voice: project.Voice, name: str, model: ElevenLabsModel) -> None:
    wanted = {
        "speed": voice.speed != 1,
        "language": voice.language is not None,
        "stability": voice.stability is not None,
        "similarity": voice.similarity is not None,
        "style": voice.style is not None,
    }
    for key, is_wanted in wanted.items():
        if is_wanted and key not in model.takes:
            raise Unrecoverable(
                f"The model {name} is not known to take `{key}` ({AS_OF}).",
                remedy=f"Remove `{key}` under `voice`, or choose another `model`{_another_for(key)}.",
            )


def _another_for(key: str) -> str:
    return ", e.g. eleven_flash_v2_5" if key == "language" else f", e.g. {DEFAULT_MODEL}"


def _require_text(passage: Passage, name: str, model: ElevenLabsModel, scene_id: str | None) -> None:
    if len(passage.text) > model.longest_text:
        raise Unrecoverable(
            f"The narration has {len(passage.text):,} characters without a <break>, and {name} speaks "
            f"{model.longest_text:,} at a time.",
            remedy="Split the scene, or put a <break> between two of its sentences.",
            scene_id=scene_id,
        )
    if tag := re.search(r"</?[A-Za-z][^\s>]{0,20}>?", passage.text):
        raise Unrecoverable(
            f'The words "{tag[0]}" would be taken for markup by ElevenLabs.',
            remedy='Say them in words: <sub alias="less than b">.',
            scene_id=scene_id,
        )
    if model.obeys_brackets and (direction := re.search(r"\[[^\]]{0,40}\]?", passage.text)):
        raise Unrecoverable(
            f'"{direction[0]}" is not spoken by {name}: what stands in square brackets directs how it speaks.',
            remedy="Remove it, or write round brackets where it is to be said.",
            scene_id=scene_id,
        )


def _settings(
    passage: Passage, voice: project.Voice, name: str, model: ElevenLabsModel, scene_id: str | None
) -> dict[str, float] | None:
    own_speed = Fraction(str(voice.speed))
    speed = own_speed * passage.rate
    if speed != 1 and "speed" not in model.takes:
        raise Unrecoverable(
            f"A <prosody rate> changes the speed, which {name} is not known to take ({AS_OF}).",
            remedy=f"Remove <prosody>, or choose another `model` under `voice`{_another_for('speed')}.",
            scene_id=scene_id,
        )
    if not SLOWEST <= speed <= FASTEST:
        slowest, fastest = math.ceil(100 * SLOWEST / own_speed), math.floor(100 * FASTEST / own_speed)
        raise Unrecoverable(
            f"The narration is to be spoken at {float(speed):.0%} of the voice's speed; ElevenLabs takes 70% to 120%.",
            remedy=f"Write a <prosody rate> from {slowest}% to {fastest}%.",
            scene_id=scene_id,
        )
    chosen = {
        "stability": voice.stability,
        "similarity": voice.similarity,
        "style": voice.style,
        "speed": round(float(speed), 4) if speed != 1 else None,
    }
    return {_SETTING_NAMES[key]: value for key, value in chosen.items() if value is not None} or None
