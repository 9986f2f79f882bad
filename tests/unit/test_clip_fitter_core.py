"""The fit ladder: any clip fills any window."""

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.clip_fitter.core import Fill, FitLimits, FitRecipe, boomerang, fit, fit_scene, is_hopeless, starting_at
from services.clip_fitter.handlers import FitNote
from services.clip_fitter.prices import Price, Prices
from shared.store import note_text
from shared.timeline import FrameGrid, Span

RATES = st.sampled_from([Fraction(24), Fraction(25), Fraction(30), Fraction(30_000, 1_001), Fraction(24_000, 1_001)])
CLIPS = st.integers(min_value=1, max_value=120_000)
WINDOWS = st.integers(min_value=1, max_value=5_000)
LIMITS = st.builds(
    FitLimits,
    slowest=st.fractions(min_value=Fraction(4, 5), max_value=1, max_denominator=100),
    fastest=st.fractions(min_value=1, max_value=Fraction(5, 4), max_denominator=100),
    fill=st.sampled_from([Fill.AUTO, Fill.BOOMERANG, Fill.LOOP, Fill.HOLD]),
    prices=st.builds(
        Prices,
        hurried_second=st.fractions(min_value=0, max_value=5, max_denominator=10),
        lost_second=st.fractions(min_value=0, max_value=5, max_denominator=10),
    ),
    crossfade_seconds=st.fractions(min_value=Fraction(1, 10), max_value=3, max_denominator=10),
)
HITCHES = st.none() | st.fractions(min_value=Fraction(1, 10), max_value=4, max_denominator=20)

USUAL = FitLimits(Fraction(17, 20), Fraction(23, 20), Fill.BOOMERANG)
HOLDING = replace(USUAL, fill=Fill.HOLD)
CHEAPEST = replace(USUAL, fill=Fill.AUTO)
LOOPING = replace(USUAL, fill=Fill.LOOP)


def fit_at_24(window_frames: int, clip_ms: int, limits: FitLimits = USUAL) -> FitRecipe:
    return fit(window_frames, Fraction(24), clip_ms, limits)


def test_a_clip_as_long_as_its_window_is_left_as_it_is() -> None:
    recipe = fit_at_24(120, 5_000)
    assert recipe == FitRecipe(120, 120, Span(0, 5_000), Fraction(1), Fill.NONE, "as it is")


def test_a_clip_is_as_long_as_its_window_when_both_have_the_same_frames() -> None:
    assert fit_at_24(120, 4_990).sentence == "as it is"


def test_a_longer_clip_is_trimmed_at_its_own_speed() -> None:
    recipe = fit_at_24(110, 5_000)
    assert recipe == FitRecipe(110, 110, Span(0, 4_583), Fraction(1), Fill.NONE, "trimmed to 4.58 s of 5.00 s")


SIXTY = Fraction(24, 60)
"""How long a clip of 60 pictures a second shows each, in frames at 24."""


def test_a_longer_clip_with_pictures_to_spare_is_sped_up_as_far_as_that_keeps_its_action() -> None:
    recipe = fit(96, Fraction(24), 5_000, USUAL, SIXTY)
    assert (recipe.source_span, recipe.speed) == (Span(0, 4_500), Fraction(9, 8))
    assert recipe.sentence == "trimmed to 4.50 s of 5.00 s, then sped up to 1.12x"


def test_half_a_second_of_a_clip_is_not_missed_and_nothing_is_sped_up_for_it() -> None:
    assert fit(108, Fraction(24), 5_000, USUAL, SIXTY).speed == 1


def test_the_speed_of_a_longer_clip_ends_at_the_limit_and_the_rest_is_trimmed() -> None:
    recipe = fit(72, Fraction(24), 4_150, USUAL, SIXTY)
    assert (recipe.speed, recipe.source_span) == (Fraction(23, 20), Span(0, 3_450))


@pytest.mark.parametrize(
    ("clip_ms", "hitch"),
    [
        (5_000, Fraction(1)),  # at equal rates each dropped picture shows
        (5_000, None),  # something in the clip is better left out
        (9_000, SIXTY),  # a part of longer footage, and no action cut short
    ],
)
def test_a_longer_clip_keeps_its_speed_where_that_shows_less(clip_ms: int, hitch: Fraction | None) -> None:
    assert fit(96, Fraction(24), clip_ms, USUAL, hitch).speed == 1


