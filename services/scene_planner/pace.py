"""How fast the voice speaks, and where it does not keep its own pace. Pure."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from services.scene_planner.problems import HeardScene, Problem, at
from services.scene_planner.words import Break, ScriptWord
from shared.timeline import Span

USUAL_MS_PER_LETTER = 70.0
"""160 words of 5.3 letters a minute; used only where no word was heard as it is written."""

LEAST_WORDS_FOR_A_PACE = 8
"""The pace of fewer words is the pace of those words: "Through" takes as long as "a lamp"."""

LEAST_SCENES_FOR_A_PACE = 3

RUSHED, DRAGGED = 0.7, 1.45
"""Times the project's own time per letter. Of 55 sentences that espeak-ng spoke at one rate, all lay between 0.87 and
1.26."""

LONG_PAUSE_IN_A_PHRASE_MS = 1_000
"""From here on Campione and Véronis (see pauses.py) call a pause long; read speech hardly has any inside a phrase."""

LONG_PAUSE_AT_A_BREAK_MS = 2_500
"""A pause for effect between two sentences lasts 1 to 2 s (judgement); what lasts longer is written as <break>."""

PAUSE_TOLERANCE_MS = 500
"""A voice adds its own pause to the one that the author asked for."""


def letters_of(words: Sequence[ScriptWord]) -> float:
    """How many letters it takes to say the words, a slowed word's letters counting for more."""
    return sum(word.letters for word in words)


def ms_per_letter(scenes: Sequence[HeardScene]) -> float:
    """The recording's own pace: the median time per letter over its words, pauses not counted."""
    paces = [
        span.length / letters_of([word])
        for scene in scenes
        for place, word in enumerate(scene.script)
        if _heard_alone(scene, place) and (span := scene.heard_span(place)) is not None
    ]
    return median(paces) if paces else USUAL_MS_PER_LETTER


def _heard_alone(scene: HeardScene, place: int) -> bool:
    """True where the script word was heard as one whole word of the transcript, so that its span is its own."""
    found = scene.hearing.heard_as[place]
    if found is None or found[1] - found[0] != 1:
        return False
    heard = scene.heard[found[0]]
    neighbours = scene.heard[max(0, found[0] - 1) : found[0] + 2]
    return heard.text == scene.script[place].text and sum(other.word == heard.word for other in neighbours) == 1


def check_pace(scenes: Sequence[HeardScene]) -> tuple[Problem, ...]:
    """Scenes spoken much faster or slower than the project's other scenes."""
    paces = {scene.scene_id: pace for scene in scenes if (pace := _pace(scene)) is not None}
    if len(paces) < LEAST_SCENES_FOR_A_PACE:
        return ()
    usual = median(paces.values())
    return tuple(
        Problem(
            "rushed" if pace < usual else "dragged",
            scene_id,
            f"It is spoken {usual / pace:.1f} times as fast as the other scenes."
            if pace < usual
            else f"It is spoken {pace / usual:.1f} times as slowly as the other scenes.",
            "Listen to the scene; record it again where that is not meant.",
            stops=False,
        )
        for scene_id, pace in paces.items()
        if not RUSHED * usual <= pace <= DRAGGED * usual
    )


def _pace(scene: HeardScene) -> float | None:
    heard = [word for word, found in zip(scene.script, scene.hearing.heard_as, strict=True) if found is not None]
    if len(heard) < LEAST_WORDS_FOR_A_PACE:
        return None
    unscripted = {scene.heard[place].word - scene.first_word for place in scene.hearing.unscripted}
    spoken_ms = sum(word.span.length for place, word in enumerate(scene.words) if place not in unscripted)
    return spoken_ms / letters_of(heard)


def check_pauses(scenes: Sequence[HeardScene]) -> tuple[Problem, ...]:
    """Pauses inside scenes that nobody asked for."""
    return tuple(problem for scene in scenes for problem in _pauses(scene))


def _pauses(scene: HeardScene) -> Iterator[Problem]:
    placed = [(word, span) for place, word in enumerate(scene.script) if (span := scene.heard_span(place)) is not None]
    for (word, span), (_, later) in pairwise(placed):
        pause = Span(span.end, max(span.end, later.start))
        usual_ms = LONG_PAUSE_IN_A_PHRASE_MS if word.break_after is Break.NONE else LONG_PAUSE_AT_A_BREAK_MS
        asked_ms = word.pause_after_ms + PAUSE_TOLERANCE_MS if word.pause_after_ms else 0
        # What the script does not have may have been said there.
        if pause.length > max(usual_ms, asked_ms) and not any(pause.overlaps(one.span) for one in scene.words):
            yield Problem(
                "unexpected_pause",
                scene.scene_id,
                f"There is a pause of {pause.length / 1000:.1f} s after “{word.written}” at {at(pause.start)}.",
                'Cut it out of the recording, or write <break time="..."/> where it is meant.',
                stops=False,
                span=pause,
            )
