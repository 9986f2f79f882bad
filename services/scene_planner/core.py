"""The decision: which stretch of the master clock each scene owns, or why no plan can be made. Pure.

script words <-> heard words                scenes.py, words.py, letters.py, boundaries.py, hearing.py
is the recording what the script says?      checks.py, pace.py, issues.py, second_opinion.py
cuts in the gaps, windows that tile         windows.py
transitions that their scenes have room for transitions.py
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from math import ceil, floor

from services.scene_planner.boundaries import CERTAIN, Certainty
from services.scene_planner.checks import check_words
from services.scene_planner.issues import check_issues
from services.scene_planner.pace import check_pace, check_pauses
from services.scene_planner.problems import HeardScene, Problem, at, quote_words, written
from services.scene_planner.scenes import SceneScript, refuse_bad_times, scenes_by_takes, scenes_by_words
from services.scene_planner.second_opinion import compare_with_sound, compare_with_takes, compare_with_voice
from services.scene_planner.silence import UNMEASURED, SoundSpans
from services.scene_planner.transitions import planned_transitions, shortened_transitions
from services.scene_planner.windows import Cut, cut_in_gap, cuts_between_takes
from shared.errors import Unrecoverable
from shared.plan import PlannedScene, PlannedTransition, PlanWarning, ScenePlan
from shared.project_output import Transition
from shared.timeline import FrameGrid, Span, windows_between
from shared.transcript import Recording, Transcript

LEAST_WINDOW_FRAMES = 2
"""One frame is a flash, not a scene; two can at least be encoded with a picture and its successor."""


def plan_scenes(
    script: Sequence[SceneScript],
    recording: Recording,
    transcript: Transcript,
    fps: Fraction,
    sound: SoundSpans = UNMEASURED,
    transitions: Sequence[Transition] = (),
) -> ScenePlan:
    """The plan of all scenes. Raises `Unrecoverable`, naming scene and words, where the recording is not the script.

    `sound` is what was measured of the voiceover, where the recording `needs_sound`; `transitions` are what is wanted
    at each cut, nothing meaning plain cuts everywhere.
    """
    refuse_bad_times(transcript.words, recording.length_ms)
    if recording.take_boundaries_known:
        scenes = scenes_by_takes(script, recording.takes, transcript.words)
        certainties = [CERTAIN] * (len(scenes) - 1)
    else:
        scenes, certainties = scenes_by_words(script, transcript.words, recording.length_ms)
    problems = _find_problems(scenes, recording, transcript, sound)
    _refuse(problems)
    cuts = _cuts(scenes, recording, fps, sound.quiet)
    windows = _windows(scenes, cuts, recording.length_ms, fps)
    wanted = transitions or [Transition(kind="cut") for _ in cuts]
    made = planned_transitions([FrameGrid(fps).frame_count(window) for window in windows], wanted, fps)
    planned = _planned_scenes(scenes, windows, cuts, certainties, made, fps)
    problems += _doubtful_cuts(scenes, cuts, certainties)
    problems += shortened_transitions([scene.scene_id for scene in scenes], wanted, made, fps)
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


def needs_sound(recording: Recording) -> bool:
    """True where a cut or a second opinion has to be found in the sound: takes tell where speech and silence lie, and
    most voices where their words do.
    """
    return not recording.take_boundaries_known or not all(take.reported_words for take in recording.takes)


def _find_problems(
    scenes: Sequence[HeardScene], recording: Recording, transcript: Transcript, sound: SoundSpans
) -> list[Problem]:
    found = list(check_issues(transcript.issues))
    # What the transcriber says of a scene it has heard; what we say of it we have only read.
    named = {problem.scene_id for problem in found if problem.stops}
    found += [problem for problem in check_words(scenes, sound.quiet) if problem.scene_id not in named]
    if recording.take_boundaries_known:
        found += compare_with_voice(scenes, recording.takes)
        if not any(problem.stops for problem in found):
            found += compare_with_takes(scenes, recording.takes, sound)
    elif not any(problem.stops for problem in found):
        found += compare_with_sound(scenes, sound.quiet)
    return [*found, *check_pauses(scenes), *check_pace(scenes)]


def _refuse(problems: Sequence[Problem]) -> None:
    stopping = [problem for problem in problems if problem.stops]
    if not stopping:
        return
    first = stopping[0]
    others = dict.fromkeys(problem.scene_id for problem in stopping if problem.scene_id != first.scene_id)
    more = f" Look at scene {', '.join(map(repr, list(others)[:3]))}, too." if others else ""
    raise Unrecoverable(first.message + more, remedy=first.remedy, scene_id=first.scene_id, span=first.span)


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
    certainties: Sequence[Certainty],
    transitions: Sequence[PlannedTransition | None],
    fps: Fraction,
) -> tuple[PlannedScene, ...]:
    grid = FrameGrid(fps)
    beside = [None, *transitions, None]
    sure = [1.0, *(certainty.probability for certainty in certainties), 1.0]
    planned = []
    for place, (scene, window) in enumerate(zip(scenes, windows, strict=True)):
        last = place == len(scenes) - 1
        frame_count = grid.frame_count(window)
        handles = sum(transition.half_frames for transition in beside[place : place + 2] if transition)
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
                confidence=min(*sure[place : place + 2], scene.words[0].confidence, scene.words[-1].confidence),
                clip_ms_to_ask_for=ceil((frame_count + handles + 2) * grid.frame_ms),
                missing=written(scene.missing_words),
                transition=beside[place + 1],
            )
        )
    return tuple(planned)


def _doubtful_cuts(
    scenes: Sequence[HeardScene], cuts: Sequence[Cut], certainties: Sequence[Certainty]
) -> list[Problem]:
    doubtful = []
    for (earlier, later), cut, certainty in zip(pairwise(scenes), cuts, certainties, strict=True):
        beside = f"between {quote_words([earlier.words[-1].text])} and {quote_words([later.words[0].text])}"
        around = Span(earlier.words[-1].span.start, later.words[0].span.end)
        if certainty.is_low:
            percent = floor(1000 * certainty.probability) / 10
            doubtful.append(
                Problem(
                    "uncertain_cut",
                    later.scene_id,
                    f"It probably begins {beside} at {at(cut.at_ms)} ({percent:g}% certain).",
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
