"""The words of a voiceover become the plan of its scenes."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.scene_planner.core import needs_sound, plan_scenes
from services.scene_planner.scenes import SceneScript
from services.scene_planner.silence import UNMEASURED, SoundSpans
from services.scene_planner.sound_file import measure_sound
from shared.assets import Asset, derived_key
from shared.events import Event, NextScene, ScenePlanned, ScenesPlanned, WordsTimed
from shared.plan import ScenePlan
from shared.project import SubmittedProject
from shared.service import Step
from shared.store import AssetStore
from shared.transcript import Recording, Transcript

RECIPE_VERSION = 3
"""Goes up whenever the same script and words would give another plan than before."""


@dataclass(frozen=True)
class Handlers:
    """What the scene planner does with each event."""

    store: AssetStore

    async def plan_project(self, event: WordsTimed, step: Step) -> Sequence[Event]:
        """Give every scene its window: one event for the plan, then one for each scene."""
        submitted = await self.store.get_document(event.project, SubmittedProject)
        key = _key(event, submitted)
        asset = await self.store.find(key)
        if asset is None:
            plan = await self._make_plan(event, submitted, step)
            asset = await self.store.put_document(plan, key)
        else:
            plan = await self.store.get_document(asset, ScenePlan)
        return [
            _scenes_planned(event, plan, asset),
            *(
                _scene_planned(event, submitted, plan, place, handle_before)
                for place, handle_before in enumerate(plan.handles_before)
            ),
        ]

    async def _make_plan(self, event: WordsTimed, submitted: SubmittedProject, step: Step) -> ScenePlan:
        recording = await self.store.get_document(event.recording, Recording)
        transcript = await self.store.get_document(event.transcript, Transcript)
        sound = await self._measure_sound(recording.voiceover, step) if needs_sound(recording) else UNMEASURED
        project = submitted.project
        script = [SceneScript(scene.id, scene.narration) for scene in project.scenes]
        return await asyncio.to_thread(
            plan_scenes, script, recording, transcript, project.output.fps, sound, project.transitions
        )

    async def _measure_sound(self, voiceover: Asset, step: Step) -> SoundSpans:
        path = step.scratch / "voiceover"
        await self.store.fetch(voiceover, path)
        return await asyncio.to_thread(measure_sound, path, step.report_progress)


def _key(event: WordsTimed, submitted: SubmittedProject) -> str:
    # Footage, music and size are not in it: changing them must not change a plan.
    return derived_key(
        "plans",
        "json",
        recipe_version=RECIPE_VERSION,
        script=[[scene.id, scene.narration] for scene in submitted.project.scenes],
        fps=submitted.project.output.fps,
        transitions=list(submitted.project.transitions),
        recording=event.recording.digest,
        transcript=event.transcript.digest,
    )


def _scenes_planned(event: WordsTimed, plan: ScenePlan, asset: Asset) -> ScenesPlanned:
    return ScenesPlanned(
        project_id=event.project_id,
        project=event.project,
        recording=event.recording,
        plan=asset,
        scene_count=len(plan.scenes),
        frame_count=plan.frame_count,
    )


def _scene_planned(
    event: WordsTimed, submitted: SubmittedProject, plan: ScenePlan, place: int, handle_before: int
) -> ScenePlanned:
    planned, scene = plan.scenes[place], submitted.project.scenes[place]
    return ScenePlanned(
        project_id=event.project_id,
        scene_number=planned.number,
        scene_id=planned.scene_id,
        window=planned.window,
        frame_count=planned.frame_count,
        clips=tuple(submitted.source(clip.file) for clip in scene.clips),
        output=submitted.project.output,
        fit=submitted.project.fit_of(place),
        footage=scene.clips,
        handle_before=handle_before,
        handle_after=planned.handle_after,
        next_scene=_next_scene(submitted, plan, place),
    )


def _next_scene(submitted: SubmittedProject, plan: ScenePlan, place: int) -> NextScene | None:
    transition = plan.scenes[place].transition
    if transition is None:
        return None
    planned, scene = plan.scenes[place + 1], submitted.project.scenes[place + 1]
    return NextScene(
        scene_id=planned.scene_id,
        frame_count=planned.frame_count,
        handle_after=planned.handle_after,
        clips=tuple(submitted.source(clip.file) for clip in scene.clips),
        fit=submitted.project.fit_of(place + 1),
        footage=scene.clips,
        transition=transition.kind,
    )
