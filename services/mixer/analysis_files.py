"""Reads music for its analysis, ten seconds at a time, and keeps analyses in files."""

from pathlib import Path

import numpy as np
import soundfile

from services.mixer.analysis import Analysis
from services.mixer.beats import Beats
from services.mixer.features import MARGIN_SAMPLES, STEP_SAMPLES, STEPS_IN_COLOUR, Features, features_of, joined
from services.mixer.loudness import Samples

_COLOUR_SAMPLES = STEPS_IN_COLOUR * STEP_SAMPLES
_STRETCH_SAMPLES = 100 * _COLOUR_SAMPLES


def measure_features(path: Path) -> Features:
    """The features of a WAV file; what is less than 100 ms at its end is left out."""
    with soundfile.SoundFile(str(path)) as wave:
        total = len(wave) // _COLOUR_SAMPLES * _COLOUR_SAMPLES
        return joined(
            [
                features_of(_with_margins(wave, first, min(_STRETCH_SAMPLES, total - first)))
                for first in range(0, total, _STRETCH_SAMPLES)
            ]
        )


def write_analysis(analysis: Analysis, path: Path) -> None:
    """Keep an analysis in a file."""
    features, beats = analysis.features, analysis.beats
    np.savez_compressed(
        path,
        energies=features.energies.astype(np.float32),
        onsets=features.onsets.astype(np.float32),
        colours=features.colours.astype(np.float32),
        beats=beats.steps,
        begins_bar=beats.begins_bar,
        weights=analysis.weights,
    )


def read_analysis(path: Path) -> Analysis:
    """The analysis that a file keeps."""
    with np.load(path, allow_pickle=False) as kept:
        features = Features(*(kept[name].astype(np.float64) for name in ("energies", "onsets", "colours")))
        return Analysis(features, Beats(kept["beats"], kept["begins_bar"]), kept["weights"])


def _with_margins(wave: soundfile.SoundFile, first: int, count: int) -> Samples:
    """Samples from `MARGIN_SAMPLES` before the stretch to as many behind it; silence where the file has none."""
    start, end = max(0, first - MARGIN_SAMPLES), min(len(wave), first + count + MARGIN_SAMPLES)
    wave.seek(start)
    samples: Samples = wave.read(end - start, dtype="float32", always_2d=True)
    before, after = start - (first - MARGIN_SAMPLES), first + count + MARGIN_SAMPLES - end
    return np.pad(samples, ((before, after), (0, 0)))
