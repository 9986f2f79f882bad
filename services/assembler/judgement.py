"""What the measurements of a finished file prove: the certificate.

The scenes are found by content: the finished file's packets are compared, digest by digest, with the packets of each
segment. So the proof does not rest on anything that the join was told. A scene counts as in sync where its first frame
is shown exactly at its planned frame, which is never more than half a frame from the cut itself.

A transition is a segment like any other: it must start at its planned frame, with a key frame, and show its own packets
and no others. The scene behind it is measured at the frame in its middle, which is the cut's frame.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise, takewhile

from services.assembler.tracks import Packet, PictureTrack, SegmentTrack, SoundTrack
from shared.certificate import Certificate, CertificateFailure, CertifiedScene, CertifiedSoundtrack, VoiceOffset
from shared.plan import PlannedScene, PlannedSegment, ScenePlan
from shared.segments import track_clock
from shared.timeline import SAMPLE_RATE, SAMPLES_PER_MS


@dataclass(frozen=True)
class Sighting:
    """Where a segment's first packet stands among the finished file's, and how many of its packets follow unbroken."""

    position: int
    unbroken: int


def certify(
    plan: ScenePlan,
    segments: Sequence[SegmentTrack],
    picture: PictureTrack,
    sound: SoundTrack,
    voice: Sequence[VoiceOffset],
) -> Certificate:
    """The certificate of a finished file: what was planned, what was measured, and every finding against it."""
    seen = sightings([packet.digest for packet in picture.packets], [segment.digests for segment in segments])
    found = _found_segments(plan, segments, picture, seen)
    scenes = _certified_scenes(plan, picture, found)
    soundtrack = CertifiedSoundtrack(
        planned_sample_count=plan.length_ms * SAMPLES_PER_MS,
        sample_count=sound.sample_count,
        first_sample_at=sound.first_sample_at,
        is_continuous=sound.is_continuous,
        voice=tuple(voice),
    )
    audio_length = sound.first_sample_at + Fraction(sound.sample_count, SAMPLE_RATE)
    errors = [scene.error_ms for scene in scenes] + [offset.offset_ms for offset in voice]
    spacing = _largest_spacing_error(plan.fps, picture)
    failures = (
        *_failures_of_scenes(scenes),
        *_failures_of_transitions(plan, picture.tick, found),
        *_failures_of_picture(plan, segments, picture, spacing),
        *_failures_of_soundtrack(plan, soundtrack, audio_length - picture.length),
    )
    return Certificate(
        fps=plan.fps,
        planned_frame_count=plan.frame_count,
        frame_count=len(picture.packets),
        largest_spacing_error_ms=_ms(spacing),
        scenes=scenes,
        soundtrack=soundtrack,
        video_length=picture.length,
        audio_length=audio_length,
        length_difference_ms=_ms(audio_length - picture.length),
        largest_error_ms=max((abs(error) for error in errors if error is not None), default=0.0),
        failures=failures,
        holds=not failures,
    )


def sightings(finished: Sequence[str], segments: Sequence[Sequence[str]]) -> tuple[Sighting | None, ...]:
    """Where each segment is found among the finished file's packet digests, in order; None where it is not.

    finished   [a0 a1 a2 | b0 b1 | a0 a1 a2]       two scenes may hold the same pictures: a segment is searched
    segments    a0 a1 a2   b0 b1   a0 a1 a2        behind the one before it, and where its first packet occurs
                ^          ^       ^               more than once, there where most of it follows
    """
    first_digests = {segment[0] for segment in segments if segment}
    positions: dict[str, list[int]] = {digest: [] for digest in first_digests}
    for position, digest in enumerate(finished):
        if digest in first_digests:
            positions[digest].append(position)
    found: list[Sighting | None] = []
    behind = 0
    for segment in segments:
        best: Sighting | None = None
        places = positions[segment[0]] if segment else []
        for place in range(bisect_left(places, behind), len(places)):
            position = places[place]
            pairs = zip(segment, finished[position : position + len(segment)], strict=False)
            sighting = Sighting(position, sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)))
            if best is None or sighting.unbroken > best.unbroken:
                best = sighting
            if sighting.unbroken == len(segment):
                break
        if best is not None:
            behind = best.position + best.unbroken
        found.append(best)
    return tuple(found)


@dataclass(frozen=True)
class Found:
    """A planned segment as it was found in the finished file."""

    planned: PlannedSegment
    first: Packet | None
    """Its first packet; None where it was not found."""
    position: int
    """Where its packets start among the finished file's."""
    middle: Packet | None
    """The packet of the frame in its middle, of a transition: the next scene's first."""
    is_intact: bool


