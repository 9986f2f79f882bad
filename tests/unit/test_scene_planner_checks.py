"""A recording that is not the script is refused before any footage is touched, naming scene and words."""

import pytest

from services.scene_planner.scenes import SceneScript
from shared.errors import Unrecoverable
from shared.plan import PlanWarning
from shared.timeline import Span
from shared.transcript import TranscriptIssue, Word
from tests.unit.scene_planner_speech import plan, say, say_scenes, script

DUSK = "At the edge of the map stands a lighthouse. It has not missed a single night."
LAMP = "At the top waits a lens as tall as two men. One small flame throws its light far out to sea."
STORM = "Then comes the night of the great storm. Wind and rain reach the gallery."
SHIP = "Out there a ship with twelve people on board is counting the seconds between two flashes."
SCRIPT = script(DUSK, LAMP, STORM, SHIP)


def refusal(*said: str, scenes: list[SceneScript] | None = None, gap: int = 600) -> Unrecoverable:
    with pytest.raises(Unrecoverable) as caught:
        plan(scenes or SCRIPT, say_scenes(*said, gap=gap))
    return caught.value


def warnings(words: list[Word], *issues: TranscriptIssue, scenes: list[SceneScript] | None = None) -> list[PlanWarning]:
    return list(plan(scenes or SCRIPT, words, *issues).warnings)


def test_a_recording_of_the_script_has_no_problems() -> None:
    assert warnings(say_scenes(DUSK, LAMP, STORM, SHIP)) == []


def test_a_scene_that_was_not_spoken_is_refused() -> None:
    error = refusal(DUSK, LAMP, SHIP)
    assert error.scene_id == "scene-3"
    assert "None of its words were heard: “Then comes the night of the great storm. …”" in error.reason
    assert "Record the scene as it is written" in error.remedy


def test_the_last_scene_that_was_not_spoken_is_refused() -> None:
    assert refusal(DUSK, LAMP, STORM).scene_id == "scene-4"


def test_a_skipped_sentence_is_refused_by_its_words() -> None:
    error = refusal(DUSK, "At the top waits a lens as tall as two men.", STORM, SHIP)
    assert error.scene_id == "scene-2"
    assert "The recording skips “One small flame throws its light far out …”" in error.reason


def test_a_skipped_sentence_at_a_scenes_beginning_is_refused() -> None:
    error = refusal(DUSK, LAMP, "Wind and rain reach the gallery.", SHIP)
    assert error.scene_id == "scene-3"
    assert "“Then comes the night of the great storm.”" in error.reason


def test_half_a_skipped_sentence_is_refused() -> None:
    error = refusal(DUSK, LAMP, STORM, "Out there a ship with twelve people on board.")
    assert error.scene_id == "scene-4"
    assert "The recording ends" in error.reason
    assert "“is counting the seconds between two flashes.”" in error.reason


def test_a_long_pause_is_no_time_for_a_skipped_sentence() -> None:
    assert refusal(DUSK, "At the top waits a lens as tall as two men.", STORM, SHIP, gap=300).scene_id == "scene-2"
    words = say_scenes(DUSK, "At the top waits a lens as tall as two men.")
    quiet_from = words[-1].span.end
    words += say_scenes(STORM, SHIP, start=quiet_from + 4_000)
    with pytest.raises(Unrecoverable, match="skips “One small flame"):
        plan(SCRIPT, words, quiet=[Span(quiet_from, quiet_from + 3_950)])


def test_words_that_were_misheard_but_said_are_a_warning() -> None:
    """There is time for them, and something was heard in it."""
    misheard = LAMP.replace("One small flame throws", "Juan's moll fame grows").replace("sea", "see")
    found = warnings(say_scenes(DUSK, misheard.replace("light far", "kite par"), STORM, SHIP))
    assert {warning.kind for warning in found} <= {"words_missing", "unscripted_speech"}


def test_a_few_missing_words_are_a_warning() -> None:
    found = warnings(say_scenes(DUSK, LAMP, STORM, SHIP.replace("with twelve people ", "")))
    assert [(warning.kind, warning.scene_id) for warning in found] == [("words_missing", "scene-4")]
    assert "“with twelve people”" in found[0].message


def test_a_repeated_sentence_is_refused() -> None:
    error = refusal(DUSK, LAMP, f"Then comes the night of the great storm. {STORM}", SHIP)
    assert error.scene_id == "scene-3"
    assert "“Then comes the night of the great storm.” is said twice" in error.reason
    assert "Cut it out" in error.remedy


def test_a_whole_scene_spoken_twice_is_refused() -> None:
    assert refusal(DUSK, LAMP, LAMP, STORM, SHIP).scene_id in {"scene-2", "scene-3"}


def test_sentences_in_the_wrong_order_are_refused() -> None:
    error = refusal(DUSK, LAMP, "Wind and rain reach the gallery. Then comes the night of the great storm.", SHIP)
    assert error.scene_id == "scene-3"
    assert "is said too" in error.reason


