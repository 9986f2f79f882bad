"""Every scene gets its window of the master clock."""

from fractions import Fraction
from itertools import pairwise
from math import ceil

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.scene_planner.core import plan_scenes
from services.scene_planner.scenes import SceneScript
from services.scene_planner.silence import SoundSpans
from shared.errors import Unrecoverable
from shared.plan import ScenePlan
from shared.timeline import FrameGrid, Span
from shared.transcript import Take, Transcript, Word
from tests.unit.scene_planner_speech import (
    FPS,
    one_recording,
    plan,
    recorded_takes,
    say,
    say_scenes,
    script,
    transcribed,
)

RATES = [Fraction(24), Fraction(25), Fraction(30), Fraction(30_000, 1001)]

NARRATIONS = (
    "The old lamp has stood here for a hundred years.",
    "Every ship on the bay knows its light.",
    "Then the storm came.",
    "In the morning it was calm again.",
)


def spoken_takes(
    narrations: tuple[str, ...], fps: Fraction, *, pause_ms: int = 400, first_ms: int = 0
) -> tuple[list[Take], Transcript, int]:
    """Takes as the voiceover makes them, 40 ms of margin around the words, each starting on a frame."""
    grid = FrameGrid(fps)
    takes: list[Take] = []
    words: list[Word] = []
    start = grid.ms_at(grid.frame_on_or_after(first_ms))
    for number, narration in enumerate(narrations, start=1):
        spoken = say(narration, start + 40)
        words += spoken
        take = Take(scene_id=f"scene-{number}", text=narration, span=Span(start, spoken[-1].span.end + 40))
        takes.append(take)
        start = grid.ms_at(grid.frame_on_or_after(take.span.end + pause_ms))
    length_ms = takes[-1].span.end + pause_ms
    return takes, transcribed(words, length_ms), length_ms


def plan_of_takes(narrations: tuple[str, ...], fps: Fraction = FPS, **how: int) -> ScenePlan:
    takes, transcript, length_ms = spoken_takes(narrations, fps, **how)
    return plan_scenes(script(*narrations), recorded_takes(takes, length_ms), transcript, fps)


def assert_holds_together(made: ScenePlan, words: list[Word]) -> None:
    """What is true of every plan: all words are in it once, inside their scenes' windows, and no cut is in a word."""
    assert [word for scene in made.scenes for word in scene.words] == words
    for scene in made.scenes:
        assert scene.window.start <= scene.speech.start <= scene.speech.end <= scene.window.end
        assert scene.speech == Span(scene.words[0].span.start, scene.words[-1].span.end)
        assert scene.clip_ms_to_ask_for >= scene.window.length
    for earlier, later in pairwise(made.scenes):
        assert earlier.gap_after == Span(earlier.speech.end, later.speech.start)
        assert earlier.gap_after.start <= earlier.window.end <= earlier.gap_after.end
    assert sum(scene.frame_count for scene in made.scenes) == made.frame_count


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_the_plan_of_takes_holds_together(fps: Fraction) -> None:
    takes, transcript, length_ms = spoken_takes(NARRATIONS, fps, first_ms=250)
    made = plan_scenes(script(*NARRATIONS), recorded_takes(takes, length_ms), transcript, fps)
    assert_holds_together(made, list(transcript.words))
    assert [scene.cut_kind for scene in made.scenes] == ["silence", "silence", "silence", "end"]
    assert [(scene.number, scene.scene_id) for scene in made.scenes] == [(n, f"scene-{n}") for n in (1, 2, 3, 4)]
    assert made.warnings == ()


@given(
    st.lists(st.sampled_from([*NARRATIONS, "Calm.", "One. Two. Three."]), min_size=1, max_size=8),
    st.sampled_from(RATES),
    st.integers(0, 2_000),
    st.integers(0, 1_000),
)
def test_any_takes_make_a_plan_that_holds_together(
    narrations: list[str], fps: Fraction, pause_ms: int, first_ms: int
) -> None:
    takes, transcript, length_ms = spoken_takes(tuple(narrations), fps, pause_ms=pause_ms, first_ms=first_ms)
    made = plan_scenes(script(*narrations), recorded_takes(takes, length_ms), transcript, fps)
    assert_holds_together(made, list(transcript.words))


@pytest.mark.parametrize("fps", RATES, ids=str)
def test_editing_one_sentence_changes_one_windows_frame_count(fps: Fraction) -> None:
    edited = (NARRATIONS[0], "Every ship on the wide bay knows its friendly light.", *NARRATIONS[2:])
    before = [scene.frame_count for scene in plan_of_takes(NARRATIONS, fps).scenes]
    after = [scene.frame_count for scene in plan_of_takes(edited, fps).scenes]
    assert [place for place in range(3) if before[place] != after[place]] == [1]


