"""The mixer's decisions: how loud each layer is, what is loud enough, and which keys the work has."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from statistics import median

import numpy as np
from numpy.typing import NDArray

from services.mixer.analysis import ANALYSIS_VERSION
from services.mixer.bed import SHORTEST_MUSIC_MS, BedPlan
from services.mixer.envelope import BedCurve, deepened, linear_gains, speech_regions
from services.mixer.limiting import Cells, gain_to_target, peak_of
from services.mixer.loudness import Powers, decibels, integrated_lufs, mean_lufs, slice_middles, slices_in
from services.mixer.places import place_beds, place_sounds
from shared.assets import Asset, Determinant, derived_key
from shared.errors import Unrecoverable
from shared.events import SceneSounded
from shared.plan import ScenePlan
from shared.project import ClipSound, Music, Project, Sound, VoiceChain
from shared.timeline import SAMPLES_PER_MS, Span
from shared.transcript import Recording

RECIPE_VERSION = 7

STEM_LUFS = -20.0
"""Both stems are brought to this before the bed is ducked, so that the project's decibels mean the same for any file.

The number is arbitrary (the mix is brought to its target afterwards) but leaves headroom in a stem that is kept.
"""

LOUDNESS_TOLERANCE_LU = 0.5  # issue: the soundtrack's integrated loudness is within 0.5 LU of the target
TRUE_PEAK_LIMIT_DBTP = -1.0  # EBU R128, section "true peak": at most -1 dBTP in production

FIRST_CEILING_DBFS = -2.0
"""Where the limiter stops the first encode: AAC overshoots a ceiling of -1.8 by up to 0.7 dB (measured at -14 LUFS)."""

_CLEARING_STEPS = 8  # two suffice, or three where a scene lasts hardly longer than its neighbour's bed takes to rise
_CEILING_MARGIN_DB = 0.2  # a second encode overshoots a little differently from the first
_LARGEST_TAKE_GAIN_DB = 10.0  # judgement: a take further off than this was meant to be
_LOUDNESS_LINE = re.compile(r"^\s*I:\s*(-?[\d.]+|-?inf|nan) LUFS", re.MULTILINE)
_PEAK_LINE = re.compile(r"^\s*Peak:\s*(-?[\d.]+|-?inf|nan) dBFS", re.MULTILINE)


@dataclass(frozen=True)
class KeptSound:
    """What a scene keeps of its clips' own sound, and where it plays; None where they have none."""

    scene_number: int
    sound: Asset | None
    span: Span


@dataclass(frozen=True)
class Inputs:
    """Everything that a soundtrack is made from. `beds` and `sounds` have their files beside them."""

    recording: Recording
    plan: ScenePlan
    voice_chain: VoiceChain
    beds: tuple[tuple[Music, Asset], ...]
    sounds: tuple[tuple[Sound, Asset], ...]
    loudness: int
    stems: bool
    clip_sound: ClipSound = field(default_factory=ClipSound)
    kept_sounds: tuple[KeptSound, ...] = ()
    """Of the scenes that keep their clips' sound, in their order."""

    @property
    def soundtrack_key(self) -> str:
        """The soundtrack's key."""
        return derived_key("soundtracks", "m4a", recipe_version=RECIPE_VERSION, **self._determinants())

    @property
    def report_key(self) -> str:
        """The key of the report about it."""
        opposed: list[Determinant] = [
            [stretch.span.start, stretch.span.end, stretch.kept] for stretch in self.recording.opposed
        ]
        determinants = {**self._determinants(), "stems": self.stems, "opposed": opposed}
        return derived_key("soundtrack-reports", "json", recipe_version=RECIPE_VERSION, **determinants)

    def stem_key(self, layer: str) -> str:
        """The key of one of the layers, `voice`, `bed`, `effects` or `mix`."""
        return derived_key("stems", "wav", recipe_version=RECIPE_VERSION, layer=layer, **self._determinants())

    @property
    def spoken(self) -> tuple[Span, ...]:
        """What was spoken in one go: the takes, or the scenes' speech where one recording holds all."""
        if self.recording.take_boundaries_known:
            return tuple(sorted(take.span for take in self.recording.takes))
        return tuple(scene.speech for scene in self.plan.scenes)

    def _determinants(self) -> dict[str, Determinant]:
        # Scenes' names do not matter; how their words group does, to the report, and where beds and sounds lie.
        places = place_beds([bed for bed, _ in self.beds], self.plan)
        beds: list[Determinant] = [
            [bed.model_copy(update={"file": asset.digest, "scenes": None}), place.at, place.length]
            for (bed, asset), place in zip(self.beds, places, strict=True)
        ]
        placed = place_sounds([sound for sound, _ in self.sounds], self.plan)
        sounds: list[Determinant] = [
            [sound.model_copy(update={"file": asset.digest, "at": "-"}), one.scene_number, one.at_ms]
            for (sound, asset), one in zip(self.sounds, placed, strict=True)
        ]
        kept: list[Determinant] = [
            [one.scene_number, one.sound.digest if one.sound else None, one.span.start, one.span.end]
            for one in self.kept_sounds
        ]
        # Not there without clips that are heard, so that what was mixed before they could be is found.
        clip_sound: dict[str, Determinant] = {"kept_sounds": kept, "clip_sound": self.clip_sound} if kept else {}
        return {
            **clip_sound,
            "voiceover": self.recording.voiceover.digest,
            "voice_chain": self.voice_chain,
            "length_ms": self.plan.length_ms,
            "spoken": [[span.start, span.end] for span in self.spoken],
            "words": [[[word.span.start, word.span.end] for word in scene.words] for scene in self.plan.scenes],
            "loudness": self.loudness,
            "beds": beds,
            "sounds": sounds,
        }


