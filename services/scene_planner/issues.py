"""What the transcriber found while it aligned script and voiceover, weighed: which findings stop the project. Pure."""

from collections.abc import Sequence

from services.scene_planner.checks import LONG_RUN_WORDS
from services.scene_planner.problems import CUT_OUT, RECORD_AGAIN, Problem, at, quote_words
from shared.transcript import TranscriptIssue

LONG_SPEECH_MS = 1_200
"""Unscripted speech from here on is more than a breath, a cough or a slip: four words or so."""


MS_PER_WORD = 375
"""160 words a minute."""

STRAY_SPEECH_WEIGHS = 0.5
"""Of as many missing words: it lies between two scenes and is named after the one before it, which may be wrong."""


def check_issues(issues: Sequence[TranscriptIssue]) -> tuple[Problem, ...]:
    """The transcriber's findings as errors and warnings; the errors first, the heaviest of them before all.

    A sentence that is skipped or said elsewhere drags words of its neighbours along: those are fewer, so they come
    later, and the first error is the one to mend.
    """
    problems = [(_problem(issue), _weight(issue)) for issue in issues]
    return tuple(problem for problem, _ in sorted(problems, key=lambda one: -one[1] if one[0].stops else 0))


def _weight(issue: TranscriptIssue) -> float:
    """How much of the recording an issue is about, in words."""
    if issue.kind != "unscripted_speech":
        return len(issue.words)
    return STRAY_SPEECH_WEIGHS * issue.span.length / MS_PER_WORD if issue.span is not None else 0.0


def _problem(issue: TranscriptIssue) -> Problem:
    when = f" at {at(issue.span.start)}" if issue.span is not None else ""
    words = quote_words(issue.words) if issue.words else "words of the script"
    match issue.kind:
        case "scene_missing":
            message = f"It was not found in the recording: {words}." if issue.words else "It is not in the recording."
            return Problem("scene_not_heard", issue.scene_id, message, RECORD_AGAIN, stops=True, span=issue.span)
        case "scene_partly_missing":
            message = f"The recording skips {words}{when}."
            return Problem("sentence_skipped", issue.scene_id, message, RECORD_AGAIN, stops=True, span=issue.span)
        case "words_missing":
            message = f"The recording lacks {words}{when}."
            stops = len(issue.words) >= LONG_RUN_WORDS
            return Problem("words_missing", issue.scene_id, message, RECORD_AGAIN, stops=stops, span=issue.span)
        case "unscripted_speech":
            said = f"{words} is said" if issue.words else "Something is said"
            message = f"{said}{when} that the script does not have."
            stops = issue.span is not None and issue.span.length >= LONG_SPEECH_MS
            return Problem("unscripted_speech", issue.scene_id, message, CUT_OUT, stops=stops, span=issue.span)
