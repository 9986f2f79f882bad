"""Recordings written down: what was said when, without any sound. Shared by the tests of the scene planner."""

from collections.abc import Sequence
from fractions import Fraction

from services.scene_planner.core import plan_scenes
from services.scene_planner.scenes import SceneScript
from services.scene_planner.silence import SoundSpans
from shared.assets import Asset
from shared.plan import ScenePlan
from shared.timeline import Span
from shared.transcript import Recording, Take, Transcript, TranscriptIssue, Word

FPS = Fraction(25)

VOICEOVER = Asset(key="voiceovers/voice.wav", digest="0" * 64, media_type="audio/wav", size=0)


def script(*narrations: str) -> list[SceneScript]:
    """Scenes named `scene-1`, `scene-2`, ..."""
    return [SceneScript(f"scene-{number}", narration) for number, narration in enumerate(narrations, start=1)]


def say(text: str, start: int = 0, *, ms_per_letter: int = 60, gap: int = 0, pause: int = 300) -> list[Word]:
    """The words of a text, one after the other from `start`, with a gap between words and a pause between sentences."""
    words: list[Word] = []
    at = start
    for token in text.split():
        length = ms_per_letter * max(2, sum(letter.isalnum() for letter in token))
        words.append(Word(text=token, span=Span(at, at + length), confidence=0.95, source="heard"))
        at += length + (pause if token.endswith((".", "!", "?")) else gap)
    return words


def say_scenes(*texts: str, gap: int = 600, start: int = 200) -> list[Word]:
    """The scenes of one recording, one after the other with a gap between them."""
    words: list[Word] = []
    for text in texts:
        spoken = say(text, start)
        words += spoken
        start = (spoken[-1].span.end if spoken else start) + gap
    return words


def one_recording(words: Sequence[Word], *, length_ms: int | None = None) -> Recording:
    """One file that holds all scenes. It ends half a second after the last word."""
    length_ms = length_ms or (words[-1].span.end if words else 0) + 500
    take = Take(scene_id="*", text="", span=Span(0, length_ms))
    return Recording(
        voiceover=VOICEOVER, length_ms=length_ms, takes=(take,), take_boundaries_known=False, engine="recorded"
    )


def recorded_takes(takes: Sequence[Take], length_ms: int) -> Recording:
    """A recording whose takes are known."""
    return Recording(
        voiceover=VOICEOVER, length_ms=length_ms, takes=tuple(takes), take_boundaries_known=True, engine="espeak"
    )


def transcribed(words: Sequence[Word], length_ms: int, *issues: TranscriptIssue) -> Transcript:
    """The transcript of these words."""
    return Transcript(words=tuple(words), length_ms=length_ms, engine="heard", issues=issues)


def plan(
    scenes: Sequence[SceneScript], words: Sequence[Word], *issues: TranscriptIssue, quiet: Sequence[Span] = ()
) -> ScenePlan:
    """The plan of one recording of all scenes."""
    recording = one_recording(words)
    return plan_scenes(
        scenes, recording, transcribed(words, recording.length_ms, *issues), FPS, SoundSpans(tuple(quiet))
    )
