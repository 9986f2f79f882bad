"""WAV files of 48 kHz mono 16 bit samples, read and written piece by piece, and pydub for the edges of takes."""

import wave
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydub import AudioSegment

from services.voiceover.core import FADE_MS, TakeCut
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span

_PIECE_MS = 10_000
_SAMPLE_BYTES = 2


def measure_powers(path: Path) -> NDArray[np.float64]:
    """The mean square of the samples of each millisecond; the last one is filled up with silence."""
    powers: list[NDArray[np.float64]] = []
    with _open(path) as sound:
        while data := sound.readframes(_PIECE_MS * SAMPLES_PER_MS):
            samples = np.frombuffer(data, dtype="<i2").astype(np.float64)
            whole = np.pad(samples, (0, -samples.size % SAMPLES_PER_MS)).reshape(-1, SAMPLES_PER_MS)
            powers.append((whole * whole).mean(axis=1))
    return np.concatenate(powers) if powers else np.zeros(0)


class WaveWriter:
    """A WAV file that grows to its end; whatever its length, only one piece of it is in memory."""

    def __init__(self, sound: wave.Wave_write) -> None:
        self._sound = sound

    def add_silence(self, length_ms: int) -> None:
        """Digital silence."""
        # pydub's AudioSegment.silent() loses a sample at some lengths: 48000 * 1.001 is below 48048.
        for piece in _pieces(Span(0, length_ms)):
            self._sound.writeframesraw(bytes(piece.length * SAMPLES_PER_MS * _SAMPLE_BYTES))

    def add_file(self, path: Path) -> None:
        """All of a file."""
        with _open(path) as source:
            self._copy(source, Span(0, source.getnframes() // SAMPLES_PER_MS))

    def add_take(self, path: Path, cut: TakeCut) -> None:
        """The part of a file that is the take, faded at its edges, between its silences."""
        span = cut.source_span
        head, tail = Span(span.start, span.start + FADE_MS), Span(span.end - FADE_MS, span.end)
        self.add_silence(cut.lead_ms)
        with _open(path) as source:
            self._sound.writeframesraw(_segment(source, head).fade_in(FADE_MS).raw_data)
            self._copy(source, head.until(tail))
            self._sound.writeframesraw(_segment(source, tail).fade_out(FADE_MS).raw_data)
        self.add_silence(cut.tail_ms)

    def _copy(self, source: wave.Wave_read, span: Span) -> None:
        for piece in _pieces(span):
            self._sound.writeframesraw(_read(source, piece))


@contextmanager
def write_wave(path: Path) -> Iterator[WaveWriter]:
    """A new 48 kHz mono 16 bit WAV file."""
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(_SAMPLE_BYTES)
        sound.setframerate(SAMPLE_RATE)
        yield WaveWriter(sound)


def write_take(source: Path, cut: TakeCut, target: Path) -> None:
    """Cut a take out of decoded sound."""
    with write_wave(target) as take:
        take.add_take(source, cut)


@contextmanager
def _open(path: Path) -> Iterator[wave.Wave_read]:
    with wave.open(str(path), "rb") as sound:
        shape = (sound.getframerate(), sound.getnchannels(), sound.getsampwidth())
        if shape != (SAMPLE_RATE, 1, _SAMPLE_BYTES):
            raise ValueError(f"{path.name} is not 48 kHz mono 16 bit: {shape}")
        yield sound


def _read(source: wave.Wave_read, span: Span) -> bytes:
    """The samples of a span; silence where the file ends within its last millisecond."""
    source.setpos(span.start * SAMPLES_PER_MS)
    return source.readframes(span.length * SAMPLES_PER_MS).ljust(span.length * SAMPLES_PER_MS * _SAMPLE_BYTES, b"\0")


def _segment(source: wave.Wave_read, span: Span) -> AudioSegment:
    return AudioSegment(_read(source, span), sample_width=_SAMPLE_BYTES, frame_rate=SAMPLE_RATE, channels=1)


def _pieces(span: Span) -> Iterator[Span]:
    for start in range(span.start, span.end, _PIECE_MS):
        yield Span(start, min(span.end, start + _PIECE_MS))
