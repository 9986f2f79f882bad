"""How the clips of a scene fill its window: the ladder and the best parts together. Pure.

The ladder is asked twice. The first answer says how much of each clip is needed, so which clips have parts to choose
from: those are looked at. What is clean of such a clip is then fitted as if the clip were no more than that: where only
its end is black, it is sped up or trimmed for the sake of what comes before, and black is not mistaken for action.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from services.clip_fitter.best_window import SHORTEST_CHOICE_MS, Look, best_start_ms, clean_part, hitch_of, is_even
from services.clip_fitter.clip import Clip, usable_ms
from services.clip_fitter.core import FitLimits, SceneRecipe, fit_scene, starting_at
from shared.timeline import Span


@dataclass(frozen=True)
class Shown:
    """A clip of a scene and where the project says that it starts, in the clip's own time."""

    clip: Clip
    in_ms: int | None = None

    @property
    def usable(self) -> Span:
        """What may be shown of it, in its own time; nothing of a still picture, which has no length.

        Raises `Unrecoverable` where the clip has ended before it is to start.
        """
        return Span(self.clip.length_ms - usable_ms(self.clip, self.in_ms), self.clip.length_ms)

    @property
    def is_known_to_be_clean(self) -> bool:
        """True where nobody has to look whether parts of it are better left out."""
        return self.clip.is_still or self.in_ms is not None or is_even(self.clip.pictures.sizes)


def worth_a_look(shown: Sequence[Shown], recipe: SceneRecipe) -> tuple[int, ...]:
    """The numbers of the clips, from 0, that leave a choice and may hold parts that are better left out."""
    return tuple(
        number
        for number, one in enumerate(shown)
        if not one.is_known_to_be_clean and one.usable.length - _needed_ms(recipe, number, one) >= SHORTEST_CHOICE_MS
    )


def recipe_of(
    shown: Sequence[Shown], frames: int, fps: Fraction, limits: FitLimits, looks: Mapping[int, Look] | None = None
) -> SceneRecipe:
    """How the clips fill `frames` frames at `fps`, each from where it starts; `looks` by the number of the clip."""
    looks = looks or {}
    parts = [one.usable for one in shown]
    # A clip that may hold what is better left out is not hurried through: nobody knows yet what for.
    hitches = [hitch_of(one.clip, fps) if one.is_known_to_be_clean else None for one in shown]
    recipe = fit_scene(frames, fps, [part.length for part in parts], limits, hitches)
    for number, found in looks.items():
        one = shown[number]
        clean = clean_part(found, _needed_ms(recipe, number, one), one.clip.length_ms)
        if clean is not None:
            parts[number], hitches[number] = clean, hitch_of(one.clip, fps)
    # No share grows past its clip by this: each clean part is at least what was needed of its clip.
    recipe = fit_scene(frames, fps, [part.length for part in parts], limits, hitches)
    starts = [
        best_start_ms(looks[number], _needed_ms(recipe, number, one), part) if number in looks else part.start
        for number, (one, part) in enumerate(zip(shown, parts, strict=True))
    ]
    return starting_at(recipe, starts)


def _needed_ms(recipe: SceneRecipe, number: int, shown: Shown) -> int:
    """How much of a clip is shown; all of it where the window has no room for the clip."""
    parts = [part for part, of in zip(recipe.parts, recipe.clip_numbers, strict=True) if of == number]
    return max((part.source_span.end for part in parts), default=shown.usable.length)
