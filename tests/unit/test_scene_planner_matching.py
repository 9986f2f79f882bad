"""Where scenes begin among the heard words, and which words of a scene were heard."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.simulated_recogniser import random_script, recognise, speak
from services.scene_planner.boundaries import Certainty, SceneStart, find_scene_starts
from services.scene_planner.hearing import Hearing, hear, runs
from services.scene_planner.letters import heard_edges
from services.scene_planner.words import HeardWord, heard_words, script_words
from shared.narration import parse_narration
from shared.timeline import Span
from shared.transcript import Word
from tests.unit.scene_planner_speech import say_scenes


def starts_of(scenes: list[str], words: list[Word]) -> tuple[tuple[SceneStart, ...], tuple[HeardWord, ...]]:
    heard = heard_words(words)
    return find_scene_starts(script_words([parse_narration(scene) for scene in scenes]), heard), heard


def said_from_scene_2_on(scenes: list[str], *heard: str, gap: int = 600) -> list[str]:
    """The heard words that are not in the first of two scenes."""
    (start,), plain = starts_of(scenes, say_scenes(*heard, gap=gap))
    return [word.text for word in plain[start.heard :]]


LAMP = "The old lamp has stood here for a hundred years."
SHIP = "Every ship on the bay knows its light."


def test_a_scene_begins_at_its_first_word() -> None:
    assert said_from_scene_2_on([LAMP, SHIP], LAMP, SHIP)[:3] == ["every", "ship", "on"]


@pytest.mark.parametrize(
    ("heard_lamp", "heard_ship", "first_words"),
    [
        ("the old lamb has stood here for 100 years", "every shipp on the bay nose its light", ["every", "shipp"]),
        ("the old lamp hasstood here for a hundred year", "ever ship on the bay knows its light", ["ever", "ship"]),
        ("the old lamp has stood here for a hundred years", "ship on the bay knows its light", ["ship", "on"]),
        ("the old lamp has stood here for a hundred", "uh every ship on the bay", ["uh", "every", "ship"]),
        ("the old lamp has stood hear four a hun dread years", "every ship on a bay", ["every", "ship"]),
    ],
    ids=["misheard", "merged", "missing first word", "inserted at the cut", "split"],
)
def test_a_scene_is_found_though_its_words_are_misheard(
    heard_lamp: str, heard_ship: str, first_words: list[str]
) -> None:
    assert said_from_scene_2_on([LAMP, SHIP], heard_lamp, heard_ship)[: len(first_words)] == first_words


def test_spelling_does_not_matter() -> None:
    scenes = ["It cost $4.50 in 1905.", "Dr. Hale paid 25% more."]
    heard = ["it cost four dollars and fifty cents in nineteen oh five", "doctor hale paid twenty-five percent more"]
    assert said_from_scene_2_on(scenes, *heard)[:2] == ["doctor", "hale"]


def test_a_word_that_fits_neither_side_goes_to_the_side_that_it_is_spoken_with() -> None:
    early = [*say_scenes(LAMP, "hm", gap=40), *say_scenes(SHIP, start=6_500)]
    late = [*say_scenes(LAMP), *say_scenes("hm", SHIP, gap=40, start=6_500)]
    (start_after_early,), heard_early = starts_of([LAMP, SHIP], early)
    (start_before_late,), heard_late = starts_of([LAMP, SHIP], late)
    assert heard_early[start_after_early.heard].text == "every"
    assert heard_late[start_before_late.heard].text == "hm"


def test_sentences_that_come_back_in_other_scenes_do_not_confuse() -> None:
    refrain = "And the sea was calm."
    scenes = [f"{LAMP} {refrain}", f"{refrain} {SHIP}", refrain, f"{refrain} The end."]
    starts, heard = starts_of(scenes, say_scenes(*scenes))
    expected = [len(heard_words(say_scenes(*scenes[:count]))) for count in (1, 2, 3)]
    assert [start.heard for start in starts] == expected
    assert len(heard) > expected[-1]


def test_a_clear_boundary_is_certain_and_a_muddled_one_is_not() -> None:
    (clear,), _ = starts_of([LAMP, SHIP], say_scenes(LAMP, SHIP))
    muddled_words = say_scenes(
        "the old lamp has stood here for a hundred years oh every ship on the bay knows its light"
    )
    (muddled,), _ = starts_of([LAMP, SHIP], muddled_words)
    assert clear.certainty.probability > 0.999
    assert muddled.certainty.probability < 0.98


def test_the_pauses_do_not_agree_where_the_voice_pauses_a_word_after_the_boundary() -> None:
    """A word too many may happen to be the next scene's first, while that one was lost: then the pause is right."""
    early = say_scenes(f"{LAMP.rstrip('.')} every")
    odd = [*early, *say_scenes("ship on the bay knows its light", start=early[-1].span.end + 600)]
    usual = say_scenes(LAMP, SHIP, gap=600)
    (doubted,), _ = starts_of([LAMP, SHIP], odd)
    (clear,), _ = starts_of([LAMP, SHIP], usual)
    assert not doubted.certainty.pauses_agree
    assert clear.certainty.pauses_agree
    assert doubted.certainty.probability < clear.certainty.probability


