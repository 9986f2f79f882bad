"""What a project's spans tell: its steps, their attempts, and what caused what. Pure: spans in, values out.

All times are nanoseconds since the project was submitted, as boundaries on one line:

    0        asked       attempt 1      attempt 2       end
    |----------|===queue===|##lost##..retry..|####work####|
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shared.events import ScenePlanned, SoundtrackMixed, VideoAssembled
from shared.spans import SpanRecord

FITTER = "clip_fitter"


@dataclass(frozen=True)
class Stage:
    """One part of an attempt."""

    name: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True)
class Attempt:
    """One delivery of a message to one process."""

    delivery: int
    process: str
    start_ns: int
    end_ns: int | None
    """None where nobody told of the end: the process was killed."""
    failure: str | None
    stages: tuple[Stage, ...]


@dataclass(frozen=True)
class Step:
    """One message and all attempts at it."""

    name: str
    """The durable consumer that the message was handed out by."""
    subject: str
    """The template of the subject that the message was said on."""
    scene_number: int | None
    asked_ns: int
    attempts: tuple[Attempt, ...]
    cause: "Step | None" = None
    """The step that said the message; None where the project was submitted with it, or where its span is lost."""
    from_store: bool = False

    @property
    def first_ns(self) -> int:
        """When the first attempt began that is known of."""
        return self.attempts[0].start_ns

    @property
    def last_ns(self) -> int:
        """When the last attempt began."""
        return self.attempts[-1].start_ns

    @property
    def end_ns(self) -> int:
        """When the last attempt that told of its end had ended."""
        return max(attempt.end_ns or attempt.start_ns for attempt in self.attempts)

    @property
    def deliveries(self) -> int:
        """How often the message was handed out: more than there are attempts, where a killed one told nothing."""
        return max(attempt.delivery for attempt in self.attempts)

    @property
    def failure(self) -> str | None:
        """Why the last attempt failed."""
        return self.attempts[-1].failure


@dataclass(frozen=True)
class SceneStory:
    """One scene from planned to fitted."""

    number: int
    planned_ns: int
    ended_ns: int
    failure: str | None
    step: Step | None

    @property
    def latency_ns(self) -> int:
        """From planned to fitted."""
        return self.ended_ns - self.planned_ns

    @property
    def queue_ns(self) -> int:
        """How long nobody worked on it at first."""
        return self.step.first_ns - self.planned_ns if self.step else self.latency_ns

    @property
    def work_ns(self) -> int:
        """From the start of the attempt that fitted it."""
        return max(0, self.ended_ns - self.step.last_ns) if self.step else 0

    def stage_ns(self, name: str) -> int:
        """How long the stage took in the last attempt."""
        stages = self.step.attempts[-1].stages if self.step else ()
        return sum(stage.end_ns - stage.start_ns for stage in stages if stage.name == name)


@dataclass(frozen=True)
class ProjectStory:
    """All that the spans of one project tell."""

    project_id: str
    trace_id: str
    """By which a backend finds the trace that spans were sent to as well."""
    submitted_ns: int
    """Since 1970; everything else counts from here."""
    end_ns: int
    ended: bool
    """False while the project is in work, or where its end was not told."""
    failure: str | None
    steps: tuple[Step, ...]
    scenes: tuple[SceneStory, ...]
    last: Step | None
    """The step that ended the project."""

    @property
    def fitters(self) -> int:
        """How many processes fitted scenes."""
        return len({attempt.process for step in self.steps if step.name == FITTER for attempt in step.attempts})

    @property
    def mixed_ns(self) -> int:
        """When the soundtrack was mixed; 0 where it was not."""
        heard = [step.asked_ns for step in self.steps if step.subject == SoundtrackMixed.subject]
        return min(heard, default=0)


def read_story(spans: Sequence[SpanRecord]) -> ProjectStory:
    """The story that one project's spans tell. Raises `ValueError` where there are none."""
    if not spans:
        raise ValueError("no spans")
    root = next((span for span in spans if span.name == "project"), None)
    zero = root.start_ns if root else min(span.start_ns for span in spans)
    end = root.end_ns if root else max(span.end_ns for span in spans)
    by_id = {span.span_id: span for span in spans}
    steps = _steps(spans, by_id, zero)
    return ProjectStory(
        project_id=spans[0].project_id,
        trace_id=spans[0].trace_id,
        submitted_ns=zero,
        end_ns=end - zero,
        ended=root is not None,
        failure=root.failure if root else None,
        steps=tuple(sorted(steps.values(), key=lambda step: (step.asked_ns, step.first_ns))),
        scenes=tuple(_scenes(spans, steps.values(), zero)),
        last=_last_step(spans, by_id, steps),
    )


