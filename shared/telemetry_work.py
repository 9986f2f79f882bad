"""How much was made, and what it took: what the real-time factor of a fit and the savings of the store come from."""

import resource
from contextvars import ContextVar

from nats.aio.msg import Msg

from shared.events import Event, SceneFitted, ScenePlanned, VoiceoverRecorded, event_from

_before: ContextVar[float] = ContextVar("processor_seconds_before", default=0.0)


def begin_counting() -> None:
    """From here on, count what this task's work takes of the processors."""
    _before.set(_processor_seconds())


def counted_seconds() -> float:
    """What was taken since `begin_counting`, by this process and its children that have ended.

    A fitter works on one scene at a time; where it works on several, each is charged with all of them.
    """
    return _processor_seconds() - _before.get()


def media_seconds(msg: Msg, event: Event) -> float:
    """How much picture or sound `event`, the answer to `msg`, says is there; nothing where it is of neither."""
    if isinstance(event, SceneFitted):
        planned = event_from(msg.subject, msg.data)
        return planned.window.length / 1000 if isinstance(planned, ScenePlanned) else 0.0
    return event.length_ms / 1000 if isinstance(event, VoiceoverRecorded) else 0.0


def _processor_seconds() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