@pytest.mark.parametrize(
    ("certainty", "is_low"),
    [
        (Certainty(0.99), True),
        (Certainty(0.998), False),
        (Certainty(0.998, pauses_agree=False), True),
        (Certainty(0.9999, pauses_agree=False), False),
    ],
)
def test_where_the_pauses_say_otherwise_more_certainty_is_wanted(certainty: Certainty, *, is_low: bool) -> None:
    assert certainty.is_low is is_low


def test_a_cut_cannot_lie_inside_a_word_that_was_merged_across_it() -> None:
    scenes = ["We have twenty", "Five ships are lost"]
    words = say_scenes("we have 25 ships are lost", gap=0)
    (start,), heard = starts_of(scenes, words)
    assert heard[start.heard].gap_before_ms is not None


def test_nothing_heard_leaves_every_scene_at_the_start() -> None:
    starts, _ = starts_of([LAMP, SHIP, LAMP], [])
    assert [start.heard for start in starts] == [0, 0]


@given(st.integers(0, 10_000), st.sampled_from([0.0, 0.1, 0.3]))
def test_scene_starts_ascend_and_certainties_are_probabilities(seed: int, error_rate: float) -> None:
    rng = random.Random(seed)
    scenes = random_script(rng, scene_count=6)
    heard = recognise(rng, speak(rng, scenes), error_rate)
    words = [Word(text=one.text, span=Span(one.start, one.end), confidence=1, source="simulated") for one in heard]
    starts, plain = starts_of(list(scenes), words)
    places = [start.heard for start in starts]
    assert len(places) == 5
    assert places == sorted(places)
    assert all(0 <= place <= len(plain) for place in places)
    assert all(0 <= start.certainty.probability <= 1 for start in starts)


def test_simulated_recognisers_rarely_move_a_boundary() -> None:
    """A small, seeded part of benchmarks/scene_boundaries.py: at 20 % word errors 99.7 % are exact."""
    wrong = total = 0
    for number in range(6):
        rng = random.Random(f"unit {number}")
        scenes = random_script(rng, scene_count=20)
        heard = recognise(rng, speak(rng, scenes), 0.2)
        words = [Word(text=one.text, span=Span(one.start, one.end), confidence=1, source="simulated") for one in heard]
        starts, plain = starts_of(list(scenes), words)
        for scene, start in enumerate(starts, start=1):
            truth = next(place for place, word in enumerate(plain) if heard[word.word].scene >= scene)
            total += 1
            wrong += start.heard != truth
    assert total == 114
    assert wrong <= 1


@given(st.lists(st.sampled_from(["a", "lamp", "lit", "sea"]), min_size=1), st.lists(st.sampled_from(["a", "lit", "x"])))
def test_edges_ascend_from_the_first_to_the_last_heard_word(script: list[str], heard: list[str]) -> None:
    edges = heard_edges(script, heard)
    assert len(edges) == len(script) + 1
    assert (edges[0], edges[-1]) == (0, len(heard))
    assert list(edges) == sorted(edges)


def match(script: str, heard: str) -> Hearing:
    return hear(script.split(), heard.split())


def test_every_script_word_is_matched_with_what_was_heard_for_it() -> None:
    hearing = match("the old lamp has stood", "the bold lamb uh has stood")
    assert hearing.heard_as == ((0, 1), (1, 2), (2, 3), (4, 5), (5, 6))
    assert hearing.unscripted == (3,)


def test_split_and_merged_words_are_heard_words() -> None:
    hearing = match("the notebook lay over there", "the note book lay overthere")
    assert hearing.heard_as == ((0, 1), (1, 3), (3, 4), (4, 5), (4, 5))
    assert hearing.unscripted == ()


def test_a_skipped_stretch_is_missing_and_an_added_one_is_unscripted() -> None:
    hearing = match("one two three four five six", "one two five ocean whale six")
    assert [place for place, found in enumerate(hearing.heard_as) if found is None] == [2, 3]
    assert hearing.unscripted == (3, 4)


def test_another_text_altogether_matches_nothing() -> None:
    hearing = hear([f"{'lamp' * 3}{n}" for n in range(300)], [f"{'qzx' * 4}{n}" for n in range(300)])
    assert not any(hearing.heard_as)
    assert len(hearing.unscripted) == 300


@given(st.lists(st.sampled_from(["a", "lamp", "lit", "sea"])), st.lists(st.sampled_from(["a", "lit", "lampsea", "x"])))
def test_every_heard_word_stands_for_script_or_is_unscripted(script: list[str], heard: list[str]) -> None:
    hearing = hear(script, heard)
    used = {place for found in hearing.heard_as if found is not None for place in range(*found)}
    assert used | set(hearing.unscripted) == set(range(len(heard)))
    assert used.isdisjoint(hearing.unscripted)
    firsts = [found[0] for found in hearing.heard_as if found is not None]
    assert firsts == sorted(firsts)


def test_places_become_runs() -> None:
    assert runs([]) == ()
    assert runs([2, 3, 4, 7]) == ((2, 5), (7, 8))
