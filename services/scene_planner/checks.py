"""Does the recording say what the script says? Found before any footage is cut, and named by scene and words. Pure.

A run of script words that was not heard has either been misheard, and then the recording has time for it, or skipped,
and then it has not. A run of heard words that the script does not have is script out of its order, script said twice,
or something else. Errors are what would put footage under the wrong words; what a viewer would not notice is a warning.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from math import comb

from rapidfuzz import fuzz

from services.scene_planner.hearing import runs
from services.scene_planner.pace import letters_of, ms_per_letter
from services.scene_planner.problems import (
    CUT_OUT,
    RECORD_AGAIN,
    HeardScene,
    Problem,
    at,
    quote_script,
    quote_words,
    token_count,
)
from services.scene_planner.windows import quiet_within
from services.scene_planner.words import Break, ScriptWord
from shared.plan import ProblemKind
from shared.timeline import Span

LEAST_HEARD_SHARE = 0.4
"""Of a scene's words. A recogniser that gets 3 words in 10 wrong still hears 9 in 10 as themselves or alike."""

NO_ACCIDENT = 1e-4
"""A scene of which so little was heard stops the project where a recogniser that hears as much as this one heard of the
other scenes would lose so many words only this seldom. Of four words a poor one loses three now and then."""

LEAST_RUN_WORDS = 3
"""Shorter runs are what recognisers do on their own: at 30 % word errors two words in a row are lost once in 100 words,
three once in 1,000 (simulated recogniser)."""

LONG_RUN_WORDS = 5
"""From here on a run is more than a slip of the tongue, whole sentence or not: one and a half seconds of speech."""

LEAST_HEARD_SHARE_OF_SENTENCE = 0.4
"""A skipped sentence can find "the" and "of" among its neighbours' words; more than 4 in 10 it does not find."""

SKIPPED_TIME_SHARE = 0.5
"""Words were skipped where the recording has less than half of the time that they take at the recording's own pace."""

NATURAL_PAUSE_MS = 300
"""Stands between two sentences anyway, and is no time for skipped words (half of pauses are longer, see pauses.py)."""

MOST_OF_A_SENTENCE = 0.75
"""Of its words: the second utterance loses some to the recogniser, and some match the first one's lost words."""

SAME_TEXT = 75.0
"""Of 100 (`rapidfuzz.fuzz.partial_ratio`): at 30 % word errors 19 in 20 sentences resemble what was heard of them more
than this, and 1 in 1,000 pairs of other sentences does (simulated recogniser)."""

FEW_MISSING_SHARE = 0.15
"""Of a scene's words. Fewer are not worth a person's time."""

GROWN_WORD = 1.5
"""A recogniser lets a word grow over what it does not understand beside it; more than this is not the word itself."""


@dataclass(frozen=True)
class _Missing:
    """A run of script words that was not heard. Places count within the scene; the end is excluded."""

    scene: int
    first: int
    last: int
    words: tuple[ScriptWord, ...]
    between: Span
    """From the word heard before it to the word heard after it."""
    skipped: bool
    """The recording has no time for it: it was not said."""
    sentence: bool
    """It holds at least one whole sentence."""

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True)
class _Unscripted:
    """A run of heard words that the script does not have at this place."""

    scene: int
    texts: tuple[str, ...]
    count: int
    """How many words of the transcript they are."""
    span: Span

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def check_words(scenes: Sequence[HeardScene], quiet: Sequence[Span]) -> tuple[Problem, ...]:
    """All differences between script and recording that matter, errors and warnings."""
    other_script = _other_script(scenes)
    if other_script is not None:
        return (other_script,)
    unscripted = [run for run in _unscripted_runs(scenes) if run.count >= LEAST_RUN_WORDS]
    skipped = [run for run in _missing_runs(scenes, quiet) if run.skipped]
    moved = [(lost, found) for lost in skipped for found in unscripted if _is_same_text(lost.text, found.text)]
    moved_lost, moved_found = [pair[0] for pair in moved], [pair[1] for pair in moved]
    explained = {run.scene for run in moved_lost}
    problems = [_wrong_order(scenes, lost, found) for lost, found in moved]
    for place in range(len(scenes)):
        mostly = _mostly_missing(scenes, place) if place not in explained else None
        if mostly is not None:
            problems.append(mostly)
            explained.add(place)
    problems += [_skipped(scenes, run) for run in skipped if run.scene not in explained]
    problems += [
        _repeated_or_added(scenes, run) for run in unscripted if run not in moved_found and run.scene not in explained
    ]
    named = {problem.scene_id for problem in problems}
    problems += [problem for scene in scenes if scene.scene_id not in named for problem in _few_missing(scene)]
    return tuple(problems)


