"""What an engine is asked and what it answers: a stretch of sound with its text, and the words heard in it."""

from dataclasses import dataclass

from shared.timeline import Span


@dataclass(frozen=True)
class Passage:
    """A stretch of the voiceover and the script's tokens that should be heard in it."""

    span: Span
    """Where its sound lies, on the master clock."""
    tokens: tuple[str, ...]
    scene_ids: tuple[str, ...]
    scene_starts: tuple[int, ...]
    """The index of the token that begins each scene; the first is 0."""

    def scene_of(self, token: int) -> str:
        """The scene that a token belongs to."""
        return next(
            scene
            for scene, start in reversed(list(zip(self.scene_ids, self.scene_starts, strict=True)))
            if start <= token
        )


@dataclass(frozen=True)
class HeardToken:
    """A token of the passage that was heard: how it was read, where, how well it fits, and how loud it is."""

    token: int
    spoken: str
    """The reading that was heard, e.g. "four dollars fifty"."""
    passage_span: Span
    """In the passage's own time: 0 is its first sample."""
    score: float
    """Acoustic score per 10 ms, in the decoder's own units; comparable within one recording."""
    loudness_db: float
    """Of its loudest 30 ms, relative to the passage's active speech."""


@dataclass(frozen=True)
class Heard:
    """An engine's answer for one passage."""

    tokens: tuple[HeardToken, ...]
    missing: tuple[int, ...]
    """Tokens that should be heard and are not."""
    unscripted: tuple[Span, ...]
    """Speech that is not in the script, in the passage's own time."""
    unexplained: bool = False
    """True where script and sound could not be brought together at all; then nothing else is told."""
