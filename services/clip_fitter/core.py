"""The fit ladder: how a clip of any length fills a window of exactly N frames. Pure.

Every rung is tried from the least visible down:

    the clip is as long as the window   as it is
    longer                              trimmed: a part of it at its own speed (which part: `best_window.py`)
    longer and close                    sped up, so that all of it is seen, or sped up and trimmed, up to `fastest`,
                                        where that shows less than what would be lost (`prices.py`)
    shorter, by no more than `slowest`  slowed so that its last picture meets the end of the window
    shorter still                       slowed to `slowest`, and what is missing is filled: its last picture is held
                                        with a slow push-in (hold), the clip runs backwards (boomerang), or it starts
                                        again behind a crossfade (loop), whichever shows least (`prices.py`)
    a still picture                     held from the first frame on
    less than a fifth of the window     refused: going back and forth for that long is no footage

Several clips share a window: neighbours overlap in a crossfade, and each fills its share by the same rungs. Clips that
the window has no room for are left out, the last ones first. A loop is the same thing with the last clip repeated, so
its rounds share the window evenly: 5 s become 14 s in three rounds at their own speed.

Speed drops pictures, and each one that is missing is a hitch as long as the clip's own pictures are shown: at equal
rates a speed of 1.05 drops every twentieth, which shows in each pan, while a trim drops as many from the end, where
nobody sees that they are missing. So with the default prices a clip of the project's own rate is trimmed, and one that
has pictures to spare, 60 for a project of 30, is sped up where a trim would cut its action short.

Frames are those of the project's grid; a source span is in the clip's own time, which starts with its first picture.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from services.clip_fitter.prices import UNMISSED_SECONDS, Price, Prices
from shared.timeline import FrameGrid, Span


class Fill(StrEnum):
    """What is shown where the clip has ended and its window has not."""

    NONE = "none"
    AUTO = "auto"
    """Asked for, never answered: whatever shows least."""
    BOOMERANG = "boomerang"
    LOOP = "loop"
    HOLD = "hold"


@dataclass(frozen=True)
class FitLimits:
    """How far a project lets its clips be changed. Speeds are fractions of the clip's own speed."""

    slowest: Fraction
    fastest: Fraction
    fill: Fill
    prices: Prices = field(default_factory=Prices)
    crossfade_seconds: Fraction = Fraction(1, 2)
    """How long two clips of a scene are seen together: twelve frames at 24, the length that was measured."""

    def __post_init__(self) -> None:
        if not 0 < self.slowest <= 1 <= self.fastest:
            raise ValueError("a clip's own speed, 1, must lie within its limits")

    def crossfade_frames(self, fps: Fraction) -> int:
        """How many frames a crossfade has, at least 1."""
        return max(1, round(self.crossfade_seconds * fps))


@dataclass(frozen=True)
class FitRecipe:
    """What is done to a clip so that it fills its window.

    frames   0                        moving_frames         frame_count
             [ source_span at speed  )[        fill        )
    """

    frame_count: int
    moving_frames: int
    """Frames that show the clip running forwards for the first time."""
    source_span: Span
    """The part of the clip that is shown, in the clip's own time."""
    speed: Fraction
    fill: Fill
    sentence: str
    """What was done, for people: "slowed to 0.93x"."""
    price: Price = field(default=Price(), compare=False)
    """How much its fill, its haste and what is left out show, and how much work it is (`Prices`)."""

    @property
    def fill_frames(self) -> int:
        """Frames that are shown after the clip has ended."""
        return self.frame_count - self.moving_frames


@dataclass(frozen=True)
class SceneRecipe:
    """What is done to all clips of a scene so that together they fill its window.

    first clip   [              )
    second clip            [              )
    crossfade              [  n )
    """

    frame_count: int
    parts: tuple[FitRecipe, ...]
    """In the order in which they are shown. Only the last may run back."""
    clip_numbers: tuple[int, ...]
    """Which clip each part shows, from 0; a loop shows the last one more than once."""
    crossfade_frames: int
    sentence: str
    price: Price = field(default=Price(), compare=False)


@dataclass(frozen=True)
class Piece:
    """A run of the moving frames, from `first` up to but without `end`, shown in order or backwards."""

    first: int
    end: int
    backwards: bool

    @property
    def length(self) -> int:
        """How many frames it shows."""
        return self.end - self.first


EQUAL_RATES = Fraction(1)
"""The hitch of a clip that has as many pictures a second as the project has frames."""


