"""How exactly the default aligner times words, and whether it notices a recording that is not the script.

    python -m benchmarks.word_timing                        about five minutes
    python -m benchmarks.word_timing --mistakes 0           word times only

The truth is what the synthesisers know of themselves: espeak-ng reports the sample at which each word begins, flite the
end of every segment. Numbers, money, dates, names and addresses are among the words. Everything is seeded.
"""

import argparse
import asyncio
import random
import re
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import soundfile

from benchmarks import flite_voice
from services.transcriber.aligner import align_passages
from services.transcriber.belief import check_words
from services.transcriber.core import issues_of
from services.transcriber.passage import Heard, Passage
from services.voiceover.espeak import open_espeak
from services.voiceover.line import Line
from shared import project
from shared.errors import Unrecoverable
from shared.narration import parse_narration
from shared.spoken_forms import script_tokens
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span

ESPEAK_VOICES = (("en-us", 160), ("en-us+f3", 140), ("en-gb", 180), ("en-us+m3", 200), ("en-gb-scotland", 120))
FLITE_VOICES = ("slt", "rms", "kal16")

SENTENCES = (
    "The lighthouse has stood on this rock since 1874.",
    "Every night, its beam sweeps across the bay.",
    "It costs $4.50 a day to run, or about $1,640 a year.",
    "Dr. Alvarez moved here on March 3, 2019, with two dogs and a telescope.",
    "She climbs 199 steps twice a day; her record is 2 minutes and 41 seconds.",
    "When the fog rolls in, the horn sounds every 30 seconds — a deep, patient note.",
    "Ships from Reykjavik, Gdansk and Thessaloniki have passed this point, each one listening.",
    "In 1931 the keeper's daughter, Eleanor, rowed out in a storm and saved 12 people.",
    "Visit us at www.lighthouse-bay.org, or write to keeper@lighthouse-bay.org.",
    "Our quarterly revenue rose 23% to $4.2 million, while costs fell by nearly a third.",
    "The Zyntharian probe, a tiny craft named Quelvo, reached Xarn-7 in 2041.",
    "Mix 250 g of flour with 3/4 cup of sugar, then add 2 eggs & a pinch of salt.",
    "It's not about money, it's not about fame, it's about the sea and what it gives back.",
    "He ran the 100 m in 9.58 seconds, a record that nobody has broken since.",
    "The recipe came from my great-grandmother, who was born in the 1890s, in a village near Lviv.",
    "Remember: the early bird catches the worm, but the second mouse gets the cheese.",
    "Photosynthesis turns light into sugar; without it, there would be no forests, no whales and no us.",
    "Some say the old captain never left, and on quiet nights you can hear him whistle.",
    "World War II ended in 1945; Henry VIII died in 1547; and you were born yesterday.",
    "Volcanoes breathe: they swell before they speak, and the ground remembers every word.",
    "In the middle of the desert, at -40 degrees, a lone fennec fox waits for the moon.",
    "The bridge is 1,280 metres long, 27 metres wide, and 67 metres above the water.",
    "Bees dance to tell each other where the flowers are, and how far away.",
    "And so the lighthouse waits, as it always has, for someone to come home.",
)

MISTAKES = ("none", "skipped", "repeated", "inserted", "swapped")
SOON_MS = 50


@dataclass
class Tally:
    """What was measured for one voice."""

    errors_ms: list[float] = field(default_factory=list)
    words: int = 0
    unheard: int = 0
    sound_ms: int = 0
    cpu_seconds: float = 0.0


@dataclass(frozen=True)
class Spoken:
    """A sentence in a file, and where each of its tokens truly begins, as far as the voice tells."""

    text: str
    voiceover: Path
    length_ms: int
    starts_ms: tuple[float | None, ...]


