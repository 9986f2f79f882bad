"""The `lockstep` command as a person uses it while things break: a process of its own, typed again where it says that
the bus is away.
"""

import asyncio
import os
import random
import sys
from dataclasses import dataclass
from pathlib import Path

from cli.client import submit
from shared.events import ProjectSubmitted, ScenePlanned
from tests.chaos.batch import Footage, tiny_project
from tests.chaos.crew import Crew
from tests.integration.bus_bench import until

TYPED_AGAIN = 60
"""Times, a second apart: a bus that is killed is back sooner."""

AWAY = ("No bus answers", "does not answer just now")


@dataclass(frozen=True)
class Answer:
    """What a command printed, and how it ended."""

    exit_code: int
    text: str


async def type_once(crew: Crew, *words: str) -> Answer:
    """Run `lockstep <words>` against the crew's bus and store."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", *words),
        env={**os.environ, "COLUMNS": "400", **crew.environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    text = output.decode().strip()
    assert "Traceback" not in text, text
    return Answer(process.returncode or 0, text)


async def lockstep(crew: Crew, *words: str) -> str:
    """What a command printed that did what it was asked for; it is typed again while the bus is away."""
    answer = await _answered(crew, *words)
    assert answer.exit_code == 0, f"{words}: {answer.text}"
    return answer.text


async def refusal(crew: Crew, *words: str) -> str:
    """The sentence of a command that refuses."""
    answer = await _answered(crew, *words)
    assert answer.exit_code == 1, f"{words}: {answer.text}"
    return answer.text


async def _answered(crew: Crew, *words: str) -> Answer:
    answer = await type_once(crew, *words)
    for _ in range(TYPED_AGAIN):
        if answer.exit_code == 0 or not any(sentence in answer.text for sentence in AWAY):
            break
        await asyncio.sleep(1)
        answer = await type_once(crew, *words)
    return answer


@dataclass(frozen=True)
class Errands:
    """Projects beside a batch, for a person to look after."""

    unwanted: str
    """Cancelled while it is in work, and taken up again."""
    broken: str
    """Its second scene has a clip that is no video."""
    spoiled: str
    """Somebody says what nobody can read in its name."""
    nameless: str
    """A message that nobody can read, of a project that was never submitted."""

    @property
    def projects(self) -> tuple[str, ...]:
        """Those that were submitted."""
        return self.unwanted, self.broken, self.spoiled


async def begin_errands(crew: Crew, footage: Footage, chance: random.Random, folder: Path) -> Errands:
    """Submit the projects, and say what cannot be read."""
    text = folder / "text.mp4"
    text.write_text("This is no video.\n" * 100)

    async def say(name: str, second_clip: Path, *, scenes: int = 2) -> str:
        project = tiny_project(name, chance, paid=False, scenes=scenes)
        files = {"clip.mp4": footage.clip, "bed.wav": footage.bed, "second.mp4": second_clip}
        first, second, *others = project.scenes
        shown = second.clips[0].model_copy(update={"file": "second.mp4", "in_ms": None})
        changed = (first, second.model_copy(update={"clips": (shown,)}), *others)
        submitted = await submit(project.model_copy(update={"scenes": changed}), files, crew.store, crew.client)
        return submitted.project_id

    errands = Errands(
        broken=await say("broken", text),
        spoiled=await say("spoiled", footage.clip),
        unwanted=await say("unwanted", footage.clip, scenes=8),  # so that it is still in work when it is cancelled
        nameless=f"poison-{chance.randrange(10**9)}",
    )
    unreadable = ScenePlanned.subject.format(project_id=errands.spoiled, scene_number=1)
    await crew.client.publish(unreadable, b"\0")
    await crew.client.publish(ProjectSubmitted.wildcard(errands.nameless), b"\0")
    return errands


async def run_errands(crew: Crew, errands: Errands) -> list[str]:
    """Cancel, look, retry and drop with the command; the ids of the projects that are submitted again."""
    assert "is cancelled" in await lockstep(crew, "cancel", errands.unwanted)
    assert "cancelled" in await lockstep(crew, "status", errands.unwanted)
    again = [await lockstep(crew, "retry", errands.unwanted)]

    spoiled = await _letter_of(crew, errands.spoiled)
    shown = await lockstep(crew, "dead-letters", "show", spoiled)
    assert "cannot be read" in shown
    assert "clip_fitter" in shown
    again.append(await lockstep(crew, "dead-letters", "retry", spoiled))

    nameless = await _letter_of(crew, errands.nameless)
    assert "no longer knows" in await refusal(crew, "dead-letters", "retry", nameless)
    assert await lockstep(crew, "dead-letters", "drop", nameless) == "Dropped 1."
    assert nameless not in await lockstep(crew, "dead-letters", "list")

    async def failed() -> bool:
        return "failed" in await lockstep(crew, "status", errands.broken)

    await until(failed, "a clip that is no video did not fail its project")
    told = await lockstep(crew, "status", errands.broken)
    assert "scene 'scene-2': The clip cannot be read as a video" in told  # which scene, and why
    assert told.rstrip().endswith(".")  # and what to do
    again.append(await lockstep(crew, "retry", errands.broken))
    return again


async def _letter_of(crew: Crew, project_id: str) -> str:
    """What the command calls the dead letter of a project; waits until there is one."""
    names: list[str] = []

    async def there() -> bool:
        words = (await lockstep(crew, "dead-letters", "list")).split()
        names[:] = [word for word in words if word.startswith(f"{project_id}.")]
        return bool(names)

    await until(there, f"there is no dead letter of {project_id}")
    return names[0]
