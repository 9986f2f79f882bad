"""What each way of filling a window costs: the ladder takes the one that shows least. Pure."""

from dataclasses import dataclass
from fractions import Fraction

OWN_SPEED_WORK = Fraction(63, 100)
SLOWED_WORK = Fraction(54, 100)
HELD_WORK = Fraction(53, 100)
BACKWARDS_WORK = Fraction(54, 100)
CROSSED_WORK = Fraction(70, 100)
"""CPU-seconds for a second of the window, measured at 1280x720, 24 frames a second, veryfast, one thread. Other sizes
and settings scale them all alike; docs/fitting.md has what was measured last."""


@dataclass(frozen=True, order=True)
class Price:
    """What a way of filling a window costs. Of two that show equally little, the one with less work is taken.

    None of them costs money. Footage has to be bought again only where all of them are refused, and then the failure
    names the shortest clip of each video model that would do (`footage_advice.py`).
    """

    shows: Fraction = Fraction(0)
    """What a viewer notices, in seconds of a held picture that is slowly moved in on."""
    works: Fraction = Fraction(0)
    """CPU-seconds."""

    def __add__(self, other: "Price") -> "Price":
        return Price(self.shows + other.shows, self.works + other.works)


@dataclass(frozen=True)
class Prices:
    """What a viewer notices, counted in seconds of a held picture that is slowly moved in on.

    Judgement, not tested on viewers; the defaults give the ladder of the house: a hold up to 1.5 s, then one turn of a
    boomerang, and a loop where a boomerang would have to turn again.
    """

    held_second: Fraction = Fraction(1)
    turn: Fraction = Fraction(3, 2)
    """The first time that a clip turns to run backwards."""
    further_turn: Fraction = Fraction(3)
    """Each turn after the first: going back and forth is seen for what it is."""
    joint: Fraction = Fraction(2)
    """Each crossfade from the end of a clip to its own start."""
    hurried_second: Fraction = Fraction(7, 5)
    """Each second that a clip is shortened by being sped up, where it has as many pictures a second as the project."""
    lost_second: Fraction = Fraction(1)
    """Each second of a clip that is left out, apart from what nobody misses."""

    def of_hold(self, seconds: Fraction) -> Price:
        """The price of holding a picture for `seconds`."""
        return Price(self.held_second * seconds, HELD_WORK * seconds)

    def of_boomerang(self, turns: int, seconds: Fraction) -> Price:
        """The price of a boomerang of `seconds` that turns `turns` times, at least once."""
        return Price(self.turn + (turns - 1) * self.further_turn, BACKWARDS_WORK * seconds)

    def of_loop(self, joints: int, seconds: Fraction) -> Price:
        """The price of a whole scene of `seconds` that is looped with `joints` crossfades."""
        return Price(self.joint * joints, CROSSED_WORK * seconds)

    def of_hurry(self, seconds: Fraction, hitch: Fraction) -> Price:
        """The price of shortening a clip by `seconds` of speed; `hitch` is how much each picture that is dropped for it
        shows, 1 being that of a clip with the project's own rate."""
        return Price(self.hurried_second * hitch * seconds)

    def of_loss(self, seconds: Fraction) -> Price:
        """The price of leaving `seconds` of a clip out: free at first, and no more once only a part is shown."""
        return Price(self.lost_second * min(max(seconds - UNMISSED_SECONDS, Fraction(0)), MISSED_SECONDS))

    def of_moving(self, seconds: Fraction, speed: Fraction) -> Price:
        """The price of `seconds` of a clip that runs forwards: it shows nothing, and is work."""
        return Price(works=(SLOWED_WORK if speed < 1 else OWN_SPEED_WORK) * seconds)


UNMISSED_SECONDS = Fraction(1, 2)
"""Nobody misses the last half second of a clip. Judgement."""

MISSED_SECONDS = Fraction(1)
"""A clip that loses more than this on top is no action cut short but a part of longer footage. Judgement."""
