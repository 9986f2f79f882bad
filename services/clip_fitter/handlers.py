"""A scene's window and its clip become a segment."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from pathlib import Path

from services.clip_fitter.best_window import Look
from services.clip_fitter.clip import Clip, empty_clip, unreadable_clip
from services.clip_fitter.clip_file import is_the_machines_fault, open_clip
from services.clip_fitter.core import Fill, FitLimits, is_hopeless
from services.clip_fitter.encoding import Encode, Purpose, Stretch, file_faults
from services.clip_fitter.footage_advice import VideoModel, hopeless_clip
from services.clip_fitter.looks import look
from services.clip_fitter.mp4_header import NoSegmentError, read_header
from services.clip_fitter.picture import Framing
from services.clip_fitter.prices import Prices
from services.clip_fitter.scene_recipe import Shown, recipe_of, worth_a_look
from services.clip_fitter.segment import (
    Part,
    SegmentJob,
    encoded_again,
    makes_pictures_apart,
    segment_encodes,
    segment_faults,
    segment_join,
)
from services.clip_fitter.settings import Settings
from services.clip_fitter.showing import (
    Meeting,
    Showing,
    meeting_of,
    segment_key,
    showing_of,
    transition_key,
)
from services.clip_fitter.sound import Sounding, heard_parts, probe_sample_count, sound_cut, sounding_of
from services.clip_fitter.transition import TransitionJob, transition_encode
from shared.assets import Asset, derived_key
from shared.errors import Unrecoverable
from shared.events import SceneFitted, ScenePlanned, SceneSounded
from shared.ffmpeg import FfmpegError, probe_media, run_ffmpeg, run_ffprobe
from shared.project import Clip as Footage
from shared.project import Fit
from shared.service import Step
from shared.store import AssetStore
from shared.timeline import SAMPLES_PER_MS, FrameGrid
from shared.transcript import Document


class FitNote(Document):
    """What was done to the clips, noted with their segment so that one from the store can still be explained."""

    clip_ms: int
    fit: str


class KeptSound(Document):
    """What was kept of the clips' own sound, where that was asked for: None where they have none."""

    sound: Asset | None

    @property
    def sentence(self) -> str:
        """The same in words."""
        return "its sound is kept" if self.sound else "there is no sound to keep"


Fitted = tuple[SceneFitted] | tuple[SceneFitted, SceneSounded]
"""What is said of a scene: of its sound only where it keeps any."""

LOOK_VERSION = 1
"""Goes up whenever the same clip would be seen otherwise than before."""


class ClipLook(Document):
    """What was seen in a source, kept so that it is decoded for that once."""

    brightness: tuple[float, ...]
    contrast: tuple[float, ...]
    motion: tuple[float, ...]


