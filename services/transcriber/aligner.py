"""One passage from sound to heard tokens: the plain grammar, then the robust one where the result is not healthy.

Runs in a worker process: it computes for seconds on end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from services.transcriber.espeak import pronounce
from services.transcriber.grammar import PHONE_LABEL, Grammar, plain_grammar, robust_grammar, spoken_words, token_of
from services.transcriber.health import (
    LOWEST_WORD_BELOW_MEDIAN,
    SHORTEST_UNSCRIPTED_MS,
    is_healthy,
    median_score,
)
from services.transcriber.passage import Heard, HeardToken, Passage
from services.transcriber.pocketsphinx import FRAME_MS, WIDE_BEAM, HeardLabel, hear, look_up
from services.transcriber.refinement import Envelope, measure_envelope, quiet_runs, refine_edges
from services.transcriber.sound import for_hearing
from services.transcriber.voiceover_file import read_sound
from shared.spoken_forms import spoken_forms
from shared.timeline import Span

LONGEST_SLIP_TOKENS = 2
"""The robust grammar sometimes skips a slurred "than" or "of". So few, with no stray speech, are no accident."""


def align_passages(voiceover: Path, passages: Sequence[Passage]) -> list[Heard]:
    """What is heard in each passage, in order."""
    pronunciations = find_pronunciations([token for passage in passages for token in passage.tokens])
    return [align_passage(voiceover, passage, pronunciations) for passage in passages]


def find_pronunciations(tokens: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The pronunciations of every word that a reading of the tokens needs: the dictionary's, and espeak-ng's own.

    espeak-ng's is added to known words too: it halves the worst errors where espeak-ng is the voice (measured), and
    is one more usual pronunciation where it is not.
    """
    words = spoken_words(tokens)
    known, by_rule = look_up(words), pronounce(words)
    letters = look_up(frozenset("abcdefghijklmnopqrstuvwxyz"))
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        extra = by_rule.get(word)
        ways = (*known.get(word, ()), *((extra,) if extra else ()))
        # What neither can say is read letter by letter.
        found[word] = tuple(dict.fromkeys(ways)) or (" ".join(letters[one][0] for one in word if one in letters),)
    return found


def align_passage(voiceover: Path, passage: Passage, pronunciations: Mapping[str, Sequence[str]]) -> Heard:
    """What is heard in one passage."""
    samples = read_sound(voiceover, passage.span)
    envelope = measure_envelope(samples)
    pauses = quiet_runs(envelope)
    pcm = for_hearing(samples)

    def listen(grammar: Grammar) -> tuple[HeardLabel, ...] | None:
        return hear(grammar, pronunciations, pcm) or hear(grammar, pronunciations, pcm, beam=WIDE_BEAM)

    def timed(labels: Sequence[HeardLabel]) -> tuple[HeardToken, ...]:
        tokens = [_with_loudness(token, envelope, passage.span.length) for token in _tokens(labels)]
        return refine_edges(tokens, envelope, pauses)

    plain_labels = listen(plain_grammar(passage.tokens))
    plain = timed(plain_labels) if plain_labels else ()
    if is_healthy(plain, envelope, passage.span.length):
        return Heard(plain, (), ())
    robust_labels = listen(robust_grammar(passage.tokens, passage.scene_starts))
    if robust_labels is None:
        return Heard(plain, (), (), unexplained=True)
    robust = timed(robust_labels)
    heard = {token.token for token in robust}
    missing = tuple(
        index for index, token in enumerate(passage.tokens) if index not in heard and () not in spoken_forms(token)
    )
    unscripted = _unscripted(robust_labels)
    if plain and not unscripted and _is_slip(missing, plain):
        return Heard(plain, (), ())
    return Heard(robust, missing, unscripted)


def _is_slip(missing: Sequence[int], plain: Sequence[HeardToken]) -> bool:
    """True where the plain pass heard the few words that the robust one skipped, and they fit."""
    if len(missing) > LONGEST_SLIP_TOKENS:
        return False
    lowest = median_score(plain) - LOWEST_WORD_BELOW_MEDIAN
    return all(token.score >= lowest for token in plain if token.token in missing)


def _tokens(labels: Sequence[HeardLabel]) -> list[HeardToken]:
    """The words of each token put together; a token's score is that of its words, each by its length."""
    found: list[HeardToken] = []
    frames = 0
    for label in labels:
        token = token_of(label.label)
        if token is None:
            continue
        word, _, _ = label.label.partition("#")
        length = label.end_frame - label.start_frame
        span = Span(label.start_frame * FRAME_MS, label.end_frame * FRAME_MS)
        if found and found[-1].token == token:
            earlier = found[-1]
            score = (earlier.score * frames + label.score) / (frames + length)
            frames += length
            whole = Span(earlier.passage_span.start, span.end)
            found[-1] = replace(earlier, spoken=f"{earlier.spoken} {word}", passage_span=whole, score=score)
        else:
            frames = length
            found.append(HeardToken(token, word, span, label.score / length, 0.0))
    return found


def _with_loudness(token: HeardToken, envelope: Envelope, length_ms: int) -> HeardToken:
    hop = length_ms / max(1, envelope.db.size)
    stretch = envelope.db[int(token.passage_span.start / hop) : max(1, int(token.passage_span.end / hop))]
    loudest = float(stretch.max()) if stretch.size else envelope.floor_db
    return replace(token, loudness_db=loudest - envelope.speech_db)


def _unscripted(labels: Sequence[HeardLabel]) -> tuple[Span, ...]:
    """Speech that only single phones explain; neighbours less than a word's length apart are one."""
    found: list[Span] = []
    for label in labels:
        if not label.label.startswith(PHONE_LABEL):
            continue
        span = Span(label.start_frame * FRAME_MS, label.end_frame * FRAME_MS)
        if found and span.start - found[-1].end <= SHORTEST_UNSCRIPTED_MS:
            found[-1] = Span(found[-1].start, span.end)
        else:
            found.append(span)
    return tuple(span for span in found if span.length >= SHORTEST_UNSCRIPTED_MS)
