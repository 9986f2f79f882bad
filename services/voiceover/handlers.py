"""Hears that a project was submitted, has every scene spoken, and says that the voiceover is recorded."""

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from services.voiceover import core, wave_files
from services.voiceover.core import AskedTake, Layout, TakeKeys
from services.voiceover.recording import RECORDING_GUARD, require_whole_recording, unreadable_recording
from services.voiceover.settings import Settings
from services.voiceover.take_report import TakeReport
from services.voiceover.voice import OpenVoice, SpokenTake, Voice
from shared.assets import Asset
from shared.events import ProjectSubmitted, VoiceoverRecorded
from shared.ffmpeg import FfmpegError, run_ffmpeg
from shared.project import SubmittedProject
from shared.service import Step
from shared.store import AssetStore
from shared.timeline import FrameGrid
from shared.transcript import Recording

_SHARE_OF_TAKES = 90  # percent of the work, the rest is joining


@dataclass(frozen=True)
class Handlers:
    """The voiceover's one handler and its steps. `voices` are named as in the project file."""

    store: AssetStore
    voices: Mapping[str, OpenVoice]
    settings: Settings

    async def record_voiceover(self, event: ProjectSubmitted, step: Step) -> VoiceoverRecorded:
        """Speak what has not been spoken before, join what has changed."""
        submitted = await self.store.get_document(event.project, SubmittedProject)
        asked = core.asked_takes(submitted)
        voice = await self.voices[submitted.project.voice.engine](submitted.project.voice)
        keys = [core.take_keys(one, voice.determinants(one.line)) for one in asked]
        key = core.recording_key(asked, keys, submitted.project.output.fps)
        found = await self.store.find(key)
        if found is not None:
            recording = await self.store.get_document(found, Recording)
            return _recorded(event, found, recording, from_store=True)
        reports = await self._record_takes(asked, keys, voice, step)
        recording = await self._join_takes(submitted, asked, reports, step)
        step.report_progress(100)
        return _recorded(event, await self.store.put_document(recording, key), recording, from_store=False)

    async def _record_takes(
        self, asked: Sequence[AskedTake], keys: Sequence[TakeKeys], voice: Voice, step: Step
    ) -> list[TakeReport]:
        """All takes in order, some at the same time. The first failure stops the others."""
        different = dict(zip(keys, asked, strict=True))  # scenes that say the same share a take
        free = asyncio.Semaphore(self.settings.takes_at_once)
        done = 0

        async def record(one: AskedTake, key: TakeKeys) -> TakeReport:
            nonlocal done
            async with free:
                report = await self._record_take(one, key, voice, step.scratch)
            done += 1
            step.report_progress(_SHARE_OF_TAKES * done // len(different))
            return report

        try:
            async with asyncio.TaskGroup() as group:
                tasks = {key: group.create_task(record(one, key)) for key, one in different.items()}
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # whether to try again is decided by what it is
        return [tasks[key].result() for key in keys]

    async def _record_take(self, asked: AskedTake, keys: TakeKeys, voice: Voice, scratch: Path) -> TakeReport:
        """The take's report, found in the store or made now."""
        found = await self.store.find(keys.report)
        if found is not None:
            return await self.store.get_document(found, TakeReport)
        # Removed at once, so that the scratch space of a long project is that of a few takes.
        with tempfile.TemporaryDirectory(dir=scratch, ignore_cleanup_errors=True) as name:
            folder = Path(name)
            spoken = await voice.speak(asked.line, folder)
            cut = await self._cut_take(asked, spoken, folder)
            audio = await self.store.put_file(folder / "take.wav", keys.audio, "audio/wav")
        report = TakeReport(
            audio=audio,
            take_ms=cut.take_ms,
            words=core.report_words(spoken.words, cut),
            opposed_take_spans=core.report_opposed(spoken.opposed, cut),
            kept_side=None if spoken.opposed is None else spoken.opposed.louder,
        )
        await self.store.put_document(report, keys.report)  # last: a report stands for a take that is whole
        return report

    async def _cut_take(self, asked: AskedTake, spoken: SpokenTake, folder: Path) -> core.TakeCut:
        """Make `take.wav` of what the voice handed over, and return how it was cut."""
        settings, line = self.settings, asked.line
        minutes = settings.longest_recording_minutes if asked.holds_all_scenes else settings.longest_take_minutes
        longest_ms, decoded = minutes * 60_000, folder / "decoded.wav"
        # Decoded a second longer than allowed, which shows that it is too long.
        arguments = core.decode_arguments(
            str(spoken.audio),
            str(decoded),
            longest_ms + 1000,
            side=None if spoken.opposed is None else spoken.opposed.louder,
        )
        try:
            await run_ffmpeg([*RECORDING_GUARD, *arguments], timeout_seconds=settings.ffmpeg_timeout_seconds)
        except FfmpegError as error:
            if line.recording is None or error.exit_code < 0:
                raise
            raise unreadable_recording(line.scene_id, error.cause, size=line.recording.size) from error
        powers = await asyncio.to_thread(wave_files.measure_powers, decoded)
        cut = core.cut_take(asked, powers, longest_ms)
        require_whole_recording(line.scene_id, declared_ms=spoken.declared_ms, decoded_ms=powers.size)
        await asyncio.to_thread(wave_files.write_take, decoded, cut, folder / "take.wav")
        return cut

    async def _join_takes(
        self, submitted: SubmittedProject, asked: Sequence[AskedTake], reports: Sequence[TakeReport], step: Step
    ) -> Recording:
        layout = core.lay_out(asked, [report.take_ms for report in reports], FrameGrid(submitted.project.output.fps))
        key = core.voiceover_key(reports, layout)
        voiceover = await self.store.find(key)
        if voiceover is None:
            path = step.scratch / "voiceover.wav"
            await self._write_voiceover(reports, layout, path, step)
            voiceover = await self.store.put_file(path, key, "audio/wav")
        return core.describe_recording(asked, reports, layout, voiceover, submitted.project.voice.engine)

    async def _write_voiceover(self, reports: Sequence[TakeReport], layout: Layout, path: Path, step: Step) -> None:
        """The takes and the silences between them in one file; one take at a time is on disk."""
        take = step.scratch / "joined-take.wav"
        silences = layout.silences_ms
        with wave_files.write_wave(path) as voiceover:
            for number, report in enumerate(reports):
                await self.store.fetch(report.audio, take)
                voiceover.add_silence(silences[number])
                await asyncio.to_thread(voiceover.add_file, take)
                step.report_progress(_SHARE_OF_TAKES + (99 - _SHARE_OF_TAKES) * (number + 1) // len(reports))
            voiceover.add_silence(silences[-1])
        take.unlink()


def _recorded(event: ProjectSubmitted, asset: Asset, recording: Recording, *, from_store: bool) -> VoiceoverRecorded:
    return VoiceoverRecorded(
        project_id=event.project_id,
        project=event.project,
        recording=asset,
        length_ms=recording.length_ms,
        from_store=from_store,
    )
