"""How exactly the default aligner times words, and whether it notices a recording that is not the script.

    python -m benchmarks.word_timing                          the numbers of docs/timing.md: about eight minutes
    python -m benchmarks.word_timing --sentences 6 --recordings 2       a quick look
    python -m benchmarks.word_timing --minutes 15             time and memory of one long voiceover

The truth is what the synthesisers know of themselves (`spoken_takes.py`) and the silence that we put between sentences
ourselves (`spoken_recordings.py`). Everything is seeded. Half of the sentences were written after the aligner, and are
counted apart.
"""

import argparse
import asyncio
import random
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
import soundfile

from benchmarks import flite_voice
from benchmarks.judged_recordings import measure_recordings
from benchmarks.sentences import FAMILIAR, FRESH
from benchmarks.spoken_takes import ESPEAK_SPEAKERS, SPEAKERS, Speaker, speak
from services.transcriber.aligner import align_passage, find_pronunciations
from services.transcriber.passage import Passage
from services.transcriber.workers import PocketsphinxEngine
from shared.spoken_forms import script_tokens
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span

SOON_MS = 50
EDGE_MS = 300


@dataclass
class Tally:
    """What was measured of some words."""

    errors_ms: list[float] = field(default_factory=list)
    unheard: int = 0

    def add(self, other: "Tally") -> None:
        """Count these words, too."""
        self.errors_ms += other.errors_ms
        self.unheard += other.unheard


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=60, help="for each of the eight voices")
    parser.add_argument("--recordings", type=int, default=30, help="for each kind of mistake, and correct ones")
    parser.add_argument("--seed", default="lockstep", help="of the recordings")
    parser.add_argument("--processes", type=int, default=1, help="that judge recordings")
    parser.add_argument("--keep", type=Path, help="a file of judgements: those in it are not made again")
    parser.add_argument("--minutes", type=int, help="only align one voiceover of this length")
    asked = parser.parse_args()
    if not flite_voice.has_flite():
        raise SystemExit("flite is not installed: apt-get install flite")
    with tempfile.TemporaryDirectory() as folder:
        if asked.minutes:
            measure_long(asked.minutes, Path(folder))
            return
        if asked.sentences:
            measure_words(asked.sentences, Path(folder))
        if asked.recordings:
            measure_recordings(asked.recordings, asked.seed, asked.processes, asked.keep)


# --- Words ---------------------------------------------------------------------------------------------------------


def measure_words(count: int, folder: Path) -> None:
    """Word starts of single takes, voice by voice; then all of each synthesiser and of each half of the sentences."""
    familiar, fresh = _both_halves(count)
    pronunciations = find_pronunciations([token for text in familiar + fresh for token in script_tokens(text)])
    totals = {name: Tally() for name in ("espeak", "flite", "familiar sentences", "fresh sentences", "all")}
    print(f"word starts, in milliseconds; {len(familiar)} familiar and {len(fresh)} fresh sentences")
    print(f"{'voice':28}{'words':>6}{'unheard':>8}{'median':>8}{'p90':>7}{'p95':>7}{'p99':>7}{'max':>7}  under 50 ms")
    for speaker in SPEAKERS:
        tallies = {
            "familiar sentences": _measure_words(familiar, speaker, folder, pronunciations),
            "fresh sentences": _measure_words(fresh, speaker, folder, pronunciations),
        }
        both = Tally()
        for name, tally in tallies.items():
            both.add(tally)
            totals[name].add(tally)
        totals[speaker.engine].add(both)
        totals["all"].add(both)
        _print_row(str(speaker), both)
    for name, tally in totals.items():
        _print_row(name, tally)


