"""The ffmpeg call that mixes the end of one scene with the start of the next. Pure.

Both sides come as files of equally many frames, made without loss by the same recipes as the scenes' own segments, so
that the picture runs on at both ends of the transition:

    this scene   [    body    )[ its end    )
    next scene                 [ its start  )[    body    )
    shown        [    body    )[ transition )[    body    )
                                     ^ the cut
"""

from dataclasses import dataclass
from typing import Any

import ffmpeg

from services.clip_fitter.encoding import Encode, Stretch, encode, frame_seconds
from services.clip_fitter.filters import Filter, strung
from shared.project import Output
from shared.project_output import TransitionKind

CROSSING = {"dissolve": "fade", "wipe": "wiperight"}
"""ffmpeg's names for mixing over the whole length. Its `wiperight` moves the edge from the left to the right."""


@dataclass(frozen=True)
class TransitionJob:
    """Two files of `2 * half_frames` frames each, and what becomes of them."""

    kind: TransitionKind
    leaving: str
    """The file with the end of the scene before the cut."""
    coming: str
    """The file with the start of the scene after it."""
    half_frames: int
    output: Output
    target: str
    threads: int

    @property
    def frame_count(self) -> int:
        """How many frames it shows."""
        return 2 * self.half_frames


def transition_encode(job: TransitionJob) -> Encode:
    """The call that makes the transition's segment, with the project's final settings."""
    sides = [
        ffmpeg.input(path, protocol_whitelist="file", threads=job.threads)["v:0"] for path in (job.leaving, job.coming)
    ]
    mixed = _through_black(job, *sides) if job.kind == "fade" else _crossed(job, *sides)
    formatted = mixed.filter("format", pix_fmts="yuv420p")
    whole = Stretch(0, job.frame_count)
    return encode(_tagged(formatted), whole, target=job.target, output=job.output, threads=job.threads)


def _crossed(job: TransitionJob, leaving: Any, coming: Any) -> Any:
    # At frame k the next scene has k / frame_count of the picture: none at first, half of it at the cut.
    length = frame_seconds(job.frame_count, job.output.fps)
    return ffmpeg.filter([leaving, coming], "xfade", transition=CROSSING[job.kind], duration=length, offset=0)


def _through_black(job: TransitionJob, leaving: Any, coming: Any) -> Any:
    """Dark at the cut. `xfade` has a transition of that name too, in which both pictures shine through the black."""
    half = job.half_frames
    own_time = Filter("setpts", {"expr": "PTS-STARTPTS"})
    away = [Filter("trim", {"end_frame": half}), Filter("fade", {"t": "out", "s": 0, "n": half})]
    back = [Filter("trim", {"start_frame": half}), own_time, Filter("fade", {"t": "in", "s": 0, "n": half})]
    return ffmpeg.concat(strung(leaving, away), strung(coming, back), v=1, a=0)


def _tagged(stream: Any) -> Any:
    tags = {"range": "tv", "color_primaries": "bt709", "color_trc": "bt709", "colorspace": "bt709"}
    return strung(stream, [Filter("setsar", {"sar": "1"}), Filter("setparams", tags)])