def test_a_project_s_prices_decide_whether_a_longer_clip_is_sped_up() -> None:
    in_a_hurry = replace(USUAL, prices=Prices(hurried_second=Fraction(0)))
    assert fit(96, Fraction(24), 5_000, in_a_hurry).speed == Fraction(9, 8)
    at_leisure = replace(USUAL, fastest=Fraction(1))
    assert fit(96, Fraction(24), 5_000, at_leisure, SIXTY).sentence == "trimmed to 4.00 s of 5.00 s"


def test_a_project_says_how_long_two_clips_are_seen_together() -> None:
    quick = replace(USUAL, crossfade_seconds=Fraction(1, 4))
    assert fit_scene(228, Fraction(24), [5_000, 10_000], quick).crossfade_frames == 6


def test_a_slightly_shorter_clip_is_slowed_until_its_end_meets_the_end_of_the_window() -> None:
    recipe = fit_at_24(129, 5_000)
    assert recipe == FitRecipe(129, 129, Span(0, 5_000), Fraction(120, 129), Fill.NONE, "slowed to 0.93x")


def test_a_clip_that_is_one_frame_short_says_so_instead_of_claiming_its_own_speed() -> None:
    assert fit_at_24(1_201, 50_000).sentence == "slowed to 0.999x"


def test_a_much_shorter_clip_is_slowed_to_the_limit_and_runs_back() -> None:
    recipe = fit_at_24(174, 5_000)
    assert (recipe.speed, recipe.moving_frames, recipe.fill) == (Fraction(17, 20), 141, Fill.BOOMERANG)
    assert recipe.sentence == "slowed to 0.85x, then 1.38 s of boomerang"


def test_a_project_may_ask_for_a_hold_instead() -> None:
    recipe = fit_at_24(174, 5_000, HOLDING)
    assert recipe.fill is Fill.HOLD
    assert recipe.sentence == "slowed to 0.85x, then held for 1.38 s with a slow push-in"


@pytest.mark.parametrize(
    ("window_frames", "fill"),
    [
        (146, Fill.HOLD),  # 0.2 s are missing
        (141 + 36, Fill.HOLD),  # 1.5 s
        (141 + 37, Fill.BOOMERANG),
        (141 + 140, Fill.BOOMERANG),  # all the way back
    ],
)
def test_a_short_remainder_is_held_and_a_longer_one_runs_back(window_frames: int, fill: Fill) -> None:
    scene = fit_scene(window_frames, Fraction(24), [5_000], CHEAPEST)
    assert [part.fill for part in scene.parts] == [fill]


def test_a_clip_that_would_have_to_turn_twice_is_looped() -> None:
    scene = fit_scene(336, Fraction(24), [5_000], CHEAPEST)
    assert scene.clip_numbers == (0, 0, 0)
    assert scene.sentence == "shown 3 times with crossfades, each as it is"  # 3 x 120 - 2 x 12 frames


def test_the_rounds_of_a_loop_share_its_slowness_evenly() -> None:
    scene = fit_scene(360, Fraction(24), [5_000], CHEAPEST)
    assert [part.speed for part in scene.parts] == [Fraction(120, 128)] * 3
    assert scene.sentence == "shown 3 times with crossfades, each slowed to 0.94x"


def test_a_project_s_prices_decide_which_fill_is_taken() -> None:
    shy_of_turning = replace(CHEAPEST, prices=Prices(turn=Fraction(10)))
    assert fit_scene(240, Fraction(24), [5_000], shy_of_turning).clip_numbers == (0, 0)
    fond_of_holding = replace(CHEAPEST, prices=Prices(held_second=Fraction(0)))
    assert fit_scene(480, Fraction(24), [5_000], fond_of_holding).parts[0].fill is Fill.HOLD


def test_a_loop_that_is_asked_for_is_taken_though_a_hold_would_show_less() -> None:
    assert fit_scene(150, Fraction(24), [5_000], LOOPING).clip_numbers == (0, 0)
    assert fit_scene(150, Fraction(24), [5_000], CHEAPEST).clip_numbers == (0,)


