"""Every message on the bus and its subject. Nothing else in the house spells a subject.

An event is a past-tense fact: its docstring says what is now true. Events carry keys of assets, never media.
They are frozen and tolerant: a consumer survives a field it does not know, so services can be deployed one at a time.
"""

import re
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from shared.assets import Asset
from shared.project import Clip, Fit, Output
from shared.project_output import TransitionKind
from shared.timeline import Span

STREAM = "LOCKSTEP"
"""The one stream: a project's events in it are the project's history."""

STREAM_SUBJECTS = "lockstep.>"

DEAD_STREAM = "LOCKSTEP_DEAD"
"""Where messages go that no attempt could handle: kept for a person to look at, heard by no service."""

DEAD_STREAM_SUBJECTS = "lockstep-dead.>"

PROJECT_ID_PATTERN = r"^[a-z0-9][a-z0-9-]{0,79}$"


class Event(BaseModel):
    """A fact about one project."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    subject: ClassVar[str]
    """The subject's template, `{field}` standing for a token."""

    ends_project: ClassVar[bool] = False
    """True where nothing is said about the project afterwards."""

    project_id: str = Field(pattern=PROJECT_ID_PATTERN)

    @property
    def address(self) -> str:
        """The subject of this very event."""
        return re.sub(r"\{(\w+)\}", lambda field: str(getattr(self, field[1])), self.subject)

    @classmethod
    def wildcard(cls, project_id: str = "*") -> str:
        """The subject that catches all events of this class, of one project or of every."""
        return re.sub(r"\{(\w+)\}", lambda field: project_id if field[1] == "project_id" else "*", cls.subject)

    @staticmethod
    def catalogue() -> "tuple[type[Event], ...]":
        """All event classes in the order in which a project passes them."""
        return tuple(Event.__subclasses__())


def event_class_of(subject: str) -> type[Event] | None:
    """The class of event that is said on `subject`, or None where no event class has that address."""
    tokens = subject.split(".")
    for event_class in Event.catalogue():
        pattern = event_class.wildcard().split(".")
        if len(pattern) == len(tokens) and all(p in ("*", token) for p, token in zip(pattern, tokens, strict=True)):
            return event_class
    return None


def event_from(subject: str, body: bytes) -> Event | None:
    """The event that was said on `subject`, or None where no event class has that address."""
    event_class = event_class_of(subject)
    return event_class.model_validate_json(body) if event_class else None


def tokens_of(subject: str) -> dict[str, str]:
    """What an event's subject spells out: its project id and, of a scene's event, the scene's number."""
    event_class = event_class_of(subject)
    names = event_class.subject.split(".") if event_class else ["", "{project_id}"]
    return {name[1:-1]: token for name, token in zip(names, subject.split("."), strict=False) if name.startswith("{")}


def history_of(project_id: str) -> str:
    """The subject that catches everything about one project."""
    return f"lockstep.{project_id}.>"


class ProjectSubmitted(Event):
    """The project file is valid and it and all its sources are in the store."""

    subject: ClassVar[str] = "lockstep.{project_id}.project.submitted"
    project: Asset
    """A `SubmittedProject`."""
    scene_count: int


class VoiceoverRecorded(Event):
    """The master clock exists: the voiceover is in the store."""

    subject: ClassVar[str] = "lockstep.{project_id}.voiceover.recorded"
    project: Asset
    recording: Asset
    """A `Recording`."""
    length_ms: int
    from_store: bool
    """True where the work had been done before."""


class WordsTimed(Event):
    """Every word of the voiceover has a span on the master clock."""

    subject: ClassVar[str] = "lockstep.{project_id}.words.timed"
    project: Asset
    recording: Asset
    transcript: Asset
    """A `Transcript`."""
    word_count: int
    from_store: bool


class ScenesPlanned(Event):
    """Every scene has its window; the windows tile the voiceover. The project advances."""

    subject: ClassVar[str] = "lockstep.{project_id}.scenes.planned"
    project: Asset
    recording: Asset
    plan: Asset
    """A `ScenePlan`."""
    scene_count: int
    frame_count: int


class NextScene(BaseModel):
    """What a scene's fitter must know of the next one to make the transition between them."""

    model_config = ConfigDict(frozen=True, extra="ignore", use_attribute_docstrings=True)

    scene_id: str
    frame_count: int = Field(gt=0)
    """The frames of its own window."""
    handle_after: int = Field(default=0, ge=0)
    """As in the next scene's own event."""
    clips: tuple[Asset, ...]
    fit: Fit
    footage: tuple[Clip, ...] = ()
    transition: TransitionKind
    """How the two are mixed."""


