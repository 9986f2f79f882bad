"""Where to listen for the voice in the finished file, and how far it lies from the voiceover."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.certificate import VoiceOffset
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span

Samples = NDArray[np.float32]
"""One channel at 48 kHz."""

LISTENED_MS = 4_000
"""Long enough to find a voice under a bed that is 20 dB louder (espeak-ng under chords and drums; 2 s: 15 dB)."""

REACH_MS = 1_000
"""How far to either side the voice is searched. A fault of AAC joins is up to 1.5 s, of priming 21 ms; a search that
is narrower than the error finds a false peak, and beyond this reach the voice counts as not found."""

CLEAR_LIKENESS = 0.3
"""A peak this high is the voice: speech against other speech of the same voice reached 0.16."""

CLEAR_MARGIN = 2.0
"""A lower peak is the voice where it is this many times the highest peak elsewhere: with no voice in the mix the two
highest were within 1.3, with the voice 20 dB under the bed 4.5 or more apart."""

EVEN_MATCH = 0.98
"""Peaks this near to the highest say the same: a word that is repeated evenly for seconds fits in several places."""

PEAK_WIDTH_MS = 10
"""What lies this near to a peak belongs to it: a voice's pitch period."""

EMPHASIS = 0.97
"""First-order pre-emphasis, usual in speech processing: the bed's energy lies low, the consonants that give a voice its
exact place lie high."""


@dataclass(frozen=True)
class Listening:
    """A stretch of the voiceover and the stretch of the finished file in which it is searched.

    voiceover              [ heard_at )
    finished file   [ ....   searched   .... )
    """

    heard_at: Span
    searched: Span


def listenings(words: Sequence[Span], length_ms: int) -> tuple[Listening, ...]:
    """The stretches at the start, in the middle and at the end in which something is said; fewer in a short project.

    words     [ ]  [  ] [ ]    [ ] [  ]  [ ]   [ ] [  ]  [ ]
    heard     [   first   )    [  middle   )  [     last   )
    """
    middle = length_ms // 2 - LISTENED_MS // 2
    starts = (
        words[0].start,
        min((word.start for word in words), key=lambda start: abs(start - middle)),
        words[-1].end - LISTENED_MS,
    )
    heard = sorted({Span(start := max(0, at), min(start + LISTENED_MS, length_ms)) for at in starts})
    return tuple(Listening(span, Span(max(0, span.start - REACH_MS), span.end + REACH_MS)) for span in heard)


def listening_arguments(
    plan: Sequence[Listening], voiceover: str, video: str, voices: Sequence[str], mixes: Sequence[str]
) -> tuple[str, ...]:
    """What ffmpeg is asked to do: decode the voiceover's stretches to the files `voices` and the finished file's to
    `mixes`, as raw 32-bit floats. One process, since starting one costs more than decoding a few seconds.

    `first_pts=0` fills in silence where a track starts later than the stretch, so that its lateness is heard.
    """
    sources = [
        (span, path)
        for listening in plan
        for span, path in ((listening.heard_at, voiceover), (listening.searched, video))
    ]
    outputs = [path for pair in zip(voices, mixes, strict=True) for path in pair]
    arguments = ["-v", "error"]
    for span, path in sources:
        arguments += [
            "-protocol_whitelist",
            "file",
            "-ss",
            f"{span.start}ms",
            "-t",
            f"{span.length}ms",
            "-vn",
            "-i",
            path,
        ]
    for index, path in enumerate(outputs):
        arguments += ["-map", f"{index}:a:0", "-af", "aresample=first_pts=0", "-ac", "1", "-ar", str(SAMPLE_RATE)]
        arguments += ["-f", "f32le", path]
    return tuple(arguments)


def voice_offset(listening: Listening, voice: Samples, mix: Samples) -> VoiceOffset:
    """How far `voice` lies in `mix` from where it should, by normalised cross-correlation.

    `voice` are the voiceover's samples of `heard_at`, `mix` those of the finished file from `searched.start` on.
    """
    reach = REACH_MS * SAMPLES_PER_MS
    needle = _emphasised(voice)
    hay = np.zeros(len(needle) + 2 * reach)
    # Where the searched stretch would begin before the file does, there is silence.
    at = reach - (listening.heard_at.start - listening.searched.start) * SAMPLES_PER_MS
    fitting = _emphasised(mix)[: len(hay) - at]
    hay[at : at + len(fitting)] = fitting

    likeness = _likeness(needle, hay, lags=2 * reach + 1)
    peak = _peak(likeness, expected=reach)
    width = PEAK_WIDTH_MS * SAMPLES_PER_MS
    elsewhere = max(likeness[: max(0, peak - width)].max(initial=0), likeness[peak + width :].max(initial=0))
    found = likeness[peak] >= CLEAR_LIKENESS or likeness[peak] > max(CLEAR_MARGIN * elsewhere, 1e-6)
    return VoiceOffset(
        heard_at=listening.heard_at,
        offset_samples=peak - reach if found else None,
        likeness=round(float(np.clip(likeness[peak], -1, 1)), 3),
    )


def _peak(likeness: NDArray[np.float64], *, expected: int) -> int:
    inner = likeness[1:-1]
    tops = 1 + np.flatnonzero((inner > likeness[:-2]) & (inner >= likeness[2:]))
    even = tops[likeness[tops] >= EVEN_MATCH * likeness.max()]
    # Where the sound fits in several places alike, the place where it should be is as well proven as any other.
    return int(even[np.argmin(np.abs(even - expected))]) if len(even) else int(np.argmax(likeness))


def _likeness(needle: NDArray[np.float64], hay: NDArray[np.float64], *, lags: int) -> NDArray[np.float64]:
    # The transform must hold hay and needle one after the other, or the correlation wraps around.
    size = 1 << (len(hay) + len(needle)).bit_length()
    product = np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size))
    correlation = np.fft.irfft(product, size)[:lags]
    power = np.concatenate(([0.0], np.cumsum(hay**2)))
    energy = power[len(needle) : len(needle) + lags] - power[:lags]
    scale = np.sqrt(np.maximum(energy, 0) * float(needle @ needle))
    # Next to silence, rounding errors would be divided by rounding errors.
    heard = scale > 1e-6 * scale.max(initial=1e-12)
    return np.where(heard, correlation / np.where(heard, scale, 1.0), 0.0)


def _emphasised(samples: Samples) -> NDArray[np.float64]:
    exact = samples.astype(np.float64)
    return np.append(exact[:1], exact[1:] - EMPHASIS * exact[:-1])
