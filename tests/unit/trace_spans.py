"""The spans of a small project, for tests."""

from shared.events import SceneFitted, ScenePlanned, VideoAssembled, WordsTimed
from shared.spans import SpanRecord

SECOND = 1_000_000_000


def span(
    name: str,
    start: int,
    end: int,
    *,
    id: str,
    parent: str | None = None,
    cause: str | None = None,
    consumer: str = "",
    scene: int | None = None,
    delivery: int = 1,
    failure: str | None = None,
    process: str = "host-1",
) -> SpanRecord:
    attributes: dict[str, str | int | float | bool] = {"messaging.nats.delivery": delivery}
    if consumer:
        attributes["messaging.consumer.group.name"] = consumer
        attributes["messaging.destination.template"] = ScenePlanned.subject if scene else WordsTimed.subject
    if scene:
        attributes["scene.number"] = scene
    return SpanRecord(
        "lighthouse", "t", id, parent, cause, name, consumer, process, start * SECOND, end * SECOND, failure, attributes
    )


def told() -> list[SpanRecord]:
    """A plan, one scene whose first fitter was killed, and the video."""
    return [
        span("project", 100, 120, id="root"),
        span("queue", 100, 101, id="q1", parent="root", consumer="scene_planner"),
        span(f"process {WordsTimed.subject}", 101, 104, id="p1", parent="root", consumer="scene_planner"),
        span("publish scenes", 103, 104, id="say", parent="p1"),
        span("scene", 104, 118, id="s1", parent="root", scene=1),
        span("queue", 104, 106, id="q2", parent="s1", consumer="clip_fitter", scene=1, process="killed"),
        span("queue", 112, 112, id="q3", parent="s1", consumer="clip_fitter", scene=1, delivery=2),
        span(
            f"process {ScenePlanned.subject}",
            112,
            118,
            id="p3",
            parent="s1",
            cause="say",
            consumer="clip_fitter",
            scene=1,
            delivery=2,
        ),
        span("ffmpeg", 113, 117, id="f", parent="p3"),
        span(f"publish {SceneFitted.subject}", 117, 118, id="said", parent="p3"),
        span(f"publish {VideoAssembled.subject}", 117, 120, id="done", parent="p3"),
    ]
