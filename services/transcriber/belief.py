"""May an engine's answer be believed? The same checks for every engine, before any of its words is passed on. Pure."""

from collections.abc import Sequence
from itertools import pairwise

from services.transcriber.passage import Heard, HeardToken, Passage
from shared.errors import Unrecoverable
from shared.spoken_forms import spoken_forms

LEAST_HEARD_SHARE = 0.4
"""Of the script's words. With fewer, it is not a recording of this text with mistakes but of something else."""

SHORTEST_MS_PER_LETTER = 4
"""The fastest synthetic speech in use (450 words a minute) needs 25 ms for a letter; this is out of reach."""

LONGEST_WORD_MS = 2_500
LONGEST_MS_PER_LETTER = 400
"""Beyond both no word lasts, however it is drawn out: a sung or stuck one."""

SILENCE_BELOW_SPEECH_DB = 45.0
"""A word whose loudest 10 ms lie this far below the passage's speech lies in silence."""

MOST_DOUBTFUL_SHARE = 0.2

BEYOND_THE_SOUND_MS = 50

_REMEDY = "Listen to the recording there; record it again, or make the narration say what is spoken."


def check_words(passage: Passage, answer: Heard) -> None:
    """Nothing where the answer can be believed. Raises `Unrecoverable` naming scene, words and remedy otherwise.

    Single words that cannot be right are the planner's to weigh by their confidence; here a passage is refused whose
    answer as a whole is not one: out of order, beyond the sound, stuck, mostly missing.
    """
    wanted = [index for index, token in enumerate(passage.tokens) if () not in spoken_forms(token)]
    if answer.unexplained or len(answer.tokens) < LEAST_HEARD_SHARE * len(wanted):
        raise Unrecoverable(
            f"The recording does not say what the script says: {len(answer.tokens)} of {len(wanted)} words of "
            f"{_quoted(passage, range(len(passage.tokens)))} were heard.",
            remedy="Check that the recording belongs to this narration, or record it again.",
            scene_id=passage.scene_ids[0] if len(passage.scene_ids) == 1 else None,
        )
    for earlier, later in pairwise(answer.tokens):
        if later.token <= earlier.token or later.passage_span.start < earlier.passage_span.end:
            raise _doubted(passage, [earlier, later], "were heard out of order or at the same time")
    beyond = [token for token in answer.tokens if token.passage_span.end > passage.span.length + BEYOND_THE_SOUND_MS]
    if beyond:
        raise _doubted(passage, beyond, "lie beyond the end of the recording")
    doubtful = [token for token in answer.tokens if _is_stuck(token) or token.loudness_db < -SILENCE_BELOW_SPEECH_DB]
    if len(doubtful) > max(1, MOST_DOUBTFUL_SHARE * len(answer.tokens)):
        raise _doubted(passage, doubtful, "have times that speech cannot have")


def _is_stuck(token: HeardToken) -> bool:
    length, letters = token.passage_span.length, max(1, len(token.spoken))
    return length < SHORTEST_MS_PER_LETTER * letters or length > max(LONGEST_WORD_MS, LONGEST_MS_PER_LETTER * letters)


def _doubted(passage: Passage, tokens: Sequence[HeardToken], what: str) -> Unrecoverable:
    at_ms = passage.span.start + tokens[0].passage_span.start
    return Unrecoverable(
        f"At {at_ms / 1000:.1f} s the words {_quoted(passage, [token.token for token in tokens])} {what}.",
        remedy=_REMEDY,
        scene_id=passage.scene_of(tokens[0].token),
    )


def _quoted(passage: Passage, tokens: Sequence[int]) -> str:
    shown = " ".join(passage.tokens[token] for token in tokens[:8])
    return f"“{shown} …”" if len(tokens) > 8 else f"“{shown}”"
