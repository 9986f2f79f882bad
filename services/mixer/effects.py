"""How loud a sound is at any moment, an effect or a clip's own: levelled like every layer, and lowered while words are
spoken."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.mixer.bed import SAFETY_FADE_SAMPLES
from services.mixer.core import STEM_LUFS
from services.mixer.envelope import BedCurve, speech_regions
from services.mixer.loudness import Powers, integrated_lufs
from shared.errors import Unrecoverable
from shared.plan import ScenePlan
from shared.project import ClipSound, Ducking, Sound
from shared.timeline import SAMPLES_PER_MS, Span

_LARGEST_CLIP_GAIN_DB = 12.0  # judgement: what is softer is a quiet room, and raised it would be its noise


@dataclass(frozen=True)
class LevelledSound:
    """A sound on the master clock: its samples `[at, at + length)`, its gain over time, the gain that levels it."""

    at: int
    length: int
    curve: BedCurve
    gain_db: float

    @property
    def end(self) -> int:
        """The first sample after it."""
        return self.at + self.length

    @property
    def span(self) -> Span:
        """The same in whole milliseconds."""
        return Span(self.at // SAMPLES_PER_MS, -(-self.end // SAMPLES_PER_MS))

    def gain(self, first_sample: int, count: int) -> NDArray[np.float32]:
        """The linear gain of `count` samples of the master clock; the last 10 ms of the sound fade out."""
        level = self.curve.gain(first_sample, count) * np.float32(10 ** (self.gain_db / 20))
        if first_sample + count <= self.end - SAFETY_FADE_SAMPLES:
            return level
        left = (self.end - np.arange(first_sample, first_sample + count)) / SAFETY_FADE_SAMPLES
        faded: NDArray[np.float32] = level * (0.5 - 0.5 * np.cos(np.pi * np.clip(left, 0, 1))).astype(np.float32)
        return faded


def level_sound(sound: Sound, plan: ScenePlan, *, at_ms: int, sample_count: int, powers: Powers) -> LevelledSound:
    """The sound from a word on, at most to the end of the master clock. Raises `Unrecoverable` where it is silent."""
    level = integrated_lufs(powers)
    if level is None:
        raise Unrecoverable(
            f"The sound file {sound.file!r} is silent.", remedy="Choose another file, or remove it from `sounds`."
        )
    return _placed(plan, at_ms, sample_count, depth_db=sound.depth_db, gain_db=STEM_LUFS - level + sound.gain_db)


def level_kept_sound(
    clip_sound: ClipSound, plan: ScenePlan, *, at_ms: int, sample_count: int, powers: Powers
) -> LevelledSound | None:
    """A scene's kept sound, at most to the end of the master clock; None where it is silent."""
    level = integrated_lufs(powers)
    if level is None:
        return None
    gain_db = min(STEM_LUFS - level, _LARGEST_CLIP_GAIN_DB) + clip_sound.gain_db
    return _placed(plan, at_ms, sample_count, depth_db=clip_sound.depth_db, gain_db=gain_db)


def _placed(plan: ScenePlan, at_ms: int, sample_count: int, *, depth_db: float, gain_db: float) -> LevelledSound:
    at = at_ms * SAMPLES_PER_MS
    words = (word.span for scene in plan.scenes for word in scene.words)
    ducking = Ducking(depth_db=depth_db, pause_db=0)
    return LevelledSound(
        at=at,
        length=min(sample_count, plan.length_ms * SAMPLES_PER_MS - at),
        curve=BedCurve(speech_regions(words, ducking), ducking),
        gain_db=gain_db,
    )