def test_a_clip_too_short_for_crossfades_is_held_where_a_loop_was_asked_for() -> None:
    scene = fit_scene(60, Fraction(24), [700], LOOPING)
    assert (scene.clip_numbers, scene.parts[0].fill) == ((0,), Fill.HOLD)


def test_of_several_clips_the_last_one_is_looped() -> None:
    scene = fit_scene(480, Fraction(24), [5_000, 5_000], LOOPING)
    assert scene.clip_numbers == (0, 1, 1, 1)
    assert scene.sentence.startswith("2 clips with crossfades, the last one 3 times: ")


@given(WINDOWS, RATES, CLIPS)
def test_the_cheapest_recipe_is_no_dearer_than_any_that_can_be_asked_for(
    window: int, fps: Fraction, clip_ms: int
) -> None:
    cheapest = fit_scene(window, fps, [clip_ms], CHEAPEST)
    for asked in (USUAL, HOLDING, LOOPING):
        assert cheapest.price <= fit_scene(window, fps, [clip_ms], asked).price


def test_a_price_tells_what_is_seen_and_how_much_work_it_is() -> None:
    as_it_is, trimmed = fit_scene(120, Fraction(24), [5_000], CHEAPEST), fit_scene(96, Fraction(24), [5_000], CHEAPEST)
    held, looped = fit_scene(150, Fraction(24), [5_000], CHEAPEST), fit_scene(336, Fraction(24), [5_000], CHEAPEST)
    assert as_it_is.price.shows == 0
    assert trimmed.price.shows == Fraction(1, 2)  # a second is left out, and half of it is missed
    assert held.price.shows == Fraction(9, 24)
    assert looped.price.shows == 4  # two joints
    assert 0 < held.price.works < as_it_is.price.works * 2
    assert looped.price.works == Fraction(7, 10) * 14


def test_of_two_ways_that_show_equally_little_the_one_with_less_work_is_taken() -> None:
    indifferent = replace(CHEAPEST, prices=Prices(held_second=Fraction(0), turn=Fraction(0), joint=Fraction(0)))
    assert fit_scene(200, Fraction(24), [5_000], indifferent).parts[0].fill is Fill.HOLD
    assert Price(Fraction(1), Fraction(9)) < Price(Fraction(2), Fraction(1)), "what is seen comes first"


def test_a_still_picture_is_held_for_the_whole_window() -> None:
    recipe = fit_at_24(48, 0)
    assert (recipe.moving_frames, recipe.fill_frames, recipe.fill) == (1, 47, Fill.HOLD)


@given(WINDOWS, RATES, CLIPS, LIMITS, HITCHES)
def test_a_recipe_always_has_exactly_the_frames_of_its_window(
    window: int, fps: Fraction, clip_ms: int, limits: FitLimits, hitch: Fraction | None
) -> None:
    recipe = fit(window, fps, clip_ms, limits, hitch)
    assert recipe.frame_count == window
    assert 1 <= recipe.moving_frames <= window
    assert (recipe.fill is Fill.NONE) == (recipe.fill_frames == 0)


@given(WINDOWS, RATES, CLIPS, LIMITS, HITCHES)
def test_the_speed_never_leaves_its_limits(
    window: int, fps: Fraction, clip_ms: int, limits: FitLimits, hitch: Fraction | None
) -> None:
    assert limits.slowest <= fit(window, fps, clip_ms, limits, hitch).speed <= limits.fastest


@given(WINDOWS, RATES, CLIPS, LIMITS, HITCHES)
def test_no_frame_comes_from_outside_the_clip(
    window: int, fps: Fraction, clip_ms: int, limits: FitLimits, hitch: Fraction | None
) -> None:
    recipe = fit(window, fps, clip_ms, limits, hitch)
    assert 0 <= recipe.source_span.start < recipe.source_span.end <= clip_ms
    # The last moving frame starts at most half a frame's time behind the clip's last instant: that is rounding.
    last_ms = (recipe.moving_frames - 1) / fps * 1000 * recipe.speed
    assert last_ms <= clip_ms + FrameGrid(fps).frame_ms / 2 + 1