def _both_halves(count: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    familiar = FAMILIAR[: min(len(FAMILIAR), count // 2)]
    return familiar, FRESH[: count - len(familiar)]


def _measure_words(
    sentences: Sequence[str], speaker: Speaker, folder: Path, pronunciations: dict[str, tuple[str, ...]]
) -> Tally:
    tally = Tally()
    silence = np.zeros(EDGE_MS * SAMPLES_PER_MS, dtype=np.float32)
    for text in sentences:
        take = speak(text, speaker)
        sound = np.concatenate([silence, take.samples, silence])
        soundfile.write(folder / "take.wav", sound, SAMPLE_RATE, subtype="PCM_16")
        passage = Passage(Span(0, sound.size // SAMPLES_PER_MS), take.tokens, ("scene",), (0,))
        heard = align_passage(folder / "take.wav", passage, pronunciations)
        found = {token.token: token.passage_span.start for token in heard.tokens}
        for index, start in enumerate(take.starts_ms):
            if start is not None and index in found:
                tally.errors_ms.append(found[index] - EDGE_MS - start)
            elif start is not None:
                tally.unheard += 1
    return tally


def _print_row(name: str, tally: Tally) -> None:
    errors = np.abs(tally.errors_ms)
    shares = "".join(f"{value:7.1f}" for value in np.percentile(errors, [90, 95, 99, 100]))
    soon = 100 * float(np.mean(errors <= SOON_MS))
    words = len(tally.errors_ms) + tally.unheard
    print(f"{name:28}{words:6}{tally.unheard:8}{np.median(errors):8.1f}{shares}{soon:10.1f} %", flush=True)


# --- A long voiceover ----------------------------------------------------------------------------------------------


def measure_long(minutes: int, folder: Path) -> None:
    """CPU seconds and memory of the engine for one long voiceover: as takes, and as one recording of all scenes."""
    rng = random.Random(minutes)
    voiceover = folder / "voiceover.wav"
    spans, texts = _write_long(rng, minutes * 60_000, voiceover)
    length_ms = spans[-1].end
    takes = [
        Passage(span, script_tokens(text), (f"scene-{place}",), (0,))
        for place, (span, text) in enumerate(zip(spans, texts, strict=True))
    ]
    starts = [sum(len(take.tokens) for take in takes[:place]) for place in range(len(takes))]
    tokens = tuple(token for take in takes for token in take.tokens)
    names = tuple(take.scene_ids[0] for take in takes)
    whole = [Passage(Span(0, length_ms), tokens, names, tuple(starts))]
    print(f"{length_ms / 60_000:.1f} minutes, {len(tokens)} words, {len(takes)} scenes, one worker")
    for name, passages in ((f"{len(takes)} takes", takes), ("one recording", whole)):
        watch = Watch()
        engine = PocketsphinxEngine(most_workers=1, timeout_seconds=3600)
        heard = asyncio.run(engine.listen(voiceover, passages, lambda _: None))
        peak_mb, cpu_seconds = watch.stop()
        found = sum(len(answer.tokens) for answer in heard)
        print(
            f"{name:16}{cpu_seconds:7.1f} CPU seconds, {1000 * cpu_seconds / length_ms:.3f} of real time,"
            f" {peak_mb:.0f} MB in both processes at most, {found} words found",
            flush=True,
        )


def _write_long(rng: random.Random, length_ms: int, into: Path) -> tuple[list[Span], list[str]]:
    """Scenes of two sentences by one speaker until the length is reached."""
    spans: list[Span] = []
    texts: list[str] = []
    at_ms = 0
    with soundfile.SoundFile(into, "w", samplerate=SAMPLE_RATE, channels=1, subtype="PCM_16") as file:
        while at_ms < length_ms:
            chosen = rng.sample(FAMILIAR + FRESH, 2)
            begin = at_ms
            for place, text in enumerate(chosen):
                samples = speak(text, ESPEAK_SPEAKERS[0]).samples
                pause = np.zeros((400 if place == 0 else 0) * SAMPLES_PER_MS, dtype=np.float32)
                sound = np.concatenate([samples, pause])
                file.write(sound)
                at_ms += sound.size // SAMPLES_PER_MS
            spans.append(Span(begin, at_ms))
            texts.append(" ".join(chosen))
            file.write(np.zeros(600 * SAMPLES_PER_MS, dtype=np.float32))
            at_ms += 600
    return spans, texts


class Watch:
    """Counts the CPU seconds of this process and its children, and looks at their memory 50 times a second."""

    def __init__(self) -> None:
        self._me = psutil.Process()
        self._peak = 0.0
        self._stopped = threading.Event()
        self._before = self._cpu_seconds()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def stop(self) -> tuple[float, float]:
        """The peak of the sum of all proportional set sizes in megabytes, and the CPU seconds."""
        self._stopped.set()
        self._thread.join()
        return self._peak, self._cpu_seconds() - self._before

    def _cpu_seconds(self) -> float:
        times = self._me.cpu_times()
        return float(times.user + times.system + times.children_user + times.children_system)

    def _look(self) -> None:
        while not self._stopped.wait(0.02):
            total = 0.0
            for process in (self._me, *self._me.children(recursive=True)):
                try:
                    total += process.memory_full_info().pss / 1e6
                except psutil.Error:  # it has just ended
                    continue
            self._peak = max(self._peak, total)


if __name__ == "__main__":
    started = time.monotonic()
    main()
    print(f"\ntook {time.monotonic() - started:.0f} s")
