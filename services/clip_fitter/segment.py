"""The ffmpeg call that turns a clip into a segment: exactly N frames, encoded once, joinable by copy. Pure.

How the frames are encoded is `encoding.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate, pairwise
from typing import Any

import ffmpeg

from services.clip_fitter.clip import Clip
from services.clip_fitter.core import Fill, FitRecipe, Piece, boomerang
from services.clip_fitter.encoding import (
    Encode,
    Purpose,
    Stretch,
    encode,
    file_faults,
    frame_seconds,
    joined_tag,
    rate_text,
)
from services.clip_fitter.filters import Filter, strung
from services.clip_fitter.mp4_header import SegmentHeader
from services.clip_fitter.picture import CENTRE, Framing, focus_in_view, has_alpha, pictured
from shared.project import Output
from shared.project_fit import SlowMotion
from shared.segments import track_clock

BACKWARDS_BYTES = 150_000_000
"""What one backward piece may hold in memory: 48 frames of 1920x1080, twelve of 3840x2160."""

PUSH_IN_PER_SECOND = Fraction(2, 100)
PUSH_IN_AT_MOST = Fraction(12, 100)
"""How far a held picture is pushed in on. Judgement: slow enough not to be noticed as a zoom, never static."""

PAN_TOWARDS = (Fraction(1, 5), Fraction(1, 2))
"""Where a photograph whose subject is in its middle is moved in on: a camera that only zooms looks like a machine, so
the view also wanders to the side, by 3 % of its width when the zoom is at its end. Judgement."""


@dataclass(frozen=True)
class Part:
    """One clip of a scene: what it is, where its file is and what is done to it."""

    clip: Clip
    source: str
    recipe: FitRecipe
    framing: Framing
    slow_motion: SlowMotion = "repeat"
    keeps_sound: bool = False


@dataclass(frozen=True)
class SegmentJob:
    """All that decides a segment's bytes, and where they are read from and written to."""

    parts: tuple[Part, ...]
    crossfade_frames: int
    frame_count: int
    """All frames that the parts fill: the window's and the handles'."""
    output: Output
    target: str
    guard: tuple[str, ...]
    threads: int
    only: Stretch | None = None
    """The frames that are encoded, where those are not all: a scene's body, or what a transition shows of it."""
    purpose: Purpose = Purpose.FINAL

    @property
    def shown(self) -> Stretch:
        """The frames that are encoded."""
        return self.only or Stretch(0, self.frame_count)


@dataclass(frozen=True)
class Join:
    """The call of ffmpeg that joins encoded pieces by stream copy, and the list that it reads."""

    arguments: tuple[str, ...]
    listing: str
    listing_target: str


def segment_encodes(job: SegmentJob) -> tuple[Encode, ...]:
    """What has to be encoded: the segment itself, or the pieces of a boomerang, which are joined afterwards.

    A boomerang's pieces get a process each. In one process all of them would stay in memory to the end: a filter keeps
    the frames that it has let go for later use (994 MB for ten seconds backwards at 1920x1080).
    """
    runs = _runs(job)
    several = len(runs) > 1
    return tuple(
        encode(
            stream,
            stretch,
            target=f"{job.target}.{number:03d}.mp4" if several else job.target,
            output=job.output,
            threads=job.threads,
            purpose=job.purpose,
        )
        for number, (stream, stretch) in enumerate(runs)
    )


def _runs(job: SegmentJob) -> list[tuple[Any, Stretch]]:
    """The streams that the frames come from, one after the other, and which frames of each are encoded."""
    last = job.parts[-1]
    streams = [(_crossfaded(job), job.frame_count)]
    if last.recipe.fill is Fill.BOOMERANG:
        _, *back = boomerang(last.recipe.moving_frames, last.recipe.fill_frames, longest_backwards(job.output))
        forwards = job.frame_count - last.recipe.fill_frames
        streams = [(_crossfaded(job), forwards), *((_piece(job, last, piece), piece.length) for piece in back)]
    edges = accumulate((frames for _, frames in streams), initial=0)
    runs = [
        (stream, job.shown.within(Stretch(start, end)))
        for (stream, _), (start, end) in zip(streams, pairwise(edges), strict=True)
    ]
    return [(stream, stretch) for stream, stretch in runs if stretch is not None]


