"""The stages of a step: fetch, probe, ffmpeg, store and whatever else a service spends its time on.

    with stage("align"):
        ...

Around a message that a service handles, a stage is a span and a measurement; anywhere else it is nothing, so code that
marks its stages can be called from tests and from the command as it is.
"""

import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import wraps
from typing import Any, Literal, ParamSpec, TypeVar

from opentelemetry.trace import Status, StatusCode, Tracer
from opentelemetry.util.types import Attributes

from shared.telemetry_metrics import Instruments

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class StageRecorder:
    """Where the stages of one message are told."""

    tracer: Tracer
    instruments: Instruments
    attributes: Attributes
    """Project and scene: they stand on spans, and never on measurements."""


_recorder: ContextVar[StageRecorder | None] = ContextVar("stage_recorder", default=None)


@contextmanager
def recording_stages(recorder: StageRecorder) -> Iterator[None]:
    """Stages of this task, and of tasks and threads that it starts, are told to `recorder`."""
    token = _recorder.set(recorder)
    try:
        yield
    finally:
        _recorder.reset(token)


@contextmanager
def stage(name: str) -> Iterator[None]:
    """A part of a step. `name` is one of few: no project, scene or file stands in it."""
    recorder = _recorder.get()
    if recorder is None:
        yield
        return
    began = time.perf_counter()
    outcome = "done"
    with recorder.tracer.start_as_current_span(
        name, attributes=recorder.attributes, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except BaseException as error:
            # The class only: the message of an ffmpeg that failed may quote whatever stands in the file.
            outcome = "failed"
            span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            recorder.instruments.stage_duration.record(time.perf_counter() - began, {"stage": name, "outcome": outcome})


def note_moved(size: int, direction: Literal["fetch", "store"]) -> None:
    """Bytes went from the store or to it."""
    if recorder := _recorder.get():
        recorder.instruments.moved.add(size, {"direction": direction})


def note_clip_kept(size: int) -> None:
    """A source clip was still on this machine, and these bytes did not have to be fetched."""
    if recorder := _recorder.get():
        recorder.instruments.clip_cache_hits.add(1)
        recorder.instruments.clip_cache_saved.add(size)


def note_provider_answer(provider: str, outcome: Literal["answered", "busy", "refused"], cost: int | None) -> None:
    """A paid service answered. `cost` is in its own units (characters, seconds); None where it does not say."""
    if recorder := _recorder.get():
        recorder.instruments.provider_calls.add(1, {"provider": provider, "outcome": outcome})
        if cost:
            recorder.instruments.provider_cost.add(cost, {"provider": provider})


def staged(
    name: str,
) -> Callable[[Callable[P, Coroutine[Any, Any, R]]], Callable[P, Coroutine[Any, Any, R]]]:
    """Every call of the decorated coroutine function is a stage of that name."""

    def decorate(function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
        @wraps(function)
        async def measured(*args: P.args, **kwargs: P.kwargs) -> R:
            with stage(name):
                return await function(*args, **kwargs)

        return measured

    return decorate