@given(st.permutations(NARRATIONS), st.sampled_from(RATES), st.integers(0, 900), st.data())
def test_one_recording_of_all_scenes_makes_a_plan_that_holds_together(
    narrations: list[str], fps: Fraction, gap: int, data: st.DataObject
) -> None:
    words = say_scenes(*narrations, gap=gap)
    recording = one_recording(words)
    pauses = [earlier.span.until(later.span) for earlier, later in pairwise(words)]
    quiet = [
        Span(pause.start + data.draw(st.integers(0, pause.length // 2)), pause.end) for pause in pauses if pause.length
    ]
    transcript = transcribed(words, recording.length_ms)
    made = plan_scenes(script(*narrations), recording, transcript, fps, SoundSpans(tuple(quiet)))
    assert_holds_together(made, words)
    assert [scene.words[0].text for scene in made.scenes] == [narration.split()[0] for narration in narrations]


def test_cuts_of_one_recording_lie_in_its_quiet() -> None:
    words = say_scenes(*NARRATIONS, gap=140)
    first_end = words[9].span.end
    made = plan(script(*NARRATIONS), words, quiet=[Span(first_end + 60, first_end + 140)])
    assert [scene.cut_kind for scene in made.scenes] == ["silence", "gap_middle", "gap_middle", "end"]
    assert abs(made.scenes[0].window.end - (first_end + 100)) <= 20


def test_words_that_touch_are_cut_where_they_touch_with_a_warning() -> None:
    words = say_scenes(*NARRATIONS[:2], gap=0, start=207)
    made = plan(script(*NARRATIONS[:2]), words)
    (warning,) = made.warnings
    assert made.scenes[0].cut_kind == "joined"
    assert made.scenes[0].window.end == words[9].span.end
    assert (warning.kind, warning.scene_id) == ("joined_words", "scene-2")
    assert "between “years.” and “Every”" in warning.message


def test_an_uncertain_cut_is_a_warning_and_lowers_the_confidence() -> None:
    scenes = script("The old lamp has stood here for years.", "Every ship on the bay knows its light.")
    words = say("the old lamp has stood here for years oh every ship on the bay knows its light", 200)
    made = plan(scenes, words)
    assert "uncertain_cut" in {warning.kind for warning in made.warnings}
    assert made.scenes[0].confidence == made.scenes[1].confidence < 0.95


def test_a_scene_is_as_confident_as_the_words_beside_its_cuts() -> None:
    takes, transcript, length_ms = spoken_takes(NARRATIONS, FPS)
    doubted = [
        word.model_copy(update={"confidence": 0.3}) if word.text == "light." else word for word in transcript.words
    ]
    made = plan_scenes(script(*NARRATIONS), recorded_takes(takes, length_ms), transcribed(doubted, length_ms), FPS)
    assert [scene.confidence for scene in made.scenes] == [0.95, 0.3, 0.95, 0.95]


def test_a_scene_says_how_long_a_clip_to_ask_for() -> None:
    for scene in plan_of_takes(NARRATIONS, Fraction(30_000, 1001)).scenes:
        assert scene.clip_ms_to_ask_for == ceil((scene.frame_count + 2) * Fraction(1_001, 30))


def test_words_that_were_not_heard_stand_in_the_plan_as_they_are_written() -> None:
    words = say_scenes("The old lamp has stood here for a hundred years.", "ship on the bay knows its light.")
    made = plan(script(*NARRATIONS[:2]), words)
    assert [scene.missing for scene in made.scenes] == [(), ("Every",)]


def test_a_word_that_reaches_into_the_silence_after_its_take_ends_with_it() -> None:
    takes, transcript, length_ms = spoken_takes(NARRATIONS, FPS)
    late = [
        word.model_copy(update={"span": Span(word.span.start, word.span.end + 250)}) if word.text == "years." else word
        for word in transcript.words
    ]
    made = plan_scenes(script(*NARRATIONS), recorded_takes(takes, length_ms), transcribed(late, length_ms), FPS)
    assert made.scenes[0].words[-1].span.end == takes[0].span.end


def test_a_single_scene_owns_the_whole_voiceover() -> None:
    made = plan(script(NARRATIONS[0]), say(NARRATIONS[0], 200))
    assert [scene.window for scene in made.scenes] == [Span(0, made.length_ms)]


def test_a_window_of_a_single_frame_is_refused() -> None:
    takes = [
        Take(scene_id="scene-1", text="Oh.", span=Span(0, 30)),
        Take(scene_id="scene-2", text="The lamp is lit.", span=Span(40, 1_500)),
    ]
    words = [Word(text="Oh.", span=Span(0, 30), confidence=1, source="heard"), *say("The lamp is lit.", 50)]
    recording = recorded_takes(takes, 2_000)
    with pytest.raises(Unrecoverable, match="40 ms, which is 1 frames") as caught:
        plan_scenes(script("Oh.", "The lamp is lit."), recording, transcribed(words, 2_000), FPS)
    assert caught.value.scene_id == "scene-1"


def test_a_narration_without_words_is_refused() -> None:
    with pytest.raises(Unrecoverable, match="no words that could be heard") as caught:
        plan([*script(NARRATIONS[0]), SceneScript("sparkle", "✨")], say(NARRATIONS[0], 200))
    assert caught.value.scene_id == "sparkle"


def test_takes_of_another_script_are_refused() -> None:
    takes, transcript, length_ms = spoken_takes(NARRATIONS[:3], FPS)
    with pytest.raises(Unrecoverable, match="3 takes that are not those of the script's 4 scenes"):
        plan_scenes(script(*NARRATIONS), recorded_takes(takes, length_ms), transcript, FPS)


@given(st.data())
def test_words_out_of_order_or_outside_the_voiceover_are_refused(data: st.DataObject) -> None:
    words = say_scenes(*NARRATIONS)
    recording = one_recording(words)
    place = data.draw(st.integers(0, len(words) - 1))
    start = data.draw(st.integers(0, recording.length_ms + 5_000))
    moved = Span(start, start + words[place].span.length)
    before = words[place - 1].span.end if place else 0
    after = words[place + 1].span.start if place + 1 < len(words) else recording.length_ms
    assume(moved.start < before or moved.end > after)
    words[place] = words[place].model_copy(update={"span": moved})
    with pytest.raises(Unrecoverable, match="times are out of order"):
        plan_scenes(script(*NARRATIONS), recording, transcribed(words, recording.length_ms), FPS)


@pytest.mark.parametrize(("off_ms", "outcome"), [(60, None), (150, "warning"), (300, "stop")])
def test_the_voice_engines_own_times_are_a_second_opinion(off_ms: int, outcome: str | None) -> None:
    takes, transcript, length_ms = spoken_takes(NARRATIONS, FPS)
    own = [
        Word(text=word.text, span=word.span.shifted(off_ms), confidence=1, source="espeak")
        for word in transcript.words
        if takes[1].span.contains(word.span.start)
    ]
    takes[1] = takes[1].model_copy(update={"reported_words": tuple(own)})
    recording = recorded_takes(takes, length_ms)
    if outcome == "stop":
        with pytest.raises(Unrecoverable, match="“Every” begins at") as caught:
            plan_scenes(script(*NARRATIONS), recording, transcript, FPS)
        assert caught.value.scene_id == "scene-2"
        return
    made = plan_scenes(script(*NARRATIONS), recording, transcript, FPS)
    expected = ["second_opinion"] * 2 if outcome == "warning" else []
    assert [warning.kind for warning in made.warnings] == expected


@pytest.mark.parametrize(("off_ms", "outcome"), [(0, None), (70, None), (150, "warning"), (300, "stop")])
def test_the_sound_is_a_second_opinion(off_ms: int, outcome: str | None) -> None:
    """The transcript pauses between the scenes; the sound pauses later."""
    words = say_scenes(*NARRATIONS[:2], gap=400)
    gap_end = words[10].span.start
    quiet = [Span(gap_end + off_ms, gap_end + off_ms + 200)] if off_ms else [Span(gap_end - 200, gap_end)]
    scenes = script(*NARRATIONS[:2])
    if outcome == "stop":
        with pytest.raises(
            Unrecoverable, match=r"“Every” was found after a pause .* the voice pauses 300 ms away"
        ) as caught:
            plan(scenes, words, quiet=quiet)
        assert caught.value.scene_id == "scene-2"
    else:
        found = [warning.kind for warning in plan(scenes, words, quiet=quiet).warnings]
        assert found == (["second_opinion"] if outcome else [])


@pytest.mark.parametrize(("gap_ms", "outcome"), [(140, None), (240, "warning"), (400, "stop")])
def test_a_pause_that_the_sound_does_not_have_is_an_error_of_the_words_as_long_as_itself(
    gap_ms: int, outcome: str | None
) -> None:
    """The voice runs on; the nearest quiet lies far away, where another pause is."""
    words = say_scenes(*NARRATIONS[:2], gap=gap_ms)
    quiet = [Span(words[-1].span.end, words[-1].span.end + 200)]
    if outcome == "stop":
        with pytest.raises(Unrecoverable, match=r"runs on from .* 400 ms of that speech belong to no word"):
            plan(script(*NARRATIONS[:2]), words, quiet=quiet)
    else:
        found = [warning.kind for warning in plan(script(*NARRATIONS[:2]), words, quiet=quiet).warnings]
        assert found == (["second_opinion"] if outcome else [])


def test_the_sound_says_nothing_where_the_words_beside_a_cut_were_not_heard() -> None:
    """Scenes that run into one another; the hole of a missed word looks like a pause."""
    words = say_scenes(NARRATIONS[0], "ship on the bay knows its light.", gap=300)
    made = plan(script(*NARRATIONS[:2]), words, quiet=[Span(words[-1].span.end, words[-1].span.end + 400)])
    assert "second_opinion" not in {warning.kind for warning in made.warnings}
