"""May an engine's answer be believed? The same checks for every engine, before any of its words is passed on. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.transcriber.passage import Heard, Passage
from shared.errors import Unrecoverable
from shared.spoken_forms import spoken_forms
from shared.timeline import Span

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

_OUT_OF_ORDER = "were heard out of order or at the same time"
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
            f"{quoted(passage.tokens)} were heard.",
            remedy="Check that the recording belongs to this narration, or record it again.",
            scene_id=passage.scene_ids[0] if len(passage.scene_ids) == 1 else None,
        )
    words = [
        TimedWord(
            passage.tokens[token.token],
            token.spoken,
            token.passage_span,
            token.loudness_db,
            passage.scene_of(token.token),
        )
        for token in answer.tokens
    ]
    for earlier, later in pairwise(range(len(words))):
        if answer.tokens[later].token <= answer.tokens[earlier].token:
            raise _doubted(passage.span, [words[earlier], words[later]], _OUT_OF_ORDER)
    check_times(words, passage.span)


@dataclass(frozen=True)
class TimedWord:
    """What a word's time is judged by."""

    text: str
    spoken: str
    """As it was read aloud, as far as that is known: "four dollars fifty"."""
    passage_span: Span
    """In the passage's own time: 0 is its first sample."""
    loudness_db: float
    """Of its loudest part, relative to the passage's active speech."""
    scene_id: str | None
    """The scene that it belongs to, where that is known."""


def check_times(words: Sequence[TimedWord], passage_span: Span) -> None:
    """Nothing where speech can have these times. Raises `Unrecoverable` naming the words and the remedy otherwise."""
    for earlier, later in pairwise(words):
        if later.passage_span.start < earlier.passage_span.end:
            raise _doubted(passage_span, [earlier, later], _OUT_OF_ORDER)
    beyond = [word for word in words if word.passage_span.end > passage_span.length + BEYOND_THE_SOUND_MS]
    if beyond:
        raise _doubted(passage_span, beyond, "lie beyond the end of the recording")
    doubtful = [word for word in words if is_doubtful(word)]
    if len(doubtful) > max(1, MOST_DOUBTFUL_SHARE * len(words)):
        raise _doubted(passage_span, doubtful, "have times that speech cannot have")


def is_doubtful(word: TimedWord) -> bool:
    """True where no such word can be as short, as long or as quiet."""
    length, letters = word.passage_span.length, max(1, len(word.spoken))
    is_stuck = length < SHORTEST_MS_PER_LETTER * letters or length > max(
        LONGEST_WORD_MS, LONGEST_MS_PER_LETTER * letters
    )
    return is_stuck or word.loudness_db < -SILENCE_BELOW_SPEECH_DB


def _doubted(passage_span: Span, words: Sequence[TimedWord], what: str) -> Unrecoverable:
    at_ms = passage_span.start + words[0].passage_span.start
    return Unrecoverable(
        f"At {at_ms / 1000:.1f} s the words {quoted([word.text for word in words])} {what}.",
        remedy=_REMEDY,
        scene_id=words[0].scene_id,
    )


def quoted(words: Sequence[str]) -> str:
    """The words in quotation marks, at most eight."""
    shown = " ".join(words[:8])
    return f"“{shown} …”" if len(words) > 8 else f"“{shown}”"