@dataclass(frozen=True)
class Handlers:
    """What the clip fitter does with each event."""

    store: AssetStore
    settings: Settings
    threads: int
    models: tuple[VideoModel, ...]

    async def fit_scene(self, event: ScenePlanned, step: Step) -> Fitted:
        """Fill the scene's window with its clips, make the transition that follows it, and cut the sound that it keeps:
        from the store where that was done before, encoded once otherwise."""
        showing, meeting = showing_of(event), meeting_of(event)
        stored = await self.store.find_noted(segment_key(showing), FitNote)
        transition = await self.store.find(transition_key(meeting)) if meeting else None
        sounding = sounding_of(event)
        kept = await self._find_kept_sound(sounding) if sounding else None
        is_sounded = sounding is None or kept is not None
        is_met = meeting is None or transition is not None
        if stored is not None and is_met and is_sounded:
            segment, note = stored
            return _answer(_fitted(event, segment, transition, note, from_store=True), sounding, kept)
        job, note = await self._gather_job(showing, step, step.scratch / "scene")
        if stored is not None:
            segment, _ = stored
        else:
            path = await self._make_segment(replace(job, only=showing.body), step)
            segment = await self.store.put_file(path, segment_key(showing), "video/mp4", note)
        if meeting is not None and transition is None:
            path = await self._make_transition(meeting, job, step)
            transition = await self.store.put_file(path, transition_key(meeting), "video/mp4")
        if sounding is not None and kept is None:
            kept = await self._keep_sound(sounding, job, step)
        return _answer(_fitted(event, segment, transition, note, from_store=False), sounding, kept)

    async def _find_kept_sound(self, sounding: Sounding) -> KeptSound | None:
        stored = await self.store.find(sounding.note_key)
        if stored is None:
            return None
        kept = await self.store.get_document(stored, KeptSound)
        is_whole = kept.sound is None or await self.store.find(kept.sound.key) is not None
        return kept if is_whole else None

    async def _keep_sound(self, sounding: Sounding, job: SegmentJob, step: Step) -> KeptSound:
        """The clips' own sound, cut as their pictures were."""
        guard = self.settings.clip_limits.guard()
        with_sound = set()
        for source in sorted({part.source for part in job.parts if part.keeps_sound}):
            if (await probe_media(Path(source), guard=guard)).audio is not None:
                with_sound.add(source)
        heard = heard_parts(job, with_sound)
        sound: Asset | None = None
        if heard:
            target = step.scratch / "sound.flac"
            cut = sound_cut(sounding, job, heard, str(target))
            try:
                await run_ffmpeg(cut, timeout_seconds=self.settings.time_limit_seconds)
            except FfmpegError as error:
                raise _sound_to_blame(error, [part.source for part in job.parts], sounding) from error
            wanted = sounding.span.length * SAMPLES_PER_MS
            if (found := (await run_ffprobe(probe_sample_count(str(target)))).strip()) != str(wanted):
                raise RuntimeError(f"the kept sound has {found} samples, not {wanted}")
            sound = await self.store.put_file(target, sounding.sound_key, "audio/flac")
        kept = KeptSound(sound=sound)
        # The note goes last: finding it means that the work is done.
        await self.store.put_document(kept, sounding.note_key)
        return kept

    async def _gather_job(self, showing: Showing, step: Step, folder: Path) -> tuple[SegmentJob, FitNote]:
        """How the scene's clips fill all its frames, the handles included; the clips are fetched into `folder`."""
        await asyncio.to_thread(folder.mkdir)
        try:
            return await self._plan_job(showing, step, folder)
        except Unrecoverable as error:
            raise Unrecoverable(error.reason, remedy=error.remedy, scene_id=showing.scene_id) from error

    async def _plan_job(self, showing: Showing, step: Step, folder: Path) -> tuple[SegmentJob, FitNote]:
        fetched = [await self._fetch_clip(asset, folder / f"clip-{n}") for n, asset in enumerate(showing.clips)]
        footage = showing.footage or tuple(Footage(file=asset.key) for asset in showing.clips)
        shown = [Shown(clip, said.in_ms) for (clip, _), said in zip(fetched, footage, strict=True)]
        frames, fps, limits = showing.frame_count, showing.output.fps, _limits(showing.fit)
        lengths = [one.usable.length for one in shown]
        if is_hopeless(frames, fps, lengths):
            raise hopeless_clip(lengths, FrameGrid(fps).ms_at(frames), self.models)
        recipe = recipe_of(shown, frames, fps, limits)
        if numbers := worth_a_look(shown, recipe):
            looks = {number: await self._look(showing.clips[number], fetched[number][1], step) for number in numbers}
            recipe = recipe_of(shown, frames, fps, limits, looks)
        job = SegmentJob(
            parts=tuple(
                Part(
                    clip=fetched[number][0],
                    source=str(fetched[number][1]),
                    recipe=part,
                    framing=_framing(showing.fit, footage[number]),
                    slow_motion=showing.fit.slow_motion,
                    keeps_sound=footage[number].keep_sound,
                )
                for number, part in zip(recipe.clip_numbers, recipe.parts, strict=True)
            ),
            crossfade_frames=recipe.crossfade_frames,
            frame_count=frames,
            output=showing.output,
            target=str(folder / "segment.mp4"),
            guard=self.settings.clip_limits.guard(),
            threads=self.threads,
        )
        return job, FitNote(clip_ms=sum(lengths), fit=recipe.sentence)

    async def _make_segment(self, job: SegmentJob, step: Step) -> Path:
        await self._encode(job, step)
        await self._check_segment(job, Path(job.target))
        return Path(job.target)

    async def _make_transition(self, meeting: Meeting, leaving: SegmentJob, step: Step) -> Path:
        """Both scenes' frames around the cut, without loss, and then mixed: so no more than these are in memory."""
        folder = step.scratch / "next-scene"
        coming, _ = await self._gather_job(meeting.coming, step, folder)
        ends = (
            _interim(leaving, meeting.leaving.tail, folder / "leaving.mp4"),
            _interim(coming, meeting.coming.head, folder / "coming.mp4"),
        )
        for end in ends:
            await self._encode(end, step)
        target = folder / "transition.mp4"
        job = TransitionJob(
            kind=meeting.kind,
            leaving=ends[0].target,
            coming=ends[1].target,
            half_frames=meeting.half_frames,
            output=meeting.leaving.output,
            target=str(target),
            threads=self.threads,
        )
        await run_ffmpeg(transition_encode(job).arguments, timeout_seconds=self.settings.time_limit_seconds)
        if faults := file_faults(job.output, job.frame_count, await asyncio.to_thread(read_header, target)):
            raise RuntimeError(f"the transition is not what was asked for: {', '.join(faults)}")
        return target

    async def _look(self, asset: Asset, path: Path, step: Step) -> Look:
        key = derived_key("looks", "json", recipe_version=LOOK_VERSION, source=asset.digest)
        if (stored := await self.store.find(key)) is not None:
            seen = await self.store.get_document(stored, ClipLook)
            return Look(seen.brightness, seen.contrast, seen.motion)
        guard = self.settings.clip_limits.guard()
        target = step.scratch / "look.grey"
        try:
            found = await look(path, target, guard=guard, timeout_seconds=self.settings.time_limit_seconds)
        except FfmpegError as error:
            raise _input_to_blame(error, [str(path)]) from error
        await self.store.put_document(
            ClipLook(brightness=found.brightness, contrast=found.contrast, motion=found.motion), key
        )
        return found

    async def _fetch_clip(self, asset: Asset, path: Path) -> tuple[Clip, Path]:
        if asset.size == 0:
            raise empty_clip()
        # The path has no ending: what the file is, its bytes say.
        await self.settings.clip_cache.fetch(self.store, asset, path)
        unpacked = path.with_name(f"{path.name}-unpacked")
        return await open_clip(
            path, unpacked, self.settings.clip_limits, timeout_seconds=self.settings.probe_limit_seconds
        )

    async def _encode(self, job: SegmentJob, step: Step) -> None:
        if not makes_pictures_apart(job):
            await self._encode_pieces(job, step)
            return
        made = replace(job, target=f"{job.target}.made.mp4", purpose=Purpose.INTERIM)
        await self._encode_pieces(made, step)
        again = encoded_again(job, made.target)
        await self._run_encode(job, again, partial(_report_frames, step, job, 0))

    async def _encode_pieces(self, job: SegmentJob, step: Step) -> None:
        encodes = segment_encodes(job)
        done = 0
        for encode in encodes:
            await self._run_encode(job, encode, partial(_report_frames, step, job, done))
            done += encode.frame_count
        if len(encodes) > 1:
            join = segment_join(job, encodes)
            await asyncio.to_thread(Path(join.listing_target).write_text, join.listing)
            await run_ffmpeg(join.arguments, timeout_seconds=self.settings.time_limit_seconds)

    async def _run_encode(self, job: SegmentJob, encode: Encode, on_progress: Callable[[int], None]) -> None:
        try:
            await run_ffmpeg(
                encode.arguments, timeout_seconds=self.settings.time_limit_seconds, on_progress=on_progress
            )
        except FfmpegError as error:
            raise _input_to_blame(error, [part.source for part in job.parts]) from error

    async def _check_segment(self, job: SegmentJob, target: Path) -> None:
        try:
            header = await asyncio.to_thread(read_header, target)
        except NoSegmentError as error:  # ffmpeg ended well and has written nothing
            raise unreadable_clip("none of its pictures can be decoded") from error
        faults = segment_faults(job, header)
        if not faults:
            return
        if header.frame_count < job.shown.length:
            raise unreadable_clip("its pictures stop before its end")
        raise RuntimeError(f"the segment is not what was asked for: {', '.join(faults)}")


