"""A narration cut into passages for an engine that speaks plain text at one speed in one request. Pure.

narration   A sentence. <break/> Another. <prosody rate="80%">A slow one.</prosody>
passages   [ at 1     ) 700 ms  [ at 1   )[ at 0.8                            )

A cut inside a sentence would be heard: each passage is spoken with the melody of a whole. So pauses and changes of
speed stand between sentences, and others are refused.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from services.voiceover.line import Line
from shared.errors import Unrecoverable
from shared.narration import Narration, Pause, Speech

SENTENCE_PAUSE_MS = 350
"""Between two passages without a <break>. A reader's pause after a sentence (judgement, not measured)."""

_ENDS = re.compile(r"[.!?…:;。！？；：]['\"”’»)\]]*$")
_AFTER = {"none": " ", "sentence": "\n", "paragraph": "\n\n"}


LONGEST_PLAIN_TEXT = 4_096
"""Characters; OpenAI's limit for one request of `/v1/audio/speech`. Local servers take as much or more."""


@dataclass(frozen=True)
class Passage:
    """What one request says, how fast, and the silence until the next one."""

    text: str
    """`text.split()` are the words of the narration."""
    rate: Fraction
    """As a factor of the voice's speed in the project file."""
    pause_after_ms: int = 0


def cut_passages(narration: Narration, *, engine: str, scene_id: str | None) -> tuple[Passage, ...]:
    """The passages of a narration that begins and ends with speech. Raises `Unrecoverable`."""
    passages: list[Passage] = []
    run: list[Speech] = []
    for part in narration.parts:
        if isinstance(part, Pause):
            if run:
                _require_sentence_end(run, f"A pause of {part.ms} ms", _BREAK_REMEDY, engine, scene_id)
                passages.append(_passage(run, pause_after_ms=0))
                run = []
            if passages:
                passages[-1] = replace(passages[-1], pause_after_ms=passages[-1].pause_after_ms + part.ms)
        else:
            if run and part.rate != run[-1].rate:
                _require_sentence_end(run, "A change of speed", _PROSODY_REMEDY, engine, scene_id)
                passages.append(_passage(run, pause_after_ms=SENTENCE_PAUSE_MS))
                run = []
            run.append(part)
    if run:
        passages.append(_passage(run, pause_after_ms=0))
    return _without_silent_passages(passages)


_BREAK_REMEDY = "Put the <break> after the end of a sentence, or write a comma or a dash in its place."
_PROSODY_REMEDY = "Put <prosody> around whole sentences."


def _require_sentence_end(run: Sequence[Speech], what: str, remedy: str, engine: str, scene_id: str | None) -> None:
    if run[-1].break_after == "none" and not _ENDS.search(run[-1].spoken):
        last_words = " ".join(run[-1].spoken.split()[-3:])[-60:]
        raise Unrecoverable(
            f'{what} stands inside a sentence, after "{last_words}": {engine} speaks whole sentences in one piece.',
            remedy=remedy,
            scene_id=scene_id,
        )


def _passage(run: Sequence[Speech], *, pause_after_ms: int) -> Passage:
    pieces = (part.spoken + _AFTER[part.break_after] * part.space_after for part in run)
    return Passage("".join(pieces).strip(), run[0].rate, pause_after_ms)


def _without_silent_passages(passages: Sequence[Passage]) -> tuple[Passage, ...]:
    """A dash between two breaks is no request of its own; its pause belongs to the passage before it."""
    kept: list[Passage] = []
    for passage in passages:
        if any(character.isalnum() for character in passage.text) or not (kept or len(passages) > 1):
            kept.append(passage)
        elif kept:
            kept[-1] = replace(kept[-1], pause_after_ms=kept[-1].pause_after_ms + passage.pause_after_ms)
    if kept:
        kept[-1] = replace(kept[-1], pause_after_ms=0)
    return tuple(kept) or tuple(passages[:1])


def plain_text(line: Line, *, engine: str) -> str:
    """The words of a line for an engine that takes text and nothing else. Raises `Unrecoverable` for any markup."""
    for part in line.narration.parts:
        if isinstance(part, Pause) or part.rate != 1:
            tag = "<break> between words" if isinstance(part, Pause) else "<prosody rate>"
            raise Unrecoverable(
                f"The voice {engine} has no {tag}.",
                remedy="Remove it: with this voice the scene's `pause_after` makes pauses, and `speed` under `voice` "
                "sets the speed.",
                scene_id=line.scene_id,
            )
    if len(line.narration.text) > LONGEST_PLAIN_TEXT:
        raise Unrecoverable(
            f"The narration has {len(line.narration.text):,} characters; a request takes {LONGEST_PLAIN_TEXT:,}.",
            remedy="Split the scene.",
            scene_id=line.scene_id,
        )
    return line.narration.text
