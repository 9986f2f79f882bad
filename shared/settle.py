"""What happens to a message around its handler: signs of life while it runs, and one of four ends.

    the handler returns          -> acknowledged
    it raises Unrecoverable      -> step.failed, acknowledged
    it raises anything else      -> handed out again after a pause, until the attempts are used up; then as below
    the message cannot be read   -> dead letter, step.failed, terminated

It is a FastStream middleware, because only there the failures are seen that come before a handler is called.
"""

import asyncio
import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import nats.errors
from faststream import BaseMiddleware, ContextRepo
from faststream.nats import NatsMessage
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.errors import APIError
from pydantic import ValidationError

from shared.bus import BusSettings
from shared.events import (
    DEAD_STREAM,
    PROJECT_ID_PATTERN,
    Event,
    StepFailed,
    dead_letter_address,
    event_from,
    tokens_of,
)
from shared.publish import ALREADY_SAID, publish_events
from shared.retry import GiveUp, HandedOver, TryAgain, Unreadable, describe, retry_decision
from shared.telemetry import Telemetry
from shared.telemetry_ids import span_of_subject, within
from shared.telemetry_logs import stand_at

logger = logging.getLogger("lockstep.settle")


async def read_event(message: NatsMessage) -> Event:
    """The event that a message holds. Raises `Unreadable` where its subject promises another."""
    subject = message.raw_message.subject
    try:
        event = event_from(subject, message.body)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Unreadable(f"{subject}: {place or 'body'}: {first['msg']}") from None
    if event is None or event.address != subject:
        raise Unreadable(f"{subject}: the message belongs to another subject")
    return event


@dataclass
class Settling:
    """Makes the middleware for each message of one service."""

    service: str
    settings: BusSettings
    telemetry: Telemetry
    client: Callable[[], Client]
    heartbeat_seconds: float
    """A third of what the consumer allows; the service reads it from the bus when it starts."""

    def __call__(self, msg: Msg | None, /, *, context: ContextRepo) -> "Settlement":
        return Settlement(self, msg, context=context)


class Settlement(BaseMiddleware[Any, Msg | None]):
    """One message's signs of life and its end."""

    def __init__(self, settling: Settling, msg: Msg | None, /, *, context: ContextRepo) -> None:
        super().__init__(msg, context=context)
        self._settling = settling
        self._heartbeat: asyncio.Task[None] | None = None

    async def on_receive(self) -> None:
        if self.msg is not None:
            stand_at(self._settling.service, self.msg.subject)
            self._heartbeat = asyncio.create_task(self._beat(self.msg))

    async def after_processed(
        self,
        exc_type: type[BaseException] | None = None,
        exc_val: BaseException | None = None,
        exc_tb: TracebackType | None = None,
    ) -> bool | None:
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        if self.msg is None or exc_val is None:
            return False  # FastStream acknowledges
        if isinstance(exc_val, asyncio.CancelledError):
            await self.msg.nak()
            return False
        if not isinstance(exc_val, Exception):
            return False
        await self._settle(self.msg, exc_val)
        # The failure has been recorded in the span, dealt with and logged: it ends here.
        return True

    async def _beat(self, msg: Msg) -> None:
        while True:
            await asyncio.sleep(self._settling.heartbeat_seconds)
            try:
                await msg.in_progress()
            except (nats.errors.Error, OSError) as error:
                logger.warning("no sign of life could be sent: %s", describe(error))

    async def _settle(self, msg: Msg, error: Exception) -> None:
        if isinstance(error, HandedOver):
            await msg.nak()
            logger.info("handed over to another")
            return
        settings = self._settling.settings
        attempt = msg.metadata.num_delivered
        decision = retry_decision(settings.retry_policy, self._settling.service, attempt, error)
        if isinstance(decision, TryAgain):
            await msg.nak(delay=decision.delay_seconds)
            logger.warning(
                "attempt %d of %d failed, the next in %g s: %s",
                attempt,
                settings.max_attempts,
                decision.delay_seconds,
                describe(error),
            )
            return
        try:
            await self._give_up(msg, decision, error)
        except (nats.errors.Error, APIError, OSError, TimeoutError) as trouble:
            await msg.nak(delay=settings.ack_wait_seconds)
            logger.warning("the failure could not be told, trying again: %s", describe(trouble))

    async def _give_up(self, msg: Msg, decision: GiveUp, error: Exception) -> None:
        """Tell it first and settle afterwards: a crash in between tells it once more, and the bus keeps one."""
        if decision.dead_letter:
            await self._bury(msg, decision, error)
            self._settling.telemetry.note_dead_letter(msg)
        project_id = tokens_of(msg.subject).get("project_id", "")
        if re.match(PROJECT_ID_PATTERN, project_id):
            failure = StepFailed(
                project_id=project_id,
                service=self._settling.service,
                scene_id=decision.scene_id or _scene_id(msg),
                reason=decision.reason,
                remedy=decision.remedy,
                span=decision.span,
            )
            client = self._settling.client()
            await publish_events(
                client,
                [failure],
                tracer=self._settling.telemetry.tracer,
                parent=within(span_of_subject(msg.subject)),
                timeout_seconds=self._settling.settings.publish_timeout_seconds,
            )
            await self._settling.telemetry.tell_failed(
                msg, failure, client.jetstream(timeout=self._settling.settings.publish_timeout_seconds)
            )
        await (msg.term() if decision.dead_letter else msg.ack())
        logger.error(
            "gave up: %s %s",
            decision.reason,
            decision.remedy,
            # Where to look in the code matters only for what nobody foresaw.
            exc_info=error if decision.dead_letter and not isinstance(error, Unreadable) else None,
        )

    async def _bury(self, msg: Msg, decision: GiveUp, error: Exception) -> None:
        metadata = msg.metadata
        headers = {
            **{name: value for name, value in (msg.headers or {}).items() if not name.startswith("Nats-")},
            "Nats-Expected-Stream": DEAD_STREAM,
            "Nats-Expected-Last-Subject-Sequence": "0",
            "Lockstep-Service": self._settling.service,
            "Lockstep-Consumer": metadata.consumer,
            "Lockstep-Subject": msg.subject,
            "Lockstep-Sequence": str(metadata.sequence.stream),
            "Lockstep-Deliveries": str(metadata.num_delivered),
            "Lockstep-Error": type(error).__name__,
            "Lockstep-Reason": decision.reason,
        }
        answer = await self._settling.client().request(
            dead_letter_address(msg.subject, metadata.consumer, metadata.sequence.stream),
            msg.data,
            timeout=self._settling.settings.publish_timeout_seconds,
            headers=headers,
        )
        refusal = json.loads(answer.data).get("error")
        if refusal is not None and refusal.get("err_code") not in ALREADY_SAID:
            raise APIError.from_error(refusal)


def _scene_id(msg: Msg) -> str | None:
    try:
        return getattr(event_from(msg.subject, msg.data), "scene_id", None)
    except ValidationError:
        return None
