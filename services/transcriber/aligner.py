"""One passage from sound to heard tokens: the plain grammar, then the robust one where the result is not healthy.

Runs in a worker process: it computes for seconds on end.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from services.transcriber.disputes import disputes, settled, still_unscripted
from services.transcriber.espeak import pronounce
from services.transcriber.grammar import (
    PHONE_LABEL,
    Grammar,
    plain_grammar,
    robust_grammar,
    sentence_breaks,
    spoken_words,
    token_of,
)
from services.transcriber.health import (
    SHORTEST_UNSCRIPTED_MS,
    are_slips,
    covers_speech,
    explains_as_well,
    in_short_runs,
    is_healthy,
    lost_its_way,
    median_score,
)
from services.transcriber.passage import Heard, HeardToken, Passage
from services.transcriber.pocketsphinx import FRAME_MS, NORMAL_BEAM, WIDE_BEAM, HeardLabel, hear, look_up
from services.transcriber.refinement import Envelope, measure_envelope, quiet_runs, refine_edges
from services.transcriber.sections import LONGEST_SECTION_MS, Section, cut_section, next_token, plan_section
from services.transcriber.sound import HEARING_PER_MS, PCM_BYTES_PER_MS, Samples, for_hearing
from services.transcriber.spelling import looks_unsayable
from services.transcriber.voiceover_file import read_sound
from shared.spoken_forms import spoken_forms
from shared.timeline import Span

LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz")

LONGEST_HOLE_MS = 300
"""Between two stretches of unscripted speech that are one: a stray scripted word, or a breath."""


def align_passages(voiceover: Path, passages: Sequence[Passage]) -> list[Heard]:
    """What is heard in each passage, in order."""
    pronunciations = find_pronunciations([token for passage in passages for token in passage.tokens])
    return [align_passage(voiceover, passage, pronunciations) for passage in passages]


def find_pronunciations(tokens: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The pronunciations of every word that a reading of the tokens needs: the dictionary's, and espeak-ng's own.

    espeak-ng's are added to the script's own words too: they mend the worst errors where espeak-ng is the voice or the
    speaker is British (measured), and are more usual pronunciations where not. A word that begins as no English
    one does may also be spelled: flite says G, D, A, N, S, K. One that neither can say is spelled.
    """
    words = spoken_words(tokens)
    known = look_up(words | LETTERS)
    written = spoken_words([token for token in tokens if any(map(str.isalpha, token))])
    by_rule = pronounce(written | (words - known.keys()))
    found: dict[str, tuple[str, ...]] = {}
    for word in words:
        ways = [*known.get(word, ()), *by_rule.get(word, ())]
        if not ways or looks_unsayable(word):
            ways.append(" ".join(known[letter][0] for letter in word if letter in LETTERS))
        found[word] = tuple(dict.fromkeys(ways))
    return found


def align_passage(voiceover: Path, passage: Passage, pronunciations: Mapping[str, Sequence[str]]) -> Heard:
    """What is heard in one passage, section by section."""
    tokens: list[HeardToken] = []
    unscripted: list[Span] = []
    unexplained = True
    at, first_token = 0, 0
    while at < passage.span.length:
        available = Span(at, min(at + LONGEST_SECTION_MS, passage.span.length))
        sound = _listen_to(read_sound(voiceover, available.shifted(passage.span.start)), available)
        span = cut_section(available, passage.span.length, [pause.shifted(at) for pause in sound.pauses])
        if span != available:
            sound = _listen_to(sound.samples[: span.length * HEARING_PER_MS], span)
        section = plan_section(span, passage.span.length, first_token, len(passage.tokens))
        heard = _align_section(sound, section, passage, pronunciations)
        if heard is not None:
            unexplained = False
            tokens += heard.tokens
            unscripted += heard.unscripted
            first_token = next_token(section, heard.tokens)
        at = span.end
    present = {token.token for token in tokens}
    missing = tuple(
        index for index, token in enumerate(passage.tokens) if index not in present and () not in spoken_forms(token)
    )
    return Heard(tuple(tokens), missing, _joined(unscripted), unexplained)


@dataclass(frozen=True)
class _Sound:
    """A section's samples and what is seen in them."""

    samples: Samples
    span: Span
    """In the passage's own time."""
    envelope: Envelope
    pauses: tuple[Span, ...]
    """In the section's own time."""


def _listen_to(samples: Samples, span: Span) -> _Sound:
    envelope = measure_envelope(samples)
    return _Sound(samples, span, envelope, quiet_runs(envelope))


