"""The script as the decoder sees it: every reading a path, and the accidents that the robust grammar admits."""

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.grammar import (
    SKIP_LABEL,
    Grammar,
    plain_grammar,
    robust_grammar,
    sentence_breaks,
    spoken_words,
    token_of,
)
from services.transcriber.phones import MODEL_PHONES, PHONES_BY_IPA, phones_of
from shared.spoken_forms import script_tokens, spoken_forms


def readings(grammar: Grammar, most: int = 200) -> set[str]:
    """Every text that the grammar admits, skips and stray phones left out."""
    arcs = defaultdict(list)
    for arc in grammar.arcs:
        if arc.label in grammar.words or arc.label is None:
            arcs[arc.start].append(arc)
    found: set[str] = set()
    open_paths: list[tuple[int, tuple[str, ...]]] = [(0, ())]
    while open_paths and len(found) < most:
        state, words = open_paths.pop()
        if state == grammar.final:
            found.add(" ".join(words))
        for arc in arcs[state]:
            said = () if arc.label is None else (grammar.words[arc.label],)
            open_paths.append((arc.end, words + said))
    return found


def test_the_plain_grammar_admits_every_reading_and_nothing_else() -> None:
    assert readings(plain_grammar(["It", "costs", "50%"])) == {"it costs fifty percent", "it costs fifty per cent"}


def test_a_token_that_may_be_silent_may_be_passed_over() -> None:
    assert readings(plain_grammar(["Go", "🚀"])) == {"go", "go rocket"}


def test_readings_that_begin_alike_share_their_beginning() -> None:
    grammar = plain_grammar(["$4.50"])
    firsts = [arc.label for arc in grammar.arcs if arc.start == 0 and arc.label]
    assert len(firsts) == len(set(firsts))


def test_with_an_open_end_the_sound_may_stop_after_any_token() -> None:
    assert readings(plain_grammar(["one", "fish", "swims"], open_end=True)) == {"", "one", "one fish", "one fish swims"}


def test_a_label_tells_its_token_even_for_a_second_pronunciation() -> None:
    assert token_of("the#12") == 12
    assert token_of("the#12(2)") == 12
    assert token_of(SKIP_LABEL) is None
    assert token_of("phone-AA") is None


def test_the_robust_grammar_lets_any_word_and_any_part_of_a_scene_be_skipped() -> None:
    grammar = robust_grammar(script_tokens("One fish. Two fish swim."), [0, 2])
    skips = {(arc.start, arc.end) for arc in grammar.arcs if arc.label == SKIP_LABEL}
    assert {(at, at + 1) for at in range(5)} <= skips
    assert {(0, 2), (2, 5)} <= skips  # whole scenes
    assert {(2, 4), (3, 5)} <= skips  # a scene's beginning, a scene's end
    assert (1, 4) not in skips  # from within one scene into another


def test_the_robust_grammar_lets_any_sentence_be_skipped() -> None:
    grammar = robust_grammar(script_tokens("One fish. Two fish swim. Red fish. Blue fish."), [0])
    skips = {(arc.start, arc.end) for arc in grammar.arcs if arc.label == SKIP_LABEL}
    assert {(2, 5), (5, 7), (2, 7)} <= skips


def test_unscripted_sounds_are_admitted_between_sentences_only() -> None:
    tokens = script_tokens("One fish. Two fish swim.")
    assert sentence_breaks(tokens, [0, 2]) == [0, 2, 5]
    loops = {arc.start for arc in robust_grammar(tokens, [0]).arcs if arc.start == arc.end}
    assert loops == {0, 2, 5}


def test_without_stray_speech_only_the_script_and_its_gaps_are_admitted() -> None:
    grammar = robust_grammar(script_tokens("One fish. Two fish swim."), [0], stray_speech=False)
    assert not [arc for arc in grammar.arcs if arc.start == arc.end]
    assert (2, 5) in {(arc.start, arc.end) for arc in grammar.arcs if arc.label == SKIP_LABEL}


@given(st.lists(st.text(alphabet="abc $4.-—'🚀", min_size=1, max_size=6), min_size=1, max_size=8))
def test_every_reading_of_every_token_is_a_path(tokens: list[str]) -> None:
    grammar = plain_grammar(tokens)
    likeliest = " ".join(word for token in tokens for word in spoken_forms(token)[0])
    assert likeliest in readings(grammar, most=100_000) or len(tokens) > 3
    assert set(grammar.words.values()) == spoken_words(tokens)


def test_every_symbol_becomes_phones_that_the_model_has() -> None:
    assert {phone for phones in PHONES_BY_IPA.values() for phone in phones} <= set(MODEL_PHONES)
    assert len(MODEL_PHONES) == 39


def test_espeaks_phonemes_become_the_models_phones() -> None:
    assert phones_of("zɪnθˈɛɹiən") == ("Z", "IH", "N", "TH", "EH", "R", "IY", "AH", "N")
    assert phones_of("kwˈɛlvoʊ") == ("K", "W", "EH", "L", "V", "OW")
    assert phones_of("tʃˈɜːtʃ") == ("CH", "ER", "CH")


def test_an_r_after_an_r_coloured_vowel_is_heard_once() -> None:
    assert phones_of("fˈɜːɹi") == ("F", "ER", "IY")


@given(st.text(max_size=20))
def test_any_text_becomes_phones_that_the_model_has(ipa: str) -> None:
    assert set(phones_of(ipa)) <= set(MODEL_PHONES)
