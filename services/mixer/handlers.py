"""From the scene plan to the soundtrack: gather, decide, render, encode, measure."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from services.mixer import analysis_files, commands, core, wave_files
from services.mixer.analysis import Analysis, analyse
from services.mixer.arranging import Song, arrange_bed
from services.mixer.bed import BedPlace, BedPlan
from services.mixer.core import Heard, Inputs, KeptSound, LevelledBed, Levelling, Measured
from services.mixer.effects import level_kept_sound, level_sound
from services.mixer.loudness import Powers
from services.mixer.places import place_beds, place_sounds
from services.mixer.report import MixedLayers, write_report
from services.mixer.wave_files import BedFiles, LayerFiles, SoundFiles, StemPaths, VoiceFiles
from shared.assets import Asset
from shared.errors import Unrecoverable
from shared.events import SceneSounded, ScenesPlanned, SoundtrackMixed
from shared.ffmpeg import FfmpegError, probe_media, run_ffmpeg, run_ffprobe
from shared.plan import ScenePlan
from shared.project import Music, SubmittedProject
from shared.roll import Rolls
from shared.service import Step
from shared.soundtrack import KeptStems, SoundtrackReport, SoundtrackWarning
from shared.store import AssetStore
from shared.timeline import SAMPLES_PER_MS
from shared.transcript import Recording

LAYERS = ("voice", "bed", "effects")

LONGEST_SONG_MS = 20 * 60_000
"""Of longer music only the first part is decoded, or what the bed needs, so its ending is not kept."""


@dataclass(frozen=True)
class Layers:
    """The sum of the layers on disk, the layers themselves where they are kept, and what was measured on them."""

    mix: Path
    stems: StemPaths | None
    measured: MixedLayers


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
    rolls: Rolls = field(default_factory=Rolls)

    async def mix_kept_sound(self, event: SceneSounded, step: Step) -> SoundtrackMixed | None:
        """Mix the soundtrack, where this was the last of the scenes' sounds that it waited for.

        An event is in the history before anyone hears it, so whoever handles the last one sees them all. Several may:
        the bus admits one `soundtrack.mixed`.
        """
        roll = self.rolls.of(event.project_id)
        roll.note(event.address)
        if roll.awaited is not None and not await roll.is_complete(step.holds):
            return None
        planned = await step.events(ScenesPlanned)
        return await self.mix_soundtrack(planned[-1], step) if planned else None

    async def mix_soundtrack(self, event: ScenesPlanned, step: Step) -> SoundtrackMixed | None:
        """Mix all layers into the soundtrack, exactly as long as the voiceover, or find it in the store; None where
        scenes keep the sound of their clips and not all of these are fitted."""
        submitted = await self.store.get_document(event.project, SubmittedProject)
        roll = self.rolls.of(event.project_id)
        roll.awaited = core.awaited_sounds(event.project_id, submitted.project)
        if not await roll.is_complete(step.holds):
            return None
        kept = await _kept_sounds(roll.awaited, step)
        inputs = await self._gather_inputs(event, submitted, kept)
        found = await self._find_report(inputs)
        if found is not None:
            return _answer(event, *found, from_store=True)
        layers = await self._write_layers(inputs, step)
        encoded = await self._encode_on_target(inputs, layers, step)
        soundtrack = await self.store.put_file(encoded.path, inputs.soundtrack_key, "audio/mp4")
        report = write_report(
            inputs,
            layers.measured,
            soundtrack=soundtrack,
            stems=await self._keep_stems(inputs, layers, encoded.levelling, step.scratch),
            measured=encoded.measured,
            encode_count=encoded.encode_count,
        )
        # The report goes last: finding it means that the work is done.
        stored = await self.store.put_document(report, inputs.report_key)
        step.report_progress(100)
        return _answer(event, report, stored, from_store=False)

    async def _gather_inputs(
        self, event: ScenesPlanned, submitted: SubmittedProject, kept: tuple[KeptSound, ...]
    ) -> Inputs:
        project = submitted.project
        return Inputs(
            recording=await self.store.get_document(event.recording, Recording),
            plan=await self.store.get_document(event.plan, ScenePlan),
            voice_chain=project.voice_chain,
            beds=tuple((bed, submitted.source(bed.file)) for bed in project.music),
            sounds=tuple((sound, submitted.source(sound.file)) for sound in project.sounds),
            loudness=project.output.loudness,
            stems=project.output.stems,
            clip_sound=project.clip_sound,
            kept_sounds=kept,
        )

    async def _find_report(self, inputs: Inputs) -> tuple[SoundtrackReport, Asset] | None:
        stored = await self.store.find(inputs.report_key)
        if stored is None or await self.store.find(inputs.soundtrack_key) is None:
            return None
        return await self.store.get_document(stored, SoundtrackReport), stored

    async def _write_layers(self, inputs: Inputs, step: Step) -> Layers:
        scratch = step.scratch
        recorded = await self._fetch_voiceover(inputs, scratch)
        heard = await asyncio.to_thread(wave_files.hear, recorded)
        voice = await self._treat_voice(inputs, recorded, heard, scratch)
        step.report_progress(15)
        levelled_voice = core.levelled_powers(voice.curve, voice.powers)
        places = place_beds([music for music, _ in inputs.beds], inputs.plan)
        waves: list[Path] = []
        levelled: list[LevelledBed] = []
        open_beds: list[Powers] = []
        for number, ((music, asset), place) in enumerate(zip(inputs.beds, places, strict=True)):
            wave = scratch / f"music-{number}.wav"
            bed_plan = await self._plan_bed(music, asset, wave, place)
            open_bed = await asyncio.to_thread(
                wave_files.measure_bed, wave, bed_plan, inputs.plan.length_ms * SAMPLES_PER_MS
            )
            waves.append(wave)
            levelled.append(core.level_bed(music, inputs.plan, bed_plan, voice=levelled_voice, open_bed=open_bed))
            open_beds.append(open_bed)
        levelled_beds = core.clear_every_scene(inputs.plan, levelled, open_beds, levelled_voice)
        beds = tuple(BedFiles(wave, bed) for wave, bed in zip(waves, levelled_beds, strict=True))
        sounds, warnings = await self._place_sounds(inputs, scratch)
        kept_sounds, missed = await self._place_kept_sounds(inputs, scratch)
        warnings += missed
        step.report_progress(25)
        mix = scratch / "layers.wav"
        stems = StemPaths(*(scratch / f"{layer}-stem.wav" for layer in LAYERS)) if inputs.stems else None
        layer_files = LayerFiles(voice, beds, (*sounds, *kept_sounds))
        levels = await asyncio.to_thread(wave_files.write_mix, layer_files, mix, stems)
        step.report_progress(35)
        measured = MixedLayers(
            heard=heard,
            beds=levelled_beds,
            sounds=tuple(sound.levelled.span for sound in sounds),
            levels=levels,
            warnings=warnings,
            kept_sounds=tuple(sound.levelled.span for sound in kept_sounds),
        )
        return Layers(mix, stems, measured)

    async def _treat_voice(self, inputs: Inputs, recorded: Path, heard: Heard, scratch: Path) -> VoiceFiles:
        """The voice, every take at its level, then without rumble and compressed, and levelled again."""
        curve = core.level_voice(inputs.spoken, heard.powers)
        chain = inputs.voice_chain
        if chain.is_idle:
            return VoiceFiles(recorded, heard.powers, curve)
        levelled, treated = scratch / "voice-levelled.wav", scratch / "voice-treated.wav"
        await asyncio.to_thread(wave_files.write_levelled, recorded, curve, levelled)
        await run_ffmpeg(
            commands.treat_voice(str(levelled), str(treated), chain=chain), timeout_seconds=self.ffmpeg_timeout_seconds
        )
        levelled.unlink()
        powers = await asyncio.to_thread(wave_files.measure_powers, treated)
        return VoiceFiles(treated, powers, core.level_voice(inputs.spoken, powers))

    async def _place_sounds(
        self, inputs: Inputs, scratch: Path
    ) -> tuple[tuple[SoundFiles, ...], tuple[SoundtrackWarning, ...]]:
        """The sounds at their words, and a warning for each whose word was not heard."""
        placed = place_sounds([sound for sound, _ in inputs.sounds], inputs.plan)
        sounds: list[SoundFiles] = []
        warnings: list[SoundtrackWarning] = []
        for number, ((sound, asset), place) in enumerate(zip(inputs.sounds, placed, strict=True)):
            if place.at_ms is None:
                message = f"The sound {sound.file!r} is left out: its word {sound.at!r} was not heard."
                warnings.append(SoundtrackWarning(scene_number=place.scene_number, at_ms=None, message=message))
                continue
            wave, room = scratch / f"sound-{number}.wav", inputs.plan.length_ms - place.at_ms
            await self._decode(f"The sound file {sound.file!r}", asset, wave, at_most_samples=room * SAMPLES_PER_MS)
            count = (await asyncio.to_thread(wave_files.wave_facts, wave)).sample_count
            powers = await asyncio.to_thread(wave_files.measure_powers, wave)
            levelled = level_sound(sound, inputs.plan, at_ms=place.at_ms, sample_count=count, powers=powers)
            sounds.append(SoundFiles(wave, levelled))
        return tuple(sounds), tuple(warnings)

    async def _place_kept_sounds(
        self, inputs: Inputs, scratch: Path
    ) -> tuple[tuple[SoundFiles, ...], tuple[SoundtrackWarning, ...]]:
        """The clips' own sound, scene by scene, and a warning for each scene whose clips have none."""
        sounds: list[SoundFiles] = []
        warnings: list[SoundtrackWarning] = []
        for kept in inputs.kept_sounds:
            levelled = None
            path = scratch / f"kept-{kept.scene_number}.flac"
            if kept.sound is not None:
                await self.store.fetch(kept.sound, path)
                facts = await asyncio.to_thread(wave_files.wave_facts, path)
                core.require_whole_kept_sound(
                    sample_rate=facts.sample_rate,
                    channels=facts.channels,
                    sample_count=facts.sample_count,
                    span=kept.span,
                )
                powers = await asyncio.to_thread(wave_files.measure_powers, path)
                levelled = level_kept_sound(
                    inputs.clip_sound,
                    inputs.plan,
                    at_ms=kept.span.start,
                    sample_count=facts.sample_count,
                    powers=powers,
                )
            if levelled is not None:
                sounds.append(SoundFiles(path, levelled))
            else:
                message = "Its clips are to be heard, but have no sound or are silent."
                warnings.append(SoundtrackWarning(scene_number=kept.scene_number, at_ms=None, message=message))
        return tuple(sounds), tuple(warnings)

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

    async def _decode(self, named: str, asset: Asset, wave: Path, *, at_most_samples: int) -> None:
        """Decode a source to a WAV file. Raises `Unrecoverable` where it cannot be; `named`: "The music file 'a'"."""
        source = wave.with_name(f"{wave.stem}-source{PurePosixPath(asset.key).suffix}")
        await self.store.fetch(asset, source)
        try:
            facts = await probe_media(source)
            core.require_usable_sound(named, container=facts.container, has_audio=facts.audio is not None)
            await run_ffmpeg(
                commands.decode_sound(str(source), str(wave), at_most_ms=-(-at_most_samples // SAMPLES_PER_MS)),
                timeout_seconds=self.ffmpeg_timeout_seconds,
            )
        except FfmpegError as error:
            raise Unrecoverable(
                f"{named} cannot be read: {error.cause}",
                remedy="Check that it plays, or convert it, e.g. to MP3 or WAV.",
            ) from error
        source.unlink()

    async def _plan_bed(self, music: Music, asset: Asset, wave: Path, place: BedPlace) -> BedPlan:
        """Decode the music and decide how it becomes the bed."""
        longest = max(place.length, LONGEST_SONG_MS * SAMPLES_PER_MS)
        await self._decode(f"The music file {music.file!r}", asset, wave, at_most_samples=longest)
        facts = await asyncio.to_thread(wave_files.wave_facts, wave)
        core.require_long_enough_music(file=music.file, sample_count=facts.sample_count)
        song = Song(
            wave,
            sample_count=facts.sample_count,
            is_whole=facts.sample_count < longest,
            analysis=await self._analyse(asset, wave, longest),
        )
        return await asyncio.to_thread(arrange_bed, song, place, crossfade_ms=music.crossfade_ms)

    async def _analyse(self, music: Asset, wave: Path, longest: int) -> Analysis:
        """The music's analysis, found in the store or made now."""
        key = core.analysis_key(music, longest)
        path = wave.with_suffix(".npz")
        found = await self.store.find(key)
        if found is not None:
            await self.store.fetch(found, path)
            return await asyncio.to_thread(analysis_files.read_analysis, path)
        analysis = analyse(await asyncio.to_thread(analysis_files.measure_features, wave))
        await asyncio.to_thread(analysis_files.write_analysis, analysis, path)
        await self.store.put_file(path, key, "application/octet-stream")
        # Read back, because the file keeps half the digits: the same bed, whether the analysis is found or made.
        return await asyncio.to_thread(analysis_files.read_analysis, path)

    async def _encode_on_target(self, inputs: Inputs, layers: Layers, step: Step) -> EncodedSoundtrack:
        """Encode, measure the encoded file, and encode once more where it misses its target."""
        levelling = core.first_levelling(layers.measured.levels, target_lufs=inputs.loudness)
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
                mix_wave=str(_mix_stem(step.scratch)) if inputs.stems else None,
            ),
            timeout_seconds=self.ffmpeg_timeout_seconds,
            on_progress=lambda at_ms: step.report_progress(first_percent + min(25, 25 * at_ms // length_ms)),
        )
        printed = await run_ffprobe(commands.probe_sample_count(str(path)))
        core.require_exact_length(printed, length_ms=length_ms)
        return core.read_measurement(
            await run_ffmpeg(commands.measure_loudness(str(path)), timeout_seconds=self.ffmpeg_timeout_seconds)
        )

    async def _keep_stems(
        self, inputs: Inputs, layers: Layers, levelling: Levelling, scratch: Path
    ) -> KeptStems | None:
        stems = layers.stems
        if stems is None:
            return None

        async def keep(layer: str, stem: Path) -> Asset:
            raised = scratch / f"{layer}-raised.wav"
            await run_ffmpeg(
                commands.raise_stem(str(stem), str(raised), gain_db=levelling.gain_db),
                timeout_seconds=self.ffmpeg_timeout_seconds,
            )
            return await self.store.put_file(raised, inputs.stem_key(layer), "audio/wav")

        return KeptStems(
            voice=await keep("voice", stems.voice),
            bed=await keep("bed", stems.bed) if layers.measured.beds else None,
            effects=await keep("effects", stems.effects)
            if layers.measured.sounds or layers.measured.kept_sounds
            else None,
            mix=await self.store.put_file(_mix_stem(scratch), inputs.stem_key("mix"), "audio/wav"),
        )


async def _kept_sounds(awaited: Sequence[str], step: Step) -> tuple[KeptSound, ...]:
    """What the scenes keep of their clips' sound, in their order."""
    if not awaited:
        return ()
    sounded = {event.address: event for event in await step.events(SceneSounded)}
    return tuple(KeptSound(one.scene_number, one.sound, one.span) for one in map(sounded.__getitem__, awaited))


def _mix_stem(scratch: Path) -> Path:
    return scratch / "mix-stem.wav"


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