def segment_join(job: SegmentJob, encodes: Sequence[Encode]) -> Join:
    """How encoded pieces become the segment. Nothing is encoded again."""
    fps, clock = job.output.fps, track_clock(job.output.fps)
    lines = ["ffconcat version 1.0"]
    for piece in encodes:
        # A container rounds its length; told the exact one, ffmpeg puts each piece where it belongs.
        name = piece.target.rpartition("/")[2]
        lines += [f"file '{name}'", f"duration {frame_seconds(piece.frame_count, fps)}"]
    tick = clock.ticks_per_frame
    listing_target = f"{job.target}.txt"
    arguments = (
        *("-v", "error", "-protocol_whitelist", "file", "-f", "concat", "-i", listing_target),
        *("-c", "copy", "-bsf:v", f"setts=pts=round(PTS/{tick})*{tick}:dts=round(DTS/{tick})*{tick}"),
        *("-tag:v", joined_tag(job.output, job.purpose), "-video_track_timescale", str(clock.timescale)),
        *("-map_metadata", "-1", "-f", "mp4", job.target),
    )
    return Join(arguments, "\n".join(lines) + "\n", listing_target)


def makes_pictures_apart(job: SegmentJob) -> bool:
    """True where pictures are made up from how things move, and are to be encoded for good in another process.

    ffmpeg's `minterpolate` keeps about 290 bytes for each pixel, 600 MB at 1920x1080: as much as the rest of a fit.
    """
    return job.purpose is Purpose.FINAL and any(
        part.slow_motion == "interpolate" and _makes_pictures_up(job, part) for part in job.parts
    )


def encoded_again(job: SegmentJob, lossless: str) -> Encode:
    """The call that encodes for good what was made of the job without loss."""
    made = ffmpeg.input(lossless, protocol_whitelist="file", threads=job.threads)["v:0"]
    return encode(made, Stretch(0, job.shown.length), target=job.target, output=job.output, threads=job.threads)


