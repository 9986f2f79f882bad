"""Where on the master clock each bed and each sound plays, and how a bed begins and ends there.

    scenes    |   dusk    |    keeper     |    storm      |   dawn    |
    first bed  -----------------------\\
    second bed                        /X\\-----------------------------\\
                                  cut ^  crossfaded around it           ^ fades out after the last word
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from services.mixer.bed import SAFETY_FADE_SAMPLES, BedPlace
from shared.plan import ScenePlan
from shared.project import Music, Sound
from shared.project_soundtrack import read_anchor, scene_range
from shared.timeline import SAMPLES_PER_MS

SHORTEST_TAIL_MS = 1_000
"""A fade that must be shorter sounds cut off; where less follows the last word, the music fades out under it."""


@dataclass(frozen=True)
class PlacedSound:
    """A sound and the word that starts it: the scene's number and the word's start in milliseconds, None where the
    word was not heard."""

    sound: Sound
    scene_number: int
    at_ms: int | None


def place_beds(beds: Sequence[Music], plan: ScenePlan) -> tuple[BedPlace, ...]:
    """Where each bed plays, in the order of the beds. Neighbours are crossfaded at the cut between them."""
    ids = [scene.scene_id for scene in plan.scenes]
    alone = [_place_alone(bed, plan, scene_range(bed.scenes, ids)) for bed in beds]
    order = sorted(range(len(beds)), key=lambda number: alone[number].at)
    placed = list(alone)
    for earlier, later in pairwise(order):
        if alone[earlier].end != alone[later].at:
            continue
        shorter = min(alone[earlier].length, alone[later].length)
        half = min(beds[later].crossfade_ms * SAMPLES_PER_MS, shorter // 2) // 2
        before, after = placed[earlier], placed[later]
        placed[earlier] = replace(
            before,
            length=before.length + half,
            fade_in=min(before.fade_in, before.length - half),
            fade_out=2 * half,
            crossed_out=True,
        )
        placed[later] = replace(
            after,
            at=after.at - half,
            length=after.length + half,
            fade_in=2 * half,
            fade_out=min(after.fade_out, after.length - half),
            crossed_in=True,
        )
    return tuple(placed)


def place_sounds(sounds: Sequence[Sound], plan: ScenePlan) -> tuple[PlacedSound, ...]:
    """Where each sound starts: with the word that it names."""
    ids = [scene.scene_id for scene in plan.scenes]
    placed: list[PlacedSound] = []
    for sound in sounds:
        anchor = read_anchor(sound.at)
        scene = plan.scenes[scene_range(anchor.scene_id, ids).start]
        place = anchor.place_in([word.text for word in scene.words])
        placed.append(PlacedSound(sound, scene.number, None if place is None else scene.words[place].span.start))
    return tuple(placed)


def fade_out_ms(wanted_ms: int, *, length_ms: int, tail_ms: int) -> int:
    """How long a bed fades out where `tail_ms` follow its last word: behind that word, where there is room for it.

    words   [one][two]                  [one][two]
    tail             [--------------)            [-)
    fade                   [-------)        [-----)
    """
    room_ms = tail_ms if tail_ms >= SHORTEST_TAIL_MS else length_ms
    return min(wanted_ms, room_ms)


def _place_alone(bed: Music, plan: ScenePlan, places: range) -> BedPlace:
    scenes = plan.scenes[places.start : places.stop]
    start, end = scenes[0].window.start, scenes[-1].window.end
    last_word_end = max((word.span.end for scene in scenes for word in scene.words), default=start)
    fade = fade_out_ms(bed.fade_out_ms, length_ms=end - start, tail_ms=end - last_word_end)
    length = (end - start) * SAMPLES_PER_MS
    return BedPlace(
        at=start * SAMPLES_PER_MS,
        length=length,
        fade_in=min(length, SAFETY_FADE_SAMPLES),
        fade_out=min(length, max(SAFETY_FADE_SAMPLES, fade * SAMPLES_PER_MS)),
    )