@dataclass(frozen=True)
class _Ear:
    """A section's sound and its part of the script, whose tokens count from 0 here; times are the section's own."""

    sound: _Sound
    texts: Sequence[str]
    scene_starts: Sequence[int]
    open_end: bool
    """True where the script goes on in the next section."""
    pronunciations: Mapping[str, Sequence[str]]
    pcm: bytes

    def hear_plainly(self, beam: float = NORMAL_BEAM) -> Heard:
        """The words where nothing but the script may be heard."""
        labels = self._listen(plain_grammar(self.texts, open_end=self.open_end), beam)
        return Heard(self._placed(_tokens(labels)), (), ())

    def hear_accidents(self, *beams: float) -> Heard | None:
        """The words where others may be missing, said twice or strange, by the first of `beams` that finds anything;
        None where not even that explains the sound."""
        grammar = robust_grammar(self.texts, self.scene_starts, open_end=self.open_end)
        labels: tuple[HeardLabel, ...] | None = None
        for beam in beams:
            labels = labels or self._listen(grammar, beam)
        if labels is None:
            return None
        tokens = self._placed(_tokens(labels))
        present = {token.token for token in tokens}
        last = self._last_token(present)
        missing = (index for index in range(last) if index not in present and () not in spoken_forms(self.texts[index]))
        return Heard(tokens, tuple(missing), _unscripted(labels))

    def settle_disputes(self, heard: Heard) -> Heard:
        """The same after a closer look at each stretch where words are missing beside strange speech."""
        last = self._last_token({token.token for token in heard.tokens})
        found: list[HeardToken] = []
        for dispute in disputes(heard.tokens, heard.missing, heard.unscripted, self.sound.span.length, last):
            texts = self.texts[dispute.first_token : dispute.last_token]
            starts = [start - dispute.first_token for start in self.scene_starts if start in dispute.tokens]
            part = self.pcm[dispute.span.start * PCM_BYTES_PER_MS : dispute.span.end * PCM_BYTES_PER_MS]
            labels = hear(robust_grammar(texts, starts, stray_speech=False), self.pronunciations, part)
            breaks = sentence_breaks(texts, [0, *starts])
            found += settled(dispute, _tokens(labels), texts, breaks, median_score(heard.tokens))
        if not found:
            return heard
        return Heard(
            self._placed(sorted([*heard.tokens, *found], key=lambda token: token.token)),
            tuple(sorted({*heard.missing} - {token.token for token in found})),
            still_unscripted(heard.unscripted, found),
        )

    def _listen(self, grammar: Grammar, beam: float) -> tuple[HeardLabel, ...] | None:
        return hear(grammar, self.pronunciations, self.pcm, beam=beam)

    def _placed(self, tokens: Sequence[HeardToken]) -> tuple[HeardToken, ...]:
        loud = [_with_loudness(token, self.sound.envelope, self.sound.span.length) for token in tokens]
        return refine_edges(loud, self.sound.envelope, self.sound.pauses)

    def _last_token(self, present: Collection[int]) -> int:
        """Up to which token the script should be heard."""
        return max(present, default=0) if self.open_end else len(self.texts)


def _hear_section(ear: _Ear) -> Heard | None:
    """What is heard in a section, by its own tokens and times; None where nothing explains the sound."""
    envelope, length_ms = ear.sound.envelope, ear.sound.span.length
    plain = ear.hear_plainly()
    if is_healthy(plain.tokens, envelope, length_ms):
        return plain
    robust = ear.hear_accidents(NORMAL_BEAM, WIDE_BEAM)
    if robust is None:
        return plain if plain.tokens and ear.open_end else None
    if lost_its_way(robust.tokens, plain.tokens):
        if covers_speech(plain.tokens, envelope, length_ms):
            return plain
        robust = ear.hear_accidents(WIDE_BEAM) or robust
    if explains_as_well(plain.tokens, robust.tokens, robust.missing, robust.unscripted):
        return plain
    settled_down = ear.settle_disputes(robust)
    if in_short_runs(settled_down.missing):
        plain = plain if plain.tokens else ear.hear_plainly(WIDE_BEAM)
        if are_slips(plain.tokens, settled_down, robust):
            return plain
    return settled_down


def _align_section(
    sound: _Sound, section: Section, passage: Passage, pronunciations: Mapping[str, Sequence[str]]
) -> Heard | None:
    """What is heard in one section, by the passage's tokens and times; None where nothing explains the sound."""
    within = range(section.first_token, section.last_token)
    heard = _hear_section(
        _Ear(
            sound=sound,
            texts=passage.tokens[section.first_token : section.last_token],
            scene_starts=[start - section.first_token for start in passage.scene_starts if start in within],
            open_end=section.open_end,
            pronunciations=pronunciations,
            pcm=for_hearing(sound.samples),
        )
    )
    if heard is None:
        return None
    at = sound.span.start
    return Heard(
        tuple(
            replace(token, token=token.token + section.first_token, passage_span=token.passage_span.shifted(at))
            for token in heard.tokens
        ),
        tuple(token + section.first_token for token in heard.missing),
        tuple(span.shifted(at) for span in heard.unscripted),
    )


def _tokens(labels: Sequence[HeardLabel] | None) -> list[HeardToken]:
    """The words of each token put together; a token's score is that of its words, each by its length."""
    found: list[HeardToken] = []
    frames = 0
    for label in labels or ():
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
    """Speech that only single phones explain."""
    phones = [label for label in labels if label.label.startswith(PHONE_LABEL)]
    spans = _joined([Span(label.start_frame * FRAME_MS, label.end_frame * FRAME_MS) for label in phones])
    return tuple(span for span in spans if span.length >= SHORTEST_UNSCRIPTED_MS)


def _joined(spans: Sequence[Span]) -> tuple[Span, ...]:
    """The spans, neighbours less than a short word apart made one."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start - joined[-1].end <= LONGEST_HOLE_MS:
            joined[-1] = Span(joined[-1].start, span.end)
        else:
            joined.append(span)
    return tuple(joined)
