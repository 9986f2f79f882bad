"""How segments and soundtrack become one file without a second encode: the concat list and the arguments, as values.

A join by stream copy keeps every byte of every packet and only writes new times. Four things go wrong by default, each
with exit code 0, and each has its cure here (measured with ffmpeg 5.1.9, 200 segments):

- A segment's container says how long it lasts only to the millisecond, and the errors add up to 75 to 123 ms. So every
  length is written out, as the difference of two rounded *boundaries*, in microseconds.
- Microseconds are not ticks. So `setts` puts every frame onto the nearest whole frame of the track's clock.
- A segment of one or two frames is decoded with less lead than a long one, and decode times run backwards at the joint.
  So decode times are numbered through, `lead` frames ahead.
- The concat demuxer turns H.264 into Annex B and repeats the parameter sets before every key frame. With
  `-auto_convert 0` packets stay as they are, byte for byte; that is sound where all segments have the same
  parameter sets, which `refuse_unlike` makes sure of.
"""

from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate, pairwise

from services.assembler.tracks import SegmentTrack
from shared.errors import Unrecoverable
from shared.media import INPUT_GUARD
from shared.plan import PlannedScene
from shared.segments import TrackClock, tag_of

PACKET_HASH = "murmur3"
"""The fastest of ffmpeg's hashes that has 128 bits: packets are told apart, not protected."""


def concat_list(fps: Fraction, frame_counts: Sequence[int], names: Sequence[str]) -> str:
    """The text of a concat list that gives each of the named files its exact length.

    boundaries   0        n1              n1+n2      in frames, each rounded to whole microseconds on its own
                 [ first )[    second    )           so no error is carried on to the next
    """
    boundaries = [round(frame * 1_000_000 / fps) for frame in accumulate(frame_counts, initial=0)]
    lines = ["ffconcat version 1.0"]
    for name, (start, end) in zip(names, pairwise(boundaries), strict=True):
        lines += [f"file {name}", f"duration {end - start}us"]
    return "\n".join(lines) + "\n"


def join_arguments(
    *, concat_list: str, soundtrack: str, output: str, clock: TrackClock, lead: int, codec: str = "h264"
) -> tuple[str, ...]:
    """What ffmpeg is asked to do: copy all pictures and the whole soundtrack into one file that plays while it loads.

    `lead` is how many frames decoding runs ahead of showing, `codec` ffmpeg's name of what the segments hold.
    Nothing is cut to the shorter of the two: where picture and soundtrack differ in length, the certificate says so.
    """
    tick = clock.ticks_per_frame
    return (
        *("-v", "error"),
        *(*INPUT_GUARD, "-f", "concat", "-auto_convert", "0", "-i", concat_list),
        *(*INPUT_GUARD, "-i", soundtrack),
        *("-map", "0:v:0", "-map", "1:a:0", "-c", "copy"),
        *("-bsf:v", f"setts=pts=round(PTS/{tick})*{tick}:dts=(N-{lead})*{tick}"),
        *("-tag:v", tag_of(codec), "-video_track_timescale", str(clock.timescale)),
        *("-map_metadata", "-1", "-movflags", "+faststart"),
        output,
    )


def reading_arguments(segments: Sequence[str], output: str) -> tuple[str, ...]:
    """What ffmpeg is asked to do to list the packets of several segments with their digests; decodes nothing.

    One process for many files, since starting one costs more (85 ms of CPU) than reading a segment.
    """
    return (
        *("-v", "error"),
        *(part for segment in segments for part in (*INPUT_GUARD, "-i", segment)),
        *(part for index in range(len(segments)) for part in ("-map", f"{index}:v:0")),
        *("-c", "copy", "-f", "framehash", "-hash", PACKET_HASH, output),
    )


def decode_lead(segments: Sequence[SegmentTrack], clock: TrackClock) -> int:
    """How many whole frames decoding must run ahead of showing for the most reordered of the segments."""
    return max(-(-segment.decode_lead // clock.ticks_per_frame) for segment in segments)


def refuse_unlike(scenes: Sequence[PlannedScene], segments: Sequence[SegmentTrack], clock: TrackClock) -> None:
    """Raise `Unrecoverable` where a segment cannot be joined by copy: it ticks otherwise than the project's clock, or a
    decoder would have to be set up otherwise for it than for the first."""
    for scene, segment in zip(scenes, segments, strict=True):
        if segment.tick != Fraction(1, clock.timescale):
            found = f"its clock ticks {1 / segment.tick} times a second, not {clock.timescale}"
        elif segment.decoder_setup != segments[0].decoder_setup:
            found = f"it was encoded with other parameters than scene {scenes[0].scene_id!r}"
        else:
            continue
        raise Unrecoverable(
            f"The segment cannot be joined: {found}.",
            remedy="Run the same version of Lockstep and of ffmpeg in every clip fitter; then change the encoder's crf,"
            " so that all scenes are encoded anew.",
            scene_id=scene.scene_id,
        )
