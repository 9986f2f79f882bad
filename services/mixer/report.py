"""What was measured on a soundtrack and its layers, and what a listener should be warned of."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from services.mixer.core import (
    LOUDNESS_TOLERANCE_LU,
    TRUE_PEAK_LIMIT_DBTP,
    Heard,
    Inputs,
    LevelledBed,
    Measured,
    StemLevels,
)
from services.mixer.loudness import Powers, mean_lufs, slice_middles, slices_in
from shared.assets import Asset
from shared.plan import ScenePlan
from shared.soundtrack import DuckedSpan, KeptStems, SceneLoudness, SoundtrackReport, SoundtrackWarning
from shared.timeline import SAMPLES_PER_MS, Span

_HARDLY_AUDIBLE_LUFS = -45.0  # judgement: speech is recorded between -30 and -14


@dataclass(frozen=True)
class MixedLayers:
    """What the layers turned out to be: what was heard on the voice, the beds, the spans of the sounds and of
    what clips keep of theirs, and the levels."""

    heard: Heard
    beds: tuple[LevelledBed, ...]
    sounds: tuple[Span, ...]
    levels: StemLevels
    warnings: tuple[SoundtrackWarning, ...] = ()
    kept_sounds: tuple[Span, ...] = ()


def write_report(
    inputs: Inputs,
    layers: MixedLayers,
    *,
    soundtrack: Asset,
    stems: KeptStems | None,
    measured: Measured,
    encode_count: int,
) -> SoundtrackReport:
    """What was made and what was measured on it."""
    levels, beds = layers.levels, layers.beds
    return SoundtrackReport(
        soundtrack=soundtrack,
        sample_count=inputs.plan.length_ms * SAMPLES_PER_MS,
        loudness_lufs=measured.loudness_lufs,
        true_peak_dbtp=measured.true_peak_dbtp,
        encode_count=encode_count,
        scenes=weigh_scenes(inputs.plan, levels.voice, levels.bed),
        pauses_bed_lufs=None if levels.bed is None else beds_in_pauses(beds, levels.bed),
        ducked=tuple(
            DuckedSpan(span=region.span, depth_db=round(region.depth_db, 2))
            for bed in beds
            for region in bed.curve.regions
            if region.span.overlaps(bed.plan.place.span)
        ),
        beds=tuple(bed.plan.place.span for bed in beds),
        bed_ends=tuple(bed.plan.ends_with for bed in beds),
        sounds=layers.sounds,
        kept_sounds=layers.kept_sounds,
        seams_ms=tuple(seam // SAMPLES_PER_MS for bed in beds for seam in bed.plan.seams),
        stems=stems,
        warnings=tuple(sorted((*layers.warnings, *hear_warnings(inputs, layers.heard, measured)), key=_place)),
    )


def weigh_scenes(plan: ScenePlan, voice: Powers, bed: Powers | None) -> tuple[SceneLoudness, ...]:
    """Voice and bed while each scene's words are spoken."""
    weighed: list[SceneLoudness] = []
    for scene in plan.scenes:
        chosen = slices_in(tuple(word.span for word in scene.words), voice.size)
        voice_lufs = mean_lufs(voice, chosen)
        bed_lufs = None if bed is None else mean_lufs(bed, chosen)
        apart = None if voice_lufs is None or bed_lufs is None else voice_lufs - bed_lufs
        weighed.append(
            SceneLoudness(
                number=scene.number,
                voice_lufs=_rounded(voice_lufs),
                bed_lufs=_rounded(bed_lufs),
                voice_over_bed_lu=_rounded(apart),
            )
        )
    return tuple(weighed)


def beds_in_pauses(beds: Sequence[LevelledBed], powers: Powers) -> float | None:
    """The beds' loudness where their curves are all the way up, or None where they never are before they fade out."""
    middles = slice_middles(powers.size)
    is_up = np.zeros(powers.size, np.bool_)
    for bed in beds:
        first, last = bed.plan.place.at / SAMPLES_PER_MS, bed.plan.fades_at / SAMPLES_PER_MS
        inside = (middles >= first) & (middles < last)
        is_up |= inside & (bed.curve.decibels(middles) > bed.curve.ducking.pause_db - 0.1)
    return _rounded(mean_lufs(powers, is_up))


def hear_warnings(inputs: Inputs, heard: Heard, measured: Measured) -> tuple[SoundtrackWarning, ...]:
    """What can be heard and should not be: clipped or hardly audible speech, opposed sides, a missed target."""
    warnings: list[SoundtrackWarning] = []
    for scene in inputs.plan.scenes:
        clipped = [at for at in heard.clipped_ms if scene.window.contains(at)]
        if clipped:
            message = f"The voice is clipped in {len(clipped)} tenths of a second of this scene, first here."
            warnings.append(SoundtrackWarning(scene_number=scene.number, at_ms=clipped[0], message=message))
        recorded = mean_lufs(heard.powers, slices_in(tuple(word.span for word in scene.words), heard.powers.size))
        if recorded is None or recorded < _HARDLY_AUDIBLE_LUFS:
            message = (
                "The voice is nearly silent in the recording; raised to the others' level it brings its noise along."
            )
            warnings.append(SoundtrackWarning(scene_number=scene.number, at_ms=scene.speech.start, message=message))
    warnings += _opposed_warnings(inputs)
    off = measured.loudness_lufs - inputs.loudness
    if abs(off) > LOUDNESS_TOLERANCE_LU or measured.true_peak_dbtp > TRUE_PEAK_LIMIT_DBTP:
        message = (
            f"The soundtrack has {measured.loudness_lufs:.1f} LUFS and {measured.true_peak_dbtp:.1f} dBTP where"
            f" {inputs.loudness} LUFS and at most {TRUE_PEAK_LIMIT_DBTP:.0f} dBTP were asked for."
        )
        warnings.append(SoundtrackWarning(scene_number=None, at_ms=None, message=message))
    return tuple(warnings)


def _opposed_warnings(inputs: Inputs) -> list[SoundtrackWarning]:
    """One for each scene in which the recording's sides are opposed, at the first place."""
    warnings: list[SoundtrackWarning] = []
    for scene in inputs.plan.scenes:
        first = next((one for one in inputs.recording.opposed if one.span.overlaps(scene.window)), None)
        if first is not None:
            message = (
                "The recording's left and right side are opposed and would cancel each other, so only its"
                f" {first.kept} side is heard; turn the polarity of one side, or record in mono."
            )
            at_ms = max(first.span.start, scene.window.start)
            warnings.append(SoundtrackWarning(scene_number=scene.number, at_ms=at_ms, message=message))
    return warnings


def _place(warning: SoundtrackWarning) -> tuple[bool, int, int]:
    """By which warnings are in order: scene by scene, and what is about the whole at the end."""
    return warning.scene_number is None, warning.scene_number or 0, warning.at_ms or 0


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 2)