def awaited_sounds(project_id: str, project: Project) -> tuple[str, ...]:
    """The subjects of what the soundtrack waits for: the kept sound of each scene that is to be heard."""
    numbers = (number for number, scene in enumerate(project.scenes, start=1) if scene.keeps_sound)
    return tuple(SceneSounded.subject.format(project_id=project_id, scene_number=number) for number in numbers)


def analysis_key(music: Asset, longest: int) -> str:
    """The key of the analysis of at most so many samples of a music file: its features, beats and phrases."""
    return derived_key("music-analyses", "npz", recipe_version=ANALYSIS_VERSION, music=music.digest, longest=longest)


@dataclass(frozen=True)
class VoiceCurve:
    """The voice's gain in decibels at points of the master clock, straight between them."""

    at_ms: tuple[float, ...]
    gain_db: tuple[float, ...]

    def decibels(self, at_ms: NDArray[np.float64]) -> NDArray[np.float64]:
        """The gain in decibels at times in milliseconds."""
        return np.interp(at_ms, self.at_ms, self.gain_db)

    def gain(self, first_sample: int, count: int) -> NDArray[np.float32]:
        """The linear gain of `count` samples from `first_sample` on; one number where it does not move."""
        first_ms, last_ms = first_sample / SAMPLES_PER_MS, (first_sample + count) / SAMPLES_PER_MS
        inside = self.gain_db[bisect_right(self.at_ms, first_ms) : bisect_left(self.at_ms, last_ms)]
        edges = self.decibels(np.array([first_ms, last_ms]))
        if all(db == edges[0] for db in (*inside, edges[1])):
            return np.array([10 ** (edges[0] / 20)], dtype=np.float32)
        at_ms = first_ms + np.arange(count) / SAMPLES_PER_MS
        return linear_gains(self.decibels(at_ms))


@dataclass(frozen=True)
class LevelledBed:
    """How the music becomes the bed: its pieces, its gain over time, and the gain that levels it."""

    plan: BedPlan
    curve: BedCurve
    gain_db: float

    def gain(self, first_sample: int, count: int) -> NDArray[np.float32]:
        """The linear gain, levelling and ducking together, of `count` samples; one number where it does not move."""
        return self.curve.gain(first_sample, count) * np.float32(10 ** (self.gain_db / 20))


@dataclass(frozen=True)
class StemLevels:
    """What was measured while the stems were written.

    The powers of voice and bed (None where there is none), powers and cells of the sum of all layers.
    """

    voice: Powers
    bed: Powers | None
    mix: Powers
    mix_cells: Cells


@dataclass(frozen=True)
class Heard:
    """What was measured on the recorded voice, in one channel: its powers, and where it is clipped, in milliseconds:
    the first place of every tenth of a second."""

    powers: Powers
    clipped_ms: tuple[int, ...]


@dataclass(frozen=True)
class Levelling:
    """What brings the mix to its target: a linear gain and the limiter's ceiling (None: no limiter needed)."""

    gain_db: float
    ceiling_dbfs: float | None


@dataclass(frozen=True)
class Measured:
    """Loudness and true peak of an encoded file."""

    loudness_lufs: float
    true_peak_dbtp: float


