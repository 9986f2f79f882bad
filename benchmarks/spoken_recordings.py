"""One recording of several scenes, made of spoken sentences with silence of known length between, and its mistakes.

scenes      1                  2            3
sentences   [ one )  [ two )   [ three )    [ four )   [ five )
true gaps                   ^^^         ^^^^
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile

from benchmarks.spoken_takes import SPEAKERS, Samples, Speaker, SpokenTake, speak
from services.scene_planner.scenes import SceneScript
from services.transcriber.core import SceneText
from shared.assets import Asset
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, Span
from shared.transcript import Recording, Take

SCENES = 4
SENTENCES_PER_SCENE = (1, 1, 2, 2)
SHORTEST_GAP_MS, LONGEST_GAP_MS = 120, 1_500
EDGE_MS = 400
NOISE_BELOW_SPEECH_DB = (None, 60, 45)
"""Digital silence, a good microphone, a bad room; relative to the speech's mean power."""

Mistake = Literal["none", "skipped", "repeated", "inserted", "swapped"]
MISTAKES: tuple[Mistake, ...] = ("none", "skipped", "repeated", "inserted", "swapped")

Line = tuple[int, str]
"""A scene's number, from 0, and a sentence of it."""


@dataclass(frozen=True)
class Said:
    """A sentence in a recording, in milliseconds on its clock."""

    scene: int
    take: SpokenTake
    starts_at: float

    @property
    def speech(self) -> tuple[float, float]:
        """From the beginning of its first word to the end of its last."""
        return self.starts_at + self.take.speech_ms[0], self.starts_at + self.take.speech_ms[1]


@dataclass(frozen=True)
class Spoken:
    """A script, a recording of it, and what is true of both."""

    script: tuple[tuple[str, ...], ...]
    """The sentences of each scene."""
    voiceover: Path
    length_ms: int
    said: tuple[Said, ...]
    speaker: Speaker
    mistake: Mistake
    lost: tuple[str, ...]
    """Sentences that are not heard where the script has them."""
    added: tuple[int, ...]
    """Places in `said` of what the script does not have there."""
    scenes_at_fault: frozenset[str]
    """The scenes that differ, and for what is said between two scenes both of them."""

    @property
    def scene_texts(self) -> tuple[SceneText, ...]:
        """The script for the transcriber."""
        return tuple(SceneText(scene_id(place), " ".join(scene)) for place, scene in enumerate(self.script))

    @property
    def scene_scripts(self) -> tuple[SceneScript, ...]:
        """The script for the scene planner."""
        return tuple(SceneScript(one.scene_id, one.text.replace("&", "&amp;")) for one in self.scene_texts)

    @property
    def recording(self) -> Recording:
        """What the voiceover service says of a file that holds all scenes."""
        nothing = Asset(key="voiceover.wav", digest="0" * 64, media_type="audio/wav", size=0)
        text = " ".join(scene.text for scene in self.scene_texts)
        return Recording(
            voiceover=nothing,
            length_ms=self.length_ms,
            takes=(Take(scene_id=scene_id(0), text=text, span=Span(0, self.length_ms)),),
            take_boundaries_known=False,
            engine="recorded",
        )

    def true_gap(self, scene: int) -> tuple[float, float]:
        """From the end of a scene's last sound to the beginning of the next scene's first."""
        here = [one.speech[1] for one in self.said if one.scene == scene]
        there = [one.speech[0] for one in self.said if one.scene == scene + 1]
        return here[-1], there[0]


def scene_id(place: int) -> str:
    """The name of a scene that counts from 0."""
    return f"scene-{place + 1}"


def record(mistake: Mistake, seed: str, sentences: Sequence[str], voiceover: Path) -> Spoken:
    """A random script of four scenes, read by a random speaker with one mistake of this kind, written to a file."""
    rng = random.Random(f"{mistake} {seed}")
    speaker = rng.choice(SPEAKERS)
    counts = [rng.choice(SENTENCES_PER_SCENE) for _ in range(SCENES)]
    *chosen, spare = rng.sample(sentences, sum(counts) + 1)
    script: list[Line] = []
    for scene, count in enumerate(counts):
        script += [(scene, text) for text in chosen[len(script) : len(script) + count]]
    said, lost, added, faults = _with_mistake(rng, mistake, script, spare)
    placed, length_ms = _write(rng, [(scene, speak(text, speaker)) for scene, text in said], voiceover)
    scenes = tuple(tuple(text for scene, text in script if scene == number) for number in range(SCENES))
    at_fault = frozenset(scene_id(scene) for scene in faults)
    return Spoken(scenes, voiceover, length_ms, placed, speaker, mistake, lost, added, at_fault)


def _with_mistake(
    rng: random.Random, mistake: Mistake, script: Sequence[Line], spare: str
) -> tuple[list[Line], tuple[str, ...], tuple[int, ...], set[int]]:
    """What is said, the sentences that are lost, the places that are too many, and the scenes that differ."""
    said = list(script)
    at = rng.randrange(1 if mistake == "swapped" else 0, len(script))
    scene, text = script[at]
    around = {scene, script[max(0, at - 1)][0]}
    match mistake:
        case "none":
            return said, (), (), set()
        case "skipped":
            del said[at]
            return said, (text,), (), {scene}
        case "repeated":
            said.insert(at, said[at])
            return said, (), (at, at + 1), {scene, script[min(len(script) - 1, at + 1)][0], *around}
        case "inserted":
            said.insert(at, (scene, spare))
            return said, (), (at,), around
        case "swapped":
            said[at - 1], said[at] = said[at], said[at - 1]
            return said, (script[at - 1][1], text), (at - 1, at), around


def _write(rng: random.Random, takes: Sequence[tuple[int, SpokenTake]], into: Path) -> tuple[tuple[Said, ...], int]:
    pieces: list[Samples] = []
    placed: list[Said] = []
    at_ms = 0

    def add(samples: Samples) -> None:
        nonlocal at_ms
        pieces.append(samples)
        at_ms += samples.size // SAMPLES_PER_MS

    add(np.zeros(EDGE_MS * SAMPLES_PER_MS, dtype=np.float32))
    for scene, take in takes:
        placed.append(Said(scene, take, at_ms))
        add(take.samples)
        gap_ms = round(SHORTEST_GAP_MS * (LONGEST_GAP_MS / SHORTEST_GAP_MS) ** rng.random())
        add(np.zeros(gap_ms * SAMPLES_PER_MS, dtype=np.float32))
    sound = np.concatenate(pieces)
    below_db = rng.choice(NOISE_BELOW_SPEECH_DB)
    if below_db is not None:
        spoken = np.concatenate([take.samples for _, take in takes])
        level = float(np.sqrt(np.mean(np.square(spoken, dtype=np.float64)))) * 10 ** (-below_db / 20)
        noise = np.random.default_rng(rng.randrange(2**32)).standard_normal(sound.size, dtype=np.float32)
        sound += np.float32(level) * noise
    soundfile.write(into, np.clip(sound, -1, 1), SAMPLE_RATE, subtype="PCM_16")
    return tuple(placed), at_ms
