"""What a scene keeps of its clips' own sound: which part, where it plays, and the ffmpeg call that cuts it. Pure.

    frames   [ handle )[          window          )[ handle )
    first     /------------------------\\                        at the picture's speed
    second                      /---------\\                     crossed where the pictures are
    fill                                     ..............      held or run backwards: silence

The sound follows the picture, frame for frame, except where a clip is held or runs backwards.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import ffmpeg

from services.clip_fitter.filters import Filter, strung
from services.clip_fitter.segment import Part, SegmentJob
from services.clip_fitter.showing import RECIPE_VERSION, Showing, showing_of
from shared.assets import derived_key
from shared.events import ScenePlanned
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS, FrameGrid, Span

SOUND_VERSION = 1
"""Goes up whenever the same clips and window would give another sound than before."""

CUT_FADE_MS = 10
"""At a plain cut: short enough to be no fade, long enough to be no click."""

END_FADE_MS = 300
"""Where the clip has ended and its picture is held or runs backwards. Judgement."""

SEEK_LEAD_MS = 1_000
"""How much earlier decoding starts: a sound's first packets need those before them."""


@dataclass(frozen=True)
class Sounding:
    """A scene whose clips are to be heard: what is shown of it, and where that lies on the master clock."""

    showing: Showing
    span: Span

    @property
    def sound_key(self) -> str:
        """The key of the sound that is kept."""
        return self._key("kept-sounds", "flac")

    @property
    def note_key(self) -> str:
        """The key of what is noted about it: also that there is none."""
        return self._key("kept-sound-notes", "json")

    def _key(self, kind: str, extension: str) -> str:
        showing = self.showing
        return derived_key(
            kind,
            extension,
            recipe_version=SOUND_VERSION,
            fitted=RECIPE_VERSION,
            length_ms=self.span.length,
            clips=[clip.digest for clip in showing.clips],
            kept=[[said.keep_sound, said.in_ms] for said in showing.footage],
            fit=showing.fit,
            fps=showing.output.fps,
            frame_count=showing.frame_count,
            handles=[showing.handle_before, showing.handle_after],
        )


def sounding_of(event: ScenePlanned) -> Sounding | None:
    """The event's scene where it keeps the sound of a clip; None where it does not."""
    if not any(said.keep_sound for said in event.footage):
        return None
    showing, grid = showing_of(event), FrameGrid(event.output.fps)
    first = max(0, grid.frame_at(event.window.start) - event.handle_before)
    return Sounding(showing, Span(grid.ms_at(first), grid.ms_at(first + showing.frame_count)))


def heard_parts(job: SegmentJob, with_sound: Collection[str]) -> tuple[int, ...]:
    """Which parts are heard: those that keep their sound, move, and whose file is one of `with_sound`."""
    return tuple(
        number
        for number, part in enumerate(job.parts)
        if part.keeps_sound and not part.clip.is_still and part.source in with_sound
    )


def sound_cut(sounding: Sounding, job: SegmentJob, heard: Collection[int], target: str) -> tuple[str, ...]:
    """The call that writes the sound of those parts: FLAC, two channels, exactly as many samples as the span has."""
    total = sounding.span.length * SAMPLES_PER_MS
    # The silence is as long as the answer, whatever the clips have: `amix` ends with its first input.
    silence = ffmpeg.input(f"anullsrc=r={SAMPLE_RATE}:cl=stereo", f="lavfi", t=_seconds(sounding.span.length + 1_000))
    parts = [
        strung(_input(job, placed.part, placed.number), _filters(placed))
        for placed in _placed(sounding.showing, job)
        if placed.number in heard
    ]
    whole = strung(silence.audio, [Filter("atrim", {"end_sample": total}), _stereo()])
    mixed = ffmpeg.filter([whole, *parts], "amix", inputs=1 + len(parts), duration="first", normalize=0)
    call = ffmpeg.output(
        mixed, target, acodec="flac", sample_fmt="s32", ac=2, ar=SAMPLE_RATE, map_metadata=-1, f="flac"
    )
    return ("-v", "error", "-filter_complex_threads", str(job.threads), *ffmpeg.get_args(call))


def probe_sample_count(sound: str) -> list[str]:
    """ffprobe: the declared length of a kept sound in samples."""
    return [
        *("-v", "error", "-protocol_whitelist", "file", "-select_streams", "a:0"),
        *("-show_entries", "stream=duration_ts", "-of", "csv=p=0", sound),
    ]


