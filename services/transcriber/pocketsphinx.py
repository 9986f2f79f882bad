"""pocketsphinx: hears which path through a grammar the sound took. Its acoustic model comes inside its wheel."""

import math
import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

import pocketsphinx

from services.transcriber.grammar import Grammar

FRAME_MS = 10

NORMAL_BEAM = 1e-80
WIDE_BEAM = 1e-200
WORD_EXIT_BEAM = 1e-60
"""For words that end, where the beam is not wide. The robust grammar's many ways out of a word cost most of its time:
two fifths less than with 1e-80, the same words to the frame (measured); 1e-50 lost some."""

_SCORE_BASE = math.log(1.0001)  # the decoder's logarithms; pocketsphinx/src/util/logmath.c, `logbase`


@dataclass(frozen=True)
class HeardLabel:
    """One arc of the grammar that the decoder took, in frames of 10 ms; the end is exclusive."""

    label: str
    start_frame: int
    end_frame: int
    score: float
    """The whole stretch's acoustic score in the decoder's units of 0.1 nat; 0 is best."""


def hear(
    grammar: Grammar, pronunciations: Mapping[str, Sequence[str]], pcm: bytes, *, beam: float = NORMAL_BEAM
) -> tuple[HeardLabel, ...] | None:
    """The likeliest path through the grammar, silences left out; None where no path survived the beam.

    A new decoder for each call: it costs 20 ms, and none of an earlier take's adaptation reaches a later one, so the
    same sound gives the same answer in any order.
    """
    decoder = pocketsphinx.Decoder(
        hmm=str(_MODEL / "en-us"),
        dict=os.devnull,  # only the words that the grammar needs are added
        lm=None,
        loglevel="FATAL",
        beam=beam,
        pbeam=beam,
        wbeam=WORD_EXIT_BEAM if grammar.phones and beam == NORMAL_BEAM else beam,
        maxhmmpf=-1,
        dither=False,
        bestpath=False,
        fwdflat=False,
        lw=1.0,
        silprob=0.1,
        # Only senones that some path needs are scored: a third of the time, the same words to the frame (measured).
        compallsen=False,
    )
    for label, word in grammar.words.items():
        for number, phones in enumerate(pronunciations[word], start=1):
            decoder.add_word(label if number == 1 else f"{label}({number})", phones, False)
    for label, phone in grammar.phones.items():
        decoder.add_word(label, phone, False)
    transitions = [
        (arc.start, arc.end, arc.probability, *([arc.label] if arc.label is not None else [])) for arc in grammar.arcs
    ]
    decoder.add_fsg("script", decoder.create_fsg("script", 0, grammar.final, transitions))
    decoder.activate_search("script")
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()
    if decoder.hyp() is None:
        return None
    return tuple(
        HeardLabel(
            segment.word,
            segment.start_frame,
            segment.end_frame + 1,
            math.log(max(segment.ascore, 1e-300)) / _SCORE_BASE,
        )
        for segment in decoder.seg()
        if segment.word[0] not in "<[("  # silence, noises, null transitions
    )


def look_up(words: Set[str]) -> dict[str, tuple[str, ...]]:
    """The pronunciations of those words that the model's dictionary has. Reads all of it: ask once."""
    found: dict[str, list[str]] = {}
    with (_MODEL / "cmudict-en-us.dict").open(encoding="utf-8") as lines:
        for line in lines:
            entry, _, phones = line.partition(" ")
            word = entry if entry[-1] != ")" else entry[: entry.index("(")]  # "read(2)"
            if word in words:
                found.setdefault(word, []).append(phones.strip())
    return {word: tuple(ways) for word, ways in found.items()}


_MODEL = Path(pocketsphinx.get_model_path()) / "en-us"
