"""When a failed step is tried again and when it is given up: a pure policy, values in, values out."""

import re
from dataclasses import dataclass

from shared.errors import Unrecoverable
from shared.timeline import Span

REASON_LENGTH = 300
"""An error's text goes into events and logs: enough to name a cause, too little for a document or a dump."""


class Unreadable(Exception):
    """The message is not the event that its subject promises; no attempt will read it."""


class WornOut(Exception):
    """The message was begun too often and never ended: it seems to kill whoever takes it."""


class HandedOver(Exception):
    """This service has to stop now; another takes the message. Not a failure."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often, and after which pauses, a step is tried."""

    max_attempts: int = 5
    delays_seconds: tuple[float, ...] = (1.0, 5.0, 15.0, 60.0)
    max_deliveries: int = 20


@dataclass(frozen=True)
class TryAgain:
    """The message goes back to the bus, which hands it out again after the pause."""

    delay_seconds: float


@dataclass(frozen=True)
class GiveUp:
    """The project fails here. A `dead_letter` keeps the message for a person to look at."""

    reason: str
    remedy: str
    scene_id: str | None
    dead_letter: bool
    span: Span | None = None
    """Where it lies in the recording, where it has a place there."""


def retry_decision(policy: RetryPolicy, service: str, attempt: int, error: Exception) -> TryAgain | GiveUp:
    """What to do about `error`, raised by the `attempt`-th delivery (from 1) of a message to `service`."""
    if isinstance(error, Unrecoverable):
        return GiveUp(
            one_line(error.reason), one_line(error.remedy), error.scene_id, dead_letter=False, span=error.span
        )
    if isinstance(error, Unreadable):
        return GiveUp(
            f"A message for {service} cannot be read: {one_line(str(error))}.",
            "Make sure that all services run the same release, then submit the project again.",
            None,
            dead_letter=True,
        )
    if isinstance(error, WornOut):
        return GiveUp(
            f"The step {service} was begun {attempt - 1} times and never came to an end.",
            "Look for processes that were killed (memory, disk); when the cause is gone, submit the project again.",
            None,
            dead_letter=True,
        )
    if attempt >= policy.max_attempts:
        return GiveUp(
            f"The step {service} failed {attempt} times, the last time with {describe(error)}.",
            "See the service's log for the cause; when it is gone, submit the project again.",
            None,
            dead_letter=True,
        )
    return TryAgain(policy.delays_seconds[min(attempt, len(policy.delays_seconds)) - 1] if policy.delays_seconds else 0)


_THE_STORE_SAYS = {
    "AccessDenied": "the object store does not let this service do that: look at its key and its policy",
    "InvalidAccessKeyId": "the object store does not know this service's key",
    "RequestTimeTooSkewed": "this machine's clock is more than 15 minutes off the object store's: set it right",
    "SignatureDoesNotMatch": "the object store does not accept this service's secret key",
    "XMinioStorageFull": "the object store is full",
}
"""What operators meet, by the code of the S3 error."""


def describe(error: Exception) -> str:
    """The error on one line, without secrets: in plain words where it is known, else its class and message."""
    code = getattr(error, "code", None)
    if isinstance(code, str) and code in _THE_STORE_SAYS:
        return f"{type(error).__name__} {code}: {_THE_STORE_SAYS[code]}"
    text = one_line(str(error))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def one_line(text: str) -> str:
    """The text on one line, cut at 300 characters, with credentials and query strings taken out of addresses."""
    text = re.sub(r"://[^/\s@]*@", "://", " ".join(text.split()))
    text = re.sub(r"(\w+://[^\s?]*)\?\S*", r"\1", text)
    return text if len(text) <= REASON_LENGTH else text[: REASON_LENGTH - 1] + "…"