def test_scenes_in_the_wrong_order_are_refused() -> None:
    error = refusal(DUSK, STORM, LAMP, SHIP)
    assert error.scene_id in {"scene-2", "scene-3"}
    assert "is said too" in error.reason


def test_speech_that_is_not_in_the_script_is_refused() -> None:
    error = refusal(DUSK, LAMP, f"Sorry, can we do that one once more please? {STORM}", SHIP)
    assert "“Sorry, can we do that one once more …”".lower() in error.reason.lower() or "sorry" in error.reason
    assert error.scene_id in {"scene-2", "scene-3"}


def test_an_added_aside_is_a_warning() -> None:
    found = warnings(say_scenes(DUSK, LAMP, STORM.replace("great", "you know whole great"), SHIP))
    assert [(warning.kind, warning.scene_id) for warning in found] == [("unscripted_speech", "scene-3")]


def test_a_recording_that_ends_early_is_refused() -> None:
    error = refusal(DUSK, LAMP, "Then comes the night of the great storm.", scenes=script(DUSK, LAMP, STORM))
    assert error.scene_id == "scene-3"
    assert "The recording ends at" in error.reason
    assert "before “Wind and rain reach the gallery.”" in error.reason


def test_another_script_is_refused_as_a_whole() -> None:
    error = refusal(
        "Photosynthesis turns carbon dioxide and water into glucose.",
        "Chlorophyll absorbs mostly blue and red wavelengths.",
        "Mitochondria release energy through cellular respiration.",
        "Enzymes accelerate biochemical reactions considerably.",
    )
    assert error.scene_id is None
    assert "the recording says something else" in error.reason


def test_silence_is_refused() -> None:
    with pytest.raises(Unrecoverable, match="Only 0 of the script's 67 words were heard"):
        plan(SCRIPT, [])


def test_one_scene_of_other_words_is_refused() -> None:
    error = refusal(DUSK, "Chlorophyll absorbs mostly blue and red wavelengths of daylight.", STORM, SHIP)
    assert error.scene_id == "scene-2"


def test_a_price_that_is_read_another_way_is_no_problem() -> None:
    scenes = script("The oil cost $4.50 in 1905.", "It burned for 12 hours.")
    words = say_scenes("The oil cost four and a half dollars in nineteen hundred five.", "It burned for twelve hours.")
    assert all(warning.kind == "unscripted_speech" for warning in warnings(words, scenes=scenes))


def test_a_pause_in_the_middle_of_a_phrase_is_a_warning() -> None:
    words = say_scenes(DUSK, LAMP, "Then comes the night")
    words += say_scenes("of the great storm. Wind and rain reach the gallery.", SHIP, start=words[-1].span.end + 1_800)
    (found,) = warnings(words)
    assert (found.kind, found.scene_id) == ("unexpected_pause", "scene-3")
    assert "a pause of 1.8 s after “night”" in found.message
    assert found.span is not None
    assert found.span.length == 1_800


def test_a_pause_that_the_author_asked_for_is_no_problem() -> None:
    scenes = script(DUSK, 'Then comes the night <break time="3s"/> of the great storm.')
    words = say_scenes(DUSK, "Then comes the night")
    words += say("of the great storm.", words[-1].span.end + 3_200)
    assert warnings(words, scenes=scenes) == []


def test_a_rushed_and_a_dragged_scene_are_warnings() -> None:
    words = say_scenes(DUSK, LAMP)
    words += say(STORM, words[-1].span.end + 600, ms_per_letter=30)
    words += say(SHIP, words[-1].span.end + 600, ms_per_letter=120)
    found = warnings(words)
    assert [(warning.kind, warning.scene_id) for warning in found] == [("rushed", "scene-3"), ("dragged", "scene-4")]
    assert "2.0 times as fast" in found[0].message


def test_a_scene_that_the_author_slowed_down_is_not_dragged() -> None:
    scenes = script(DUSK, LAMP, STORM, f'<prosody rate="50%">{SHIP}</prosody>')
    words = say_scenes(DUSK, LAMP, STORM)
    words += say(SHIP, words[-1].span.end + 600, ms_per_letter=120)
    assert warnings(words, scenes=scenes) == []


def test_what_the_transcriber_misses_is_refused_in_its_words() -> None:
    issue = TranscriptIssue(
        kind="scene_partly_missing", scene_id="scene-3", span=Span(20_000, 20_300), words=("Wind", "and", "rain")
    )
    with pytest.raises(Unrecoverable) as caught:
        plan(SCRIPT, say_scenes(DUSK, LAMP, STORM, SHIP), issue)
    assert caught.value.scene_id == "scene-3"
    assert caught.value.reason == "The recording skips “Wind and rain” at 20.0 s."
    assert caught.value.span == Span(20_000, 20_300)


