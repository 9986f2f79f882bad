"""The voiceover's WAV file, read span by span."""

import hashlib
from pathlib import Path

import numpy as np
import soundfile

from services.transcriber.sound import HEARING_PER_MS, HEARING_RATE, Samples
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span

_BLOCK_MS = 20_000
_DECIMATION = SAMPLE_RATE // HEARING_RATE
_TAPS = 32 * _DECIMATION + 1


def read_sound(path: Path, span: Span) -> Samples:
    """The span's samples at 16 kHz in -1..1, read and decimated block by block. Its times are the file's times.

    Where the file ends within the span, silence follows.
    """
    wanted = span.length * HEARING_PER_MS
    reach = _TAPS // 2
    pieces: list[Samples] = []
    with soundfile.SoundFile(path) as file:
        if file.samplerate != SAMPLE_RATE:
            raise ValueError(f"{path.name} is not a {SAMPLE_RATE} Hz file but a {file.samplerate} Hz one")
        for start_ms in range(span.start, span.end, _BLOCK_MS):
            end_ms = min(span.end, start_ms + _BLOCK_MS)
            first = start_ms * SAMPLES_PER_MS - reach
            count = (end_ms - start_ms) * SAMPLES_PER_MS + 2 * reach
            file.seek(max(0, min(first, file.frames)))
            read = file.read(count + min(0, first), dtype="float32", always_2d=True).mean(axis=1)
            block = np.zeros(count, dtype=np.float32)
            begin = max(0, -first)
            block[begin : begin + read.size] = read
            pieces.append(_decimate(block))
    return np.concatenate(pieces)[:wanted] if pieces else np.zeros(0, dtype=np.float32)


def _decimate(block: Samples) -> Samples:
    # One convolution per phase computes only the samples that are kept.
    kept = (block.size - _TAPS + 1 + _DECIMATION - 1) // _DECIMATION
    out = np.zeros(kept, dtype=np.float32)
    for phase in range(_DECIMATION):
        taps = _LOW_PASS[phase::_DECIMATION]
        out += np.convolve(block[phase::_DECIMATION], taps[::-1], mode="valid")[:kept]
    return out


def _low_pass() -> Samples:
    # Windowed sinc, 7.4 kHz at 48 kHz: what would fold over 8 kHz is gone, what the model hears (up to 6.8 kHz) stays.
    at = np.arange(_TAPS) - _TAPS // 2
    taps = np.sinc(2 * 7_400 / SAMPLE_RATE * at) * np.kaiser(_TAPS, 8.0)
    return np.asarray(taps / taps.sum(), dtype=np.float32)


_LOW_PASS = _low_pass()


def sound_digest(path: Path, span: Span) -> str:
    """The SHA-256 of the span's samples, whatever lies around them; read in blocks."""
    digest = hashlib.sha256()
    with soundfile.SoundFile(path) as file:
        file.seek(min(span.start * SAMPLES_PER_MS, file.frames))
        left = span.length * SAMPLES_PER_MS
        while left > 0:
            block = file.read(min(left, _BLOCK_MS * SAMPLES_PER_MS), dtype="int16", always_2d=True)
            if not block.size:
                break
            digest.update(block.tobytes())
            left -= block.shape[0]
    return digest.hexdigest()


def write_for_hearing(path: Path, span: Span, into: Path) -> None:
    """Write the span as a WAV file of 16 kHz, mono, 16 bit, block by block. Its times are the span's own."""
    with soundfile.SoundFile(into, "w", samplerate=HEARING_RATE, channels=1, subtype="PCM_16") as file:
        for start_ms in range(span.start, span.end, _BLOCK_MS):
            file.write(read_sound(path, Span(start_ms, min(span.end, start_ms + _BLOCK_MS))))
