"""Speaks one take with libespeak-ng and reports where every word and phoneme begins. Runs as a program of its own.

The program reads a request as JSON on standard input, writes the sound to a WAV file and answers as JSON on
standard output. It is a program because a fresh process says the same text with the same bytes (a second call in
one process differs by some samples), because a crash in the library ends only this take, and because the library
is GPL and stays out of the service. It imports the standard library only, so that it starts in a few milliseconds.

Structures and constants follow speak_lib.h of espeak-ng 1.50 to 1.52.
"""

import ctypes
import json
import os
import shutil
import sys
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import Final

_SYNCHRONOUS: Final = 2  # AUDIO_OUTPUT_SYNCHRONOUS: the sound goes to the callback
_PHONEME_EVENTS: Final = 0x0001
_DO_NOT_EXIT: Final = 0x8000
_RATE_PARAMETER: Final = 1  # espeakRATE, words per minute
_FROM_CHARACTER: Final = 1  # POS_CHARACTER
_UTF8_MARKUP: Final = 0x0001 | 0x0010  # espeakCHARS_UTF8 | espeakSSML
_LIST_TERMINATED, _WORD, _PHONEME = 0, 1, 7

_LIBRARY_NAMES = ("libespeak-ng.so.1", "libespeak-ng.so", "libespeak-ng.1.dylib", "libespeak-ng.dylib")


class _EventId(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # a priority byte, then the language; more of them, and a zero byte
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class _Trouble(Exception):
    """Something that the same request will meet again, and the names that would have been known."""

    def __init__(self, kind: str, known: Iterable[str] = ()) -> None:
        super().__init__(kind)
        self.kind = kind
        self.known = sorted(known)


def main() -> None:
    """Answer one request: `{"voice": ...}` describes the library; with `markup`, `rate` and `audio` it speaks too."""
    request = json.load(sys.stdin)
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever the library prints must not stand in the answer
    try:
        answer = _answer(request)
    except _Trouble as trouble:
        answer = {"trouble": trouble.kind, "known": trouble.known}
    with os.fdopen(answers, "w", encoding="utf-8") as output:
        json.dump(answer, output)


def _answer(request: dict[str, str]) -> dict[str, object]:
    library = _load(request.get("library", ""))
    sample_rate = library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEME_EVENTS | _DO_NOT_EXIT)
    if sample_rate <= 0:
        raise _Trouble("library_missing")
    data_path = ctypes.c_char_p()
    version = library.espeak_Info(ctypes.byref(data_path)).decode()
    voices = _voices(library)
    _choose_voice(library, request["voice"], voices, Path((data_path.value or b"").decode()))
    answer: dict[str, object] = {"version": version, "sample_rate": sample_rate}
    if "markup" in request:
        answer["events"] = _speak(library, request, sample_rate)
    return answer


def _load(library: str) -> ctypes.CDLL:
    program = shutil.which("espeak-ng")
    beside = [Path(program).resolve().parent.parent / "lib" / name for name in _LIBRARY_NAMES] if program else []
    for name in [library] if library else [*_LIBRARY_NAMES, *beside]:
        try:
            loaded = ctypes.CDLL(str(name))
        except OSError:
            continue
        loaded.espeak_Info.restype = ctypes.c_char_p
        loaded.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        loaded.espeak_Synth.argtypes = [
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_uint,
            ctypes.c_int,
            ctypes.c_uint,
            ctypes.c_uint,
            ctypes.c_void_p,
            ctypes.c_void_p,
        ]
        return loaded
    raise _Trouble("library_missing")


def _voices(library: ctypes.CDLL) -> dict[str, str]:
    """The library's file for each language, e.g. `roa/fr` for `fr-fr`."""
    listed = library.espeak_ListVoices(None)
    found: dict[str, str] = {}
    index = 0
    while listed[index]:
        voice = listed[index].contents
        language = ctypes.string_at(voice.languages + 1).decode(errors="replace").lower()
        found.setdefault(language, voice.identifier.decode(errors="replace"))
        index += 1
    return found


def _choose_voice(library: ctypes.CDLL, name: str, voices: dict[str, str], data: Path) -> None:
    # espeak_SetVoiceByName finds files, not languages ("fr-fr" is the file roa/fr), and takes an unknown variant
    # ("en-us+nobody") for the plain voice.
    language, _, variant = name.partition("+")
    variants = data / "voices" / "!v"
    if variant and not variant.isdigit() and not (variants / variant).is_file():
        raise _Trouble("variant_unknown", (path.name for path in variants.iterdir()))
    for candidate in (voices.get(language.lower()), language):
        chosen = candidate and candidate + ("+" + variant) * bool(variant)
        if chosen and library.espeak_SetVoiceByName(chosen.encode()) == 0:
            return
    raise _Trouble("voice_unknown", voices)


def _speak(library: ctypes.CDLL, request: dict[str, str], sample_rate: int) -> list[tuple[str, int, int]]:
    """Write the sound and return the events: their kind, the character they stand for (from 0), their sample."""
    events: list[tuple[str, int, int]] = []
    failure: list[OSError] = []
    with wave.open(request["audio"], "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(sample_rate)

        def receive(samples: "ctypes._Pointer[ctypes.c_short]", count: int, listed: "ctypes._Pointer[_Event]") -> int:
            try:
                if samples and count > 0:
                    sound.writeframesraw(ctypes.string_at(samples, 2 * count))
            except OSError as error:  # an exception cannot cross the library
                failure.append(error)
                return 1
            index = 0
            while listed[index].type != _LIST_TERMINATED:
                event = listed[index]
                index += 1
                if event.type == _WORD and event.length > 0:  # empty ones stand at the ends of tags, for no word
                    events.append(("word", event.text_position - 1, event.sample))
                elif event.type == _PHONEME:
                    kind = "pause" if event.id.string.startswith(b"_") else "sound"
                    events.append((kind, event.text_position - 1, event.sample))
            return 0

        callback = _Callback(receive)
        library.espeak_SetSynthCallback(callback)
        library.espeak_SetParameter(_RATE_PARAMETER, int(request["rate"]), 0)
        markup = request["markup"].encode()
        result = library.espeak_Synth(markup, len(markup) + 1, 0, _FROM_CHARACTER, 0, _UTF8_MARKUP, None, None)
        library.espeak_Synchronize()
    if failure:
        raise failure[0]
    if result != 0:
        raise RuntimeError(f"espeak_Synth answered {result}")
    return events


if __name__ == "__main__":
    main()
