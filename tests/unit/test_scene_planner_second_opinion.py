"""Takes of a voice that reports no words: the sound says where the first word begins and the last one ends."""

from collections.abc import Sequence

import pytest

from services.scene_planner.core import needs_sound, plan_scenes
from services.scene_planner.silence import SoundSpans
from shared.errors import Unrecoverable
from shared.plan import ScenePlan
from shared.timeline import Span
from shared.transcript import Recording, Take, Word
from tests.unit.scene_planner_speech import FPS, recorded_takes, say, script, transcribed

NARRATIONS = ("The old lamp has stood here for a hundred years.", "Every ship on the bay knows its light.")
MARGIN_MS = 40


def recorded(before_ms: int = 0, after_ms: int = 0) -> tuple[Recording, list[Word]]:
    """Two takes and their words; the second take holds so much more sound before and after its words."""
    first = say(NARRATIONS[0], MARGIN_MS)
    start = (first[-1].span.end + 800) // 40 * 40
    second = say(NARRATIONS[1], start + MARGIN_MS + before_ms)
    takes = [
        Take(scene_id="scene-1", text=NARRATIONS[0], span=Span(0, first[-1].span.end + MARGIN_MS)),
        Take(scene_id="scene-2", text=NARRATIONS[1], span=Span(start, second[-1].span.end + after_ms + MARGIN_MS)),
    ]
    return recorded_takes(takes, takes[-1].span.end + 400), [*first, *second]


def loud_all_through(recording: Recording) -> SoundSpans:
    """Somebody speaks from 40 ms after each take's beginning to 40 ms before its end."""
    loud = tuple(Span(take.span.start + MARGIN_MS, take.span.end - MARGIN_MS) for take in recording.takes)
    edges = (0, *(edge for span in loud for edge in (span.start, span.end)), recording.length_ms)
    return SoundSpans(tuple(map(Span, edges[::2], edges[1::2])), loud)


def plan_of(recording: Recording, words: Sequence[Word], sound: SoundSpans) -> ScenePlan:
    return plan_scenes(script(*NARRATIONS), recording, transcribed(words, recording.length_ms), FPS, sound)


@pytest.mark.parametrize("place", ["before_ms", "after_ms"])
@pytest.mark.parametrize(("off_ms", "outcome"), [(0, None), (70, None), (150, "warning"), (300, "stop")])
def test_speech_before_the_first_or_after_the_last_word_is_a_second_opinion(
    place: str, off_ms: int, outcome: str | None
) -> None:
    recording, words = recorded(**{place: off_ms})
    word = "“Every” begins" if place == "before_ms" else "“light.” ends"
    if outcome == "stop":
        with pytest.raises(Unrecoverable, match=f"{word} .* by heard, but the sound 300 ms away") as caught:
            plan_of(recording, words, loud_all_through(recording))
        assert caught.value.scene_id == "scene-2"
        return
    warnings = plan_of(recording, words, loud_all_through(recording)).warnings
    assert [(warning.kind, warning.scene_id) for warning in warnings] == (
        [("second_opinion", "scene-2")] if outcome else []
    )


def test_a_breath_before_the_first_word_is_no_contradiction() -> None:
    """It is not quiet, but it is not loud either."""
    recording, words = recorded(before_ms=400)
    sound = loud_all_through(recording)
    second = words[10].span.start
    breath = SoundSpans(sound.quiet, (sound.loud[0], Span(second, sound.loud[1].end)))
    assert plan_of(recording, words, breath).warnings == ()


def test_a_word_that_begins_in_silence_is_a_contradiction() -> None:
    """A door slams, is taken for sound, and leaves silence before the first word."""
    recording, words = recorded(before_ms=0)
    sound = loud_all_through(recording)
    start = recording.takes[1].span.start
    late = SoundSpans(
        (sound.quiet[0], Span(sound.quiet[1].start, start + MARGIN_MS + 150), sound.quiet[2]),
        (sound.loud[0], Span(start + MARGIN_MS + 150, sound.loud[1].end)),
    )
    assert [warning.kind for warning in plan_of(recording, words, late).warnings] == ["second_opinion"]


def test_a_take_that_is_nowhere_loud_has_no_opinion() -> None:
    recording, words = recorded(before_ms=400)
    sound = loud_all_through(recording)
    assert plan_of(recording, words, SoundSpans(sound.quiet, sound.loud[:1])).warnings == ()


def test_the_sound_is_measured_only_where_it_is_asked() -> None:
    recording, words = recorded()
    assert needs_sound(recording)
    reporting = tuple(take.model_copy(update={"reported_words": tuple(words[:1])}) for take in recording.takes)
    assert not needs_sound(recording.model_copy(update={"takes": reporting}))
    assert needs_sound(recording.model_copy(update={"takes": reporting, "take_boundaries_known": False}))