def main() -> None:
    """Speak, align, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=len(SENTENCES))
    parser.add_argument("--mistakes", type=int, default=20, help="recordings for each kind of mistake")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(
            f"{'voice':24}{'words':>6}{'unheard':>8}{'median':>8}{'p90':>7}{'p95':>7}{'p99':>7}{'max':>7}  under 50 ms"
        )
        everything = Tally()
        for voice, tally in _measure_voices(SENTENCES[: asked.sentences], Path(folder)):
            _print_row(voice, tally)
            everything.errors_ms += tally.errors_ms
            everything.words += tally.words
            everything.unheard += tally.unheard
            everything.sound_ms += tally.sound_ms
            everything.cpu_seconds += tally.cpu_seconds
        _print_row("all", everything)
        share = 1000 * everything.cpu_seconds / everything.sound_ms
        print(f"\n{everything.sound_ms / 1000:.0f} s of sound, {share:.3f} of real time on one core")
        if asked.mistakes:
            _measure_mistakes(asked.mistakes, Path(folder))
    print(f"largest memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


def _measure_voices(sentences: Sequence[str], folder: Path) -> Iterator[tuple[str, Tally]]:
    for name, words_per_minute in ESPEAK_VOICES:
        tally = Tally()
        for sentence in sentences:
            _measure(asyncio.run(_speak_with_espeak(sentence, name, words_per_minute, folder)), tally)
        yield f"espeak {name} {words_per_minute}", tally
    if not flite_voice.has_flite():
        print("flite is not installed: apt-get install flite")
        return
    for name in FLITE_VOICES:
        tally = Tally()
        for sentence in sentences:
            _measure(_speak_with_flite(sentence, name, folder), tally)
        yield f"flite {name}", tally


async def _speak_with_espeak(text: str, name: str, words_per_minute: int, folder: Path) -> Spoken:
    asked = project.Voice(name=name, words_per_minute=words_per_minute)
    voice = await open_espeak(asked, library="", timeout_seconds=60)
    take = await voice.speak(Line("scene", parse_narration(text.replace("&", "&amp;"))), folder)
    reported = [(word.text, float(word.take_span.start)) for word in take.words]
    return _spoken(text, take.audio, reported, folder)


def _speak_with_flite(text: str, name: str, folder: Path) -> Spoken:
    target = folder / "flite.wav"
    words = flite_voice.speak(text, name, target)
    # A sign that flite reads as a word (`&`) has no segments of its own, so no time.
    timed = [word for place, word in enumerate(words) if word.start > 0 or place == 0]
    return _spoken(text, target, [(word.token, 1000 * word.start) for word in timed], folder)


def _spoken(text: str, audio: Path, reported: Sequence[tuple[str, float]], folder: Path) -> Spoken:
    voiceover = folder / "voiceover.wav"
    # The filter of the house's own voiceover: its delay is taken out, so times scale exactly.
    resampled = f"aresample={SAMPLE_RATE}:filter_size=64:cutoff=0.97"
    command = [
        "ffmpeg",
        "-v",
        "error",
        "-y",
        "-i",
        str(audio),
        "-af",
        resampled,
        "-ac",
        "1",
        "-c:a",
        "pcm_s16le",
        str(voiceover),
    ]
    subprocess.run(command, check=True)
    length_ms = int(soundfile.info(voiceover).frames // SAMPLES_PER_MS)
    return Spoken(text, voiceover, length_ms, _starts(script_tokens(text), reported))


def _starts(tokens: Sequence[str], reported: Sequence[tuple[str, float]]) -> tuple[float | None, ...]:
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


def _measure(spoken: Spoken, tally: Tally) -> None:
    passage = Passage(Span(0, spoken.length_ms), script_tokens(spoken.text), ("scene",), (0,))
    before = _cpu_seconds()
    heard = align_passages(spoken.voiceover, [passage])[0]
    tally.cpu_seconds += _cpu_seconds() - before
    tally.sound_ms += spoken.length_ms
    found = {token.token: token.passage_span.start for token in heard.tokens}
    for index, start in enumerate(spoken.starts_ms):
        if start is None:
            continue
        tally.words += 1
        if index in found:
            tally.errors_ms.append(found[index] - start)
        else:
            tally.unheard += 1


def _cpu_seconds() -> float:
    # espeak-ng, asked for pronunciations, is a child process.
    return time.process_time() + resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime


def _print_row(voice: str, tally: Tally) -> None:
    errors = np.abs(tally.errors_ms)
    shares = "".join(f"{value:7.1f}" for value in np.percentile(errors, [90, 95, 99, 100]))
    soon = 100 * float(np.mean(errors <= SOON_MS))
    print(f"{voice:24}{tally.words:6}{tally.unheard:8}{np.median(errors):8.1f}{shares}{soon:10.1f} %", flush=True)


# --- Mistakes ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Damaged:
    """What was written, what was said, and the words that a finding must lie on."""

    script: tuple[str, ...]
    said: tuple[str, ...]


def _plant(mistake: str, rng: random.Random) -> Damaged:
    chosen = rng.sample(SENTENCES, 5)
    script, spare = chosen[:4], chosen[4]
    said, at = list(script), rng.randrange(1, 4)
    if mistake == "skipped":
        del said[at]
    elif mistake == "repeated":
        said.insert(at, said[at])
    elif mistake == "inserted":
        said.insert(at, spare)
    elif mistake == "swapped":
        said[at], said[at - 1] = said[at - 1], said[at]
    return Damaged(tuple(script), tuple(said))


def _measure_mistakes(count: int, folder: Path) -> None:
    print(f"\n{'mistake':12}{'recordings':>11}{'noticed':>9}{'named':>7}")
    for mistake in MISTAKES:
        noticed = named = 0
        for seed in range(count):
            rng = random.Random(f"{mistake} {seed}")
            damaged = _plant(mistake, rng)
            voice, words_per_minute = rng.choice(ESPEAK_VOICES)
            text = " ".join(damaged.said)
            spoken = asyncio.run(_speak_with_espeak(text, voice, words_per_minute, folder))
            kinds = _findings(replace(spoken, text=" ".join(damaged.script)))
            noticed += bool(kinds)
            named += bool(kinds & _EXPECTED[mistake])
        print(f"{mistake:12}{count:11}{noticed:9}{named if mistake != 'none' else '-':>7}", flush=True)


_EXPECTED: dict[str, set[str]] = {
    "none": set(),
    "skipped": {"scene_partly_missing", "words_missing"},
    "repeated": {"unscripted_speech"},
    "inserted": {"unscripted_speech"},
    "swapped": {"scene_partly_missing", "unscripted_speech"},
}


def _findings(spoken: Spoken) -> set[str]:
    passage = Passage(Span(0, spoken.length_ms), script_tokens(spoken.text), ("scene",), (0,))
    heard: Heard = align_passages(spoken.voiceover, [passage])[0]
    try:
        check_words(passage, heard)
    except Unrecoverable:
        return {"refused"}
    return {issue.kind for issue in issues_of(passage, heard)}


if __name__ == "__main__":
    if shutil.which("espeak-ng") is None:
        raise SystemExit("espeak-ng is not installed: apt-get install espeak-ng")
    main()
