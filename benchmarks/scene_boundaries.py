"""How exactly the scene planner finds scene boundaries when a recogniser makes word errors, and what it notices.

    python -m benchmarks.scene_boundaries                                     the numbers of docs/: about half an hour
    python -m benchmarks.scene_boundaries --scripts 50 --mistakes 10          a quick look
    python -m benchmarks.scene_boundaries --parts boundaries --error-rates 0.3     one row

A boundary is exact when every heard word is in the scene in which it was said. difflib stands beside it as the method
that most people would try first. Everything is seeded: the same command prints the same numbers.
"""

import argparse
import difflib
import random
import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from benchmarks.simulated_recogniser import (
    MISTAKES,
    HeardWord,
    SpokenWord,
    plant_mistake,
    random_script,
    recognise,
    speak,
)
from services.scene_planner.boundaries import find_scene_starts
from services.scene_planner.core import plan_scenes
from services.scene_planner.scenes import SceneScript
from services.scene_planner.silence import SoundSpans
from services.scene_planner.words import heard_words, script_words
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.narration import parse_narration
from shared.plan import ScenePlan
from shared.timeline import Span
from shared.transcript import Recording, Take, Transcript, Word

ERROR_RATES = (0.0, 0.05, 0.1, 0.2, 0.3)
PARTS = ("boundaries", "mistakes", "speed")
FPS = Fraction(30)

LONG_SCRIPT_SCENES = 430
"""About 10,000 words."""

TEXT_WARNINGS = {"words_missing", "sentence_repeated", "unscripted_speech"}
"""Warnings that say that the recording is not the script."""


@dataclass
class Tally:
    """What was counted over all scripts of one error rate."""

    distances: list[int] = field(default_factory=list)
    """Of each boundary, in words; 0 is exact."""
    flagged: list[bool] = field(default_factory=list)
    difflib_exact: int = 0
    scripts_right: int = 0
    false_alarms: int = 0
    cpu_seconds: float = 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scripts", type=int, default=1000, help="random scripts for each error rate")
    parser.add_argument("--mistakes", type=int, default=200, help="recordings for each error rate and kind of mistake")
    parser.add_argument("--seed", default="lockstep")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--error-rates", nargs="+", type=float, default=ERROR_RATES)
    arguments = parser.parse_args()
    rates = arguments.error_rates
    if "boundaries" in arguments.parts:
        print_boundaries(arguments.scripts, arguments.seed, rates)
    if "mistakes" in arguments.parts:
        print_mistakes(arguments.mistakes, arguments.seed, rates)
    if "speed" in arguments.parts:
        print_speed(arguments.seed, rates)


def print_boundaries(scripts: int, seed: str, rates: Sequence[float]) -> None:
    """Boundaries in correct recordings, and plans that were refused although nothing was wrong."""
    print(f"{scripts} scripts for each error rate")
    print(
        "errors  boundaries     exact  scripts right  worst  wrong flagged  flagged   difflib  refused     per script"
    )
    for rate in rates:
        tally = Tally()
        for number in range(scripts):
            rng = random.Random(f"{seed} {number} {rate}")
            script = random_script(rng)
            spoken = speak(rng, script)
            _count(tally, script, spoken, recognise(rng, spoken, rate))
        total = len(tally.distances)
        wrong = [flagged for flagged, distance in zip(tally.flagged, tally.distances, strict=True) if distance]
        print(
            f"{rate:6.0%} {total:11,} {1 - len(wrong) / total:9.2%} {tally.scripts_right / scripts:14.1%}"
            f" {max(tally.distances):6d} {f'{sum(wrong)} of {len(wrong)}':>14} {sum(tally.flagged) / total:8.2%}"
            f" {tally.difflib_exact / total:9.2%} {tally.false_alarms:8d} {1000 * tally.cpu_seconds / scripts:9.0f} ms",
            flush=True,
        )


def _count(tally: Tally, script: Sequence[str], spoken: Sequence[SpokenWord], heard: Sequence[HeardWord]) -> None:
    words = transcript_words(heard)
    wanted = script_words([parse_narration(narration) for narration in script])
    plain = heard_words(words)
    started = time.process_time()
    starts = find_scene_starts(wanted, plain)
    tally.cpu_seconds += time.process_time() - started
    truth = [bisect_left(plain, scene, key=lambda word: heard[word.word].scene) for scene in range(1, len(script))]
    distances = [abs(start.heard - place) for start, place in zip(starts, truth, strict=True)]
    tally.distances += distances
    tally.flagged += [start.certainty.is_low for start in starts]
    tally.scripts_right += not any(distances)
    boundaries = [place for place, (one, other) in enumerate(pairwise(wanted), start=1) if one.scene != other.scene]
    by_difflib = _difflib_starts([word.text for word in wanted], [word.text for word in plain], boundaries)
    tally.difflib_exact += sum(found == place for found, place in zip(by_difflib, truth, strict=True))
    result = plan(script, spoken, words)
    if isinstance(result, Unrecoverable):
        tally.false_alarms += 1
        print(f"  refused: {result}", flush=True)