@given(
    st.integers(min_value=2, max_value=300),
    st.integers(min_value=0, max_value=1_500),
    st.integers(min_value=1, max_value=60),
)
def test_a_boomerang_turns_at_the_ends_and_never_jumps(moving: int, missing: int, longest: int) -> None:
    pieces = boomerang(moving, missing, longest)
    shown = [
        frame
        for piece in pieces
        for frame in (range(piece.end - 1, piece.first - 1, -1) if piece.backwards else range(piece.first, piece.end))
    ]
    assert len(shown) == moving + missing
    assert shown[:moving] == list(range(moving))
    assert all(abs(later - earlier) == 1 for earlier, later in pairwise(shown))
    assert all(0 <= frame < moving for frame in shown)
    assert all(piece.length <= longest for piece in pieces if piece.backwards)


def test_two_clips_share_a_window_in_proportion_to_their_lengths() -> None:
    scene = fit_scene(228, Fraction(24), [5_000, 10_000], USUAL)
    assert [part.frame_count for part in scene.parts] == [80, 160]
    assert scene.crossfade_frames == 12
    assert scene.sentence == "2 clips with crossfades: trimmed to 3.33 s of 5.00 s | trimmed to 6.67 s of 10.00 s"


def test_a_second_clip_spares_the_first_from_running_back() -> None:
    scene = fit_scene(240, Fraction(24), [5_000, 5_500], USUAL)
    assert [part.speed for part in scene.parts] == [Fraction(1), Fraction(1)]


def test_where_all_clips_together_are_too_short_the_last_one_fills() -> None:
    scene = fit_scene(480, Fraction(24), [5_000, 5_000], USUAL)
    first, last = scene.parts
    assert (first.frame_count, first.fill) == (141, Fill.NONE)
    assert (last.moving_frames, last.fill) == (141, Fill.BOOMERANG)


def test_clips_that_a_short_window_has_no_room_for_are_left_out() -> None:
    scene = fit_scene(48, Fraction(24), [5_000, 5_000, 5_000], USUAL)
    assert scene.sentence == "trimmed to 2.00 s of 5.00 s; 2 more left out"


FOOTAGE = st.lists(st.tuples(st.integers(min_value=0, max_value=30_000), HITCHES), min_size=1, max_size=8)


@given(WINDOWS, RATES, FOOTAGE, LIMITS)
def test_clips_and_their_crossfades_fill_the_window_exactly(
    window: int, fps: Fraction, footage: list[tuple[int, Fraction | None]], limits: FitLimits
) -> None:
    clips_ms = [length for length, _ in footage]
    scene = fit_scene(window, fps, clips_ms, limits, [hitch for _, hitch in footage])
    shown = sum(part.frame_count for part in scene.parts) - (len(scene.parts) - 1) * scene.crossfade_frames
    assert shown == window
    assert all(limits.slowest <= part.speed <= limits.fastest for part in scene.parts)
    assert all(part.fill is not Fill.BOOMERANG for part in scene.parts[:-1])
    assert all(
        part.source_span.end <= clips_ms[number] for number, part in zip(scene.clip_numbers, scene.parts, strict=True)
    )
    # A crossfade never reaches into the one after it, nor into frames that run back.
    assert all(part.moving_frames >= scene.crossfade_frames or part.fill is Fill.HOLD for part in scene.parts)


@given(
    st.integers(min_value=1, max_value=100_000),
    RATES,
    st.lists(st.just(0) | st.integers(min_value=1, max_value=3_600_000), min_size=1, max_size=8),
    LIMITS,
)
def test_what_was_done_to_the_clips_can_be_noted_with_their_segment(
    frames: int, fps: Fraction, clips_ms: list[int], limits: FitLimits
) -> None:
    recipe = starting_at(fit_scene(frames, fps, clips_ms, limits), [3_599_999] * len(clips_ms))
    assert note_text(FitNote(clip_ms=sum(clips_ms), fit=recipe.sentence))


def test_footage_for_less_than_a_fifth_of_the_window_is_hopeless() -> None:
    assert is_hopeless(240, Fraction(24), [1_990])
    assert not is_hopeless(240, Fraction(24), [2_000])
    assert not is_hopeless(240, Fraction(24), [1_000, 1_000])
    assert not is_hopeless(240, Fraction(24), [0])


def test_a_window_without_frames_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="at least one frame"):
        fit_at_24(0, 5_000)