def _found_segments(
    plan: ScenePlan, segments: Sequence[SegmentTrack], picture: PictureTrack, seen: Sequence[Sighting | None]
) -> tuple[Found, ...]:
    found: list[Found] = []
    next_position = len(picture.packets)
    # From the last to the first, since a segment ends where the next one that was found begins.
    for planned, segment, sighting in reversed(list(zip(plan.segments, segments, seen, strict=True))):
        if sighting is None:
            found.append(Found(planned, None, next_position, None, is_intact=False))
            continue
        middle = segment.packet_of_frame(planned.frame_count // 2, track_clock(plan.fps).ticks_per_frame)
        has_middle = planned.is_transition and middle is not None and middle < sighting.unbroken
        found.append(
            Found(
                planned,
                picture.packets[sighting.position],
                sighting.position,
                picture.packets[sighting.position + middle] if has_middle and middle is not None else None,
                is_intact=sighting.unbroken == len(segment.digests) == next_position - sighting.position,
            )
        )
        next_position = sighting.position
    return tuple(reversed(found))


def _certified_scenes(plan: ScenePlan, picture: PictureTrack, found: Sequence[Found]) -> tuple[CertifiedScene, ...]:
    bodies = [number for number, one in enumerate(found) if not one.planned.is_transition]
    # A scene starts with its own segment, or in the middle of the transition before it.
    starts = [number - 1 if number and found[number - 1].planned.is_transition else number for number in bodies]
    cuts = [found[start].position + _half(found[start].planned) for start in starts]
    ends = [*cuts[1:], len(picture.packets)]
    last_parts = [*(start if found[start].planned.is_transition else start - 1 for start in starts[1:]), len(found) - 1]
    return tuple(
        _certified(
            scene,
            plan.fps,
            found[start],
            picture.tick,
            frame_count=end - cut if found[start].first is not None else 0,
            is_intact=all(one.is_intact for one in found[start : last_part + 1]),
        )
        for scene, start, cut, end, last_part in zip(plan.scenes, starts, cuts, ends, last_parts, strict=True)
    )


def _half(planned: PlannedSegment) -> int:
    return planned.frame_count // 2 if planned.is_transition else 0


def _certified(
    scene: PlannedScene, fps: Fraction, start: Found, tick: Fraction, *, frame_count: int, is_intact: bool
) -> CertifiedScene:
    shown = start.middle if start.planned.is_transition else start.first
    at = None if shown is None else shown.shown_at * tick
    return CertifiedScene(
        number=scene.number,
        scene_id=scene.scene_id,
        window=scene.window,
        planned_first_frame=scene.first_frame,
        planned_frame_count=scene.frame_count,
        first_frame_at=at,
        frame_count=frame_count,
        starts_with_key_frame=start.first is not None and start.first.is_key,
        is_intact=is_intact,
        transition_frames=2 * _half(start.planned),
        error_ms=None if at is None else _ms(at - Fraction(scene.window.start, 1000)),
        frame_error_ms=None if at is None else _ms(at - scene.first_frame / fps),
    )


def _largest_spacing_error(fps: Fraction, picture: PictureTrack) -> Fraction:
    # Whole numbers: an hour has 100,000 frames, and a Fraction for each is a second of work.
    per_tick = picture.tick * fps
    off = max(
        (
            abs(shown_at * per_tick.numerator - number * per_tick.denominator)
            for number, shown_at in enumerate(sorted(packet.shown_at for packet in picture.packets))
        ),
        default=0,
    )
    return Fraction(off, per_tick.denominator) / fps


def _failures_of_scenes(scenes: Sequence[CertifiedScene]) -> list[CertificateFailure]:
    failures = []
    for scene in scenes:
        name = f"scene {scene.scene_id!r}"
        if scene.frame_error_ms is None:
            message = f"{name} is not in it"
        elif scene.frame_error_ms != 0:
            message = f"{name} starts {_late(scene.frame_error_ms)} (planned for frame {scene.planned_first_frame})"
        elif scene.frame_count != scene.planned_frame_count:
            message = f"{name} has {scene.frame_count} frames, not {scene.planned_frame_count}"
        elif not scene.is_intact:
            message = f"{name} does not show all frames of its segment in their order"
        elif not scene.starts_with_key_frame:
            message = f"{name} does not start with a key frame"
        else:
            continue
        failures.append(CertificateFailure(scene_id=scene.scene_id, message=message))
    return failures


def _failures_of_transitions(plan: ScenePlan, tick: Fraction, found: Sequence[Found]) -> list[CertificateFailure]:
    """What `_failures_of_scenes` does not see: where a transition starts, and the scene's own segment behind it."""
    failures = []
    for number, one in enumerate(found):
        if not one.planned.is_transition and not (number and found[number - 1].planned.is_transition):
            continue
        scene_id = plan.scenes[one.planned.scene_number - 1].scene_id
        name = f"the transition after scene {scene_id!r}"
        if not one.planned.is_transition:
            name = f"the picture of scene {scene_id!r} behind its transition"
        if one.first is None:
            message = f"{name} is not in it"
        elif (late := one.first.shown_at * tick - one.planned.first_frame / plan.fps) != 0:
            message = f"{name} starts {_late(_ms(late))} (planned for frame {one.planned.first_frame})"
        elif not one.first.is_key:
            message = f"{name} does not start with a key frame"
        else:
            continue
        failures.append(CertificateFailure(scene_id=scene_id, message=message))
    return failures


def _failures_of_picture(
    plan: ScenePlan, segments: Sequence[SegmentTrack], picture: PictureTrack, spacing: Fraction
) -> list[CertificateFailure]:
    messages = []
    if len(picture.packets) != plan.frame_count:
        messages.append(f"it has {len(picture.packets)} frames, not {plan.frame_count}")
    if spacing != 0:
        messages.append(f"its frames are not evenly spaced: one is {_ms(spacing):.3f} ms from its place on the grid")
    if any(later.decoded_at <= earlier.decoded_at for earlier, later in pairwise(picture.packets)):
        messages.append("its frames' decode times do not always increase")
    if any(packet.decoded_at > packet.shown_at for packet in picture.packets):
        messages.append("a frame is to be shown before it is decoded")
    if any(segment.decoder_setup != picture.decoder_setup for segment in segments):
        messages.append("it sets decoders up otherwise than its segments do")
    return [CertificateFailure(scene_id=None, message=message) for message in messages]


def _failures_of_soundtrack(
    plan: ScenePlan, soundtrack: CertifiedSoundtrack, length_difference: Fraction
) -> list[CertificateFailure]:
    frame = 1 / plan.fps
    messages = []
    if abs(soundtrack.first_sample_at) > frame:
        messages.append(f"its soundtrack starts {_late(_ms(soundtrack.first_sample_at))}")
    missing = soundtrack.planned_sample_count - soundtrack.sample_count
    if abs(Fraction(missing, SAMPLE_RATE)) > frame:
        messages.append(f"its soundtrack has {soundtrack.sample_count} samples, not {soundtrack.planned_sample_count}")
    if not soundtrack.is_continuous:
        messages.append("its soundtrack has a hole or an overlap")
    for offset in soundtrack.voice:
        place = f"{offset.heard_at.start / 1000:.1f} to {offset.heard_at.end / 1000:.1f} s"
        if offset.offset_ms is None:
            messages.append(f"the voice was not found in its soundtrack at {place}")
        elif abs(offset.offset_ms) > 1000 * frame:
            messages.append(f"the voice is {_late(offset.offset_ms)} at {place}")
    if abs(length_difference) > frame:
        longer = "longer" if length_difference > 0 else "shorter"
        messages.append(f"its soundtrack is {abs(_ms(length_difference)):.1f} ms {longer} than its picture")
    return [CertificateFailure(scene_id=None, message=message) for message in messages]


def _ms(seconds: Fraction) -> float:
    return round(float(seconds * 1000), 3)


def _late(error_ms: float) -> str:
    return f"{abs(error_ms):.1f} ms {'late' if error_ms > 0 else 'early'}"
