"""What the transcriber found while it aligned script and voiceover, weighed: which findings stop the project. Pure."""

from collections.abc import Sequence

from services.scene_planner.checks import LONG_RUN_WORDS
from services.scene_planner.problems import CUT_OUT, RECORD_AGAIN, Problem, at, quote_words
from shared.transcript import TranscriptIssue

LONG_SPEECH_MS = 1_200
"""Unscripted speech from here on is more than a breath, a cough or a slip: four words or so."""


def check_issues(issues: Sequence[TranscriptIssue]) -> tuple[Problem, ...]:
    """The transcriber's findings as errors and warnings."""
    return tuple(_problem(issue) for issue in issues)


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