@dataclass(frozen=True)
class _PlacedPart:
    """A part and the samples in which it is heard, counted from the first frame, with the fades at both ends."""

    number: int
    part: Part
    first_sample: int
    end_sample: int
    fade_in: int
    fade_out: int

    @property
    def length(self) -> int:
        return self.end_sample - self.first_sample


def _placed(showing: Showing, job: SegmentJob) -> Iterator[_PlacedPart]:
    grid = FrameGrid(job.output.fps)
    cut_fade, end_fade = CUT_FADE_MS * SAMPLES_PER_MS, END_FADE_MS * SAMPLES_PER_MS
    crossfade = grid.sample_at(job.crossfade_frames)
    lead_in, lead_out = grid.sample_at(showing.head.length), grid.sample_at(showing.tail.length)
    starts = [0]
    for part in job.parts:
        starts.append(starts[-1] + part.recipe.frame_count - job.crossfade_frames)
    for number, (part, (start, _)) in enumerate(zip(job.parts, pairwise(starts), strict=True)):
        first, end = grid.sample_at(start), grid.sample_at(start + part.recipe.moving_frames)
        is_last = number == len(job.parts) - 1
        fade_out = end_fade if part.recipe.fill_frames else lead_out if is_last else crossfade
        yield _PlacedPart(
            number=number,
            part=part,
            first_sample=first,
            end_sample=end,
            fade_in=min(end - first, max(cut_fade, crossfade if number else lead_in)),
            fade_out=min(end - first, max(cut_fade, fade_out)),
        )


def _input(job: SegmentJob, part: Part, number: int) -> Any:
    # As for the pictures: the limit only stops ffmpeg from decoding on, and differs so that no two inputs are one.
    start_ms, sought_ms = _start_ms(part), _sought_ms(part)
    options: dict[str, str | int] = dict(zip((name[1:] for name in job.guard[::2]), job.guard[1::2], strict=True))
    if sought_ms:
        options["ss"] = _seconds(sought_ms)
    options["t"] = _seconds(start_ms - sought_ms + part.recipe.source_span.length + 1_000 + number)
    return ffmpeg.input(part.source, **options)["a:0"]


def _start_ms(part: Part) -> int:
    """Where the part starts in its file, which starts with the first packet of any stream."""
    clip = part.clip
    return max(0, clip.pictures.start_ms - clip.container_start_ms + part.recipe.source_span.start)


def _sought_ms(part: Part) -> int:
    return max(0, _start_ms(part) - SEEK_LEAD_MS) if part.clip.is_indexed else 0


def _filters(placed: _PlacedPart) -> list[Filter]:
    """The part at its speed and at its place, faded at both ends. Where the file is silent or has ended, so is it."""
    recipe = placed.part.recipe
    start = (_start_ms(placed.part) - _sought_ms(placed.part)) * SAMPLES_PER_MS
    filters = [
        # What begins late or has holes is filled up, so that every sample stays beside its picture.
        Filter("aresample", {"sample_rate": SAMPLE_RATE, "async": 1, "first_pts": 0}),
        _stereo(),
        Filter("atrim", {"start_sample": start, "end_sample": start + recipe.source_span.length * SAMPLES_PER_MS}),
        Filter("asetpts", {"expr": "N"}),
    ]
    if recipe.speed != 1:
        filters.append(Filter("atempo", {"tempo": f"{float(recipe.speed):.6f}"}))
    fade_out_at = placed.length - placed.fade_out
    return [
        *filters,
        Filter("atrim", {"end_sample": placed.length}),
        Filter("afade", {"type": "in", "start_sample": 0, "nb_samples": placed.fade_in, "curve": "qsin"}),
        Filter("afade", {"type": "out", "start_sample": fade_out_at, "nb_samples": placed.fade_out, "curve": "qsin"}),
        Filter("adelay", {"delays": f"{placed.first_sample}S", "all": 1}),
    ]


def _stereo() -> Filter:
    return Filter("aformat", {"sample_fmts": "fltp", "sample_rates": SAMPLE_RATE, "channel_layouts": "stereo"})


def _seconds(length_ms: int) -> str:
    return f"{length_ms // 1000}.{length_ms % 1000:03d}"
