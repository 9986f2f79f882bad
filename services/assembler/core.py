"""What the assembler decides: what it waits for, which segments in which order, and under which keys.

How the segments are joined is `join.py`, where to listen for the voice `listening.py`, what the measurements of the
finished file prove `judgement.py`; all pure.
"""

from collections.abc import Sequence

from shared.assets import Asset, derived_key
from shared.certificate import Certificate, CertifiedLoudness
from shared.errors import Unrecoverable
from shared.events import SceneFitted, ScenesPlanned, SoundtrackMixed
from shared.plan import PlannedSegment, ScenePlan
from shared.soundtrack import SoundtrackReport

JOIN_RECIPE_VERSION = 1
"""Raise it when the same segments and the same soundtrack would be joined to other bytes."""

CERTIFICATE_RECIPE_VERSION = 2
"""Raise it when the same video would be measured or judged otherwise."""


def awaited_subjects(project_id: str, scene_count: int) -> tuple[str, ...]:
    """The subjects of what assembly waits for: the soundtrack, then each scene by its number.

    Scenes are looked up by number: events of scenes that the plan does not have cannot stand in for a missing one.
    """
    scenes = range(1, scene_count + 1)
    return (
        SoundtrackMixed.subject.format(project_id=project_id),
        *(SceneFitted.subject.format(project_id=project_id, scene_number=number) for number in scenes),
    )


def segments_in_order(plan: ScenePlan, fitted: Sequence[SceneFitted]) -> tuple[Asset, ...]:
    """What is joined, one for each of the plan's segments: the scenes' bodies and the transitions between them.

    Raises `LookupError` where one is missing: the history has not been read to its end yet.
    """
    by_number = {event.scene_number: event for event in fitted}
    missing = [scene.number for scene in plan.scenes if scene.number not in by_number]
    if missing:
        raise LookupError(f"assembly is due, but the history holds no fitted scene {missing[0]}")
    return tuple(_made(planned, by_number[planned.scene_number]) for planned in plan.segments)


def _made(planned: PlannedSegment, fitted: SceneFitted) -> Asset:
    if not planned.is_transition:
        return fitted.segment
    if fitted.transition is None:
        raise Unrecoverable(
            "The plan has a transition after it, but its clip fitter made none.",
            remedy="Run the same version of Lockstep in every clip fitter, and submit the project again.",
            scene_id=fitted.scene_id,
        )
    return fitted.transition


def video_key(plan: ScenePlan, segments: Sequence[Asset], soundtrack: Asset) -> str:
    """The key of the finished video: its segments in order, how many frames each owns, and its soundtrack."""
    return derived_key(
        "videos",
        "mp4",
        recipe_version=JOIN_RECIPE_VERSION,
        segments=[segment.digest for segment in segments],
        frame_counts=[segment.frame_count for segment in plan.segments],
        fps=plan.fps,
        soundtrack=soundtrack.digest,
    )


def certificate_key(video_key: str, planned: ScenesPlanned, report: Asset | None = None) -> str:
    """The key of the certificate: the video, the plan and the recording that it is measured against, and what the
    mixer reported of its soundtrack."""
    return derived_key(
        "certificates",
        "json",
        recipe_version=CERTIFICATE_RECIPE_VERSION,
        video=video_key,
        plan=planned.plan.digest,
        recording=planned.recording.digest,
        report="" if report is None else report.digest,
    )


def certified_loudness(report: SoundtrackReport) -> CertifiedLoudness:
    """What the certificate says of the mixer's report."""
    return CertifiedLoudness(
        loudness_lufs=report.loudness_lufs,
        true_peak_dbtp=report.true_peak_dbtp,
        scenes=report.scenes,
        warnings=report.warnings,
    )


def refuse_unless_it_holds(certificate: Certificate) -> None:
    """Raise `Unrecoverable` with the first finding where the certificate does not hold.

    Joining the same segments again gives the same video, so there is nothing to retry.
    """
    if certificate.holds:
        return
    first, *others = certificate.failures
    more = f" (and {len(others)} more)" if others else ""
    raise Unrecoverable(
        f"The finished video is not in sync: {first.message}{more}.",
        remedy="It was not published; report this as a fault of Lockstep, with the project file and this message.",
        scene_id=first.scene_id,
    )
