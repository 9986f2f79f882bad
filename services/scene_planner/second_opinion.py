"""Other opinions on where a scene begins and ends than the transcriber's: the voice engine's, and the sound's. Pure.

Where they differ at the edge of a scene, one of them is wrong, and the cut is next to it.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

from services.scene_planner.problems import HeardScene, Problem, at, quote_words
from services.scene_planner.silence import SoundSpans
from services.scene_planner.windows import quiet_within
from shared.spoken_forms import normalised_words
from shared.timeline import Span
from shared.transcript import Take, Word

WARN_ABOVE_MS, STOP_ABOVE_MS = 80, 250
"""99 of 100 aligned word starts are within 70 ms of the truth (`reference/alignment.md`); a quarter of a second is
another word."""

LEAST_PAUSE_MS = 150
"""A gap by the transcript that is shorter may be no pause at all: its two word edges are off by 40 ms each."""


def compare_with_voice(scenes: Sequence[HeardScene], takes: Sequence[Take]) -> tuple[Problem, ...]:
    """Scenes whose first or last word begins at another time than the voice engine reports for the same word."""
    return tuple(problem for scene, take in zip(scenes, takes, strict=True) for problem in _compare(scene, take))


def compare_with_sound(scenes: Sequence[HeardScene], quiet: Sequence[Span]) -> tuple[Problem, ...]:
    """Scenes between whose words there is a pause by the transcript, while the sound is quiet only elsewhere.

    [ last word )                [ first word )
                       speech                           ~~~~~~~~  the nearest quiet run
                |----------------|---------------------| difference: the shorter of the two
    """
    if not quiet:
        return ()  # a sound that is never quiet has no opinion
    return tuple(problem for pair in pairwise(scenes) for problem in _compare_with_sound(*pair, quiet))


def compare_with_takes(scenes: Sequence[HeardScene], takes: Sequence[Take], sound: SoundSpans) -> tuple[Problem, ...]:
    """Scenes whose first or last word lies elsewhere than the sound of their take, where the voice reported no words.

    take        [                                  )
    quiet       ~~~~                          ~~~~~~
    loud              ####   ######     ####            a word's edge belongs between quiet and loud: a breath does too
    difference      [ first )                   [ last )
                                          |------------|
    """
    return tuple(
        problem
        for scene, take in zip(scenes, takes, strict=True)
        if not take.reported_words
        for problem in _compare_with_take(scene, take.span, sound)
    )


def _compare_with_take(scene: HeardScene, take: Span, sound: SoundSpans) -> Iterator[Problem]:
    quiet, loud = quiet_within(take, sound.quiet), quiet_within(take, sound.loud)
    first, last = scene.heard_span(0), scene.heard_span(len(scene.script) - 1)
    if not loud:
        return  # a take that is much quieter than the others has no opinion
    sound_start = quiet[0].end if quiet and quiet[0].start == take.start else take.start
    sound_end = quiet[-1].start if quiet and quiet[-1].end == take.end else take.end
    if first is not None:
        difference_ms = max(sound_start - first.start, first.start - loud[0].start)
        yield from _differs(scene, scene.words[0], "begins", first.start, difference_ms)
    if last is not None:
        difference_ms = max(last.end - sound_end, loud[-1].end - last.end)
        yield from _differs(scene, scene.words[-1], "ends", last.end, difference_ms)


def _differs(scene: HeardScene, word: Word, does: str, at_ms: int, difference_ms: int) -> Iterator[Problem]:
    if difference_ms > WARN_ABOVE_MS:
        yield Problem(
            "second_opinion",
            scene.scene_id,
            f"{quote_words([word.text])} {does} at {at(at_ms)} by {word.source},"
            f" but the sound {difference_ms} ms away.",
            "Listen there; record the scene again, or choose another engine under `words` in the project file.",
            stops=difference_ms > STOP_ABOVE_MS,
            span=word.span,
        )


def _compare_with_sound(earlier: HeardScene, later: HeardScene, quiet: Sequence[Span]) -> Iterator[Problem]:
    if earlier.heard_span(len(earlier.script) - 1) is None or later.heard_span(0) is None:
        return  # the words beside the cut were not heard, so the gap need not be a pause
    gap = earlier.words[-1].span.until(later.words[0].span)
    if gap.length < LEAST_PAUSE_MS or quiet_within(gap, quiet):
        return
    away_ms = min(max(run.start - gap.end, gap.start - run.end) for run in quiet)
    # Where the voice runs on, all of the gap is the error of the two words' edges: the lesser error is the likelier.
    difference_ms = min(away_ms, gap.length)
    if difference_ms > WARN_ABOVE_MS:
        first, last = quote_words([later.words[0].text]), quote_words([earlier.words[-1].text])
        runs_on = f"The voice runs on from {last} into {first} at {at(gap.start)}, and {gap.length} ms of that speech"
        yield Problem(
            "second_opinion",
            later.scene_id,
            f"{first} was found after a pause at {at(gap.start)}, but the voice pauses {away_ms} ms away from there."
            if away_ms <= gap.length
            else f"{runs_on} belong to no word, so nobody can tell where it begins.",
            "Leave a pause before the scene, give each scene its own `recording`, or choose another engine under"
            " `words` in the project file.",
            stops=difference_ms > STOP_ABOVE_MS,
            span=gap,
        )


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