def _difflib_starts(script: list[str], heard: list[str], boundaries: Sequence[int]) -> list[int]:
    """The boundaries by difflib without its junk heuristic; words that match neither side are shared out evenly."""
    blocks = difflib.SequenceMatcher(None, script, heard, autojunk=False).get_matching_blocks()
    pairs = [(block.a + step, block.b + step) for block in blocks for step in range(block.size)]
    starts = []
    for boundary in boundaries:
        place = bisect_left(pairs, (boundary, 0))
        before = pairs[place - 1] if place else (-1, -1)
        after = pairs[place] if place < len(pairs) else (len(script), len(heard))
        left, right = boundary - before[0] - 1, after[0] - boundary
        between = after[1] - before[1] - 1
        starts.append(before[1] + 1 + (round(between * left / (left + right)) if left + right else 0))
    return starts


def print_mistakes(recordings: int, seed: str, rates: Sequence[float]) -> None:
    """Recordings with one planted mistake: how many are noticed at the right scene, and how many are refused."""
    print(f"\n{recordings} recordings with one planted mistake each:")
    print("noticed at its scene or the next (and the project stopped for it)")
    print("errors" + "".join(f"{mistake:>20}" for mistake in MISTAKES))
    for rate in rates:
        cells = []
        for mistake in MISTAKES:
            noticed = stopped = 0
            for number in range(recordings):
                rng = random.Random(f"{seed} {mistake} {number} {rate}")
                script = random_script(rng)
                said, scene = plant_mistake(rng, script, mistake)
                spoken = speak(rng, said)
                result = plan(script, spoken, transcript_words(recognise(rng, spoken, rate)))
                near = {f"scene-{place}" for place in (scene - 1, scene, scene + 1)}
                if isinstance(result, Unrecoverable):
                    stopped += result.scene_id in near
                    noticed += result.scene_id in near
                else:
                    kinds = {warning.kind for warning in result.warnings if warning.scene_id in near}
                    noticed += not kinds.isdisjoint(TEXT_WARNINGS)
            cells.append(f"{noticed / recordings:.1%} ({stopped / recordings:.1%})")
        print(f"{rate:6.0%}" + "".join(f"{cell:>20}" for cell in cells), flush=True)


def print_speed(seed: str, rates: Sequence[float]) -> None:
    """CPU time to plan about 10,000 words, reading the narrations included."""
    print("\nCPU seconds for a whole plan of a long script")
    for rate in rates:
        rng = random.Random(f"{seed} long {rate}")
        script = random_script(rng, scene_count=LONG_SCRIPT_SCENES)
        spoken = speak(rng, script)
        words = transcript_words(recognise(rng, spoken, rate))
        words_wanted = sum(len(narration.split()) for narration in script)
        started = time.process_time()
        result = plan(script, spoken, words)
        seconds = time.process_time() - started
        print(
            f"{rate:6.0%} {words_wanted:7,} words {len(script):5d} scenes {seconds:8.2f} s"
            + (f"  refused: {result}" if isinstance(result, Unrecoverable) else "")
        )


def plan(script: Sequence[str], spoken: Sequence[SpokenWord], words: Sequence[Word]) -> ScenePlan | Unrecoverable:
    """The planner's plan of this recording, or why it makes none."""
    length_ms = max(spoken[-1].end, words[-1].span.end) + 500
    nothing = Asset(key="voiceover.wav", digest="0" * 64, media_type="audio/wav", size=0)
    take = Take(scene_id="scene-0", text=" ".join(script), span=Span(0, length_ms))
    recording = Recording(
        voiceover=nothing, length_ms=length_ms, takes=(take,), take_boundaries_known=False, engine="recorded"
    )
    transcript = Transcript(words=tuple(words), length_ms=length_ms, engine="simulated")
    scenes = [SceneScript(f"scene-{place}", narration) for place, narration in enumerate(script)]
    quiet = [Span(earlier.end, later.start) for earlier, later in pairwise(spoken) if later.start - earlier.end >= 60]
    try:
        return plan_scenes(scenes, recording, transcript, FPS, SoundSpans(tuple(quiet)))
    except Unrecoverable as error:
        return error


def transcript_words(heard: Sequence[HeardWord]) -> tuple[Word, ...]:
    """What was heard as the transcriber would have it."""
    return tuple(
        Word(text=word.text, span=Span(word.start, word.end), confidence=0.9, source="simulated") for word in heard
    )


if __name__ == "__main__":
    main()
