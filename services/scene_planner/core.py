"""The decision: which stretch of the master clock each scene owns, or why no plan can be made. Pure.

script words <-> heard words        words.py, letters.py, boundaries.py, hearing.py
is the recording what the script says?      checks.py, pace.py, issues.py, second_opinion.py
cuts in the gaps, windows that tile         windows.py
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

from services.scene_planner.boundaries import SceneStart, find_scene_starts
from services.scene_planner.checks import check_words
from services.scene_planner.hearing import hear
from services.scene_planner.issues import check_issues
from services.scene_planner.pace import check_pace, check_pauses
from services.scene_planner.problems import HeardScene, Problem, at, quote_words
from services.scene_planner.second_opinion import compare_with_voice
from services.scene_planner.windows import Cut, cut_in_gap, cuts_between_takes
from services.scene_planner.words import ScriptWord, heard_words, script_words
from shared.errors import Unrecoverable
from shared.narration import parse_narration
from shared.plan import PlannedScene, PlanWarning, ScenePlan
from shared.timeline import FrameGrid, Span, windows_between
from shared.transcript import Recording, Transcript, Word

LEAST_WINDOW_FRAMES = 2
"""One frame is a flash, not a scene; two can at least be encoded with a picture and its successor."""

UNCERTAIN_BELOW = 0.98
"""Of the probability that a cut lies between the right words; benchmarks/scene_boundaries.py says what it catches."""


@dataclass(frozen=True)
class SceneScript:
    """A scene as its author wrote it."""

    scene_id: str
    narration: str


def plan_scenes(
    script: Sequence[SceneScript],
    recording: Recording,
    transcript: Transcript,
    fps: Fraction,
    quiet: Sequence[Span] = (),
) -> ScenePlan:
    """The plan of all scenes. Raises `Unrecoverable`, naming scene and words, where the recording is not the script.

    `quiet` are the measured quiet stretches of the voiceover, needed where one file holds all scenes.
    """
    _refuse_bad_times(transcript.words, recording.length_ms)
    wanted = script_words([parse_narration(scene.narration) for scene in script])
    if recording.take_boundaries_known:
        scenes, certainties = _scenes_by_takes(script, wanted, recording, transcript.words)
    else:
        scenes, certainties = _scenes_by_words(script, wanted, recording.length_ms, transcript.words)
    problems = _find_problems(scenes, recording, transcript, quiet)
    _refuse(problems)
    cuts = _cuts(scenes, recording, fps, quiet)
    windows = _windows(scenes, cuts, recording.length_ms, fps)
    planned = _planned_scenes(scenes, windows, cuts, certainties, fps)
    problems += _doubtful_cuts(scenes, cuts, certainties)
    return ScenePlan(
        length_ms=recording.length_ms,
        fps=fps,
        frame_count=FrameGrid(fps).frame_at(recording.length_ms),
        scenes=planned,
        warnings=tuple(
            PlanWarning(
                kind=problem.kind,
                scene_id=problem.scene_id,
                message=problem.message,
                remedy=problem.remedy,
                span=problem.span,
            )
            for problem in problems
        ),
    )


def _refuse_bad_times(words: Sequence[Word], length_ms: int) -> None:
    edges = [0, *(edge for word in words for edge in (word.span.start, word.span.end)), length_ms]
    wrong = next((place for place, (one, other) in enumerate(pairwise(edges)) if other < one), None)
    if wrong is not None:
        word = words[min(wrong // 2, len(words) - 1)]
        raise Unrecoverable(
            f"The transcript's times are out of order around {quote_words([word.text])} at {at(word.span.start)}.",
            remedy="Choose another engine under `words` in the project file.",
        )


def _scenes_by_takes(
    script: Sequence[SceneScript], wanted: Sequence[ScriptWord], recording: Recording, words: Sequence[Word]
) -> tuple[list[HeardScene], list[float]]:
    """Each scene with the words that lie in its take. The takes are facts, so the cuts between them are certain."""
    takes = recording.takes
    if [take.scene_id for take in takes] != [scene.scene_id for scene in script]:
        raise Unrecoverable(
            f"The recording has {len(takes)} takes, but the script has {len(script)} scenes, or in another order.",
            remedy="Submit the project again.",
        )
    # Half-way through the silence between two takes; a word's middle is never as far off as that.
    borders = [(earlier.span.end + later.span.start) // 2 for earlier, later in pairwise(takes)]
    by_take: list[list[Word]] = [[] for _ in takes]
    place = 0
    for word in words:
        while place < len(borders) and (word.span.start + word.span.end) // 2 >= borders[place]:
            place += 1
        by_take[place].append(_within(word, takes[place].span))
    scenes = [
        _heard_scene(scene, number, wanted, by_take[number], takes[number].span) for number, scene in enumerate(script)
    ]
    return scenes, [1.0] * len(borders)


def _within(word: Word, take: Span) -> Word:
    """Outside the takes there is only silence, so a word's edge that lies there is the engine's error."""
    start = min(max(word.span.start, take.start), take.end)
    return word.model_copy(update={"span": Span(start, min(max(word.span.end, start), take.end))})


def _scenes_by_words(
    script: Sequence[SceneScript], wanted: Sequence[ScriptWord], length_ms: int, words: Sequence[Word]
) -> tuple[list[HeardScene], list[float]]:
    """Each scene with the words that match its script, and how certain each cut between two scenes is."""
    heard = heard_words(words)
    starts = find_scene_starts(wanted, heard)
    edges = [0, *(_word_at(start, heard_places=[one.word for one in heard], count=len(words)) for start in starts)]
    whole = Span(0, length_ms)
    scenes = [
        _heard_scene(scene, number, wanted, words[first:last], whole)
        for number, (scene, (first, last)) in enumerate(zip(script, pairwise([*edges, len(words)]), strict=True))
    ]
    return scenes, [start.certainty for start in starts]


def _word_at(start: SceneStart, *, heard_places: Sequence[int], count: int) -> int:
    return heard_places[start.heard] if start.heard < len(heard_places) else count


def _heard_scene(
    scene: SceneScript, number: int, wanted: Sequence[ScriptWord], words: Sequence[Word], room: Span
) -> HeardScene:
    own = tuple(word for word in wanted if word.scene == number)
    heard = heard_words(words)
    return HeardScene(
        scene_id=scene.scene_id,
        script=own,
        words=tuple(words),
        heard=heard,
        hearing=hear([word.text for word in own], [word.text for word in heard]),
        room=room,
    )


def _find_problems(
    scenes: Sequence[HeardScene], recording: Recording, transcript: Transcript, quiet: Sequence[Span]
) -> list[Problem]:
    found = list(check_issues(transcript.issues))
    # What the transcriber says of a scene it has heard; what we say of it we have only read.
    named = {problem.scene_id for problem in found if problem.stops}
    found += [problem for problem in check_words(scenes, quiet) if problem.scene_id not in named]
    if recording.take_boundaries_known:
        found += compare_with_voice(scenes, recording.takes)
    return [*found, *check_pauses(scenes), *check_pace(scenes)]


def _refuse(problems: Sequence[Problem]) -> None:
    stopping = [problem for problem in problems if problem.stops]
    if not stopping:
        return
    first = stopping[0]
    others = [problem.scene_id for problem in stopping[1:] if problem.scene_id != first.scene_id]
    more = f" The same is wrong elsewhere: see also scene {', '.join(map(repr, others[:3]))}." if others else ""
    raise Unrecoverable(first.message + more, remedy=first.remedy, scene_id=first.scene_id)


def _cuts(scenes: Sequence[HeardScene], recording: Recording, fps: Fraction, quiet: Sequence[Span]) -> list[Cut]:
    if recording.take_boundaries_known:
        return list(cuts_between_takes([take.span for take in recording.takes], fps))
    return [cut_in_gap(_gap(earlier, later), quiet, fps) for earlier, later in pairwise(scenes)]


def _gap(earlier: HeardScene, later: HeardScene) -> Span:
    return earlier.words[-1].span.until(later.words[0].span)


def _windows(scenes: Sequence[HeardScene], cuts: Sequence[Cut], length_ms: int, fps: Fraction) -> tuple[Span, ...]:
    grid = FrameGrid(fps)
    for scene, (start, end) in zip(scenes, pairwise([0, *(cut.at_ms for cut in cuts), length_ms]), strict=True):
        frames = grid.frame_at(end) - grid.frame_at(start)
        if frames < LEAST_WINDOW_FRAMES:
            raise Unrecoverable(
                f"Its window would last {end - start} ms, which is {frames} frames of picture.",
                remedy="Join it with the scene before or after it, or give it more to say.",
                scene_id=scene.scene_id,
            )
    return windows_between([cut.at_ms for cut in cuts], length_ms)


def _planned_scenes(
    scenes: Sequence[HeardScene],
    windows: Sequence[Span],
    cuts: Sequence[Cut],
    certainties: Sequence[float],
    fps: Fraction,
) -> tuple[PlannedScene, ...]:
    grid = FrameGrid(fps)
    planned = []
    for place, (scene, window) in enumerate(zip(scenes, windows, strict=True)):
        last = place == len(scenes) - 1
        neighbours = (certainties[place - 1] if place else 1.0, 1.0 if last else certainties[place])
        frame_count = grid.frame_count(window)
        planned.append(
            PlannedScene(
                number=place + 1,
                scene_id=scene.scene_id,
                window=window,
                first_frame=grid.frame_at(window.start),
                frame_count=frame_count,
                speech=Span(scene.words[0].span.start, scene.words[-1].span.end),
                words=scene.words,
                gap_after=Span(scene.words[-1].span.end, windows[-1].end) if last else _gap(scene, scenes[place + 1]),
                cut_kind="end" if last else cuts[place].kind,
                confidence=min(*neighbours, scene.words[0].confidence, scene.words[-1].confidence),
                clip_ms_to_ask_for=ceil((frame_count + 2) * grid.frame_ms),
                missing=tuple(
                    word.written
                    for word, found in zip(scene.script, scene.hearing.heard_as, strict=True)
                    if found is None
                ),
            )
        )
    return tuple(planned)


def _doubtful_cuts(scenes: Sequence[HeardScene], cuts: Sequence[Cut], certainties: Sequence[float]) -> list[Problem]:
    doubtful = []
    for (earlier, later), cut, certainty in zip(pairwise(scenes), cuts, certainties, strict=True):
        beside = f"between {quote_words([earlier.words[-1].text])} and {quote_words([later.words[0].text])}"
        around = Span(earlier.words[-1].span.start, later.words[0].span.end)
        if certainty < UNCERTAIN_BELOW:
            doubtful.append(
                Problem(
                    "uncertain_cut",
                    later.scene_id,
                    f"It probably begins {beside} at {at(cut.at_ms)} ({certainty:.0%} certain).",
                    "Listen there; pause between the scenes, or give each scene its own `recording`.",
                    stops=False,
                    span=around,
                )
            )
        if cut.kind == "joined":
            doubtful.append(
                Problem(
                    "joined_words",
                    later.scene_id,
                    f"There is no pause for the cut {beside} at {at(cut.at_ms)}.",
                    "Leave a pause between the two scenes.",
                    stops=False,
                    span=around,
                )
            )
    return doubtful