class ScenePlanned(Event):
    """One scene's window is known, with all that a clip fitter needs to fill it."""

    subject: ClassVar[str] = "lockstep.{project_id}.scene.{scene_number}.planned"
    scene_number: int = Field(ge=1)
    scene_id: str
    window: Span
    frame_count: int = Field(gt=0)
    clips: tuple[Asset, ...]
    output: Output
    fit: Fit
    footage: tuple[Clip, ...] = ()
    """What the project says about each of `clips`, in their order; empty where nothing is said."""
    handle_before: int = Field(default=0, ge=0)
    """Frames that its clips show before its window: half of the transition into it."""
    handle_after: int = Field(default=0, ge=0)
    """Frames that its clips show beyond its window: half of the transition to the next scene."""
    next_scene: NextScene | None = None
    """The scene that it is mixed with over that transition; None where a plain cut or the end follows."""


class SceneFitted(Event):
    """One scene's segment is in the store, with the transition that follows it: exactly the frames of its window."""

    subject: ClassVar[str] = "lockstep.{project_id}.scene.{scene_number}.fitted"
    scene_number: int = Field(ge=1)
    scene_id: str
    segment: Asset
    """The frames of its window that no transition covers."""
    transition: Asset | None = None
    """The segment of the transition to the next scene, half of it on each side of the cut; None at a plain cut."""
    frame_count: int
    """The frames of its window."""
    clip_ms: int
    """The source clip's own length."""
    fit: str
    """What was done to the clip, in words: "slowed to 0.93x"."""
    from_store: bool


class SceneSounded(Event):
    """What a scene keeps of its clips' own sound is in the store, or it is known that they have none."""

    subject: ClassVar[str] = "lockstep.{project_id}.scene.{scene_number}.sounded"
    scene_number: int = Field(ge=1)
    scene_id: str
    sound: Asset | None
    """Exactly as long as the span; None where the clips have no sound."""
    span: Span
    """Where it plays: the scene's frames, and those of its handles."""
    from_store: bool


class SoundtrackMixed(Event):
    """The soundtrack is in the store, encoded once, exactly as long as the voiceover."""

    subject: ClassVar[str] = "lockstep.{project_id}.soundtrack.mixed"
    soundtrack: Asset
    report: Asset | None = None
    """A `SoundtrackReport`: the loudness of voice and bed, scene by scene."""
    sample_count: int
    loudness_lufs: float
    true_peak_dbtp: float
    from_store: bool


class AssemblyDue(Event):
    """The plan, every fitted scene and the soundtrack are there."""

    subject: ClassVar[str] = "lockstep.{project_id}.assembly.due"


class ProjectEnded(Event):
    """The project has its video, or the reason why it gets none; nobody works on it any more."""

    subject: ClassVar[str] = "lockstep.{project_id}.project.ended"


class VideoAssembled(Event):
    """The finished video is in the store and its certificate holds."""

    subject: ClassVar[str] = "lockstep.{project_id}.video.assembled"
    ends_project: ClassVar[bool] = True
    video: Asset
    certificate: Asset
    from_store: bool


class StepFailed(Event):
    """A service cannot go on with this project: the same input would fail again. Or a person has cancelled it."""

    subject: ClassVar[str] = "lockstep.{project_id}.step.failed"
    ends_project: ClassVar[bool] = True
    service: str
    scene_id: str | None
    reason: str
    remedy: str
    span: Span | None = None
    """Where on the master clock, where it has a place there."""
    cancelled: bool = False
    """True where no step failed: a person wanted no more of it."""

    @property
    def sentence(self) -> str:
        """The failure as a person reads it: who, where, why and what to do."""
        place = f"scene {self.scene_id!r}: " if self.scene_id else ""
        return f"{self.service}: {place}{self.reason} {self.remedy}"


class ProgressTicked(BaseModel):
    """How far a long step is. Sent over core NATS, kept by nobody: not part of a project's history."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    subject: ClassVar[str] = "lockstep-progress.{project_id}"
    project_id: str = Field(pattern=PROJECT_ID_PATTERN)
    service: str
    scene_number: int | None = None
    percent: int = Field(ge=0, le=100)

    @property
    def address(self) -> str:
        """The subject of this very tick."""
        return self.subject.format(project_id=self.project_id)


def dead_letters_of(consumer: str) -> str:
    """The subject that catches whatever `consumer` gave up on, of any project."""
    return f"lockstep-dead.*.{consumer}.*"


DEAD_LETTER_PREFIX = DEAD_STREAM_SUBJECTS.removesuffix(">")


def dead_letter_address(subject: str, consumer: str, sequence: int) -> str:
    """Where the message goes that `consumer` gave up on: one address for each, so it is buried once."""
    return f"{DEAD_LETTER_PREFIX}{tokens_of(subject).get('project_id', 'unknown')}.{consumer}.{sequence}"
