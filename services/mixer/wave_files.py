"""WAV files over `soundfile`, read and written a second at a time: memory stays flat however long the project is."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from services.mixer.bed import BedPlan, readings
from services.mixer.core import LevelledBed, StemLevels, VoiceCurve, levelled_powers
from services.mixer.limiting import Cells, cells_of, joined
from services.mixer.loudness import SLICE_SAMPLES, Powers, Samples, clipped_slices, slice_powers
from services.mixer.seams import Energies, step_energies
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
    """The voiceover, its powers, its gain over time, and where the levelled stem goes (None: it is not kept)."""

    source: Path
    powers: Powers
    curve: VoiceCurve
    stem: Path | None


@dataclass(frozen=True)
class BedFiles:
    """The decoded music, how it becomes the bed, and where the levelled and ducked stem goes (None: not kept)."""

    source: Path
    levelled: LevelledBed
    stem: Path | None


def wave_facts(path: Path) -> WaveFacts:
    """The facts of a WAV file."""
    facts = soundfile.info(str(path))
    return WaveFacts(int(facts.samplerate), int(facts.channels), int(facts.frames))


def measure_powers(path: Path, *, bed: BedPlan | None = None) -> Powers:
    """The powers of a file, or of the bed that a plan makes of it."""
    with soundfile.SoundFile(str(path)) as wave:
        if bed is None:
            powers = [
                slice_powers(wave.read(count, dtype="float32", always_2d=True)) for _, count in _blocks(len(wave))
            ]
        else:
            powers = [slice_powers(_read_bed(wave, bed, first, count)) for first, count in _blocks(bed.length)]
    return np.concatenate(powers) if powers else np.zeros(0)


def measure_energies(path: Path) -> Energies:
    """The energies of a file in steps of 10 ms."""
    with soundfile.SoundFile(str(path)) as wave:
        blocks = [step_energies(wave.read(count, dtype="float32", always_2d=True)) for _, count in _blocks(len(wave))]
    return np.concatenate(blocks) if blocks else np.zeros(0)


def read_samples(path: Path, first: int, count: int) -> Samples:
    """A short stretch of a file."""
    with soundfile.SoundFile(str(path)) as wave:
        return _read(wave, first, count)


def write_mix(voice: VoiceFiles, bed: BedFiles | None, mix: Path) -> StemLevels:
    """Write the sum of the levelled voice and the levelled, ducked bed, and both by themselves where they are kept.

    All files have the voiceover's length, so they are aligned to the sample.
    """
    clipped: list[int] = []
    beds: list[Powers] = []
    mixes: list[Powers] = []
    cells: list[Cells] = []
    with ExitStack() as files:
        voice_source = files.enter_context(soundfile.SoundFile(str(voice.source)))
        voice_stem = None if voice.stem is None else files.enter_context(_new_wave(voice.stem))
        bed_source = None if bed is None else files.enter_context(soundfile.SoundFile(str(bed.source)))
        bed_stem = None if bed is None or bed.stem is None else files.enter_context(_new_wave(bed.stem))
        mix_wave = files.enter_context(_new_wave(mix))
        for first, count in _blocks(len(voice_source)):
            spoken: Samples = voice_source.read(count, dtype="float32", always_2d=True)
            clipped += [(first + at) // SAMPLES_PER_MS for at in clipped_slices(spoken)]
            spoken *= voice.curve.gain(first, count)[:, np.newaxis]
            # Two channels here, because ffmpeg's own ways lower the voice by 3 dB (a conversion of the layout) or apply
            # the next filter's gain twice (`channelmap` gives both channels the same memory).
            both = np.repeat(spoken, 2, axis=1)
            if voice_stem is not None:
                voice_stem.write(both)
            if bed is not None and bed_source is not None:
                under = _read_bed(bed_source, bed.levelled.plan, first, count)
                under *= bed.levelled.gain(first, count)[:, np.newaxis]
                beds.append(slice_powers(under))
                if bed_stem is not None:
                    bed_stem.write(under)
                both += under
            mixes.append(slice_powers(both))
            cells.append(cells_of(both))
            mix_wave.write(both)
    return StemLevels(
        recorded=voice.powers,
        voice=levelled_powers(voice.curve, voice.powers),
        bed=np.concatenate(beds) if beds else None,
        mix=np.concatenate(mixes),
        mix_cells=joined(cells),
        clipped_ms=tuple(clipped),
    )


def _blocks(total: int) -> Iterator[tuple[int, int]]:
    for first in range(0, total, _BLOCK_SAMPLES):
        yield first, min(_BLOCK_SAMPLES, total - first)


def _new_wave(path: Path) -> soundfile.SoundFile:
    # RF64, because WAV ends at 4 GiB: three hours of stereo floats.
    return soundfile.SoundFile(str(path), "w", samplerate=SAMPLE_RATE, channels=2, subtype="FLOAT", format="RF64")


def _read(wave: soundfile.SoundFile, first: int, count: int) -> Samples:
    wave.seek(first)
    samples: Samples = wave.read(count, dtype="float32", always_2d=True)
    return samples


def _read_bed(wave: soundfile.SoundFile, bed: BedPlan, first: int, count: int) -> Samples:
    block = np.zeros((count, 2), np.float32)
    for reading in readings(bed, first, count):
        samples = _read(wave, reading.source_start, reading.count)
        block[reading.at : reading.at + reading.count] += samples * reading.gain[:, np.newaxis]
    return block
