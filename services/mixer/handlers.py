"""From the scene plan to the soundtrack: gather, decide, render, encode, measure."""

import asyncio
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from services.mixer import bed, commands, core, music_ends, seams, wave_files
from services.mixer.bed import Seam
from services.mixer.core import Inputs, LevelledBed, Levelling, Measured, StemLevels
from services.mixer.loudness import Powers
from services.mixer.report import write_report
from services.mixer.wave_files import BedFiles, VoiceFiles
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.events import ScenesPlanned, SoundtrackMixed
from shared.ffmpeg import FfmpegError, probe_media, run_ffmpeg, run_ffprobe
from shared.plan import ScenePlan
from shared.project import Music, SubmittedProject
from shared.service import Step
from shared.soundtrack import KeptStems, SoundtrackReport
from shared.store import AssetStore
from shared.timeline import SAMPLES_PER_MS
from shared.transcript import Recording


@dataclass(frozen=True)
class Layers:
    """The sum of the layers on disk, the layers themselves where they are kept, and what was measured on them."""

    mix: Path
    voice: VoiceFiles
    bed: BedFiles | None
    levels: StemLevels

    @property
    def levelled_bed(self) -> LevelledBed | None:
        """How the music became the bed, where there is any."""
        return None if self.bed is None else self.bed.levelled


@dataclass(frozen=True)
class EncodedSoundtrack:
    """A soundtrack on disk, what was measured on it, and how many encodes it took."""

    path: Path
    levelling: Levelling
    measured: Measured
    encode_count: int


