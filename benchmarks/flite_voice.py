"""flite as a voice with exact word times: its synthesiser knows where each segment of each word ends.

For measuring only: `apt-get install flite`. Functions and features follow cst_features.h and cst_synth.h of flite 2.2.
"""

import ctypes
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_START = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_END = b"R:SylStructure.daughtern.daughtern.R:Segment.end"


@dataclass(frozen=True)
class FliteWord:
    """A word as flite said it: the token of the text that it belongs to, and its times in seconds."""

    token: str
    start: float
    end: float


@cache
def _flite() -> ctypes.CDLL:
    library = ctypes.CDLL("libflite.so.1", mode=ctypes.RTLD_GLOBAL)
    for needed in ("libflite_usenglish.so.1", "libflite_cmulex.so.1"):
        ctypes.CDLL(needed, mode=ctypes.RTLD_GLOBAL)
    for name in ("flite_synth_text", "utt_relation", "relation_head", "item_next", "utt_wave"):
        getattr(library, name).restype = ctypes.c_void_p
    library.ffeature_string.restype = ctypes.c_char_p
    library.ffeature_float.restype = ctypes.c_float
    library.flite_init()
    return library


@cache
def _voice(name: str) -> ctypes.c_void_p:
    voice = ctypes.CDLL(f"libflite_cmu_us_{name}.so.1")
    register = getattr(voice, f"register_cmu_us_{name}")
    register.restype = ctypes.c_void_p
    return ctypes.c_void_p(register(None))


def has_flite() -> bool:
    """True where flite is installed."""
    try:
        _flite()
    except OSError:
        return False
    return True


def speak(sentence: str, voice: str, target: Path) -> list[FliteWord]:
    """Write the sentence to a WAV file; every word, in order, as flite's own utterance structure times it."""
    flite = _flite()
    utterance = ctypes.c_void_p(flite.flite_synth_text(sentence.encode(), _voice(voice)))
    flite.cst_wave_save_riff(ctypes.c_void_p(flite.utt_wave(utterance)), str(target).encode())
    words: list[FliteWord] = []
    item = flite.relation_head(ctypes.c_void_p(flite.utt_relation(utterance, b"Word")))
    while item:
        word = ctypes.c_void_p(item)
        token = flite.ffeature_string(word, b"R:Token.parent.name").decode()
        words.append(FliteWord(token, flite.ffeature_float(word, _START), flite.ffeature_float(word, _END)))
        item = flite.item_next(word)
    flite.delete_utterance(utterance)
    return words