def longest_backwards(output: Output) -> int:
    """How many frames may be played backwards in one piece: ffmpeg holds them all until the last has come."""
    return max(4, BACKWARDS_BYTES // (output.width * output.height * 3 // 2))


def _crossfaded(job: SegmentJob) -> Any:
    """All clips of the scene, each overlapping the one before it."""
    first, *others = job.parts
    stream, frames = _whole(job, first), _forward_frames(first)
    for number, part in enumerate(others, start=1):
        start = frames - job.crossfade_frames
        fade = {
            "transition": "fade",
            "duration": frame_seconds(job.crossfade_frames, job.output.fps),
            "offset": frame_seconds(start, job.output.fps),
        }
        stream = ffmpeg.filter([stream, _whole(job, part, number)], "xfade", **fade)
        frames = start + _forward_frames(part)
    return stream


def _forward_frames(part: Part) -> int:
    """The frames before a clip turns back: all of them where it does not."""
    recipe = part.recipe
    return recipe.moving_frames if recipe.fill is Fill.BOOMERANG else recipe.frame_count


def _whole(job: SegmentJob, part: Part, number: int = 0) -> Any:
    recipe = part.recipe
    held = recipe.fill_frames if recipe.fill is Fill.HOLD else 0
    timed = strung(_input(job, part, number), _timed(part))
    # A picture that is shown twice is scaled once, and one that is dropped is not scaled at all.
    if _makes_pictures_up(job, part):
        conformed = _made_up(job, part, timed)
    elif _repeats_pictures(job, part):
        conformed = strung(_pictured(job, part, timed), [_gridded(job)])
    else:
        conformed = _pictured(job, part, strung(timed, [_gridded(job)]))
    pushed = [_push_in(job, part)] if held else []
    ended = [Filter("trim", {"end_frame": _forward_frames(part)})] if len(job.parts) > 1 else []
    # The push-in reads pixels, so it comes after the pictures have got their final format.
    return strung(conformed, [_padded(job, part, held), *ended, _formatted(), *pushed])


def _piece(job: SegmentJob, part: Part, piece: Piece) -> Any:
    cut = Filter("trim", {"start_frame": piece.first, "end_frame": piece.end})
    turned = [Filter("reverse")] if piece.backwards else []
    timed = strung(_input(job, part), _timed(part))
    if _makes_pictures_up(job, part):
        made_up = _made_up(job, part, timed)
        return strung(made_up, [_padded(job, part, 0), cut, _formatted(), *turned])
    shown = strung(timed, [_gridded(job), _padded(job, part, 0), cut])
    return strung(_pictured(job, part, shown), [_formatted(), *turned])


def _makes_pictures_up(job: SegmentJob, part: Part) -> bool:
    """True where a slowed clip is to show pictures between its own, and has too few of them to do without."""
    rate = part.clip.video.average_rate
    has_too_few = rate is None or rate * part.recipe.speed < job.output.fps
    return part.slow_motion != "repeat" and 0 < part.recipe.speed < 1 and has_too_few


def _made_up(job: SegmentJob, part: Part, timed: Any) -> Any:
    """The project's pictures, one for each frame; those between two of the clip's are made up from both."""
    # What is behind the last picture is that picture again; without, both filters would end before it.
    follows = Filter("tpad", {"stop": 2, "stop_mode": "clone"})
    made_up = {
        "blend": Filter("framerate", {"fps": rate_text(job.output.fps)}),
        "interpolate": Filter("minterpolate", {"fps": rate_text(job.output.fps), "mi_mode": "mci"}),
    }[part.slow_motion]
    return strung(_pictured(job, part, timed), [_formatted(), follows, made_up, _gridded(job)])


def _pictured(job: SegmentJob, part: Part, stream: Any) -> Any:
    return pictured(stream, part.clip.video, job.output.width, job.output.height, part.framing)


def _input(job: SegmentJob, part: Part, number: int = 0) -> Any:
    clip = part.clip
    # The filters end the clip exactly; this only stops ffmpeg from decoding on. A loop opens its clip once for every
    # round, and ffmpeg-python would take inputs with equal options for one: each gets its own limit.
    first_picture_ms = clip.pictures.start_ms - clip.container_start_ms
    sought_ms = _sought_ms(part)
    last_ms = first_picture_ms + part.recipe.source_span.end - sought_ms + 1_000 + number
    options: dict[str, str | int] = dict(zip((name[1:] for name in job.guard[::2]), job.guard[1::2], strict=True))
    if sought_ms:
        options["ss"] = _seconds(first_picture_ms + sought_ms)
    options |= {"threads": job.threads, "t": _seconds(last_ms)}
    if has_alpha(clip.video) and clip.video.codec in {"vp8", "vp9"}:
        # ffmpeg's own VP8 and VP9 decoders do not see the alpha channel.
        options["c:v"] = {"vp8": "libvpx", "vp9": "libvpx-vp9"}[clip.video.codec]
    return ffmpeg.input(part.source, **options)["V:0"]


def _timed(part: Part) -> list[Filter]:
    """The clip in its own time, only the part that is shown, at the recipe's speed."""
    recipe = part.recipe
    own_time = Filter("setpts", {"expr": "PTS-STARTPTS"})
    filters = [own_time]
    start_ms = recipe.source_span.start - ROUNDED_MS
    if start_ms > 0 and not part.clip.is_indexed:
        filters += [Filter("trim", {"start": _seconds(start_ms)}), own_time]
    if recipe.source_span.length > 0:
        # Without this, a few kilobytes that claim ten days of pictures fill the memory.
        filters.append(Filter("trim", {"duration": _seconds(recipe.source_span.length)}))
    if recipe.speed != 1:
        # A coarse time base would round the new times; an unchanged clip keeps its own, in which they are exact.
        slower = f"PTS*{recipe.speed.denominator}/{recipe.speed.numerator}"
        filters += [Filter("settb", {"expr": "AVTB"}), Filter("setpts", {"expr": slower})]
    return filters


ROUNDED_MS = 1
"""Whole milliseconds may lie just behind the picture that they mean."""


def _sought_ms(part: Part) -> int:
    """How far into the clip ffmpeg jumps before it decodes, in the clip's own time. A clip without an index is decoded
    from its start and what comes before is dropped: a jump could land behind the picture."""
    return max(0, part.recipe.source_span.start - ROUNDED_MS) if part.clip.is_indexed else 0


def _gridded(job: SegmentJob) -> Filter:
    return Filter("fps", {"fps": rate_text(job.output.fps), "round": "near", "start_time": 0})


def _padded(job: SegmentJob, part: Part, held_frames: int) -> Filter:
    """The last picture, repeated for `held_frames` and for as long as its own time may last; never without end, so
    that a clip whose pictures stop early is noticed and not frozen."""
    own_time = part.clip.pictures.longest_ms * job.output.fps / (1000 * part.recipe.speed)
    return Filter("tpad", {"stop": held_frames + int(own_time) + 2, "stop_mode": "clone"})


def _formatted() -> Filter:
    return Filter("format", {"pix_fmts": "yuv420p"})


def _repeats_pictures(job: SegmentJob, part: Part) -> bool:
    if part.framing.frame == "blur":
        return False  # `overlay` forgets how long its last picture lasts, and `fps` behind it would drop that one
    rate = part.clip.video.average_rate
    return part.clip.is_still or rate is None or rate * part.recipe.speed <= job.output.fps


def _push_in(job: SegmentJob, part: Part) -> Filter:
    """A move towards the subject of the held picture that starts and ends gently.

    first  +-----------+   last  +-----------+     the part that is seen, at the anchor's share of what it can move by
           |           |         |+-------+  |
           |     x     |         ||   x   |  |
           +-----------+         |+-------+  |
                                 +-----------+

    `perspective` reads between pixels. `zoompan`, the usual way, moves in whole pixels, which trembles.
    """
    recipe = part.recipe
    amount = min(PUSH_IN_AT_MOST, PUSH_IN_PER_SECOND * recipe.fill_frames / job.output.fps)
    across, down = _anchor(job, part)
    passed = f"clip((on-{recipe.moving_frames - 1})/{recipe.fill_frames},0,1)"
    # 3p^2 - 2p^3: no jump in speed where the motion starts and where it ends.
    unseen = f"(1-1/(1+{float(amount):.6f}*st(0,{passed})*ld(0)*(3-2*ld(0))))"
    left, right = f"W*{unseen}*{float(across):.6f}", f"W-W*{unseen}*{float(1 - across):.6f}"
    top, bottom = f"H*{unseen}*{float(down):.6f}", f"H-H*{unseen}*{float(1 - down):.6f}"
    corners = {"x0": left, "y0": top, "x1": right, "y1": top, "x2": left, "y2": bottom, "x3": right, "y3": bottom}
    # Frames before the hold pass untouched.
    still_moving = f"gte(n,{recipe.moving_frames})"
    return Filter("perspective", {**corners, "interpolation": "cubic", "eval": "frame", "enable": still_moving})


def _anchor(job: SegmentJob, part: Part) -> tuple[Fraction, Fraction]:
    """Where a held picture is moved in on."""
    focus = focus_in_view(part.clip.video, job.output.width, job.output.height, part.framing)
    return PAN_TOWARDS if part.clip.is_still and focus == CENTRE else focus


def segment_faults(job: SegmentJob, header: SegmentHeader) -> list[str]:
    """In which ways the finished file is not the segment that was asked for; empty where it is."""
    return file_faults(job.output, job.shown.length, header)


def _seconds(length_ms: int) -> str:
    return f"{length_ms // 1000}.{length_ms % 1000:03d}"
