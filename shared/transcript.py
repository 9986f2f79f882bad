"""Two documents about the spoken words: the recording (what was said, take by take) and the transcript (when).

Both travel between services as JSON assets. All times are whole milliseconds on the master clock.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from shared.assets import Asset
from shared.timeline import Span

Confidence = Annotated[float, Field(ge=0, le=1)]


class Document(BaseModel):
    """A frozen document that tolerates fields it does not know, so that services can be deployed one at a time."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Word(Document):
    """One word as it was heard: its text, its span on the master clock and how sure the engine is of both."""

    text: str
    span: Span
    confidence: Confidence
    source: str = Field(description="The engine that timed it, e.g. `pocketsphinx`.")


class Take(Document):
    """One scene's narration, spoken once. Its span is where its audio lies in the voiceover, silence excluded."""

    scene_id: str
    text: str = Field(description="What the voice was asked to say, markup removed.")
    span: Span
    reported_words: tuple[Word, ...] = Field(
        default=(), description="The voice engine's own word times, where it reports any."
    )


Side = Literal["left", "right"]


class OpposedStretch(Document):
    """Where in the voiceover the two sides of the user's recording are opposed, and the one side that is heard: summed,
    they would cancel each other."""

    span: Span
    kept: Side


class Recording(Document):
    """The voiceover and what it is made of. `take_boundaries_known` is False when one file holds all scenes.

    With takes known, each take's audio starts exactly on a frame of the project's rate and only silence lies
    between two takes. With one file for all scenes there is a single take whose text is the whole script.
    """

    voiceover: Asset
    length_ms: int = Field(gt=0, description="Whole milliseconds; the file has exactly 48 samples for each.")
    takes: tuple[Take, ...]
    take_boundaries_known: bool
    engine: str
    opposed: tuple[OpposedStretch, ...] = ()


class Transcript(Document):
    """The words of the voiceover in order, with the engine that timed them."""

    words: tuple[Word, ...]
    length_ms: int = Field(gt=0)
    engine: str
    issues: tuple["TranscriptIssue", ...] = ()


class TranscriptIssue(Document):
    """What the transcriber found and the planner must weigh: script that is not in the recording, or the reverse."""

    kind: Literal["scene_missing", "scene_partly_missing", "words_missing", "unscripted_speech"]
    scene_id: str | None
    span: Span | None
    words: tuple[str, ...] = ()
