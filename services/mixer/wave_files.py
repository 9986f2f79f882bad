"""WAV files over `soundfile`, read and written a second at a time: memory stays flat however long the project is."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from services.mixer.bed import BedPlan, readings
from services.mixer.core import Heard, LevelledBed, StemLevels, VoiceCurve, levelled_powers
from services.mixer.effects import LevelledSound
from services.mixer.limiting import Cells, cells_of, joined
from services.mixer.loudness import SLICE_SAMPLES, Powers, Samples, clipped_slices, slice_powers
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS

_BLOCK_SAMPLES = 10 * SLICE_SAMPLES  # one second: a whole number of slices, so that powers of blocks can be joined


@dataclass(frozen=True)
class WaveFacts:
    """What the header of a WAV file says."""

    sample_rate: int
    channels: int
    sample_count: int


@dataclass(frozen=True)
class VoiceFiles:
    """The voice in one channel, its powers, and its gain over time."""

    source: Path
    powers: Powers
    curve: VoiceCurve


@dataclass(frozen=True)
class BedFiles:
    """Decoded music, and how it becomes a bed."""

    source: Path
    levelled: LevelledBed


@dataclass(frozen=True)
class SoundFiles:
    """A decoded sound, and where and how loud it plays."""

    source: Path
    levelled: LevelledSound


@dataclass(frozen=True)
class LayerFiles:
    """What the soundtrack is the sum of."""

    voice: VoiceFiles
    beds: tuple[BedFiles, ...]
    sounds: tuple[SoundFiles, ...]


@dataclass(frozen=True)
class StemPaths:
    """Where the levelled layers go by themselves."""

    voice: Path
    bed: Path
    effects: Path


def wave_facts(path: Path) -> WaveFacts:
    """The facts of a WAV file."""
    facts = soundfile.info(str(path))
    return WaveFacts(int(facts.samplerate), int(facts.channels), int(facts.frames))


def measure_powers(path: Path) -> Powers:
    """The powers of a file."""
    return hear(path).powers


def hear(path: Path) -> Heard:
    """The powers of a file and where it is clipped."""
    powers: list[Powers] = []
    clipped: list[int] = []
    with soundfile.SoundFile(str(path)) as wave:
        for first, count in _blocks(len(wave)):
            samples: Samples = wave.read(count, dtype="float32", always_2d=True)
            powers.append(slice_powers(samples))
            clipped += [(first + at) // SAMPLES_PER_MS for at in clipped_slices(samples)]
    return Heard(np.concatenate(powers) if powers else np.zeros(0), tuple(clipped))


def measure_bed(path: Path, bed: BedPlan, total: int) -> Powers:
    """The powers on the master clock, `total` samples long, of the bed that a plan makes of a file."""
    powers = np.zeros(-(-total // SLICE_SAMPLES))
    with soundfile.SoundFile(str(path)) as wave:
        for first, count in _blocks(total):
            if bed.place.at < first + count and first < bed.place.end:
                block = np.zeros((count, 2), np.float32)
                _add_bed(wave, bed, first, block)
                found = slice_powers(block)
                powers[first // SLICE_SAMPLES :][: found.size] = found
    return powers


def read_samples(path: Path, first: int, count: int) -> Samples:
    """A short stretch of a file."""
    with soundfile.SoundFile(str(path)) as wave:
        return _read(wave, first, count)


def write_levelled(source: Path, curve: VoiceCurve, target: Path) -> None:
    """A voice in one channel with its gain applied, as floats."""
    with soundfile.SoundFile(str(source)) as wave, _new_wave(target, channels=1) as levelled:
        for first, count in _blocks(len(wave)):
            levelled.write(wave.read(count, dtype="float32") * curve.gain(first, count))


def write_mix(layers: LayerFiles, mix: Path, stems: StemPaths | None) -> StemLevels:
    """Write the sum of the levelled voice, the levelled, ducked beds and the sounds, and the layers themselves where
    they are kept.

    All files have the voiceover's length, so they are aligned to the sample.
    """
    voice = layers.voice
    beds: list[Powers] = []
    mixes: list[Powers] = []
    cells: list[Cells] = []
    with ExitStack() as files:
        voice_source = files.enter_context(soundfile.SoundFile(str(voice.source)))
        opened_beds = [(files.enter_context(soundfile.SoundFile(str(b.source))), b.levelled) for b in layers.beds]
        mix_wave = files.enter_context(_new_wave(mix))
        kept = [] if stems is None else [files.enter_context(_new_wave(p)) for p in _paths(stems, layers)]
        for first, count in _blocks(len(voice_source)):
            spoken: Samples = voice_source.read(count, dtype="float32", always_2d=True)
            spoken *= voice.curve.gain(first, count)[:, np.newaxis]
            # Two channels here, because ffmpeg's own ways lower the voice by 3 dB (a conversion of the layout) or apply
            # the next filter's gain twice (`channelmap` gives both channels the same memory).
            parts = [np.repeat(spoken, 2, axis=1)]
            if opened_beds:
                parts.append(_sum_of_beds(opened_beds, first, count))
                beds.append(slice_powers(parts[-1]))
            if layers.sounds:
                parts.append(_sum_of_sounds(layers.sounds, first, count))
            for wave, part in zip(kept, parts, strict=bool(kept)):
                wave.write(part)
            both = parts[0]
            for part in parts[1:]:
                both += part
            mixes.append(slice_powers(both))
            cells.append(cells_of(both))
            mix_wave.write(both)
    return StemLevels(
        voice=levelled_powers(voice.curve, voice.powers),
        bed=np.concatenate(beds) if beds else None,
        mix=np.concatenate(mixes),
        mix_cells=joined(cells),
    )


def _paths(stems: StemPaths, layers: LayerFiles) -> list[Path]:
    return [stems.voice, *([stems.bed] if layers.beds else []), *([stems.effects] if layers.sounds else [])]


def _sum_of_beds(beds: Sequence[tuple[soundfile.SoundFile, LevelledBed]], first: int, count: int) -> Samples:
    total = np.zeros((count, 2), np.float32)
    for wave, bed in beds:
        place = bed.plan.place
        if place.at < first + count and first < place.end:
            block = np.zeros((count, 2), np.float32)
            _add_bed(wave, bed.plan, first, block)
            total += block * bed.gain(first, count)[:, np.newaxis]
    return total


def _sum_of_sounds(sounds: Sequence[SoundFiles], first: int, count: int) -> Samples:
    total = np.zeros((count, 2), np.float32)
    for files in sounds:
        sound = files.levelled
        start, end = max(first, sound.at), min(first + count, sound.end)
        if start < end:
            # Opened for each block: there may be a sound for every scene, and a process may open a thousand files.
            samples = read_samples(files.source, start - sound.at, end - start)
            total[start - first : end - first] += samples * sound.gain(start, end - start)[:, np.newaxis]
    return total


def _blocks(total: int) -> Iterator[tuple[int, int]]:
    for first in range(0, total, _BLOCK_SAMPLES):
        yield first, min(_BLOCK_SAMPLES, total - first)


def _new_wave(path: Path, *, channels: int = 2) -> soundfile.SoundFile:
    # RF64, because WAV ends at 4 GiB: three hours of stereo floats.
    return soundfile.SoundFile(
        str(path), "w", samplerate=SAMPLE_RATE, channels=channels, subtype="FLOAT", format="RF64"
    )


def _read(wave: soundfile.SoundFile, first: int, count: int) -> Samples:
    wave.seek(first)
    samples: Samples = wave.read(count, dtype="float32", always_2d=True)
    return samples


def _add_bed(wave: soundfile.SoundFile, bed: BedPlan, first: int, block: Samples) -> None:
    for reading in readings(bed, first, len(block)):
        samples = _read(wave, reading.source_start, reading.count)
        block[reading.at : reading.at + reading.count] += samples * reading.gain[:, np.newaxis]
