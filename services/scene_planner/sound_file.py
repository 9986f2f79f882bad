"""The quiet and the loud stretches of an audio file, over `soundfile`, read a few seconds at a time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from services.scene_planner.silence import HOP_SAMPLES, SoundSpans, hop_powers, sound_spans
from shared.timeline import SAMPLE_RATE

_BLOCK_SAMPLES = 10 * SAMPLE_RATE


def measure_sound(path: Path, report_progress: Callable[[int], None]) -> SoundSpans:
    """Where the voiceover is quiet and where it is loud, on the master clock.

    Memory: 3 kB for each second, whatever the file's length.

    Raises `RuntimeError` where the file is not at 48 kHz: it is not a voiceover.
    """
    powers = []
    with soundfile.SoundFile(str(path)) as audio:
        if audio.samplerate != SAMPLE_RATE:
            raise RuntimeError(f"the voiceover is at {audio.samplerate} Hz, not at {SAMPLE_RATE}")
        for block in audio.blocks(blocksize=_BLOCK_SAMPLES, dtype="float32", always_2d=True):
            mono = block.mean(axis=1)
            whole = np.pad(mono, (0, -len(mono) % HOP_SAMPLES))
            powers.append(hop_powers(whole))
            report_progress(min(100, 100 * audio.tell() // max(1, audio.frames)))
    return sound_spans(np.concatenate(powers)) if powers else SoundSpans()