def level_voice(spoken: Sequence[Span], powers: Powers) -> VoiceCurve:
    """Gains that bring each of the ascending spans to the stem level by its own, so that they sound like one sitting.

    `powers` are the single channel's; in the mix the voice is in both, which is 3 LU louder. Raises
    `Unrecoverable` where the voiceover is silent.
    """
    powers = 2 * powers
    whole = integrated_lufs(powers)
    if whole is None:
        raise Unrecoverable(
            "The voiceover is silent.", remedy="Listen to the recording, or choose a voice that speaks, and try again."
        )
    levels = [integrated_lufs(powers[slices_in((span,), powers.size)]) for span in spoken]
    heard = [level for level in levels if level is not None]
    usual = median(heard) if heard else whole
    at_ms: list[float] = []
    gain_db: list[float] = []
    for span, level in zip(spoken, levels, strict=True):
        own = 0.0 if level is None else max(-_LARGEST_TAKE_GAIN_DB, min(_LARGEST_TAKE_GAIN_DB, usual - level))
        # Takes that touch still need a moment for the gain to move in: 5 ms of each.
        room = min(5.0, span.length / 3)
        at_ms += [span.start + room, span.end - room]
        gain_db += [STEM_LUFS - usual + own] * 2
    if not at_ms:
        return VoiceCurve((0.0,), (STEM_LUFS - usual,))
    return VoiceCurve(tuple(at_ms), tuple(gain_db))


def levelled_powers(curve: VoiceCurve, powers: Powers) -> Powers:
    """The powers that the voice will have in the mix, where it is in both channels."""
    middles = slice_middles(powers.size)
    levelled: Powers = 2 * powers * np.power(10, curve.decibels(middles) / 10)
    return levelled


def level_bed(music: Music, plan: ScenePlan, bed: BedPlan, *, voice: Powers, open_bed: Powers) -> LevelledBed:
    """The bed at the stem level plus the project's own gain, ducked under the words until the voice stands clear.

    `open_bed` holds the powers of the bed before any gain. Raises `Unrecoverable` where it is silent.
    """
    level = integrated_lufs(open_bed)
    if level is None:
        raise Unrecoverable(
            f"The music file {music.file!r} is silent.",
            remedy="Choose another file, or leave `music` out of the project.",
        )
    gain_db = STEM_LUFS - level + music.gain_db
    words = tuple(word.span for scene in plan.scenes for word in scene.words)
    cuts = (scene.window.start for scene in plan.scenes[1:])
    curve = BedCurve(speech_regions(words, music.ducking, cuts), music.ducking)
    return LevelledBed(bed, clear_the_voice(curve, voice, open_bed * 10 ** (gain_db / 10)), gain_db)


def clear_the_voice(curve: BedCurve, voice: Powers, open_bed: Powers) -> BedCurve:
    """The curve with the bed deeper in those regions where a loud stretch of music would come too near the voice.

    `open_bed` holds the powers of the levelled bed before it is ducked.
    """
    return replace(
        curve,
        regions=tuple(
            deepened(
                region,
                voice_over_bed_lu=_voice_over_bed((region.span,), voice, open_bed, region.depth_db),
                clearance_db=curve.ducking.clearance_db,
            )
            for region in curve.regions
        ),
    )


def clear_every_scene(
    plan: ScenePlan, beds: Sequence[LevelledBed], open_beds: Sequence[Powers], voice: Powers
) -> tuple[LevelledBed, ...]:
    """The beds, deeper under each scene's words over which the voice would not stand clear of all of them together.

    Two beds sound at once where they cross, and the depth of a region comes from its own words and the pauses between.
    `open_beds` hold the powers of the beds before any gain.
    """
    cleared = list(beds)
    for scene in plan.scenes:
        words = tuple(word.span for word in scene.words)
        chosen = slices_in(words, voice.size)
        spoken = mean_lufs(voice, chosen)
        if spoken is None:
            continue
        # Near a cut the neighbour's region may be the deeper one; then the first step lowers less than it should.
        for _ in range(_CLEARING_STEPS):
            powers = _ducked_powers(cleared, open_beds, chosen)
            heard = [number for number, power in enumerate(powers) if power.any()]
            if not heard:
                break
            wanted_lu = max(cleared[number].curve.ducking.clearance_db for number in heard)
            missing_db = wanted_lu - (spoken - decibels(float(np.sum(powers, axis=0).mean())))
            if missing_db <= 0:
                break
            for number in heard:
                cleared[number] = replace(cleared[number], curve=cleared[number].curve.deeper_under(words, missing_db))
    return tuple(cleared)


def _ducked_powers(beds: Sequence[LevelledBed], open_beds: Sequence[Powers], chosen: NDArray[np.bool_]) -> list[Powers]:
    middles = slice_middles(chosen.size)[chosen]
    return [
        open_bed[chosen] * np.power(10, (bed.curve.decibels(middles) + bed.gain_db) / 10)
        for bed, open_bed in zip(beds, open_beds, strict=True)
    ]


