"""How much each way of filling a window shows: the ladder takes the cheapest. Pure."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Prices:
    """What a viewer notices, counted in seconds of a held picture that is slowly moved in on.

    Judgement, not tested on viewers; the defaults give the ladder of the house: a hold up to 1.5 s, then one turn of a
    boomerang, and a loop where a boomerang would have to turn again. What they cost in processor time is no reason to
    choose: hold 0.5, boomerang 0.5, loop 0.7 CPU-seconds a second (1280x720 at 24, veryfast).
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

    def of_hold(self, seconds: Fraction) -> Fraction:
        """The price of holding a picture for `seconds`."""
        return self.held_second * seconds

    def of_boomerang(self, turns: int) -> Fraction:
        """The price of a boomerang that turns `turns` times, at least once."""
        return self.turn + (turns - 1) * self.further_turn

    def of_loop(self, joints: int) -> Fraction:
        """The price of a loop with `joints` crossfades."""
        return self.joint * joints

    def of_hurry(self, seconds: Fraction, hitch: Fraction) -> Fraction:
        """The price of shortening a clip by `seconds` of speed; `hitch` is how much each picture that is dropped for it
        shows, 1 being that of a clip with the project's own rate."""
        return self.hurried_second * hitch * seconds

    def of_loss(self, seconds: Fraction) -> Fraction:
        """The price of leaving `seconds` of a clip out: free at first, and no more once only a part is shown."""
        return self.lost_second * min(max(seconds - UNMISSED_SECONDS, Fraction(0)), MISSED_SECONDS)


UNMISSED_SECONDS = Fraction(1, 2)
"""Nobody misses the last half second of a clip. Judgement."""

MISSED_SECONDS = Fraction(1)
"""A clip that loses more than this on top is no action cut short but a part of longer footage. Judgement."""