def _interim(job: SegmentJob, only: Stretch, target: Path) -> SegmentJob:
    return replace(job, only=only, target=str(target), purpose=Purpose.INTERIM)


def _framing(fit: Fit, said: Footage) -> Framing:
    across, down = said.focus or fit.focus
    return Framing(said.frame or fit.frame, (Fraction(str(across)), Fraction(str(down))))


def _limits(fit: Fit) -> FitLimits:
    # Through text: 0.85 in the project file means 17/20, and the float nearest to it does not.
    slowest, fastest = Fraction(str(fit.slowest)), Fraction(str(fit.fastest))
    return FitLimits(
        slowest,
        fastest,
        Fill(fit.fill),
        Prices(**{key: Fraction(str(price)) for key, price in fit.prices}),
        crossfade_seconds=Fraction(fit.crossfade_ms, 1000),
    )


def _report_frames(step: Step, job: SegmentJob, frames_before: int, reached_ms: int) -> None:
    reached = frames_before + reached_ms * job.output.fps / 1000
    step.report_progress(min(100, int(100 * reached / job.shown.length)))


def _fitted(
    event: ScenePlanned, segment: Asset, transition: Asset | None, note: FitNote, *, from_store: bool
) -> SceneFitted:
    mixed = f"; {2 * event.handle_after} frames of {event.next_scene.transition}" if event.next_scene else ""
    return SceneFitted(
        project_id=event.project_id,
        scene_number=event.scene_number,
        scene_id=event.scene_id,
        segment=segment,
        transition=transition,
        frame_count=event.frame_count,
        clip_ms=note.clip_ms,
        fit=note.fit + mixed,
        from_store=from_store,
    )