def _other_script(scenes: Sequence[HeardScene]) -> Problem | None:
    counts = [_heard_and_wanted(scene) for scene in scenes]
    heard, wanted = sum(count[0] for count in counts), sum(count[1] for count in counts)
    foreign = sum(count[0] < LEAST_HEARD_SHARE * count[1] for count in counts)
    if foreign < 2 or heard >= LEAST_HEARD_SHARE * wanted:
        return None
    return Problem(
        "other_script",
        None,
        f"Only {heard} of the script's {wanted} words were heard: the recording says something else.",
        "Check that the recording and the script belong together and are in the same language.",
        stops=True,
    )


def _mostly_missing(scenes: Sequence[HeardScene], place: int) -> Problem | None:
    scene = scenes[place]
    heard, wanted = _heard_and_wanted(scene)
    kind: ProblemKind = "words_missing"
    if not scene.words or (heard == 0 and wanted >= LEAST_RUN_WORDS):
        kind, message = "scene_not_heard", f"None of its words were heard: {quote_script(scene.script)}."
    elif wanted >= LEAST_RUN_WORDS and heard < LEAST_HEARD_SHARE * wanted:
        lost = quote_script(scene.missing_words)
        message = f"Only {heard} of its {wanted} words were heard; among the missing ones are {lost}."
    else:
        return None
    span = Span(scene.words[0].span.start, scene.words[-1].span.end) if scene.words else None
    stops = not scene.words or _accident(scenes, place) < NO_ACCIDENT
    return Problem(kind, scene.scene_id, message, RECORD_AGAIN, stops=stops, span=span)


def _accident(scenes: Sequence[HeardScene], place: int) -> float:
    """The probability that so few of a scene's words are heard, or fewer, by one who hears as much of it as of the
    other scenes (binomial).
    """
    counts = [_heard_and_wanted(scene) for scene in scenes]
    heard, wanted = counts.pop(place)
    share = (sum(count[0] for count in counts) + 1) / (sum(count[1] for count in counts) + 1)
    return sum(comb(wanted, count) * share**count * (1 - share) ** (wanted - count) for count in range(heard + 1))


def _heard_and_wanted(scene: HeardScene) -> tuple[int, int]:
    wanted = token_count(scene.script)
    return wanted - token_count(scene.missing_words), wanted


def _skipped(scenes: Sequence[HeardScene], run: _Missing) -> Problem:
    scene = scenes[run.scene]
    ends = run.scene == len(scenes) - 1 and run.last == len(scene.script)
    if ends:
        message = f"The recording ends at {at(run.between.start)}, before {quote_script(run.words)}."
    else:
        message = f"The recording skips {quote_script(run.words)} at {at(run.between.start)}."
    stops = ends or run.sentence or token_count(run.words) >= LONG_RUN_WORDS
    kind: ProblemKind = "ends_early" if ends else "sentence_skipped" if run.sentence else "words_missing"
    return Problem(kind, scene.scene_id, message, RECORD_AGAIN, stops=stops, span=run.between)


def _wrong_order(scenes: Sequence[HeardScene], lost: _Missing, found: _Unscripted) -> Problem:
    scene = scenes[lost.scene]
    where = "too late" if found.span.start >= lost.between.end else "too early"
    elsewhere = f", in scene {scenes[found.scene].scene_id!r}" if found.scene != lost.scene else ""
    return Problem(
        "wrong_order",
        scene.scene_id,
        f"{quote_script(lost.words)} is said {where}, at {at(found.span.start)}{elsewhere}.",
        "Put the recording or the script into the other's order.",
        stops=True,
        span=found.span,
    )


def _repeated_or_added(scenes: Sequence[HeardScene], run: _Unscripted) -> Problem:
    scene = scenes[run.scene]
    long = run.count >= LONG_RUN_WORDS
    near = scenes[max(0, run.scene - 1) : run.scene + 2]
    for sentence in chain.from_iterable(_sentences(one.script) for one in near):
        text = " ".join(word.text for word in sentence)
        # Doubled, because which words of two utterances are the extra ones is arbitrary.
        if _is_same_text(run.text, f"{text} {text}"):
            return Problem(
                "sentence_repeated",
                scene.scene_id,
                f"{quote_script(sentence)} is said twice, the second time around {at(run.span.start)}.",
                CUT_OUT,
                stops=long or run.count >= MOST_OF_A_SENTENCE * token_count(sentence),
                span=run.span,
            )
    return Problem(
        "unscripted_speech",
        scene.scene_id,
        f"{quote_words(run.texts)} is said at {at(run.span.start)}, but the script does not have it.",
        CUT_OUT,
        stops=long,
        span=run.span,
    )


