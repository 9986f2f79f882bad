"""Decodes short stretches of the voiceover and of the finished file with ffmpeg, as samples in memory."""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from services.assembler.listening import Listening, Samples, listening_arguments
from shared.ffmpeg import run_ffmpeg


async def decode_stretches(
    listenings: Sequence[Listening], voiceover: Path, video: Path, scratch: Path, *, timeout_seconds: float
) -> tuple[tuple[Samples, Samples], ...]:
    """For each listening: the voiceover's samples and those of the finished file around them."""
    voices = [scratch / f"voice-{number}.raw" for number in range(len(listenings))]
    mixes = [scratch / f"mix-{number}.raw" for number in range(len(listenings))]
    await run_ffmpeg(
        listening_arguments(listenings, str(voiceover), str(video), [str(p) for p in voices], [str(p) for p in mixes]),
        timeout_seconds=timeout_seconds,
    )
    return tuple([(await _samples(voice), await _samples(mix)) for voice, mix in zip(voices, mixes, strict=True)])


async def _samples(path: Path) -> Samples:
    return await asyncio.to_thread(np.fromfile, path, np.float32)
