"""The quiet stretches of an audio file, over `soundfile`, read a few seconds at a time."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

from services.scene_planner.silence import HOP_SAMPLES, hop_powers, quiet_spans
from shared.timeline import SAMPLE_RATE, Span

_BLOCK_SAMPLES = 10 * SAMPLE_RATE


def measure_quiet_runs(path: Path, report_progress: Callable[[int], None]) -> tuple[Span, ...]:
    """Where the voiceover is quiet, on the master clock. Memory: 3 kB for each second, whatever the file's length.

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
    return quiet_spans(np.concatenate(powers)) if powers else ()
