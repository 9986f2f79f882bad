"""Where a music file's sound begins and ends, found with pydub on its first and last seconds."""

import numpy as np
from pydub import AudioSegment
from pydub.silence import detect_leading_silence

from services.mixer.loudness import Samples
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS

END_SAMPLES = 20 * SAMPLE_RATE
"""How much of each end is looked at. Encoders add up to 0.1 s of silence, albums some seconds, fades up to 15."""

_BELOW_THE_MUSIC_DB = 30.0  # a fade has then lost all that is heard under a voice
_FLOOR_DBFS = -70.0


def silent_ends(head: Samples, tail: Samples) -> tuple[int, int]:
    """How many samples of silence begin the head and end the tail."""
    return _leading_silence(_segment(head)), _leading_silence(_segment(tail).reverse())


def _leading_silence(segment: AudioSegment) -> int:
    threshold = max(_FLOOR_DBFS, segment.dBFS - _BELOW_THE_MUSIC_DB)
    milliseconds: int = detect_leading_silence(segment, silence_threshold=threshold, chunk_size=10)
    return milliseconds * SAMPLES_PER_MS


def _segment(samples: Samples) -> AudioSegment:
    whole = np.clip(samples * 32_767, -32_768, 32_767).astype(np.int16)
    return AudioSegment(whole.tobytes(), sample_width=2, frame_rate=SAMPLE_RATE, channels=samples.shape[1])
