"""The scene plan: which stretch of the master clock each scene owns, and the words, gaps and cuts that decided it.

The plan is the document that advances a project. All times are whole milliseconds on the master clock.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from pydantic import Field, model_validator

from shared.project_output import TransitionKind
from shared.timeline import FrameGrid, Span, tiles
from shared.transcript import Confidence, Document, Word

CutKind = Literal["silence", "gap_middle", "joined", "end"]
"""Where a cut lies: in measured silence, mid-gap without one, at touching words, at the end."""

ProblemKind = Literal[
    "scene_not_heard",
    "words_missing",
    "sentence_skipped",
    "sentence_repeated",
    "wrong_order",
    "unscripted_speech",
    "ends_early",
    "other_script",
    "unexpected_pause",
    "rushed",
    "dragged",
    "uncertain_cut",
    "joined_words",
    "second_opinion",
    "short_transition",
]
"""What can be wrong or odd about a recording. Some stop a project, the others become warnings of its plan."""


class PlannedTransition(Document):
    """How a scene gives way to the next, centred on the cut between them.

    this scene    ...........]---- handle ---)
    next scene         [--- handle ----[...........
    seen               [ both          )
                                ^ the cut
                       <-------><------>  `half_frames` each
    """

    kind: TransitionKind
    half_frames: int = Field(gt=0, description="Frames on each side of the cut in which both scenes are seen.")

    @property
    def frame_count(self) -> int:
        """How many frames it lasts."""
        return 2 * self.half_frames


@dataclass(frozen=True)
class PlannedSegment:
    """A run of frames that is encoded on its own: what no transition covers of a scene, or a transition."""

    scene_number: int
    """Of a transition, the scene that it leads away from."""
    first_frame: int
    frame_count: int
    is_transition: bool


class PlannedScene(Document):
    """One scene's window, in milliseconds and in frames, and the speech inside it.

    window   [--------------------------------------)
    words         [ one ) [ two )   [ three )
    speech        [-------------------------)
    gap_after                               [-------------)   up to the next scene's first word
                                                    ^ the cut: window.end
    """

    number: int = Field(ge=1)
    scene_id: str
    window: Span
    first_frame: int = Field(ge=0)
    frame_count: int = Field(gt=0)
    speech: Span
    words: tuple[Word, ...]
    gap_after: Span
    cut_kind: CutKind
    confidence: Confidence = Field(
        description="The least of: the certainty that its cuts lie between the right words, and the confidence of"
        " the words beside them."
    )
    clip_ms_to_ask_for: int = Field(
        gt=0,
        description="How long a clip to ask a video model for: the window, the handles of its transitions and two"
        " frames.",
    )
    missing: tuple[str, ...] = Field(default=(), description="Words of the script that were not heard, as written.")
    transition: PlannedTransition | None = Field(
        default=None, description="How it gives way to the next scene; None is a plain cut, or the end."
    )

    @property
    def handle_after(self) -> int:
        """Frames that its clips show beyond its window, for the transition to the next scene."""
        return self.transition.half_frames if self.transition else 0


class PlanWarning(Document):
    """Something odd that does not stop the project: where, and what to do about it."""

    kind: ProblemKind
    scene_id: str | None
    message: str
    remedy: str
    span: Span | None = Field(default=None, description="Where on the master clock, where it has a place there.")


class ScenePlan(Document):
    """The windows of all scenes. They tile the voiceover: nothing is lost between scenes, nothing overlaps."""

    length_ms: int = Field(gt=0)
    fps: Fraction
    frame_count: int = Field(gt=0)
    scenes: tuple[PlannedScene, ...]
    warnings: tuple[PlanWarning, ...] = ()

    @model_validator(mode="after")
    def _windows_tile_the_voiceover(self) -> "ScenePlan":
        grid = FrameGrid(self.fps)
        if not tiles((scene.window for scene in self.scenes), self.length_ms):
            raise ValueError("the scenes' windows do not tile the voiceover")
        if self.frame_count != grid.frame_at(self.length_ms):
            raise ValueError("the plan's frame count is not round(length x fps)")
        next_frame = 0
        for scene in self.scenes:
            if scene.first_frame != next_frame or scene.frame_count != grid.frame_count(scene.window):
                raise ValueError(f"scene {scene.scene_id!r}: its frames are not its window's frames")
            next_frame += scene.frame_count
        return self

    @model_validator(mode="after")
    def _transitions_leave_something_of_every_scene(self) -> "ScenePlan":
        if self.scenes[-1].transition is not None:
            raise ValueError("the last scene has a transition, but no scene follows it")
        for scene, before in zip(self.scenes, self.handles_before, strict=True):
            if before + scene.handle_after >= scene.frame_count:
                raise ValueError(f"scene {scene.scene_id!r}: its transitions leave nothing of it")
        return self

    @property
    def handles_before(self) -> tuple[int, ...]:
        """For each scene, the frames that its clips show before its window, for the transition into it."""
        return (0, *(scene.handle_after for scene in self.scenes[:-1]))

    @property
    def segments(self) -> tuple[PlannedSegment, ...]:
        """What is encoded on its own and joined, in order. The segments tile the frames.

        windows     [      one      |      two      |     three     )
        segments    [   one   )[ to two )[    two   |     three     )
        """
        return tuple(self._segments())

    def _segments(self) -> Iterator[PlannedSegment]:
        for scene, before in zip(self.scenes, self.handles_before, strict=True):
            end, after = scene.first_frame + scene.frame_count, scene.handle_after
            first = scene.first_frame + before
            yield PlannedSegment(scene.number, first, end - after - first, is_transition=False)
            if after:
                yield PlannedSegment(scene.number, end - after, 2 * after, is_transition=True)
