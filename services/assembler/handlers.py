"""From fitted scenes and a soundtrack to the finished video and its certificate: gather, join, measure, judge."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.assembler import core, join, judgement, listening
from services.assembler.packets import read_segments, read_video
from services.assembler.settings import Settings
from services.assembler.tracks import SegmentTrack
from services.assembler.waveforms import decode_stretches
from shared.assets import Asset
from shared.certificate import Certificate, CertifiedLoudness, VoiceOffset
from shared.events import AssemblyDue, SceneFitted, ScenesPlanned, SoundtrackMixed, VideoAssembled
from shared.ffmpeg import run_ffmpeg
from shared.plan import ScenePlan
from shared.roll import Rolls
from shared.segments import track_clock
from shared.service import Step
from shared.soundtrack import SoundtrackReport
from shared.store import AssetStore
from shared.telemetry_stages import stage
from shared.transcript import Recording


@dataclass(frozen=True)
class Parts:
    """All that a video is joined from and measured against, still in the store."""

    plan: ScenePlan
    recording: Recording
    segments: tuple[Asset, ...]
    soundtrack: Asset
    loudness: CertifiedLoudness | None
    video_key: str
    certificate_key: str


@dataclass(frozen=True)
class Files:
    """The same parts on disk."""

    segments: tuple[Path, ...]
    soundtrack: Path
    voiceover: Path
    video: Path


@dataclass(frozen=True)
class Handlers:
    """What the assembler does when it hears something."""

    store: AssetStore
    settings: Settings
    rolls: Rolls = field(default_factory=Rolls)

    async def judge_completeness(self, event: SceneFitted | SoundtrackMixed, step: Step) -> AssemblyDue | None:
        """Say that assembly is due once the plan, all fitted scenes and the soundtrack are in the project's history.

        An event is in the history before anyone hears it, so whoever handles the last one sees them all. Several may:
        the bus admits one `assembly.due`.
        """
        roll = self.rolls.of(event.project_id)
        roll.note(event.address)
        if roll.awaited is None:
            planned = await step.events(ScenesPlanned)
            if not planned:
                return None
            roll.awaited = core.awaited_subjects(event.project_id, planned[-1].scene_count)
        return AssemblyDue(project_id=event.project_id) if await roll.is_complete(step.holds) else None

    async def assemble_video(self, event: AssemblyDue, step: Step) -> VideoAssembled:
        """Join the scenes and the soundtrack, measure the result, and store it with its certificate if that holds."""
        parts = await self._gather_parts(step)
        video, certificate = await asyncio.gather(
            self.store.find(parts.video_key), self.store.find(parts.certificate_key)
        )
        if video is not None and certificate is not None:
            return VideoAssembled(project_id=event.project_id, video=video, certificate=certificate, from_store=True)
        files = await self._fetch_parts(parts, step)
        segments = await read_segments(
            files.segments,
            at_once=self.settings.segments_read_at_once,
            timeout_seconds=self.settings.ffmpeg_timeout_seconds,
        )
        if video is None:
            await self._join_segments(parts.plan, files, segments, step)
        else:
            # Others may hold its digest already, and another ffmpeg might join it to other bytes.
            await self.store.fetch(video, files.video)
        step.report_progress(70)
        measured = await self._measure_video(parts.plan, files, segments, step.scratch)
        measured = measured.model_copy(update={"loudness": parts.loudness})
        with stage("certify"):  # what fails here is a video out of sync: the alert on it counts these
            core.refuse_unless_it_holds(measured)
        step.report_progress(80)
        if video is None:
            video = await self.store.put_file(files.video, parts.video_key, "video/mp4")
        certificate = await self.store.put_document(measured, parts.certificate_key)
        step.report_progress(100)
        return VideoAssembled(project_id=event.project_id, video=video, certificate=certificate, from_store=False)

    async def _gather_parts(self, step: Step) -> Parts:
        planned = (await step.events(ScenesPlanned))[-1]
        mixed = (await step.events(SoundtrackMixed))[-1]
        report = None if mixed.report is None else await self.store.get_document(mixed.report, SoundtrackReport)
        plan = await self.store.get_document(planned.plan, ScenePlan)
        segments = core.segments_in_order(plan, await step.events(SceneFitted))
        key = core.video_key(plan, segments, mixed.soundtrack)
        return Parts(
            plan=plan,
            recording=await self.store.get_document(planned.recording, Recording),
            segments=segments,
            soundtrack=mixed.soundtrack,
            loudness=None if report is None else core.certified_loudness(report),
            video_key=key,
            certificate_key=core.certificate_key(key, planned, mixed.report),
        )

    async def _fetch_parts(self, parts: Parts, step: Step) -> Files:
        files = Files(
            segments=tuple(step.scratch / f"segment-{number}.mp4" for number in range(1, len(parts.segments) + 1)),
            soundtrack=step.scratch / "soundtrack.m4a",
            voiceover=step.scratch / "voiceover.wav",
            video=step.scratch / "video.mp4",
        )
        wanted = [
            (parts.recording.voiceover, files.voiceover),
            (parts.soundtrack, files.soundtrack),
            *zip(parts.segments, files.segments, strict=True),
        ]
        turn = asyncio.Semaphore(self.settings.fetches_at_once)
        fetched = 0

        async def fetch(asset: Asset, path: Path) -> None:
            nonlocal fetched
            async with turn:
                await self.store.fetch(asset, path)
            fetched += 1
            step.report_progress(40 * fetched // len(wanted))

        try:
            async with asyncio.TaskGroup() as group:
                for asset, path in wanted:
                    group.create_task(fetch(asset, path))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors  # the first says it all; a group's own message says nothing
        return files

    async def _join_segments(self, plan: ScenePlan, files: Files, segments: Sequence[SegmentTrack], step: Step) -> None:
        clock = track_clock(plan.fps)
        planned = plan.segments
        join.refuse_unlike([plan.scenes[one.scene_number - 1] for one in planned], segments, clock)
        entries = step.scratch / "scenes.ffconcat"
        entries.write_text(
            join.concat_list(plan.fps, [one.frame_count for one in planned], [path.name for path in files.segments])
        )
        await run_ffmpeg(
            join.join_arguments(
                concat_list=str(entries),
                soundtrack=str(files.soundtrack),
                output=str(files.video),
                clock=clock,
                lead=join.decode_lead(segments, clock),
                codec=segments[0].codec,
            ),
            timeout_seconds=self.settings.ffmpeg_timeout_seconds,
            on_progress=lambda at_ms: step.report_progress(40 + min(30, 30 * at_ms // plan.length_ms)),
        )

    async def _measure_video(
        self, plan: ScenePlan, files: Files, segments: Sequence[SegmentTrack], scratch: Path
    ) -> Certificate:
        picture, sound = await read_video(files.video, timeout_seconds=self.settings.ffmpeg_timeout_seconds)
        voice = await self._find_voice(plan, files, scratch)
        return judgement.certify(plan, segments, picture, sound, voice)

    async def _find_voice(self, plan: ScenePlan, files: Files, scratch: Path) -> tuple[VoiceOffset, ...]:
        places = listening.listenings([word.span for scene in plan.scenes for word in scene.words], plan.length_ms)
        stretches = await decode_stretches(
            places, files.voiceover, files.video, scratch, timeout_seconds=self.settings.ffmpeg_timeout_seconds
        )
        return tuple(
            [
                await asyncio.to_thread(listening.voice_offset, place, voice, mix)
                for place, (voice, mix) in zip(places, stretches, strict=True)
            ]
        )