@dataclass(frozen=True)
class Handlers:
    """What the mixer does when it hears something."""

    store: AssetStore
    ffmpeg_timeout_seconds: float

    async def mix_soundtrack(self, event: ScenesPlanned, step: Step) -> SoundtrackMixed:
        """Mix voice and bed into the soundtrack, exactly as long as the voiceover, or find it in the store."""
        inputs = await self._gather_inputs(event)
        found = await self._find_report(inputs)
        if found is not None:
            return _answer(event, *found, from_store=True)
        layers = await self._write_layers(inputs, step)
        encoded = await self._encode_on_target(inputs, layers, step)
        soundtrack = await self.store.put_file(encoded.path, inputs.soundtrack_key, "audio/mp4")
        report = write_report(
            inputs,
            layers.levelled_bed,
            layers.levels,
            soundtrack=soundtrack,
            stems=await self._keep_stems(inputs, layers, encoded.levelling, step.scratch) if inputs.stems else None,
            measured=encoded.measured,
            encode_count=encoded.encode_count,
        )
        # The report goes last: finding it means that the work is done.
        stored = await self.store.put_document(report, inputs.report_key)
        step.report_progress(100)
        return _answer(event, report, stored, from_store=False)

    async def _gather_inputs(self, event: ScenesPlanned) -> Inputs:
        submitted = await self.store.get_document(event.project, SubmittedProject)
        music = submitted.project.music
        return Inputs(
            recording=await self.store.get_document(event.recording, Recording),
            plan=await self.store.get_document(event.plan, ScenePlan),
            music=music,
            music_asset=None if music is None else submitted.source(music.file),
            loudness=submitted.project.output.loudness,
            stems=submitted.project.output.stems,
        )

    async def _find_report(self, inputs: Inputs) -> tuple[SoundtrackReport, Asset] | None:
        stored = await self.store.find(inputs.report_key)
        if stored is None or await self.store.find(inputs.soundtrack_key) is None:
            return None
        return await self.store.get_document(stored, SoundtrackReport), stored

    async def _write_layers(self, inputs: Inputs, step: Step) -> Layers:
        source = await self._fetch_voiceover(inputs, step.scratch)
        powers = await asyncio.to_thread(wave_files.measure_powers, source)
        curve = core.level_voice(inputs.recording, powers)
        voice = VoiceFiles(source, powers, curve, _stem(step.scratch, "voice") if inputs.stems else None)
        step.report_progress(10)
        bed_files: BedFiles | None = None
        if inputs.music is not None and inputs.music_asset is not None:
            music = await self._decode_music(inputs.music, inputs.music_asset, inputs.plan, step.scratch)
            step.report_progress(20)
            levelled = await self._plan_bed(inputs.music, music, inputs.plan, core.levelled_powers(curve, powers))
            bed_files = BedFiles(music, levelled, _stem(step.scratch, "bed") if inputs.stems else None)
        step.report_progress(25)
        mix = step.scratch / "layers.wav"
        levels = await asyncio.to_thread(wave_files.write_mix, voice, bed_files, mix)
        step.report_progress(35)
        return Layers(mix, voice, bed_files, levels)

    async def _fetch_voiceover(self, inputs: Inputs, scratch: Path) -> Path:
        voice = scratch / "voiceover.wav"
        await self.store.fetch(inputs.recording.voiceover, voice)
        facts = await asyncio.to_thread(wave_files.wave_facts, voice)
        core.require_whole_voiceover(
            sample_rate=facts.sample_rate,
            channels=facts.channels,
            sample_count=facts.sample_count,
            length_ms=inputs.plan.length_ms,
        )
        return voice

    async def _decode_music(self, music: Music, asset: Asset, plan: ScenePlan, scratch: Path) -> Path:
        source = scratch / f"music{PurePosixPath(asset.key).suffix}"
        wave = scratch / "music-decoded.wav"
        await self.store.fetch(asset, source)
        try:
            facts = await probe_media(source)
            core.require_usable_music(file=music.file, container=facts.container, has_audio=facts.audio is not None)
            await run_ffmpeg(
                commands.decode_music(str(source), str(wave), at_most_ms=plan.length_ms),
                timeout_seconds=self.ffmpeg_timeout_seconds,
            )
        except FfmpegError as error:
            raise Unrecoverable(
                f"The music file {music.file!r} cannot be read: {error.cause}",
                remedy="Check that it plays, or convert it, e.g. to MP3 or WAV.",
            ) from error
        return wave

    async def _plan_bed(self, music: Music, wave: Path, plan: ScenePlan, voice: Powers) -> LevelledBed:
        facts = await asyncio.to_thread(wave_files.wave_facts, wave)
        core.require_long_enough_music(file=music.file, sample_count=facts.sample_count)
        length = plan.length_ms * SAMPLES_PER_MS
        start, end, seam = 0, facts.sample_count, None
        if end < length:
            start, end, seam = await asyncio.to_thread(_find_seam, wave, end, music.crossfade_ms)
        bed_plan = bed.plan_bed(
            music_start=start, music_end=end, length=length, fade_out_ms=music.fade_out_ms, seam=seam
        )
        open_bed = await asyncio.to_thread(wave_files.measure_powers, wave, bed=bed_plan)
        return core.level_bed(music, plan, bed_plan, voice=voice, open_bed=open_bed)

    async def _encode_on_target(self, inputs: Inputs, layers: Layers, step: Step) -> EncodedSoundtrack:
        """Encode, measure the encoded file, and encode once more where it misses its target."""
        levelling = core.first_levelling(layers.levels, target_lufs=inputs.loudness)
        path = step.scratch / "soundtrack.m4a"
        measured = await self._encode_and_measure(inputs, layers, levelling, path, step, first_percent=35)
        corrected = core.corrected_levelling(levelling, measured, target_lufs=inputs.loudness)
        if corrected is None:
            return EncodedSoundtrack(path, levelling, measured, encode_count=1)
        measured = await self._encode_and_measure(inputs, layers, corrected, path, step, first_percent=65)
        return EncodedSoundtrack(path, corrected, measured, encode_count=2)

    async def _encode_and_measure(
        self, inputs: Inputs, layers: Layers, levelling: Levelling, path: Path, step: Step, *, first_percent: int
    ) -> Measured:
        length_ms = inputs.plan.length_ms
        await run_ffmpeg(
            commands.encode_soundtrack(
                str(layers.mix),
                str(path),
                levelling=levelling,
                mix_wave=str(_stem(step.scratch, "mix")) if inputs.stems else None,
            ),
            timeout_seconds=self.ffmpeg_timeout_seconds,
            on_progress=lambda at_ms: step.report_progress(first_percent + min(25, 25 * at_ms // length_ms)),
        )
        printed = await run_ffprobe(commands.probe_sample_count(str(path)))
        core.require_exact_length(printed, length_ms=length_ms)
        return core.read_measurement(
            await run_ffmpeg(commands.measure_loudness(str(path)), timeout_seconds=self.ffmpeg_timeout_seconds)
        )

    async def _keep_stems(self, inputs: Inputs, layers: Layers, levelling: Levelling, scratch: Path) -> KeptStems:
        async def keep(layer: str) -> Asset:
            raised = scratch / f"{layer}-raised.wav"
            await run_ffmpeg(
                commands.raise_stem(str(_stem(scratch, layer)), str(raised), gain_db=levelling.gain_db),
                timeout_seconds=self.ffmpeg_timeout_seconds,
            )
            return await self.store.put_file(raised, inputs.stem_key(layer), "audio/wav")

        return KeptStems(
            voice=await keep("voice"),
            bed=None if layers.bed is None else await keep("bed"),
            mix=await self.store.put_file(_stem(scratch, "mix"), inputs.stem_key("mix"), "audio/wav"),
        )


def _stem(scratch: Path, layer: str) -> Path:
    return scratch / f"{layer}-stem.wav"


def _find_seam(wave: Path, sample_count: int, crossfade_ms: int) -> tuple[int, int, Seam]:
    """Where the music's sound starts and ends, and where it may go on at its own beginning."""
    head = wave_files.read_samples(wave, 0, min(sample_count, music_ends.END_SAMPLES))
    tail_at = max(0, sample_count - music_ends.END_SAMPLES)
    tail = wave_files.read_samples(wave, tail_at, sample_count - tail_at)
    start, end = bed.audible_part(sample_count, *music_ends.silent_ends(head, tail))
    energies = wave_files.measure_energies(wave)
    seam = seams.find_seam(energies, start=start, end=end, crossfade_ms=crossfade_ms)
    room = min(seams.REFINE_SAMPLES, seam.enter - start, seam.period - seam.overlap)
    outgoing = wave_files.read_samples(wave, seam.leave, seam.overlap)
    incoming = wave_files.read_samples(wave, seam.enter - room, seam.overlap + 2 * room)
    return start, end, seams.settle_seam(seam, outgoing.mean(axis=1), incoming.mean(axis=1))


def _answer(event: ScenesPlanned, report: SoundtrackReport, stored: Asset, *, from_store: bool) -> SoundtrackMixed:
    return SoundtrackMixed(
        project_id=event.project_id,
        soundtrack=report.soundtrack,
        report=stored,
        sample_count=report.sample_count,
        loudness_lufs=report.loudness_lufs,
        true_peak_dbtp=report.true_peak_dbtp,
        from_store=from_store,
    )
