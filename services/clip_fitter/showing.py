"""What is shown of a scene: its clips over its window and its handles, and which of those frames go where. Pure.

    window                   [         frame_count of the scene         )
    shown    [ handle_before )                                          [ handle_after )
    frames   0               ^ first cut                     second cut ^              frame_count
    body                     .............[           body        )..............
             [      head: 2 handles       )                       [   tail: 2 handles  )

The head is mixed into the transition before, the tail into the one after. All three come from one recipe over all
frames, so that the picture runs on from one to the other.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.clip_fitter.encoding import Stretch
from shared.assets import Asset, Determinant, derived_key
from shared.events import ScenePlanned
from shared.project import Clip as Footage
from shared.project import Fit, Output
from shared.project_output import TransitionKind

RECIPE_VERSION = 6
"""Goes up whenever the same clips and window would give other pictures than before."""


@dataclass(frozen=True)
class Showing:
    """One scene's clips and the frames that they fill, its handles included."""

    scene_id: str
    clips: tuple[Asset, ...]
    footage: tuple[Footage, ...]
    """What the project says about each clip; as many as there are clips, or none."""
    fit: Fit
    output: Output
    frame_count: int
    handle_before: int = 0
    handle_after: int = 0

    @property
    def body(self) -> Stretch:
        """The frames that no transition covers."""
        return Stretch(2 * self.handle_before, self.frame_count - 2 * self.handle_after)

    @property
    def head(self) -> Stretch:
        """The frames that the transition into the scene shows of it."""
        return Stretch(0, 2 * self.handle_before)

    @property
    def tail(self) -> Stretch:
        """The frames that the transition to the next scene shows of it."""
        return Stretch(self.frame_count - 2 * self.handle_after, self.frame_count)


@dataclass(frozen=True)
class Meeting:
    """Two scenes and the transition between them."""

    kind: TransitionKind
    leaving: Showing
    coming: Showing

    @property
    def half_frames(self) -> int:
        """Frames of it on each side of the cut."""
        return self.leaving.handle_after


def showing_of(event: ScenePlanned) -> Showing:
    """What is shown of the event's own scene."""
    return Showing(
        scene_id=event.scene_id,
        clips=event.clips,
        footage=event.footage,
        fit=event.fit,
        output=event.output,
        frame_count=event.handle_before + event.frame_count + event.handle_after,
        handle_before=event.handle_before,
        handle_after=event.handle_after,
    )


def meeting_of(event: ScenePlanned) -> Meeting | None:
    """The transition that follows the event's scene; None at a plain cut and at the end."""
    following = event.next_scene
    if following is None:
        return None
    coming = Showing(
        scene_id=following.scene_id,
        clips=following.clips,
        footage=following.footage,
        fit=following.fit,
        output=event.output,
        frame_count=event.handle_after + following.frame_count + following.handle_after,
        handle_before=event.handle_after,
        handle_after=following.handle_after,
    )
    return Meeting(following.transition, showing_of(event), coming)


def segment_key(showing: Showing) -> str:
    """The key of the scene's body. What was done to its clips is noted with it."""
    body: tuple[Determinant, ...] = (showing.body.first, showing.body.end)
    return derived_key("segments", "mp4", recipe_version=RECIPE_VERSION, body=body, **_determinants(showing))


def transition_key(meeting: Meeting) -> str:
    """The key of the transition's segment: all that decides the pictures of both scenes, and how they are mixed."""
    return derived_key(
        "transitions",
        "mp4",
        recipe_version=RECIPE_VERSION,
        transition=meeting.kind,
        half_frames=meeting.half_frames,
        leaving=_determinants(meeting.leaving),
        coming=_determinants(meeting.coming),
    )


def _determinants(showing: Showing) -> Mapping[str, Determinant]:
    # Loudness is part of the output but not of the picture: changing it must not encode a segment again. The number of
    # threads changes a few bits of the encode and nothing that can be seen, so any fitter's segment will do.
    return {
        "clips": [clip.digest for clip in showing.clips],
        "frame_count": showing.frame_count,
        "width": showing.output.width,
        "height": showing.output.height,
        "fps": showing.output.fps,
        "encoder": showing.output.encoder,
        "fit": showing.fit,
        # What was said about a clip's picture: not where its author keeps it, nor whether it is heard.
        "footage": [
            said.model_copy(update={"file": "clip"}).model_dump(mode="json", exclude={"keep_sound"})
            for said in showing.footage
        ],
    }