def _voice_over_bed(spans: tuple[Span, ...], voice: Powers, bed: Powers, bed_gain_db: float) -> float | None:
    chosen = slices_in(spans, voice.size)
    voice_lufs, bed_lufs = mean_lufs(voice, chosen), mean_lufs(bed, chosen)
    return None if voice_lufs is None or bed_lufs is None else voice_lufs - bed_lufs - bed_gain_db


def first_levelling(levels: StemLevels, *, target_lufs: float) -> Levelling:
    """The gain from the unlimited mix to the target, the limiter's loss foreseen.

    The limiter is left out where even a true peak 2 dB above the samples stays under its ceiling.
    """
    gain_db = gain_to_target(levels.mix, levels.mix_cells, target_lufs=target_lufs, ceiling_dbfs=FIRST_CEILING_DBFS)
    largest = peak_of(levels.mix_cells) * 10 ** (gain_db / 20)
    return Levelling(gain_db, FIRST_CEILING_DBFS if largest > 10 ** ((FIRST_CEILING_DBFS - 2) / 20) else None)


def corrected_levelling(levelling: Levelling, measured: Measured, *, target_lufs: float) -> Levelling | None:
    """The levelling of a second encode, or None where the first is on target."""
    missing_lu = target_lufs - measured.loudness_lufs
    too_high_db = measured.true_peak_dbtp - TRUE_PEAK_LIMIT_DBTP
    if abs(missing_lu) <= LOUDNESS_TOLERANCE_LU and too_high_db <= 0:
        return None
    ceiling = FIRST_CEILING_DBFS if levelling.ceiling_dbfs is None else levelling.ceiling_dbfs
    if too_high_db > 0:
        ceiling -= too_high_db + _CEILING_MARGIN_DB
    return Levelling(levelling.gain_db + missing_lu, ceiling)


def read_measurement(printed: str) -> Measured:
    """Loudness and true peak from the summary that ffmpeg's `ebur128` prints. Raises `ValueError` without one."""
    loudness, peak = _LOUDNESS_LINE.findall(printed), _PEAK_LINE.findall(printed)
    if not loudness or not peak:
        raise ValueError("ffmpeg printed no loudness")
    return Measured(float(loudness[-1]), float(peak[-1]))


def require_usable_sound(named: str, *, container: str, has_audio: bool) -> None:
    """Raises `Unrecoverable` where a file has no sound or is a list of other files; `named`: "The music file 'a'"."""
    if any(name in {"hls", "dash", "concat", "concatf", "sdp", "rtsp", "tty"} for name in container.split(",")):
        raise Unrecoverable(f"{named} is a playlist, not sound.", remedy="Name a sound file.")
    if not has_audio:
        raise Unrecoverable(f"{named} has no sound.", remedy="Name a file that has sound.")


def require_whole_voiceover(*, sample_rate: int, channels: int, sample_count: int, length_ms: int) -> None:
    """Raises `Unrecoverable` where the stored voiceover is not what the plan was made for."""
    wanted = length_ms * SAMPLES_PER_MS
    if (sample_rate, channels, sample_count) != (48_000, 1, wanted):
        raise Unrecoverable(
            f"The voiceover has {sample_count} samples in {channels} channels at {sample_rate} Hz where the plan"
            f" counts {wanted} in one at 48000 Hz.",
            remedy="Submit the project again; if it happens twice, report it.",
        )


def require_whole_kept_sound(*, sample_rate: int, channels: int, sample_count: int, span: Span) -> None:
    """Raises `RuntimeError` where a scene's kept sound is not as long as its span. That is a bug to report."""
    wanted = span.length * SAMPLES_PER_MS
    if (sample_rate, channels, sample_count) != (48_000, 2, wanted):
        raise RuntimeError(f"a kept sound has {sample_count} samples in {channels} channels, its span {wanted}")


def require_long_enough_music(*, file: str, sample_count: int) -> None:
    """Raises `Unrecoverable` where the decoded music is too short to be repeated."""
    if sample_count < SHORTEST_MUSIC_MS * SAMPLES_PER_MS:
        raise Unrecoverable(
            f"The music file {file!r} is {sample_count / SAMPLES_PER_MS:.0f} ms long.",
            remedy="Choose music of a few seconds or more.",
        )


def require_exact_length(printed: str, *, length_ms: int) -> None:
    """Raises `RuntimeError` where the encoded file does not declare exactly the plan's samples.

    `printed` is ffprobe's answer. A mismatch is a bug to report, never something to cut off.
    """
    if printed.strip() != str(length_ms * SAMPLES_PER_MS):
        raise RuntimeError(f"the soundtrack has {printed.strip()} samples, the plan {length_ms * SAMPLES_PER_MS}")
