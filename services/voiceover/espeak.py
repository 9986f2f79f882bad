"""The voice `espeak`: espeak-ng, offline and free, spoken by a child process for each take."""

import asyncio
import difflib
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from services.voiceover import libespeak
from services.voiceover.espeak_markup import render_markup
from services.voiceover.espeak_words import EspeakEvent, time_words
from services.voiceover.line import Line
from services.voiceover.voice import SpokenTake
from shared import project
from shared.assets import Determinant
from shared.errors import Unrecoverable

_USUAL_VOICES = ("en-us", "en-gb", "en-gb-scotland", "en-us+f3", "de", "es", "fr-fr")


class _Answer(BaseModel):
    """What the child says."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = ""
    sample_rate: int = 0
    events: tuple[tuple[Literal["word", "sound", "pause"], int, int], ...] = ()
    trouble: Literal["library_missing", "voice_unknown", "variant_unknown"] | None = None
    known: tuple[str, ...] = ()


@dataclass(frozen=True)
class EspeakVoice:
    """An espeak-ng voice that is known to exist, at one speed."""

    name: str
    words_per_minute: int
    version: str
    library: str
    timeout_seconds: float

    def determinants(self, line: Line) -> Mapping[str, Determinant]:
        """The engine and its version, the voice, the speed and the markup."""
        return {
            "engine": "espeak",
            "version": self.version,
            "name": self.name,
            "words_per_minute": self.words_per_minute,
            "markup": render_markup(line.narration).text,
        }

    async def speak(self, line: Line, folder: Path) -> SpokenTake:
        """Say the line; the same line gives the same bytes every time. Words are espeak-ng's own, to the sample."""
        markup = render_markup(line.narration)
        audio = folder / "espeak.wav"
        answer = await _ask_child(
            {
                "library": self.library,
                "voice": self.name,
                "rate": str(self.words_per_minute),
                "markup": markup.text,
                "audio": str(audio),
            },
            self.timeout_seconds,
        )
        events = [EspeakEvent(kind, position, sample) for kind, position, sample in answer.events]
        return SpokenTake(audio, time_words(markup, events, answer.sample_rate))


async def open_espeak(voice: project.Voice, *, library: str, timeout_seconds: float) -> EspeakVoice:
    """The voice that the project names. Raises `Unrecoverable` where espeak-ng or the voice is missing.

    `library` is the path of libespeak-ng where it is in no usual place, else empty.
    """
    answer = await _ask_child({"library": library, "voice": voice.name}, timeout_seconds)
    if answer.trouble == "library_missing":
        raise Unrecoverable(
            "The voice espeak-ng is not installed where the voiceover service runs.",
            remedy="Install it: apt-get install espeak-ng (Debian, Ubuntu), dnf install espeak-ng (Fedora), "
            "brew install espeak-ng (macOS).",
        )
    if answer.trouble is not None:
        raise _unknown(voice.name, answer.trouble, answer.known)
    return EspeakVoice(voice.name, voice.words_per_minute, answer.version, library, timeout_seconds)


def _unknown(name: str, trouble: str, known: Sequence[str]) -> Unrecoverable:
    language, _, variant = name.partition("+")
    if trouble == "variant_unknown":
        close = difflib.get_close_matches(variant, known, n=3, cutoff=0.5) or ["f2", "f3", "m3"]
        examples = [f"{language}+{one}" for one in close]
    else:
        close = difflib.get_close_matches(language.lower(), known, n=3, cutoff=0.7)
        examples = close or [one for one in _USUAL_VOICES if one.partition("+")[0] in known]
    return Unrecoverable(
        f"espeak-ng has no voice {name!r}.",
        remedy=f"Under `voice`, write a `name` that it has, e.g. {', '.join(examples)}; "
        "`espeak-ng --voices` and `espeak-ng --voices=variant` list them.",
    )


async def _ask_child(request: Mapping[str, str], timeout_seconds: float) -> _Answer:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-I", "-S", libespeak.__file__),  # isolated, without site packages: it starts in a third of the time
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # a drain signals our process group, and must not stop the take that it waits for
    )
    try:
        async with asyncio.timeout(timeout_seconds):
            output, errors = await process.communicate(json.dumps(request).encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise RuntimeError(f"espeak-ng's process stopped with {process.returncode}: {lines[-1] if lines else ''}")
    return _Answer.model_validate_json(output)
