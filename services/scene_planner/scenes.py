"""The words of the transcript, divided among the scenes of the script. Pure."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from services.scene_planner.boundaries import Certainty, find_scene_starts
from services.scene_planner.hearing import hear
from services.scene_planner.problems import HeardScene, at, quote_words
from services.scene_planner.words import HeardWord, ScriptWord, heard_words, script_words
from shared.errors import Unrecoverable
from shared.narration import parse_narration
from shared.timeline import Span
from shared.transcript import Take, Word


@dataclass(frozen=True)
class SceneScript:
    """A scene as its author wrote it."""

    scene_id: str
    narration: str


def scenes_by_takes(script: Sequence[SceneScript], takes: Sequence[Take], words: Sequence[Word]) -> list[HeardScene]:
    """Each scene with the words that lie in its take: a fact, whatever the words are.

    [ take 1              )            [ take 2      )
      [ one )  [ two ) [ three )          [ four )
                            |    ^ border                 a word belongs to the side on which its middle lies,
                            ^ and ends with its take: beyond there is only silence
    """
    if [take.scene_id for take in takes] != [scene.scene_id for scene in script]:
        raise Unrecoverable(
            f"The recording has {len(takes)} takes that are not those of the script's {len(script)} scenes.",
            remedy="Submit the project again.",
        )
    wanted = _wanted(script)
    borders = [(earlier.span.end + later.span.start) // 2 for earlier, later in pairwise(takes)]
    middles = [(word.span.start + word.span.end) // 2 for word in words]
    edges = [0, *(bisect_left(middles, border) for border in borders), len(words)]
    heard = heard_words(words)
    return [
        _heard_scene(scene, own, [_within(word, take.span) for word in words[first:last]], heard, first, take.span)
        for scene, own, take, (first, last) in zip(script, wanted, takes, pairwise(edges), strict=True)
    ]


def scenes_by_words(
    script: Sequence[SceneScript], words: Sequence[Word], length_ms: int
) -> tuple[list[HeardScene], list[Certainty]]:
    """Each scene of one recording with the words that match its script, and how certain each cut between two is."""
    wanted = _wanted(script)
    heard = heard_words(words)
    starts = find_scene_starts(list(chain.from_iterable(wanted)), heard)
    firsts = (heard[start.heard].word if start.heard < len(heard) else len(words) for start in starts)
    scenes = [
        _heard_scene(scene, own, words[first:last], heard, first, Span(0, length_ms))
        for scene, own, (first, last) in zip(script, wanted, pairwise([0, *firsts, len(words)]), strict=True)
    ]
    return scenes, [start.certainty for start in starts]


def refuse_bad_times(words: Sequence[Word], length_ms: int) -> None:
    """Raise `Unrecoverable` where words overlap, come out of order or lie outside the voiceover."""
    edges = [0, *(edge for word in words for edge in (word.span.start, word.span.end)), length_ms]
    wrong = next((place for place, (one, other) in enumerate(pairwise(edges)) if other < one), None)
    if wrong is not None:
        word = words[min(wrong // 2, len(words) - 1)]
        raise Unrecoverable(
            f"The transcript's times are out of order around {quote_words([word.text])} at {at(word.span.start)}.",
            remedy="Choose another engine under `words` in the project file.",
        )


def _wanted(script: Sequence[SceneScript]) -> list[tuple[ScriptWord, ...]]:
    """The plain words of each scene."""
    scenes: list[list[ScriptWord]] = [[] for _ in script]
    for word in script_words([parse_narration(scene.narration) for scene in script]):
        scenes[word.scene].append(word)
    for scene, words in zip(script, scenes, strict=True):
        if not words:
            raise Unrecoverable(
                "Its narration has no words that could be heard.",
                remedy="Write at least one word.",
                scene_id=scene.scene_id,
            )
    return [tuple(words) for words in scenes]


def _within(word: Word, take: Span) -> Word:
    """A word's edge outside the takes, where there is only silence, is the engine's error."""
    start = min(max(word.span.start, take.start), take.end)
    span = Span(start, min(max(word.span.end, start), take.end))
    return word if span == word.span else word.model_copy(update={"span": span})


def _heard_scene(
    scene: SceneScript,
    own: tuple[ScriptWord, ...],
    words: Sequence[Word],
    heard: Sequence[HeardWord],
    first_word: int,
    room: Span,
) -> HeardScene:
    first = bisect_left(heard, first_word, key=lambda one: one.word)
    last = bisect_left(heard, first_word + len(words), key=lambda one: one.word)
    plain = tuple(heard[first:last])
    return HeardScene(
        scene_id=scene.scene_id,
        script=own,
        words=tuple(words),
        heard=plain,
        first_word=first_word,
        hearing=hear([word.text for word in own], [word.text for word in plain]),
        room=room,
    )
