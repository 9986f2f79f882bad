"""What is seen in the signal: pauses, word edges beside them, voice without words; and how work is shared out."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.transcriber.health import (
    are_slips,
    confidence,
    covers_speech,
    explains_as_well,
    in_short_runs,
    is_healthy,
    lost_its_way,
    missing_runs,
    voiced_gaps,
)
from services.transcriber.passage import Heard, HeardToken
from services.transcriber.refinement import measure_envelope, quiet_runs, refine_edges
from services.transcriber.sections import LONGEST_SECTION_MS, cut_section, next_token, plan_section
from services.transcriber.sound import HEARING_PER_MS, Samples, active_level, for_hearing
from services.transcriber.workers import shares
from shared.timeline import Span


def sound(*sounding: Span, length_ms: int = 2_000, hiss: float = 1e-4) -> Samples:
    """A buzz where it is sounding, hiss elsewhere."""
    random = np.random.default_rng(1)
    samples = random.standard_normal(length_ms * HEARING_PER_MS) * hiss
    at = np.arange(samples.size) / HEARING_PER_MS / 1000
    buzz = 0.3 * np.sign(np.sin(2 * np.pi * 120 * at))
    for span in sounding:
        inside = slice(span.start * HEARING_PER_MS, span.end * HEARING_PER_MS)
        samples[inside] += buzz[inside]
    return samples.astype(np.float32)


def heard(*spans: Span) -> tuple[HeardToken, ...]:
    return tuple(HeardToken(index, "word", span, -20.0, 0.0) for index, span in enumerate(spans))


def refined(samples: Samples, *spans: Span) -> list[Span]:
    envelope = measure_envelope(samples)
    return [token.passage_span for token in refine_edges(heard(*spans), envelope, quiet_runs(envelope))]


def near(found: Span, true: Span, within: int = 8) -> bool:
    return abs(found.start - true.start) <= within and abs(found.end - true.end) <= within


ONE, TWO = Span(300, 800), Span(1_200, 1_700)


def test_pauses_are_found_where_nothing_sounds() -> None:
    found = quiet_runs(measure_envelope(sound(ONE, TWO)))
    assert len(found) == 3
    assert near(found[1], Span(800, 1_200))


def test_a_click_does_not_part_a_pause() -> None:
    found = quiet_runs(measure_envelope(sound(ONE, Span(1_000, 1_006), TWO)))
    assert near(found[1], Span(800, 1_200))


def test_silence_alone_is_one_pause_and_no_sound_at_all_is_none() -> None:
    assert quiet_runs(measure_envelope(np.zeros(0, dtype=np.float32))) == ()


def test_edges_beside_a_pause_move_to_where_the_sound_ends_and_begins() -> None:
    one, two = refined(sound(ONE, TWO), Span(330, 860), Span(1_120, 1_690))
    assert near(one, ONE)
    assert near(two, TWO)


def test_a_word_that_was_put_into_the_pause_is_taken_out_of_it() -> None:
    one, two = refined(sound(ONE, TWO), Span(300, 795), Span(960, 1_700))
    assert near(two, TWO)
    assert near(one, ONE)


def test_edges_far_from_any_pause_stay() -> None:
    one, two = refined(sound(Span(300, 1_700)), Span(300, 900), Span(900, 1_700))
    assert one.end == two.start == 900


def test_nothing_is_moved_in_noise() -> None:
    spans = Span(330, 860), Span(1_120, 1_690)
    assert refined(sound(ONE, TWO, hiss=0.05), *spans) == list(spans)


@given(st.lists(st.integers(0, 2_000), min_size=2, max_size=24, unique=True))
def test_refined_words_stay_in_order_and_never_overlap(edges: list[int]) -> None:
    ordered = sorted(edges)
    spans = [Span(start, end) for start, end in zip(ordered[::2], ordered[1::2], strict=False)]
    found = refined(sound(ONE, TWO), *spans)
    assert all(span.start <= span.end for span in found)
    assert all(earlier.end <= later.start for earlier, later in pairwise(found))


def test_voice_that_no_word_covers_is_seen() -> None:
    samples = sound(ONE, TWO)
    gaps = voiced_gaps([ONE], measure_envelope(samples), 2_000)
    assert near(max(gaps, key=lambda gap: gap.length), TWO)


def test_words_that_cover_the_voice_are_healthy() -> None:
    assert is_healthy(heard(ONE, TWO), measure_envelope(sound(ONE, TWO)), 2_000)


def test_left_over_voice_is_not_healthy() -> None:
    assert not is_healthy(heard(ONE), measure_envelope(sound(ONE, TWO)), 2_000)


def test_one_word_that_fits_far_worse_than_the_others_is_not_healthy() -> None:
    one, two = heard(ONE, TWO)
    envelope = measure_envelope(sound(ONE, TWO))
    assert not is_healthy((one, one, replace(two, score=-90.0)), envelope, 2_000)


def test_a_word_as_long_as_a_sentence_is_not_healthy() -> None:
    long = Span(300, 1_900)
    assert not is_healthy(heard(long), measure_envelope(sound(long)), 2_000)


def test_no_words_are_not_healthy() -> None:
    assert not is_healthy((), measure_envelope(sound(ONE)), 2_000)


@given(st.floats(-400, 0), st.floats(-400, 0))
def test_a_better_score_never_means_less_confidence(score: float, other: float) -> None:
    low, high = sorted((score, other))
    assert 0 <= confidence(low, -20) <= confidence(high, -20) <= 1


def test_missing_words_of_two_scenes_are_two_runs() -> None:
    runs = missing_runs([1, 2], ["one", "one", "two", "two"], ["a", "b", "c", "d"])
    assert [(run.scene_id, run.tokens, run.is_whole_scene) for run in runs] == [
        ("one", (1,), False),
        ("two", (2,), False),
    ]


def test_sound_is_brought_to_one_level_and_is_never_digitally_silent() -> None:
    for gain in (0.01, 1.0):
        pcm = np.frombuffer(for_hearing((sound(ONE, hiss=0) * gain).astype(np.float32)), dtype="<i2")
        spoken = np.asarray(pcm[ONE.start * HEARING_PER_MS : ONE.end * HEARING_PER_MS] / 32_768, dtype=np.float32)
        assert active_level(spoken) == pytest.approx(10 ** (-23 / 20), rel=0.02)
        assert np.abs(pcm[: 200 * HEARING_PER_MS]).max() > 0


def test_the_same_sound_is_heard_the_same_way_twice() -> None:
    assert for_hearing(sound(ONE)) == for_hearing(sound(ONE))


def test_silence_does_not_become_loud() -> None:
    pcm = np.frombuffer(for_hearing(np.zeros(16_000, dtype=np.float32)), dtype="<i2")
    assert np.abs(pcm).max() < 400


def test_a_short_recording_is_one_section_with_all_its_words() -> None:
    span = cut_section(Span(0, 8_000), 8_000, [Span(3_000, 3_400)])
    section = plan_section(span, 8_000, 0, 20)
    assert (section.span, section.first_token, section.last_token, section.open_end) == (Span(0, 8_000), 0, 20, False)


def test_a_long_recording_is_cut_in_the_longest_late_pause() -> None:
    pauses = [Span(10_000, 12_000), Span(50_000, 50_300), Span(60_000, 60_800)]
    assert cut_section(Span(0, LONGEST_SECTION_MS), 200_000, pauses) == Span(0, 60_400)


def test_a_section_may_hold_more_words_than_its_share_and_may_stop_before_them() -> None:
    section = plan_section(Span(0, 60_000), 600_000, 0, 1_500)
    assert 150 < section.last_token < 400
    assert section.open_end


def test_the_next_section_goes_on_after_the_last_word_heard() -> None:
    section = plan_section(Span(0, 60_000), 600_000, 100, 1_500)
    assert next_token(section, heard(ONE, TWO)) == 2
    assert next_token(section, ()) == 100


@given(st.lists(st.integers(100, 90_000), min_size=1, max_size=40), st.integers(1, 8))
def test_every_passage_goes_to_exactly_one_worker(lengths: list[int], most_workers: int) -> None:
    shared_out = shares(lengths, most_workers)
    assert sorted(index for share in shared_out for index in share) == list(range(len(lengths)))
    assert 1 <= len(shared_out) <= most_workers


def test_little_sound_is_not_worth_a_second_worker() -> None:
    assert len(shares([4_000, 5_000, 6_000], 8)) == 1
    assert len(shares([30_000, 30_000], 8)) == 2


def test_a_slurred_word_that_the_script_fits_is_not_called_something_else() -> None:
    assert explains_as_well(heard(ONE, TWO), heard(ONE), [1], [Span(1_250, 1_650)])


def test_speech_that_no_word_of_the_script_covers_stays_stray() -> None:
    assert not explains_as_well(heard(ONE, TWO), heard(ONE), [1], [Span(1_600, 2_400)])


def test_a_word_that_was_forced_onto_other_speech_explains_nothing() -> None:
    one, two = heard(ONE, TWO)
    assert not explains_as_well((one, replace(two, score=-105.0)), heard(ONE), [1], [])
    stretched = replace(two, passage_span=Span(1_200, 3_000))
    assert not explains_as_well((one, stretched), heard(ONE), [1], [Span(1_300, 2_900)])


def test_stray_speech_in_place_of_no_word_stays_stray_however_well_the_script_can_be_forced_onto_it() -> None:
    assert not explains_as_well(heard(ONE, TWO), heard(ONE), [], [TWO])
    assert not explains_as_well(heard(ONE, TWO), heard(ONE), [0], [TWO])


def test_a_script_that_fits_only_with_its_other_words_pushed_aside_explains_nothing() -> None:
    said_elsewhere = replace(heard(ONE)[0], passage_span=Span(1_800, 2_000))
    assert not explains_as_well(heard(ONE, TWO), (said_elsewhere,), [1], [Span(1_250, 1_650)])


def test_a_word_that_the_script_alone_did_not_find_either_stays_missing() -> None:
    assert not explains_as_well(heard(ONE, TWO), heard(ONE), [2], [])


def test_words_that_are_missing_here_and_there_are_slips_where_the_script_alone_has_them() -> None:
    plain, robust = scored(20, -20.0), tuple(token for token in scored(20, -25.0) if token.token not in {3, 8, 9, 15})
    plain = (*plain[:3], replace(plain[3], score=-80.0), *plain[4:])
    assert are_slips(plain, Heard(robust, (3, 8, 9, 15), ()), Heard((), (3, 8, 9, 15), ()))


def test_a_word_that_nothing_fits_is_no_slip() -> None:
    plain = (replace(scored(1, -120.0)[0], token=8), *scored(8, -20.0))
    assert not are_slips(plain, Heard(scored(8, -25.0), (8,), ()), Heard((), (8,), ()))


def test_stray_speech_that_the_missing_word_does_not_lie_in_is_no_slip() -> None:
    plain = heard(ONE, TWO)
    assert are_slips(plain, Heard(heard(ONE), (1,), ()), Heard((), (1,), (Span(1_200, 1_900),)))
    assert not are_slips(plain, Heard(heard(ONE), (1,), ()), Heard((), (1,), (Span(2_200, 4_900),)))


def test_passes_that_heard_other_words_at_other_times_do_not_agree_about_a_slip() -> None:
    moved = tuple(replace(token, passage_span=Span(5_000, 5_400)) for token in heard(ONE))
    assert not are_slips(heard(ONE, TWO), Heard(moved, (1,), ()), Heard((), (1,), ()))


@pytest.mark.parametrize(
    ("missing", "are_short"), [([], True), ([4], True), ([4, 5, 7, 8], True), ([4, 5, 6], False), ([1, 4, 5, 6], False)]
)
def test_three_words_in_a_row_are_no_slip(missing: list[int], *, are_short: bool) -> None:
    assert in_short_runs(missing) is are_short


def scored(count: int, score: float) -> tuple[HeardToken, ...]:
    return tuple(replace(heard(ONE)[0], token=number, score=score) for number in range(count))


def test_a_second_pass_that_lost_most_words_that_fit_has_lost_its_way() -> None:
    assert lost_its_way(scored(19, -14.0), scored(94, -10.0))


def test_words_cover_the_speech_unless_a_sentence_lies_outside_them() -> None:
    sentence = Span(900, 1_900)
    envelope = measure_envelope(sound(ONE, sentence))
    assert covers_speech(heard(ONE, sentence), envelope, 2_000)
    assert covers_speech(heard(ONE, Span(1_200, 1_900)), envelope, 2_000)
    assert not covers_speech(heard(ONE), envelope, 2_000)
    forced = tuple(replace(token, token=number, score=-90.0) for number, token in enumerate(heard(ONE) * 3))
    assert not covers_speech((*heard(ONE, sentence) * 4, *forced), envelope, 2_000)


def test_a_second_pass_that_keeps_what_fits_better_is_believed() -> None:
    assert not lost_its_way(scored(40, -14.0), scored(94, -25.0))  # most of the script was not said
    assert not lost_its_way(scored(19, -40.0), scored(94, -35.0))  # the recording is of another text
    assert not lost_its_way(scored(60, -14.0), scored(94, -10.0))  # a sentence is missing