def _answer(fitted: SceneFitted, sounding: Sounding | None, kept: KeptSound | None) -> Fitted:
    if sounding is None or kept is None:
        return (fitted,)
    sounded = SceneSounded(
        project_id=fitted.project_id,
        scene_number=fitted.scene_number,
        scene_id=fitted.scene_id,
        sound=kept.sound,
        span=sounding.span,
        from_store=fitted.from_store,
    )
    return fitted.model_copy(update={"fit": f"{fitted.fit}; {kept.sentence}"}), sounded


def _input_to_blame(error: FfmpegError, sources: Sequence[str]) -> Exception:
    """The failure to raise: a killed process or a full disk may go better next time, a broken clip never will."""
    if is_the_machines_fault(error.exit_code, error.complaints):
        return error
    if "Unknown encoder" in error.complaints:
        return Unrecoverable(
            "The ffmpeg of this clip fitter has no encoder for the project's codec.",
            remedy="Install a full build of ffmpeg there, or write `codec: h264` under `output.encoder`.",
        )
    complaints = error.complaints
    for source in sources:
        complaints = complaints.replace(f"{source}: ", "").replace(source, "the file")
    return unreadable_clip(complaints)


def _sound_to_blame(error: FfmpegError, sources: Sequence[str], sounding: Sounding) -> Exception:
    blamed = _input_to_blame(error, sources)
    if not isinstance(blamed, Unrecoverable):
        return blamed
    return Unrecoverable(
        f"A clip's sound cannot be read ({error.cause}).",
        remedy="Remove `keep_sound` from it, or export the clip again.",
        scene_id=sounding.showing.scene_id,
    )