def fit(
    frame_count: int, fps: Fraction, clip_ms: int, limits: FitLimits, hitch: Fraction | None = EQUAL_RATES
) -> FitRecipe:
    """The recipe that fills `frame_count` frames at `fps` from a clip of `clip_ms` (0: a still picture).

    `hitch` is how long the clip shows a picture, in frames of the project; a clip without is never sped up.
    """
    if frame_count <= 0:
        raise ValueError("a window has at least one frame")
    grid = FrameGrid(fps)
    window_ms = grid.ms_at(frame_count)
    window, prices = frame_count / fps, limits.prices
    if clip_ms == 0:
        fill = Fill.HOLD if frame_count > 1 else Fill.NONE
        said = f"a still, {_seconds(window_ms)} of pan and zoom"
        # A photograph that is moved over is what it was given for: it shows nothing.
        return FitRecipe(frame_count, 1, Span(0, 0), Fraction(1), fill, said, Price(works=prices.of_hold(window).works))

    own_frames = max(1, grid.frame_at(clip_ms))
    if frame_count == own_frames:
        price = prices.of_moving(window, Fraction(1))
        return FitRecipe(frame_count, frame_count, Span(0, clip_ms), Fraction(1), Fill.NONE, "as it is", price)
    if frame_count < own_frames:
        return _shortened(frame_count, fps, clip_ms, limits, hitch)

    whole = Span(0, clip_ms)
    exact_speed = clip_ms * fps / (1000 * frame_count)
    if exact_speed >= limits.slowest:
        price = prices.of_moving(window, exact_speed)
        return FitRecipe(frame_count, frame_count, whole, exact_speed, Fill.NONE, _slowed(exact_speed), price)

    moving_frames = max(1, int(clip_ms * fps / (1000 * limits.slowest)))
    fill, price = _cheapest_fill(moving_frames, frame_count - moving_frames, fps, limits)
    missing = _seconds(grid.ms_at(frame_count - moving_frames))
    filled = f"{missing} of boomerang" if fill is Fill.BOOMERANG else f"held for {missing} with a slow push-in"
    sentence = f"{_slowed(limits.slowest)}, then {filled}"
    price += prices.of_moving(moving_frames / fps, limits.slowest)
    return FitRecipe(frame_count, moving_frames, whole, limits.slowest, fill, sentence, price)


def _shortened(frame_count: int, fps: Fraction, clip_ms: int, limits: FitLimits, hitch: Fraction | None) -> FitRecipe:
    """A longer clip at the speed that shows least, from its own up to the limit; what does not fit is left out."""
    window, prices = frame_count / fps, limits.prices
    least_ms = min(FrameGrid(fps).ms_at(frame_count), clip_ms)
    # Rounded down, a millisecond of the clip less: never faster than the limit.
    most_ms = max(least_ms, min(clip_ms, int(1000 * window * limits.fastest))) if hitch is not None else least_ms
    unmissed_ms = clip_ms - int(1000 * UNMISSED_SECONDS)
    offers = []
    for shown_ms in sorted({least_ms, min(max(unmissed_ms, least_ms), most_ms), most_ms}):
        hurry = prices.of_hurry(Fraction(shown_ms - least_ms, 1000), hitch or EQUAL_RATES)
        loss = prices.of_loss(Fraction(clip_ms - shown_ms, 1000))
        offers.append((hurry + loss + prices.of_moving(window, Fraction(1)), shown_ms))
    price, shown_ms = min(offers)  # of equals, the slowest
    speed = Fraction(1) if shown_ms == least_ms else Fraction(shown_ms) / (1000 * window)
    trimmed = [f"trimmed to {_seconds(shown_ms)} of {_seconds(clip_ms)}"] if shown_ms < clip_ms else []
    sped = [f"sped up to {_speed(speed)}"] if speed > 1 else []
    sentence = ", then ".join((*trimmed, *sped))
    return FitRecipe(frame_count, frame_count, Span(0, shown_ms), speed, Fill.NONE, sentence, price)


