"""The script as a finite-state grammar: what the decoder may hear, token by token, in every usual reading. Pure.

    (0) --the--> (1) --four--> (4) --dollars--> (5) --fifty--> (2) --today--> (3)
                       \\                          \\--and--> (6) --fifty--> (7) --cents--^

The plain grammar admits the script and nothing else. The robust one also admits what goes wrong in recordings: a word
left out, a scene left out or cut short, and speech that is not in the script.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from services.transcriber.phones import MODEL_PHONES
from shared.spoken_forms import spoken_forms

# Probabilities of what is not in the script. Those of reference/alignment.md (1e-10, 1e-20, 1e-13) let a beam of 1e-80
# lose the script behind a repeated sentence; with these it finds back to it at once (measured).
SKIPPED_WORD = 1e-10
SKIPPED_PART = 1e-40
UNSCRIPTED_PHONE = 1e-10

MOST_SENTENCES_SKIPPED = 6
"""At once, within or across scenes; any number may go one after another."""

SKIP_LABEL = "skip"
PHONE_LABEL = "phone"

SILENCE_PHONE = "SIL"


@dataclass(frozen=True, order=True)
class Arc:
    """One step of the grammar. Without a label it is taken in no time."""

    start: int
    end: int
    probability: float
    label: str | None = None


@dataclass(frozen=True)
class Grammar:
    """The arcs from state 0 to `final`, and what each label stands for."""

    arcs: tuple[Arc, ...]
    final: int
    words: dict[str, str]
    """Label -> the plain word that is spoken on its arcs."""
    phones: dict[str, str]
    """Label -> the phone of an arc that stands for a sound instead of a word."""


def word_label(word: str, token: int) -> str:
    """A word of one token; the token's index travels through the decoder in the label."""
    return f"{word}#{token}"


def token_of(label: str) -> int | None:
    """The index of the token that a label belongs to, or None for a skip or a stray phone."""
    found = re.search(r"#(\d+)", label)  # the decoder marks a second pronunciation: "the#4(2)"
    return int(found[1]) if found else None


def spoken_words(tokens: Sequence[str]) -> frozenset[str]:
    """Every plain word that any reading of these tokens needs a pronunciation for."""
    return frozenset(word for token in tokens for form in spoken_forms(token) for word in form)


def plain_grammar(tokens: Sequence[str], *, open_end: bool = False) -> Grammar:
    """The script and nothing else. State i stands before token i; state `len(tokens)` is final.

    With an open end the sound may stop after any token.
    """
    arcs, words = _script_arcs(tokens)
    if open_end:
        arcs += _open_ends(tokens)
    return Grammar(tuple(dict.fromkeys(arcs)), len(tokens), words, {})


def robust_grammar(
    tokens: Sequence[str], scene_starts: Sequence[int], *, open_end: bool = False, stray_speech: bool = True
) -> Grammar:
    """The script and its usual accidents.

    `scene_starts` are the indices of the tokens that begin a scene. Any word may be skipped, and any sentence; any
    scene may lose its beginning, its end or the whole of it; between sentences any sounds may be heard, unless
    there is no stray speech to be expected.
    """
    arcs, words = _script_arcs(tokens)
    phones = {SKIP_LABEL: SILENCE_PHONE}
    arcs += [Arc(at, at + 1, SKIPPED_WORD, SKIP_LABEL) for at in range(len(tokens))]
    starts = sorted({0, *scene_starts})
    for start, end in pairwise([*starts, len(tokens)]):
        arcs.append(Arc(start, end, SKIPPED_PART, SKIP_LABEL))
        for at in range(start + 1, end):
            arcs.append(Arc(start, at, SKIPPED_PART, SKIP_LABEL))
            arcs.append(Arc(at, end, SKIPPED_PART, SKIP_LABEL))
    breaks = sentence_breaks(tokens, starts)
    for place, start in enumerate(breaks):
        arcs += [
            Arc(start, end, SKIPPED_PART, SKIP_LABEL) for end in breaks[place + 1 : place + 1 + MOST_SENTENCES_SKIPPED]
        ]
    for phone in MODEL_PHONES if stray_speech else ():
        label = f"{PHONE_LABEL}-{phone}"
        phones[label] = phone
        arcs += [Arc(at, at, UNSCRIPTED_PHONE, label) for at in breaks]
    if open_end:
        arcs += _open_ends(tokens)
    return Grammar(tuple(dict.fromkeys(arcs)), len(tokens), words, phones)


def sentence_breaks(tokens: Sequence[str], scene_starts: Sequence[int]) -> list[int]:
    """The states between two sentences or two scenes, the first and the last state included."""
    after_sentences = {
        at + 1 for at, token in enumerate(tokens) if token.rstrip("\"'”’)]").endswith((".", "!", "?", "…"))
    }
    return sorted({0, len(tokens), *scene_starts} | after_sentences)


def _open_ends(tokens: Sequence[str]) -> list[Arc]:
    return [Arc(at, len(tokens), 1.0) for at in range(len(tokens))]


def _script_arcs(tokens: Sequence[str]) -> tuple[list[Arc], dict[str, str]]:
    arcs: list[Arc] = []
    words: dict[str, str] = {}
    free_state = len(tokens) + 1
    for index, token in enumerate(tokens):
        beginnings: dict[tuple[str, ...], int] = {(): index}  # readings share their beginnings
        for form in spoken_forms(token):
            if not form:
                arcs.append(Arc(index, index + 1, 1.0))
                continue
            for length, word in enumerate(form, start=1):
                label = word_label(word, index)
                words[label] = word
                start = beginnings[form[: length - 1]]
                if length == len(form):
                    arcs.append(Arc(start, index + 1, 1.0, label))
                elif form[:length] not in beginnings:
                    beginnings[form[:length]] = free_state
                    arcs.append(Arc(start, free_state, 1.0, label))
                    free_state += 1
    return arcs, words
