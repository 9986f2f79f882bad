"""Two opinions on when a scene's first and last words begin: the transcriber's, and the voice engine's own. Pure.

Where they differ at the edge of a scene, one of them is wrong, and the cut is next to it.
"""

from collections.abc import Iterator, Sequence

from services.scene_planner.problems import HeardScene, Problem, at, quote_words
from shared.spoken_forms import normalised_words
from shared.transcript import Take, Word

WARN_ABOVE_MS, STOP_ABOVE_MS = 80, 250
"""99 of 100 aligned word starts are within 70 ms of the truth (`reference/alignment.md`); a quarter of a second is
another word."""


def compare_with_voice(scenes: Sequence[HeardScene], takes: Sequence[Take]) -> tuple[Problem, ...]:
    """Scenes whose first or last word begins at another time than the voice engine reports for the same word."""
    return tuple(problem for scene, take in zip(scenes, takes, strict=True) for problem in _compare(scene, take))


def _compare(scene: HeardScene, take: Take) -> Iterator[Problem]:
    if not scene.words or not take.reported_words:
        return
    pairs = ((scene.words[0], take.reported_words[0]), (scene.words[-1], take.reported_words[-1]))
    for heard, reported in pairs if len(scene.words) > 1 else pairs[:1]:
        difference_ms = abs(heard.span.start - reported.span.start)
        if difference_ms > WARN_ABOVE_MS and _same_word(heard, reported):
            yield Problem(
                "second_opinion",
                scene.scene_id,
                f"{quote_words([heard.text])} begins at {at(heard.span.start)} by {heard.source},"
                f" but {difference_ms} ms away by {reported.source}.",
                "Choose another engine under `words` in the project file.",
                stops=difference_ms > STOP_ABOVE_MS,
                span=heard.span,
            )


def _same_word(one: Word, other: Word) -> bool:
    return normalised_words(one.text) == normalised_words(other.text)