@pytest.mark.parametrize(
    ("issue", "kind"),
    [
        (
            TranscriptIssue(kind="words_missing", scene_id="scene-1", span=Span(100, 200), words=("the", "edge")),
            "words_missing",
        ),
        (
            TranscriptIssue(kind="unscripted_speech", scene_id="scene-1", span=Span(100, 900)),
            "unscripted_speech",
        ),
    ],
    ids=["a few words", "a cough"],
)
def test_small_findings_of_the_transcriber_are_warnings(issue: TranscriptIssue, kind: str) -> None:
    found = warnings(say_scenes(DUSK, LAMP, STORM, SHIP), issue)
    assert [(warning.kind, warning.scene_id) for warning in found] == [(kind, "scene-1")]


@pytest.mark.parametrize(
    "issue",
    [
        TranscriptIssue(kind="scene_missing", scene_id="scene-2", span=None, words=("At", "the", "top")),
        TranscriptIssue(kind="words_missing", scene_id="scene-2", span=None, words=tuple("abcde")),
        TranscriptIssue(kind="unscripted_speech", scene_id="scene-2", span=Span(8_000, 10_000)),
    ],
    ids=["a scene", "five words", "two seconds of speech"],
)
def test_large_findings_of_the_transcriber_stop_the_project(issue: TranscriptIssue) -> None:
    with pytest.raises(Unrecoverable) as caught:
        plan(SCRIPT, say_scenes(DUSK, LAMP, STORM, SHIP), issue)
    assert caught.value.scene_id == "scene-2"


def test_the_skipped_sentence_is_named_before_the_words_that_it_dragged_along() -> None:
    def missing(scene_id: str, words: int) -> TranscriptIssue:
        return TranscriptIssue(kind="scene_partly_missing", scene_id=scene_id, span=None, words=("word",) * words)

    with pytest.raises(Unrecoverable) as caught:
        plan(SCRIPT, say_scenes(DUSK, LAMP, STORM, SHIP), missing("scene-2", 4), missing("scene-3", 12))
    assert caught.value.scene_id == "scene-3"
    assert "Look at scene 'scene-2', too." in caught.value.reason


def test_a_sentence_that_is_missing_is_named_before_the_place_where_it_was_said() -> None:
    stray = TranscriptIssue(kind="unscripted_speech", scene_id="scene-1", span=Span(8_000, 9_500))
    lost = TranscriptIssue(kind="scene_missing", scene_id="scene-4", span=None, words=("Why", "do", "cats", "purr?"))
    with pytest.raises(Unrecoverable) as caught:
        plan(SCRIPT, say_scenes(DUSK, LAMP, STORM, SHIP), stray, lost)
    assert caught.value.scene_id == "scene-4"


def test_each_other_scene_that_is_wrong_is_named_once() -> None:
    stray = TranscriptIssue(kind="unscripted_speech", scene_id="scene-1", span=Span(8_000, 9_500))
    lost = TranscriptIssue(kind="scene_missing", scene_id="scene-4", span=None, words=("Why", "do", "cats", "purr?"))
    with pytest.raises(Unrecoverable, match=r"Look at scene 'scene-1', too\."):
        plan(SCRIPT, say_scenes(DUSK, LAMP, STORM, SHIP), stray, lost, stray)


def test_a_long_quotation_is_cut_short() -> None:
    assert refusal(DUSK, LAMP, STORM).reason.count(" ") < 20


def test_a_refusal_names_the_other_scenes_that_are_wrong() -> None:
    error = refusal(
        "At the edge of the map stands a lighthouse.", LAMP, "Then comes the night of the great storm.", SHIP
    )
    assert error.scene_id == "scene-1"
    assert "Look at scene 'scene-3', too." in error.reason


def test_a_scene_of_one_word_that_was_heard_as_another_is_a_warning() -> None:
    (found,) = warnings(say_scenes(DUSK, "Dog.", SHIP), scenes=script(DUSK, "Calm.", SHIP))
    assert (found.kind, found.scene_id) == ("words_missing", "scene-2")


def test_most_of_a_short_scene_misheard_is_an_error_unless_the_recogniser_mishears_as_much_elsewhere() -> None:
    scenes, misheard = script(DUSK, LAMP, "Storms gather quickly tonight.", SHIP), "Bells sing quickly louder."

    def heard_poorly(text: str) -> str:
        return " ".join("oboe" if place % 3 == 1 else word for place, word in enumerate(text.split()))

    assert refusal(DUSK, LAMP, misheard, SHIP, scenes=scenes).scene_id == "scene-3"
    poorly = say_scenes(heard_poorly(DUSK), heard_poorly(LAMP), misheard, heard_poorly(SHIP))
    assert ("words_missing", "scene-3") in {(found.kind, found.scene_id) for found in warnings(poorly, scenes=scenes)}
