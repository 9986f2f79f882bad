"""Where a bed that is too short may go on unheard: two places of the music that sound alike and keep the beat.

    music      [---e~~~~~--------------------------------l~~~~~----)
    onsets      |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |  |
                   ^ enter: what follows here ...        ^ leave: ... is like what follows here

Sudden rises of energy (drum hits, new notes) are compared around both places. Where they fall together, bars fall
together too, whatever the tempo is: no tempo need be known. The last 10 ms are settled on the samples themselves.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from services.mixer.bed import Seam, correlation_of, longest_overlap
from shared.timeline import SAMPLES_PER_MS

STEP_MS = 10
STEP_SAMPLES = STEP_MS * SAMPLES_PER_MS

REFINE_SAMPLES = STEP_SAMPLES
"""How far the samples may move the place that the onsets found."""

WINDOW_STEPS = 600  # 6 s hold two bars at 80 beats a minute: enough for the pattern of a bar to count
_LEAVE_CANDIDATES = 96
_LATEST_ENTER_STEP = 9_000  # 90 s: with more, the windows of an hour of music would fill the memory
_COST_OF_UNUSED_MUSIC = 0.3  # judgement: half the music unused must buy 0.15 of likeness

Energies = NDArray[np.float64]
"""The mean square of every 10 ms."""


def step_energies(samples: NDArray[np.float32]) -> Energies:
    """The energies of a block of shape (samples, channels); a last step that is not full is left out."""
    whole = samples.shape[0] // STEP_SAMPLES * STEP_SAMPLES
    steps = samples[:whole].reshape(-1, STEP_SAMPLES * samples.shape[1])
    energies: Energies = np.einsum("ij,ij->i", steps, steps, dtype=np.float64) / steps.shape[1]
    return energies


def find_seam(energies: Energies, *, start: int, end: int, crossfade_ms: int) -> Seam:
    """The best seam inside the music's samples `[start, end)`, exact to 10 ms; end to start where it is too short."""
    overlap = longest_overlap(end - start, crossfade_ms)
    plain = Seam(leave=end - overlap, enter=start, overlap=overlap, correlation=0.0)
    first, last = -(-start // STEP_SAMPLES), min(energies.size, end // STEP_SAMPLES)
    overlap_steps = -(-overlap // STEP_SAMPLES)
    half = WINDOW_STEPS // 2
    # Both places need half a window before them and a whole crossfade behind, and half of the music between them.
    enters = np.arange(first + half, first + min((last - first) // 4, _LATEST_ENTER_STEP))
    leaves = np.arange(first + (last - first) * 3 // 4, last - max(half, overlap_steps) - 1)
    if enters.size == 0 or leaves.size == 0 or (leaves[0] - enters[-1]) < overlap_steps:
        return plain
    windows = onset_windows(energies)
    candidates = windows[enters - half]
    candidates = candidates / np.maximum(np.linalg.norm(candidates, axis=1, keepdims=True), 1e-9)
    best_score, best = -np.inf, (int(leaves[-1]), int(enters[0]))
    for leave in leaves[:: max(1, leaves.size // _LEAVE_CANDIDATES)]:
        template = windows[leave - half]
        unused = 1 - (leave - enters) / (last - first)
        score = candidates @ template / max(float(np.linalg.norm(template)), 1e-9) - _COST_OF_UNUSED_MUSIC * unused
        if score.max() > best_score:
            best_score, best = float(score.max()), (int(leave), int(enters[int(score.argmax())]))
    return Seam(leave=best[0] * STEP_SAMPLES, enter=best[1] * STEP_SAMPLES, overlap=overlap, correlation=0.0)


def settle_seam(seam: Seam, outgoing: NDArray[np.float32], incoming: NDArray[np.float32]) -> Seam:
    """The seam moved to where the two sides are most alike, and how alike they are there.

    `outgoing` are the samples from `leave` on, `overlap` of them, summed to one channel; `incoming` those around
    `enter`, with the same number of samples more on both of its sides.
    """
    room = (incoming.size - outgoing.size) // 2
    size = incoming.size + outgoing.size
    products = np.fft.irfft(np.fft.rfft(incoming, size) * np.conj(np.fft.rfft(outgoing, size)), size)[: 2 * room + 1]
    powers = np.concatenate([[0.0], np.cumsum(np.square(incoming, dtype=np.float64))])
    sizes = np.sqrt(np.maximum(powers[outgoing.size :] - powers[: powers.size - outgoing.size], 1e-12))
    lag = int(np.argmax(products / sizes))
    correlation = correlation_of(outgoing, incoming[lag : lag + outgoing.size])
    return replace(seam, enter=seam.enter + lag - room, correlation=correlation)


def onset_windows(energies: Energies) -> NDArray[np.float64]:
    """The onsets of every `WINDOW_STEPS` steps in a row; the energies must be that many."""
    return np.lib.stride_tricks.sliding_window_view(_onsets(energies), WINDOW_STEPS)


def _onsets(energies: Energies) -> NDArray[np.float64]:
    """How suddenly the energy rises at each step, smoothed over 30 ms, its mean taken off."""
    levels = np.log10(energies + 1e-7)
    rises = np.maximum(0, np.diff(levels, prepend=levels[0]))
    smooth: NDArray[np.float64] = np.convolve(rises, [0.25, 0.5, 0.25], mode="same")
    smooth -= smooth.mean()
    return smooth
