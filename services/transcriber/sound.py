"""Samples as the decoder wants them: mono, 16 kHz, at one level, never digitally silent. Pure."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

HEARING_RATE = 16_000
"""Samples per second that the acoustic model was trained with."""

HEARING_PER_MS = HEARING_RATE // 1000

PCM_BYTES_PER_MS = 2 * HEARING_PER_MS
"""Of what `for_hearing` returns."""

Samples: TypeAlias = NDArray[np.float32]

_ACTIVE_LEVEL = 10 ** (-23 / 20)  # where the model's training data lies; reference/alignment.md, section 1
_NOISE_FLOOR = 10 ** (-60 / 20)  # digital silence breaks the decoder's scores; same place


def active_level(samples: Samples) -> float:
    """The root mean square of the 10 ms stretches within 40 dB of the loudest; 0 for silence."""
    step = 10 * HEARING_PER_MS
    frames = samples[: samples.size // step * step].reshape(-1, step)
    if not frames.size:
        return 0.0
    powers = np.square(frames, dtype=np.float64).mean(axis=1)
    active = powers[powers > powers.max() * 1e-4]
    return float(np.sqrt(active.mean())) if active.size else 0.0


def for_hearing(samples: Samples) -> bytes:
    """16 bit samples with the speech at -23 dB over a noise floor at -60 dB, the same every time."""
    level = active_level(samples)
    gained = samples * (_ACTIVE_LEVEL / level if level else 1.0)
    noise = np.random.default_rng(0).standard_normal(samples.size, dtype=np.float32) * _NOISE_FLOOR
    heard: bytes = (np.clip(gained + noise, -1, 1) * 32_767).astype("<i2").tobytes()
    return heard