def _few_missing(scene: HeardScene) -> Iterator[Problem]:
    heard, wanted = _heard_and_wanted(scene)
    lost = wanted - heard
    if not heard or (lost >= LEAST_RUN_WORDS and lost >= FEW_MISSING_SHARE * wanted):
        yield Problem(
            "words_missing",
            scene.scene_id,
            f"{lost} of its {wanted} words were not heard: {quote_script(scene.missing_words)}.",
            "Listen to the scene; record it again where they are really missing.",
            stops=False,
        )


def _is_same_text(one: str, other: str) -> bool:
    # The shorter is looked for in the longer; less than a few words would be found anywhere.
    return min(one.count(" "), other.count(" ")) >= LEAST_RUN_WORDS - 1 and fuzz.partial_ratio(one, other) >= SAME_TEXT


def _unscripted_runs(scenes: Sequence[HeardScene]) -> Iterator[_Unscripted]:
    for place, scene in enumerate(scenes):
        for run in runs(scene.hearing.unscripted):
            heard = scene.heard[run[0] : run[1]]
            count = len({word.word for word in heard})
            yield _Unscripted(place, tuple(word.text for word in heard), count, scene.span_of(run))


def _missing_runs(scenes: Sequence[HeardScene], quiet: Sequence[Span]) -> Iterator[_Missing]:
    pace = ms_per_letter(scenes)
    for place, scene in enumerate(scenes):
        for first, last in _candidates(scene):
            words = scene.script[first:last]
            between = _between(scenes, place, first, last, pace)
            asked_ms = sum(word.pause_after_ms for word in words)
            silence_ms = (
                sum(run.length for run in quiet_within(between, quiet)) if quiet else NATURAL_PAUSE_MS + asked_ms
            )
            time_ms = between.length - silence_ms
            yield _Missing(
                scene=place,
                first=first,
                last=last,
                words=words,
                between=between,
                skipped=time_ms < SKIPPED_TIME_SHARE * letters_of(words) * pace,
                sentence=any(first <= start and end <= last for start, end in _sentence_ranges(scene.script)),
            )


def _candidates(scene: HeardScene) -> list[tuple[int, int]]:
    """Runs of missing words, and sentences of which next to nothing was heard, joined where they overlap."""
    ranges = [run for run in runs(scene.missing) if token_count(scene.script[slice(*run)]) >= LEAST_RUN_WORDS]
    for start, end in _sentence_ranges(scene.script):
        wanted = token_count(scene.script[start:end])
        lost = token_count([scene.script[place] for place in scene.missing if start <= place < end])
        if wanted >= LEAST_RUN_WORDS and wanted - lost < LEAST_HEARD_SHARE_OF_SENTENCE * wanted:
            ranges.append((start, end))
    joined: list[tuple[int, int]] = []
    for start, end in sorted(ranges):
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _between(scenes: Sequence[HeardScene], place: int, first: int, last: int, pace: float) -> Span:
    """The time between the word heard before a run and the one heard after it, within what the scene can have."""
    start, end = scenes[place].room.start, scenes[place].room.end
    for scene, word in _words_before(scenes, place, first):
        if (span := scene.heard_span(word)) is not None:
            grown_ms = round(GROWN_WORD * letters_of([scene.script[word]]) * pace)
            start = max(start, min(span.end, span.start + grown_ms))
            break
    for scene, word in _words_after(scenes, place, last):
        if (span := scene.heard_span(word)) is not None:
            end = min(end, span.start)
            break
    return Span(start, max(start, end))


def _words_before(scenes: Sequence[HeardScene], place: int, word: int) -> Iterator[tuple[HeardScene, int]]:
    """The script words before one, last to first."""
    yield from ((scenes[place], earlier) for earlier in reversed(range(word)))
    for scene in reversed(scenes[:place]):
        yield from ((scene, earlier) for earlier in reversed(range(len(scene.script))))


def _words_after(scenes: Sequence[HeardScene], place: int, word: int) -> Iterator[tuple[HeardScene, int]]:
    """The script words from one on."""
    yield from ((scenes[place], later) for later in range(word, len(scenes[place].script)))
    for scene in scenes[place + 1 :]:
        yield from ((scene, later) for later in range(len(scene.script)))


def _sentences(script: Sequence[ScriptWord]) -> Iterator[Sequence[ScriptWord]]:
    return (script[start:end] for start, end in _sentence_ranges(script))


def _sentence_ranges(script: Sequence[ScriptWord]) -> Iterator[tuple[int, int]]:
    start = 0
    for place, word in enumerate(script, start=1):
        if word.break_after >= Break.SENTENCE:
            yield start, place
            start = place
