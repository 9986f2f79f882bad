"""What a limiter will take from a mix's loudness, foreseen, so that one encode lands on the target.

A linear gain that brings a voice to -14 LUFS pushes its peaks past full scale; the limiter lowers them, and the result
is up to 1 LU too quiet. The limiter's gain is modelled on cells of 5 ms: down to what the loudest sample needs one
cell ahead, back up in a straight line over 50 ms (`alimiter`'s own attack and release).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.mixer.loudness import SLICE_MS, Powers, Samples, integrated_lufs
from shared.timeline import SAMPLES_PER_MS

CELL_MS = 5
CELL_SAMPLES = CELL_MS * SAMPLES_PER_MS
_RELEASE_CELLS = 50 // CELL_MS
_CELLS_IN_SLICE = SLICE_MS // CELL_MS
_LARGEST_EXTRA_GAIN_DB = 8.0  # beyond it the limiter would flatten the voice to reach a number
_HALVINGS = 9  # of the extra gain: to 0.02 dB


@dataclass(frozen=True)
class Cells:
    """The largest sample and the energy of every 5 ms, over both channels."""

    peaks: NDArray[np.float32]
    energies: NDArray[np.float32]


def cells_of(samples: Samples) -> Cells:
    """The cells of a block; a last cell that is not full counts as filled up with silence."""
    missing = -samples.shape[0] % (_CELLS_IN_SLICE * CELL_SAMPLES)
    if missing:
        samples = np.concatenate([samples, np.zeros((missing, samples.shape[1]), np.float32)])
    cells = samples.reshape(-1, CELL_SAMPLES * samples.shape[1])
    peaks = np.maximum(cells.max(axis=1), -cells.min(axis=1))
    return Cells(peaks, np.einsum("ij,ij->i", cells, cells))


def joined(cells: list[Cells]) -> Cells:
    """The cells of blocks that follow one another."""
    return Cells(np.concatenate([c.peaks for c in cells]), np.concatenate([c.energies for c in cells]))


def peak_of(cells: Cells) -> float:
    """The largest sample, full scale 1.0."""
    return float(cells.peaks.max(initial=0.0))


def limited_lufs(powers: Powers, cells: Cells, *, gain_db: float, ceiling_dbfs: float) -> float | None:
    """The integrated loudness after a gain and a limiter, or None where nothing is heard."""
    needed = np.minimum(1.0, 10 ** ((ceiling_dbfs - gain_db) / 20) / np.maximum(cells.peaks, 1e-9))
    gain = needed.copy()
    gain[:-1] = np.minimum(gain[:-1], needed[1:])
    for cells_later in range(1, _RELEASE_CELLS):
        recovered = 1 - (1 - needed[:-cells_later]) * (1 - cells_later / _RELEASE_CELLS)
        np.minimum(gain[cells_later:], recovered, out=gain[cells_later:])
    before = cells.energies.reshape(-1, _CELLS_IN_SLICE).sum(axis=1)
    after = (cells.energies * gain**2).reshape(-1, _CELLS_IN_SLICE).sum(axis=1)
    kept = np.divide(after, before, out=np.ones_like(before), where=before > 0)
    return integrated_lufs(powers * kept * 10 ** (gain_db / 10))


def gain_to_target(powers: Powers, cells: Cells, *, target_lufs: float, ceiling_dbfs: float) -> float:
    """The gain in decibels with which the limited mix has the target loudness; 0 for a silent mix."""
    level = integrated_lufs(powers)
    if level is None:
        return 0.0
    linear = target_lufs - level
    if 20 * np.log10(peak_of(cells)) + linear <= ceiling_dbfs:
        return linear
    too_little, enough = linear, linear + _LARGEST_EXTRA_GAIN_DB
    for _ in range(_HALVINGS):
        middle = (too_little + enough) / 2
        reached = limited_lufs(powers, cells, gain_db=middle, ceiling_dbfs=ceiling_dbfs)
        if reached is not None and reached < target_lufs:
            too_little = middle
        else:
            enough = middle
    return enough
