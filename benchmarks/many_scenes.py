"""Whether any step of a project grows faster than its scenes: the real steps over 125 to 1,000 scenes.

    python -m benchmarks.many_scenes [--scenes 125 250 500 1000]

The planner with takes and with one recording of all scenes, and the assembler (reading, joining and measuring real
segments with ffmpeg), each by its own handler over a store in memory. What is printed is CPU, children's included, for
one scene: it must not grow. What the bus adds to such a project is measured by `benchmarks.load` (its last table).
"""

import argparse
import asyncio
import random
import resource
import tempfile
from collections.abc import Awaitable, Callable
from fractions import Fraction
from pathlib import Path

from benchmarks.scene_boundaries import plan
from benchmarks.scene_boundaries import transcript_words as words_of
from benchmarks.simulated_recogniser import random_script, recognise, speak
from services.assembler.handlers import Handlers as Assembler
from services.assembler.settings import Settings as AssemblerSettings
from services.scene_planner.handlers import Handlers as Planner
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.events import WordsTimed
from shared.plan import ScenePlan
from shared.project import Project, SubmittedProject
from shared.testing import MemoryStore, RecordedStep
from shared.timeline import Span
from shared.transcript import Recording, Take, Transcript, Word
from tests.integration.assembler_project import make_project

FPS = Fraction(25)

SCENE_MS = 4_000

WORDS = ("lamp", "harbour", "ships", "light", "storm", "keeper", "island", "evening", "north", "water")

SEGMENT_LENGTHS_MS = (360, 400, 440)
"""Segments of the same length are the same file, so most scenes' pictures stand in the video many times."""


def cpu_seconds() -> float:
    """CPU of this process and of the children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


async def plan_from_takes(scenes: int, folder: Path) -> Callable[[], Awaitable[object]]:
    """The planner's handler, where every scene was recorded by itself."""
    chance, store = random.Random(scenes), MemoryStore()
    said = [[chance.choice(WORDS) for _ in range(10)] for _ in range(scenes)]
    project = Project.model_validate(
        {
            "name": "many",
            "output": {"fps": 25, "width": 640, "height": 360},
            "scenes": [
                {"id": f"scene-{number}", "narration": f"{' '.join(words)}.", "clips": ["clip.mp4"]}
                for number, words in enumerate(said, start=1)
            ],
        }
    )
    clip = Asset(key=f"sources/{'0' * 64}.mp4", digest="0" * 64, media_type="video/mp4", size=1)
    takes = [_take(number, words) for number, words in enumerate(said)]
    timed = [word for take in takes for word in take.reported_words]
    length_ms = scenes * SCENE_MS
    recording = Recording(
        voiceover=clip, length_ms=length_ms, takes=tuple(takes), take_boundaries_known=True, engine="espeak"
    )
    transcript = Transcript(words=tuple(timed), length_ms=length_ms, engine="voice")
    event = WordsTimed(
        project_id="many",
        project=await store.put_document(
            SubmittedProject(project=project, sources={"clip.mp4": clip}), "projects/many.json"
        ),
        recording=await store.put_document(recording, "recordings/many.json"),
        transcript=await store.put_document(transcript, "transcripts/many.json"),
        word_count=len(timed),
        from_store=False,
    )

    async def work() -> None:
        said = await Planner(store).plan_project(event, RecordedStep(folder))
        assert len(said) == scenes + 1

    return work


def _take(number: int, words: list[str]) -> Take:
    """A take that lasts 3.6 of its scene's 4 seconds; the voice reports its words, one every 360 ms."""
    span = Span(number * SCENE_MS, number * SCENE_MS + 3_600)
    reported = tuple(
        Word(text=word, span=Span(start, start + 300), confidence=0.9, source="voice")
        for start, word in zip(range(span.start, span.end, 360), words, strict=True)
    )
    return Take(scene_id=f"scene-{number + 1}", text=f"{' '.join(words)}.", span=span, reported_words=reported)


async def plan_from_one_recording(scenes: int, folder: Path) -> Callable[[], Awaitable[object]]:
    """The planner's decision, where scenes have to be found in what a recogniser heard, a tenth of it wrong."""
    chance = random.Random(scenes)
    script = random_script(chance, scene_count=scenes)
    spoken = speak(chance, script)
    heard = words_of(recognise(chance, spoken, 0.1))

    async def work() -> None:
        planned = plan(script, spoken, heard)
        assert isinstance(planned, ScenePlan | Unrecoverable)

    return work


async def assemble(scenes: int, folder: Path) -> Callable[[], Awaitable[object]]:
    """The assembler's handler over segments that are there."""
    lengths = [SEGMENT_LENGTHS_MS[number % len(SEGMENT_LENGTHS_MS)] for number in range(scenes)]
    project = await asyncio.to_thread(make_project, folder, FPS, lengths)
    past = await project.submit()
    scratch = folder / "scratch"
    scratch.mkdir()

    async def work() -> None:
        assembler = Assembler(project.store, AssemblerSettings())
        await assembler.assemble_video(project.due, RecordedStep(scratch, past))

    return work


STEPS = {
    "planned from takes": plan_from_takes,
    "planned from one recording": plan_from_one_recording,
    "assembled and measured": assemble,
}


async def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--scenes", type=int, nargs="+", default=[125, 250, 500, 1000])
    options = parser.parse_args()
    print("| CPU of one scene, ms, in a project of |" + "".join(f" {scenes:,} |" for scenes in options.scenes))
    print("| --- |" + " ---: |" * len(options.scenes))
    for name, prepare in STEPS.items():
        cells = []
        for scenes in options.scenes:
            with tempfile.TemporaryDirectory(prefix="lockstep-many-") as folder:
                work = await prepare(scenes, Path(folder))
                began = cpu_seconds()
                await work()
                cells.append(f"{1000 * (cpu_seconds() - began) / scenes:.2f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    asyncio.run(main())
