"""What the voiceover decides: where takes begin and end, where they start on the clock, and which keys they have."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from services.voiceover.core import (
    ALL_SCENES,
    EDGE_MARGIN_MS,
    LEAD_IN_MS,
    AskedTake,
    TakeCut,
    asked_takes,
    audible_span,
    cut_take,
    decode_arguments,
    describe_recording,
    lay_out,
    lay_takes,
    lay_whole_recording,
    recording_key,
    report_words,
    take_keys,
)
from services.voiceover.line import Line, SpokenWord, without_edge_pauses
from services.voiceover.take_report import ReportedWord, TakeReport
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.narration import Narration, Pause, Speech, parse_narration
from shared.project import Project, Scene, SubmittedProject, Voice
from shared.timeline import FrameGrid, Span

RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(24000, 1001), Fraction(30000, 1001)]) | (
    st.fractions(min_value=1, max_value=240, max_denominator=1001)
)
TAKES = st.lists(st.tuples(st.integers(80, 100_000), st.integers(0, 60_000)), min_size=1, max_size=40)
SPEECH, HISS = 3000.0**2, 20.0**2  # about -21 and -64 dBFS


# --- Takes on the clock ------------------------------------------------------------------------------------------


@given(TAKES, RATES)
def test_every_take_starts_on_a_frame_and_none_overlaps_the_next(takes: list[tuple[int, int]], fps: Fraction) -> None:
    grid = FrameGrid(fps)
    layout = lay_takes(takes, grid)
    assert [span.length for span in layout.spans] == [take_ms for take_ms, _ in takes]
    starts = [span.start for span in layout.spans] + [layout.length_ms]
    assert starts == [grid.snap(start) for start in starts]
    for span, (_, pause_ms), next_start in zip(layout.spans, takes, starts[1:], strict=True):
        assert span.end + pause_ms <= next_start
    assert layout.spans[0].start >= LEAD_IN_MS


@given(TAKES, RATES)
def test_no_take_waits_more_than_two_frames_longer_than_its_pause(takes: list[tuple[int, int]], fps: Fraction) -> None:
    grid = FrameGrid(fps)
    layout = lay_takes(takes, grid)
    starts = [*(span.start for span in layout.spans), layout.length_ms]
    for span, (_, pause_ms), next_start in zip(layout.spans, takes, starts[1:], strict=True):
        assert next_start - span.end - pause_ms < 2 * grid.frame_ms


@given(TAKES, RATES, st.data())
def test_a_changed_take_changes_no_other_takes_frame_count(
    takes: list[tuple[int, int]], fps: Fraction, data: st.DataObject
) -> None:
    grid = FrameGrid(fps)
    edited = data.draw(st.integers(0, len(takes) - 1))
    others = [*takes[:edited], data.draw(TAKES)[0], *takes[edited + 1 :]]

    def counts(lengths: list[tuple[int, int]]) -> list[int]:
        layout = lay_takes(lengths, grid)
        frames = [grid.frame_at(start) for start in (*(span.start for span in layout.spans), layout.length_ms)]
        return [later - earlier for earlier, later in pairwise(frames)]

    before, after = counts(takes), counts(others)
    assert before[:edited] + before[edited + 1 :] == after[:edited] + after[edited + 1 :]


@given(TAKES, RATES)
def test_takes_and_silences_fill_the_voiceover_exactly(takes: list[tuple[int, int]], fps: Fraction) -> None:
    layout = lay_takes(takes, FrameGrid(fps))
    assert min(layout.silences_ms) >= 0
    assert sum(layout.silences_ms) + sum(span.length for span in layout.spans) == layout.length_ms


def test_takes_at_25_frames_per_second_stand_on_multiples_of_40_ms() -> None:
    layout = lay_takes([(1000, 400), (961, 0)], FrameGrid(Fraction(25)))
    assert layout.spans == (Span(280, 1280), Span(1680, 2641))
    assert layout.length_ms == 2680


@given(st.integers(80, 10_000_000), st.integers(0, 60_000), RATES)
def test_a_whole_recording_starts_the_clock_and_its_outro_and_last_frame_are_filled(
    take_ms: int, outro_ms: int, fps: Fraction
) -> None:
    grid = FrameGrid(fps)
    layout = lay_whole_recording(take_ms, outro_ms, grid)
    assert layout.spans == (Span(0, take_ms),)
    assert grid.snap(layout.length_ms) == layout.length_ms
    assert 0 <= layout.length_ms - take_ms - outro_ms < grid.frame_ms + 1


# --- The sound of a take -----------------------------------------------------------------------------------------


def powers(*stretches: tuple[int, float]) -> NDArray[np.float64]:
    return np.concatenate([np.full(ms, power) for ms, power in stretches])


def test_sound_between_digital_silence_is_found_to_the_window() -> None:
    found = audible_span(powers((500, 0), (1000, SPEECH), (700, 0)))
    assert found is not None
    assert abs(found.start - 500) <= 5
    assert abs(found.end - 1500) <= 5


def test_a_pause_inside_the_sound_stays_inside() -> None:
    found = audible_span(powers((100, 0), (300, SPEECH), (5000, 0), (300, SPEECH), (100, 0)))
    assert found is not None
    assert found.length > 5500


def test_a_soft_sound_at_the_head_is_no_silence() -> None:
    found = audible_span(powers((500, HISS), (120, SPEECH / 10 ** (28 / 10)), (1000, SPEECH), (500, HISS)))
    assert found is not None
    assert found.start <= 505


def test_room_noise_around_speech_is_silence() -> None:
    generator = np.random.default_rng(7)
    noise = (generator.normal(0, 40, (2000, 48)) ** 2).mean(axis=1)
    noise[600:1400] += SPEECH
    found = audible_span(noise)
    assert found is not None
    assert abs(found.start - 600) <= 10
    assert abs(found.end - 1400) <= 10


def test_noise_as_loud_as_speech_is_never_cut() -> None:
    found = audible_span(powers((500, SPEECH / 100), (1000, SPEECH), (500, SPEECH / 100)))
    assert found == Span(0, 2000)


@pytest.mark.parametrize("silence", [powers((1000, 0)), powers((1000, 4.0)), np.zeros(0)])
def test_silence_has_no_sound(silence: NDArray[np.float64]) -> None:
    assert audible_span(silence) is None


def test_a_take_keeps_a_margin_and_its_narrations_own_pauses() -> None:
    asked = AskedTake("one", "Hello", line("Hello"), lead_ms=1000, tail_ms=250, pause_after_ms=400)
    cut = cut_take(asked, powers((500, 0), (1000, SPEECH), (700, 0)), longest_ms=60_000)
    assert abs(cut.source_span.start - (500 - EDGE_MARGIN_MS)) <= 5
    assert abs(cut.source_span.end - (1500 + EDGE_MARGIN_MS)) <= 5
    assert cut.take_ms == cut.source_span.length + 1250


def test_a_recording_of_all_scenes_is_not_trimmed() -> None:
    asked = AskedTake(ALL_SCENES, "Hello", line("Hello"), 0, 0, 0, holds_all_scenes=True)
    assert cut_take(asked, powers((500, 0), (1000, SPEECH), (700, 0)), 60_000).source_span == Span(0, 2200)


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_a_word_of_the_sound_lies_inside_the_take(one: int, other: int) -> None:
    cut = TakeCut(lead_ms=300, source_span=Span(1000, 3000), tail_ms=200)
    word = cut.in_take(Span(min(one, other), max(one, other)))
    assert 300 <= word.start <= word.end <= 2300


def test_words_are_reported_in_the_takes_own_time_or_not_at_all() -> None:
    cut = TakeCut(lead_ms=300, source_span=Span(1000, 3000), tail_ms=0)
    inside = SpokenWord("sea", Span(1100, 1400), 1.0)
    assert report_words([inside], cut) == (ReportedWord(text="sea", take_span=Span(400, 700), confidence=1.0),)
    assert report_words([inside, SpokenWord("gone", Span(3100, 3200), 1.0)], cut) == ()


@pytest.mark.parametrize(
    ("sound", "recorded", "sentence"),
    [
        (powers((1000, 0)), True, "The recording is silent."),
        (powers((500, 0), (30, SPEECH), (500, 0)), True, "The recording holds"),
        (powers((1000, 0)), False, "The voice said nothing."),
        (powers((61_000, SPEECH)), True, "The recording is too long: at most 1 min"),
    ],
)
def test_sound_that_is_no_take_is_refused_with_its_scene(
    sound: NDArray[np.float64], recorded: bool, sentence: str
) -> None:
    asked = AskedTake("harbour", "Hello", line("Hello", asset("a") if recorded else None), 0, 0, 400)
    with pytest.raises(Unrecoverable) as refused:
        cut_take(asked, sound, longest_ms=60_000)
    assert refused.value.reason.startswith(sentence)
    assert refused.value.scene_id == "harbour"


def test_any_sound_is_decoded_to_48_khz_mono() -> None:
    assert decode_arguments("in.mp3", "out.wav", 61_000) == (
        *("-v", "error", "-i", "in.mp3", "-map", "0:a:0", "-t", "61000ms", "-af"),
        "aformat=sample_fmts=fltp:channel_layouts=mono,aresample=48000:filter_size=64:cutoff=0.97",
        *("-c:a", "pcm_s16le", "-map_metadata", "-1", "-fflags", "+bitexact", "-flags:a", "+bitexact"),
        *("-f", "wav", "out.wav"),
    )


# --- What is asked of the voice ----------------------------------------------------------------------------------


def test_pauses_at_the_edges_of_a_narration_are_silence_around_the_take() -> None:
    narration = parse_narration(
        '<break time="1s"/><break time="500ms"/>Hello <break time="2s"/> you <break time="3s"/>'
    )
    head, spoken, tail = without_edge_pauses(narration)
    assert (head, tail) == (1500, 3000)
    assert spoken.parts == (Speech("Hello"), Pause(2000), Speech("you"))


def test_every_scene_is_asked_for_as_a_take_of_its_own() -> None:
    asked = asked_takes(
        submitted(voice=Voice(), narrations=['Hi<break time="1s"/>', "It <prosody rate='80%'>goes</prosody>."])
    )
    assert [(take.scene_id, take.text, take.tail_ms, take.pause_after_ms) for take in asked] == [
        ("s1", "Hi", 1000, 400),
        ("s2", "It goes.", 0, 400),
    ]


def test_one_recording_of_all_scenes_is_one_take_with_the_whole_text() -> None:
    (take,) = asked_takes(submitted(Voice(engine="recorded", file="me.wav"), ["Hello there.", "It goes."]))
    assert take.holds_all_scenes
    assert take.text == "Hello there.\nIt goes."
    assert take.line.recording == asset("me.wav")


# --- Keys --------------------------------------------------------------------------------------------------------


def test_a_takes_key_does_not_know_the_frame_rate_and_the_recordings_does() -> None:
    asked = asked_takes(submitted(Voice(), ["Hello."]))
    keys = [take_keys(one, {"markup": one.text}) for one in asked]
    assert recording_key(asked, keys, Fraction(24)) != recording_key(asked, keys, Fraction(25))
    assert keys == [take_keys(one, {"markup": one.text}) for one in asked]


def test_the_pause_after_a_scene_changes_the_recording_and_not_the_take() -> None:
    (short,) = asked_takes(submitted(Voice(), ["Hello."], pause_after_ms=100))
    (long,) = asked_takes(submitted(Voice(), ["Hello."], pause_after_ms=900))
    key, other_key = (take_keys(one, {"markup": one.text}) for one in (short, long))
    assert key == other_key
    assert recording_key([short], [key], Fraction(24)) != recording_key([long], [key], Fraction(24))


def test_the_recording_has_the_reported_words_on_the_master_clock() -> None:
    asked = asked_takes(submitted(Voice(), ["Hello.", "It goes."]))
    word = ReportedWord(text="Hello.", take_span=Span(40, 400), confidence=1.0)
    reports = [
        TakeReport(audio=asset("a"), take_ms=1000, words=(word,)),
        TakeReport(audio=asset("b"), take_ms=800, words=(word,)),
    ]
    layout = lay_takes([(1000, 400), (800, 400)], FrameGrid(Fraction(25)))
    recording = describe_recording(asked, reports, layout, asset("joined"), "espeak")
    assert recording.take_boundaries_known
    assert [take.span for take in recording.takes] == [Span(280, 1280), Span(1680, 2480)]
    assert [take.reported_words[0].span for take in recording.takes] == [Span(320, 680), Span(1720, 2080)]
    assert recording.takes[0].reported_words[0].source == "espeak"


# --- Makers ------------------------------------------------------------------------------------------------------


def asset(key: str) -> Asset:
    return Asset(key=key, digest="0" * 64, media_type="audio/wav", size=1)


def line(text: str, recording: Asset | None = None) -> Line:
    return Line("harbour", Narration((Speech(text),)), recording)


def test_an_outro_is_silence_after_the_last_take_whoever_speaks() -> None:
    spoken = asked_takes(submitted(Voice(), ["Hello.", "It goes."], outro_ms=2_500))
    assert [take.pause_after_ms for take in spoken] == [400, 2_900]
    (whole,) = asked_takes(submitted(Voice(engine="recorded", file="me.wav"), ["Hello."], outro_ms=2_500))
    assert lay_out([whole], [4_000], FrameGrid(Fraction(25))).length_ms == 6_520


def submitted(voice: Voice, narrations: list[str], pause_after_ms: int = 400, outro_ms: int = 0) -> SubmittedProject:
    scenes = tuple(
        Scene(id=f"s{number}", narration=text, clips=("clip.mp4",), pause_after_ms=pause_after_ms)
        for number, text in enumerate(narrations, start=1)
    )
    sources = {"clip.mp4": asset("clip.mp4"), "me.wav": asset("me.wav")}
    return SubmittedProject(
        project=Project(name="test", voice=voice, outro_ms=outro_ms, scenes=scenes), sources=sources
    )