def _cheapest_fill(moving_frames: int, fill_frames: int, fps: Fraction, limits: FitLimits) -> tuple[Fill, Price]:
    """Hold or boomerang, and its price. A loop concerns the whole scene: `fit_scene` offers it."""
    hold = (Fill.HOLD, limits.prices.of_hold(fill_frames / fps))
    if moving_frames == 1:  # a single frame has nothing to run back through
        return hold
    turns = -(-fill_frames // (moving_frames - 1))
    boomerang = (Fill.BOOMERANG, limits.prices.of_boomerang(turns, fill_frames / fps))
    match limits.fill:
        case Fill.AUTO:
            return min(hold, boomerang, key=lambda offer: offer[1])
        case Fill.BOOMERANG:
            return boomerang
    return hold


SHORTEST_SHARE_SECONDS = Fraction(3, 2)
"""A clip that is seen for less than this, crossfades included, is a flicker and not a shot. Judgement."""

STILL_SHARE_MS = 4_000
"""How much of a window a still picture asks for beside moving clips."""


HOPELESS_BELOW = Fraction(1, 5)
"""Footage that fills less of its window than this is refused, not stretched. Judgement."""


def is_hopeless(frame_count: int, fps: Fraction, clips_ms: Sequence[int]) -> bool:
    """True where all clips together fill less than a fifth of the window. A still picture fills any window."""
    return 0 not in clips_ms and sum(clips_ms) * fps / 1000 < HOPELESS_BELOW * frame_count


def starting_at(scene: SceneRecipe, starts_ms: Sequence[int]) -> SceneRecipe:
    """The same recipe with each clip shown from its own of `starts_ms` on, one for each clip of the scene."""
    starts = [starts_ms[number] for number in scene.clip_numbers]
    parts = tuple(
        replace(part, source_span=part.source_span.shifted(start))
        for part, start in zip(scene.parts, starts, strict=True)
    )
    if not any(starts):
        return scene
    several = len(set(scene.clip_numbers)) > 1
    said = [
        f"clip {number + 1} from {_seconds(starts_ms[number])} on"
        if several
        else f"from {_seconds(starts_ms[number])} on"
        for number in sorted(set(scene.clip_numbers))
        if starts_ms[number]
    ]
    return replace(scene, parts=parts, sentence=", ".join((scene.sentence, *said)))


MOST_ROUNDS = 12
"""Each part of a scene is a decoder that is kept in memory. Nothing that is not hopeless needs more."""


def fit_scene(
    frame_count: int,
    fps: Fraction,
    clips_ms: Sequence[int],
    limits: FitLimits,
    hitches: Sequence[Fraction | None] | None = None,
) -> SceneRecipe:
    """The recipe that fills `frame_count` frames at `fps` from all of `clips_ms` that the window has room for.

    `hitches`: each clip's own (`fit`); without them, clips have the rate of the project.
    """
    once = _shown_once(frame_count, fps, clips_ms, limits, hitches or [EQUAL_RATES] * len(clips_ms))
    if once.parts[-1].fill is Fill.NONE or limits.fill not in {Fill.AUTO, Fill.LOOP}:
        return once
    looped = _looped(frame_count, fps, clips_ms[: len(once.parts)], limits)
    if looped is None or (limits.fill is Fill.AUTO and once.price <= looped.price):
        return once
    return looped


def _shown_once(
    frame_count: int, fps: Fraction, clips_ms: Sequence[int], limits: FitLimits, hitches: Sequence[Fraction | None]
) -> SceneRecipe:
    crossfade = limits.crossfade_frames(fps)
    shares = _shares(frame_count, fps, clips_ms, limits, crossfade)
    shown = clips_ms[: len(shares)]
    left_out = f"; {len(clips_ms) - len(shown)} more left out" if len(shown) < len(clips_ms) else ""
    if len(shares) == 1:
        only = fit(frame_count, fps, shown[0], limits, hitches[0])
        return SceneRecipe(frame_count, (only,), (0,), 0, only.sentence + left_out, only.price)
    parts = []
    for number, (share, clip_ms, hitch) in enumerate(zip(shares, shown, hitches, strict=False), start=1):
        # A clip that runs back would meet a crossfade on its way: only the last one may, behind its own crossfade.
        may_run_back = number == len(shares) and clip_ms * fps / 1000 >= crossfade
        own_limits = limits if may_run_back else replace(limits, fill=Fill.HOLD)
        parts.append(fit(share, fps, clip_ms, own_limits, hitch))
    joined = f"{len(parts)} clips with crossfades: {' | '.join(part.sentence for part in parts)}"
    price = sum((part.price for part in parts), Price())
    return SceneRecipe(frame_count, tuple(parts), tuple(range(len(parts))), crossfade, joined + left_out, price)


def _looped(frame_count: int, fps: Fraction, clips_ms: Sequence[int], limits: FitLimits) -> SceneRecipe | None:
    """The clips once each and the last one again until the window is full; None where that cannot be done.

    rounds   [ clip  at its share )
                              [ clip again        )
                                            [ and again         )
    """
    crossfade = limits.crossfade_frames(fps)
    last = len(clips_ms) - 1
    for rounds in range(2, MOST_ROUNDS + 1):
        numbers = (*range(last), *(last for _ in range(rounds)))
        lengths = [clips_ms[number] or STILL_SHARE_MS for number in numbers]
        total = frame_count + (len(numbers) - 1) * crossfade
        if total <= sum(_slowest_frames(lengths, fps, limits)):
            break
    else:
        return None
    shares = _in_proportion(total, lengths)
    if clips_ms[-1] == 0 or min(shares) <= 2 * crossfade:
        return None
    held = replace(limits, fill=Fill.HOLD)  # shares are whole frames: one may be a frame longer than its clip
    parts = tuple(fit(share, fps, clips_ms[number], held, None) for share, number in zip(shares, numbers, strict=True))
    sentence = f"shown {rounds} times with crossfades, each {parts[0].sentence}"
    if last > 0:
        shown = " | ".join(part.sentence for part in parts)
        sentence = f"{len(clips_ms)} clips with crossfades, the last one {rounds} times: {shown}"
    price = limits.prices.of_loop(rounds - 1, frame_count / fps)
    return SceneRecipe(frame_count, parts, numbers, crossfade, sentence, price)


def _shares(
    frame_count: int, fps: Fraction, clips_ms: Sequence[int], limits: FitLimits, crossfade: int
) -> tuple[int, ...]:
    """How many frames each clip fills, crossfades included: in proportion to the clips' own lengths, except that
    where all are slowed to the limit and still too short, the last one fills what is missing."""
    shortest = max(2 * crossfade + 1, int(SHORTEST_SHARE_SECONDS * fps))
    for count in range(len(clips_ms), 1, -1):
        weights = [clip_ms or STILL_SHARE_MS for clip_ms in clips_ms[:count]]
        total = frame_count + (count - 1) * crossfade
        slowest = _slowest_frames(weights, fps, limits)
        filled_by_last = [*slowest[:-1], total - sum(slowest[:-1])]
        shares = filled_by_last if total > sum(slowest) else _in_proportion(total, weights)
        if min(shares) >= shortest:
            return tuple(shares)
    return (frame_count,)


def _slowest_frames(lengths_ms: Sequence[int], fps: Fraction, limits: FitLimits) -> list[int]:
    return [int(length * fps / (1000 * limits.slowest)) for length in lengths_ms]


def _in_proportion(total: int, weights: Sequence[int]) -> list[int]:
    # Boundaries are rounded, not shares, so that the shares add up.
    edges = [round(Fraction(total * sum(weights[:number]), sum(weights))) for number in range(len(weights) + 1)]
    return [later - earlier for earlier, later in pairwise(edges)]


def boomerang(moving_frames: int, fill_frames: int, longest_backwards: int) -> tuple[Piece, ...]:
    """The pieces that a boomerang shows: the clip, then back, then forth again, until the window is full.

    0 1 2 3 4 | 3 2 1 0 | 1 2 3 4 | 3 ...       the turning frames are shown once

    Playing backwards holds a piece's frames in memory, so no backward piece is longer than `longest_backwards`.
    """
    if moving_frames < 2 or longest_backwards < 1:
        raise ValueError("a boomerang needs at least two frames, and pieces of at least one")
    pieces = [Piece(0, moving_frames, backwards=False)]
    missing, backwards = fill_frames, True
    while missing > 0:
        leg = min(missing, moving_frames - 1)
        if backwards:
            end, bottom = moving_frames - 1, moving_frames - 1 - leg
            while end > bottom:
                first = max(bottom, end - longest_backwards)
                pieces.append(Piece(first, end, backwards=True))
                end = first
        else:
            pieces.append(Piece(1, 1 + leg, backwards=False))
        missing, backwards = missing - leg, not backwards
    return tuple(pieces)


def _slowed(speed: Fraction) -> str:
    return f"slowed to {_speed(speed)}"


def _speed(speed: Fraction) -> str:
    digits = 2 if abs(speed - 1) > Fraction(5, 1000) else 3  # "1.00x" would say that nothing was done
    return f"{float(speed):.{digits}f}x"


def _seconds(length_ms: int) -> str:
    return f"{length_ms / 1000:.2f} s"