_Key = tuple[str, str, int | None]


def _key(span: SpanRecord) -> _Key:
    attributes = span.attributes
    consumer, subject = (
        attributes.get("messaging.consumer.group.name"),
        attributes.get("messaging.destination.template"),
    )
    return str(consumer), str(subject), span.number("scene.number")


def _steps(spans: Sequence[SpanRecord], by_id: dict[str, SpanRecord], zero: int) -> dict[_Key, Step]:
    """The steps, causes first."""
    told: dict[_Key, list[SpanRecord]] = defaultdict(list)
    stages: dict[str, list[Stage]] = defaultdict(list)
    for span in spans:
        if span.name == "queue" or span.name.startswith("process "):
            told[_key(span)].append(span)
        elif span.parent_id and not span.name.startswith("publish "):
            stages[span.parent_id].append(Stage(span.name, span.start_ns - zero, span.end_ns - zero))
    steps: dict[_Key, Step] = {}
    for key in sorted(told, key=lambda key: min(span.start_ns for span in told[key])):
        cause_key = _cause_key(told[key], by_id)
        steps[key] = Step(
            *key,
            asked_ns=min(span.start_ns for span in told[key]) - zero,
            attempts=tuple(_attempts(told[key], stages, zero)),
            # A step is asked for after its cause has begun; clocks that disagree must not make a circle of it.
            cause=steps.get(cause_key) if cause_key else None,
            from_store=any(bool(span.attributes.get("lockstep.from_store")) for span in told[key]),
        )
    return steps


def _cause_key(told: Iterable[SpanRecord], by_id: dict[str, SpanRecord]) -> _Key | None:
    for span in told:
        said = by_id.get(span.cause_id or "")
        speaker = by_id.get(said.parent_id or "") if said else None
        if speaker is not None and speaker.name.startswith("process "):
            return _key(speaker)
    return None


def _attempts(told: Iterable[SpanRecord], stages: dict[str, list[Stage]], zero: int) -> Iterable[Attempt]:
    taken: dict[int, SpanRecord] = {}
    worked: dict[int, SpanRecord] = {}
    for span in told:
        (taken if span.name == "queue" else worked)[span.number("messaging.nats.delivery") or 1] = span
    for delivery in sorted(taken.keys() | worked.keys()):
        if delivery not in worked:
            yield Attempt(delivery, taken[delivery].process, taken[delivery].end_ns - zero, None, None, ())
            continue
        span = worked[delivery]
        yield Attempt(
            delivery,
            span.process,
            span.start_ns - zero,
            span.end_ns - zero,
            span.failure,
            tuple(sorted(stages[span.span_id], key=lambda stage: stage.start_ns)),
        )


def _scenes(spans: Sequence[SpanRecord], steps: Iterable[Step], zero: int) -> Iterable[SceneStory]:
    fits = {step.scene_number: step for step in steps if step.subject == ScenePlanned.subject}
    scenes = {span.number("scene.number"): span for span in spans if span.name == "scene"}
    for number in sorted(number for number in fits.keys() | scenes.keys() if number is not None):
        span, step = scenes.get(number), fits.get(number)
        if span is not None:
            yield SceneStory(number, span.start_ns - zero, span.end_ns - zero, span.failure, step)
        elif step is not None:
            yield SceneStory(number, step.asked_ns, step.end_ns, step.failure, step)


def _last_step(spans: Sequence[SpanRecord], by_id: dict[str, SpanRecord], steps: dict[_Key, Step]) -> Step | None:
    """The step that said that the video is assembled; before that, the one that ended last."""
    for span in spans:
        speaker = by_id.get(span.parent_id or "")
        if span.name == f"publish {VideoAssembled.subject}" and speaker is not None and _key(speaker) in steps:
            return steps[_key(speaker)]
    return max(steps.values(), key=lambda step: step.end_ns, default=None)
