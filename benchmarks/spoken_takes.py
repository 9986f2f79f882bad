"""Sentences spoken by two synthesisers that know where each word begins: espeak-ng and flite.

espeak-ng reports the sample at which each word begins, flite the end of every segment. Where espeak-ng reports two
words as one ("of the"), the second one's beginning is not known, and is not counted.
"""

import asyncio
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks import flite_voice
from services.voiceover.espeak import open_espeak
from services.voiceover.line import Line, SpokenWord
from shared import project
from shared.narration import parse_narration
from shared.spoken_forms import script_tokens
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS

Samples: TypeAlias = NDArray[np.float32]

AUDIBLE_BELOW_LOUDEST = 10 ** (-60 / 20)
"""espeak-ng is silent, to the digit, where it does not speak; nothing weaker than this is speech."""

_KEPT_PAUSE_MS = 30
"""Of flite's own pauses at a take's edges: they hold the noise of the room in which its voices were recorded."""


@dataclass(frozen=True)
class Speaker:
    """A synthesiser's voice."""

    engine: str
    name: str
    words_per_minute: int = 0

    def __str__(self) -> str:
        return f"{self.engine} {self.name}" + (f" {self.words_per_minute}" if self.words_per_minute else "")


ESPEAK_SPEAKERS = (
    Speaker("espeak", "en-us", 160),
    Speaker("espeak", "en-us+f3", 140),
    Speaker("espeak", "en-gb", 180),
    Speaker("espeak", "en-us+m3", 200),
    Speaker("espeak", "en-gb-scotland", 120),
)
FLITE_SPEAKERS = (Speaker("flite", "slt"), Speaker("flite", "rms"), Speaker("flite", "kal16"))
SPEAKERS = ESPEAK_SPEAKERS + FLITE_SPEAKERS


@dataclass(frozen=True)
class SpokenTake:
    """A sentence at 48 kHz with hardly any silence at its edges. Times count from its first sample."""

    text: str
    samples: Samples
    starts_ms: tuple[float | None, ...]
    """Where each token truly begins, if that is known."""
    speech_ms: tuple[float, float]
    """Where the first word truly begins and the last one ends."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """The sentence's words as the house counts them."""
        return script_tokens(self.text)


@lru_cache(maxsize=200)
def speak(text: str, speaker: Speaker) -> SpokenTake:
    """The speaker says the text; the same every time."""
    with tempfile.TemporaryDirectory() as folder:
        if speaker.engine == "flite":
            audio = Path(folder) / "flite.wav"
            reported, speech = _said_by_flite(text, speaker, audio)
            samples = _at_our_rate(audio, Path(folder))
        else:
            audio, reported = asyncio.run(_said_by_espeak(text, speaker, Path(folder)))
            samples = _at_our_rate(audio, Path(folder))
            audible = np.flatnonzero(np.abs(samples) > AUDIBLE_BELOW_LOUDEST * np.abs(samples).max())
            speech = (float(audible[0]) / SAMPLES_PER_MS, float(audible[-1] + 1) / SAMPLES_PER_MS)
    first = max(0, round(speech[0] - _KEPT_PAUSE_MS))
    last = round(speech[1] + _KEPT_PAUSE_MS)
    starts = _starts(script_tokens(text), reported)
    return SpokenTake(
        text,
        samples[first * SAMPLES_PER_MS : last * SAMPLES_PER_MS],
        tuple(None if start is None else start - first for start in starts),
        (speech[0] - first, speech[1] - first),
    )


async def _said_by_espeak(text: str, speaker: Speaker, folder: Path) -> tuple[Path, list[tuple[str, float | None]]]:
    asked = project.Voice(name=speaker.name, words_per_minute=speaker.words_per_minute)
    voice = await open_espeak(asked, library="", timeout_seconds=60)
    take = await voice.speak(Line("scene", parse_narration(text.replace("&", "&amp;"))), folder)
    if not take.words:
        raise SystemExit(f"espeak-ng's report of {text!r} cannot be read")
    return take.audio, [
        (word.text, float(word.take_span.start) if _is_reported(take.words, place) else None)
        for place, word in enumerate(take.words)
    ]


def _is_reported(words: Sequence[SpokenWord], place: int) -> bool:
    """False for a word whose beginning was shared out within a pair: all but the first of a run of such words."""
    return words[place].confidence == 1 or place == 0 or words[place - 1].confidence == 1


def _said_by_flite(
    text: str, speaker: Speaker, audio: Path
) -> tuple[list[tuple[str, float | None]], tuple[float, float]]:
    words = flite_voice.speak(text, speaker.name, audio)
    # A sign that flite reads as a word (`&`) has no segments of its own, so no time.
    timed = [word for place, word in enumerate(words) if word.start > 0 or place == 0]
    reported: list[tuple[str, float | None]] = [(word.token, 1000 * word.start) for word in timed]
    return reported, (1000 * timed[0].start, 1000 * timed[-1].end)


def _at_our_rate(audio: Path, folder: Path) -> Samples:
    converted = folder / "converted.wav"
    # The filter of the house's own voiceover: its delay is taken out, so times scale exactly.
    resampled = f"aresample={SAMPLE_RATE}:filter_size=64:cutoff=0.97"
    written = ("-af", resampled, "-ac", "1", "-c:a", "pcm_s16le", str(converted))
    subprocess.run(("ffmpeg", "-v", "error", "-y", "-i", str(audio), *written), check=True)
    samples: Samples = soundfile.read(converted, dtype="float32")[0]
    return samples


def _starts(tokens: Sequence[str], reported: Sequence[tuple[str, float | None]]) -> tuple[float | None, ...]:
    """For each token the start of the first reported word that is spelled like its beginning, in order."""
    starts: list[float | None] = []
    at = 0
    for token in tokens:
        wanted = _letters(token)
        match = next(
            (
                place
                for place in range(at, min(at + 12, len(reported)))
                if wanted and _letters(reported[place][0]) == wanted
            ),
            None,
        )
        starts.append(reported[match][1] if match is not None else None)
        at = match + 1 if match is not None else at
    return tuple(starts)


def _letters(text: str) -> str:
    return re.sub(r"[^a-z0-9$%&]", "", text.lower())
