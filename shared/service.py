"""Turns handlers into a running service. A room's `app.py` is all that uses it:

    service = Service("mixer", settings.bus)
    service.on(ScenesPlanned, handlers.mix_soundtrack)
    return service.app

A handler takes an event and a `Step` and returns what it has to say: an event, several, or nothing. It is called again
after any exception but `Unrecoverable`, and may be called twice with the same event, so it looks in the store first.
What it returns is said once, however often it runs.

Run a service alone with `faststream run services.mixer.app:create_app --factory`; as many copies as one likes share the
work. Several in one process: `await run_services([mixer.create_app(), assembler.create_app()], stop)`.

SIGTERM drains: what is in work is finished and said, nothing new is taken. A second SIGTERM hands it over at once.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias, TypeVar, Union

from faststream import AckPolicy, FastStream
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from faststream.nats.annotations import NatsMessage as CurrentMessage
from faststream.security import SASLPlaintext
from nats.aio.client import Client
from nats.js.api import ConsumerConfig

from shared.bus import BusSettings, NotReady, inbox_of, wait_for_consumers
from shared.events import STREAM, Event
from shared.health import remove_signs
from shared.history import History
from shared.intake import Intake
from shared.publish import publish_events
from shared.retry import HandedOver, WornOut, describe
from shared.scratch import Scratch
from shared.settle import Settling, read_event
from shared.step import LiveStep, Step
from shared.stream import consumer_named
from shared.telemetry import Telemetry
from shared.telemetry_logs import configure_logging
from shared.watch import ServiceLost, Watch

__all__ = ["BusSettings", "NotReady", "Service", "ServiceApp", "ServiceLost", "Step", "run_services"]

logger = logging.getLogger("lockstep.service")

E = TypeVar("E", bound=Event)

Answer: TypeAlias = Event | Sequence[Event] | None
Handler: TypeAlias = Callable[[E, Step], Coroutine[Any, Any, Answer]]

HEARTBEATS_PER_ACK_WAIT = 3


@dataclass
class _Route:
    """All that one consumer hears, and who handles it."""

    handlers: dict[type[Event], Handler[Any]] = field(default_factory=dict)
    at_once: int = 1


class ServiceApp(FastStream):
    """A service as a FastStream application."""

    service: "Service"

    async def run(self, *args: Any, **kwargs: Any) -> None:
        """Run until a signal. Exits with one sentence where the bus is not ready."""
        try:
            await super().run(*args, **kwargs)
        except NotReady as error:
            raise SystemExit(str(error)) from None

    def exit(self) -> None:
        """Drain. Called a second time: hand over what is in work at once."""
        if self._should_exit:
            self.service.hand_over()
        super().exit()


class Service:
    """Handlers, to be run over the bus.

    `telemetry.provider` takes further span processors, `watch.on_lost` is what happens when the bus loses a consumer.
    """

    def __init__(self, name: str, settings: BusSettings) -> None:
        self.name = name
        self.settings = settings
        self.telemetry = Telemetry(name)
        self.watch = Watch(name, settings)
        self.watch.on_seen = self.telemetry.note_consumer
        self._routes: dict[str, _Route] = {}
        self._scratch = Scratch(settings.scratch_dir, name)
        self._settling = Settling(
            name,
            settings,
            self.telemetry,
            lambda: self._client,
            settings.ack_wait_seconds / HEARTBEATS_PER_ACK_WAIT,
        )
        self._connected: Client | None = None
        self._intake: Intake | None = None
        self._in_work: set[asyncio.Task[Answer]] = set()
        self._handing_over = False
        self._hurry: asyncio.TimerHandle | None = None

    def on(self, event_class: type[E], handler: Handler[E], *, consumer: str | None = None, at_once: int = 1) -> None:
        """Have `handler` called for every event of a class, for up to `at_once` of them at a time.

        `consumer` names the durable consumer in `shared/stream.py`; it is the service's own name where it has one only.
        """
        consumer = consumer or self.name
        if event_class not in consumer_named(consumer).hears:
            raise LookupError(f"the consumer {consumer!r} does not hear {event_class.__name__}: see shared/stream.py")
        route = self._routes.setdefault(consumer, _Route())
        route.handlers[event_class] = handler
        route.at_once = max(route.at_once, at_once)

    @cached_property
    def app(self) -> ServiceApp:
        """The service as an application; call `on` before."""
        broker = NatsBroker(
            self.settings.url,
            name=self.name,
            inbox_prefix=inbox_of(self.name),
            security=self._security(),
            max_reconnect_attempts=-1,  # FastStream spins at full speed on a connection that was given up
            reconnect_time_wait=1,
            error_cb=self.watch.note_error,
            disconnected_cb=self.watch.note_disconnect,
            reconnected_cb=self.watch.note_reconnect,
            closed_cb=self.watch.note_closed,
            graceful_timeout=self.settings.graceful_timeout_seconds + 10,  # ours comes first
            middlewares=(self.telemetry.middleware, self._settling),
            decoder=read_event,
            logger=logging.getLogger("lockstep.faststream"),
        )
        for consumer, route in self._routes.items():
            # N subscribers instead of `max_workers`: that one fetches more than it can work on, and what waits in the
            # process is given to a second one when its time is up (faststream #2563).
            for _ in range(route.at_once):
                self._subscribe(broker, consumer, route)
        app = ServiceApp(
            broker,
            logger=None,
            on_startup=(self._start,),
            after_startup=(self._started,),
            on_shutdown=(self._stop,),
            after_shutdown=(self._stopped,),
        )
        app.service = self
        return app

    def hand_over(self) -> None:
        """Give up what is in work now: the bus hands it to another at once."""
        self._handing_over = True
        for work in self._in_work:
            work.cancel()

    def _subscribe(self, broker: NatsBroker, consumer: str, route: _Route) -> None:
        async def handle(event: Event, message: CurrentMessage) -> None:
            await self._handle(route, event, message)

        # The framework reads the annotation: for the AsyncAPI document, and to pass the event through as it is.
        handle.__annotations__["event"] = Union[tuple(route.handlers)]  # noqa: UP007
        handle.__name__ = handle.__qualname__ = consumer
        hears = consumer_named(consumer).hears
        broker.subscriber(
            stream=JStream(STREAM, declare=False),  # declaring would put the framework's defaults over our stream
            durable=consumer,
            config=ConsumerConfig(filter_subjects=[event_class.wildcard() for event_class in hears]),
            pull_sub=PullSub(batch_size=1, timeout=5),
            inbox_prefix=f"{inbox_of(self.name)}.".encode(),
            ack_policy=AckPolicy.NACK_ON_ERROR,
        )(handle)

    async def _handle(self, route: _Route, event: Event, message: NatsMessage) -> None:
        began = time.monotonic()
        if message.raw_message.metadata.num_delivered > self.settings.max_deliveries:
            raise WornOut
        history = History(self._client.jetstream(timeout=self.settings.publish_timeout_seconds), event.project_id)
        if await history.has_ended():
            if await history.failure() is not None:
                self.telemetry.tell_left_alone(message.raw_message)
            logger.info("left alone: the project has ended")
            return
        async with self._scratch.folder() as folder:
            step = LiveStep(folder, self._client, history, self.name, getattr(event, "scene_number", None))
            answer = await self._run(route.handlers[type(event)](event, step))
        events = [answer] if isinstance(answer, Event) else list(answer or ())
        await publish_events(
            self._client,
            events,
            tracer=self.telemetry.tracer,
            timeout_seconds=self.settings.publish_timeout_seconds,
        )
        await self.telemetry.tell_said(message.raw_message, events, history.jetstream)
        said = ", ".join(dict.fromkeys(type(event).__name__ for event in events)) or "nothing to say yet"
        logger.info("%s -> %s in %.2f s", type(event).__name__, said, time.monotonic() - began)

    async def _run(self, work: Coroutine[Any, Any, Answer]) -> Answer:
        task = asyncio.create_task(work)
        self._in_work.add(task)
        if self._handing_over:
            task.cancel()
        try:
            async with asyncio.timeout(self.settings.handler_timeout_seconds) as limit:
                return await task
        except TimeoutError:
            if limit.expired():
                raise TimeoutError(f"it took longer than {self.settings.handler_timeout_seconds:g} s") from None
            raise
        except asyncio.CancelledError:
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            if self._handing_over:
                raise HandedOver from None
            # Let through, it would silently end the framework's reading loop.
            raise RuntimeError("the handler was cancelled from within") from None
        finally:
            self._in_work.discard(task)

    @property
    def _client(self) -> Client:
        assert self._connected is not None, "the service has not been started"
        return self._connected

    def _security(self) -> SASLPlaintext | None:
        if self.settings.user is None or self.settings.password is None:
            return None
        return SASLPlaintext(self.settings.user, self.settings.password.get_secret_value())

    async def _start(self) -> None:
        configure_logging()
        self.telemetry.start()
        self._handing_over = False
        remove_signs(self.settings.health_dir)
        ack_wait = await wait_for_consumers(self.settings, self.name, list(self._routes))
        self._settling.heartbeat_seconds = ack_wait / HEARTBEATS_PER_ACK_WAIT
        broker = self.app.broker
        assert isinstance(broker, NatsBroker)
        self._connected = self.telemetry.client = await broker.connect()
        self._intake = Intake(self._connected)
        broker.config.broker_config.connection_state.connect(self._connected, self._intake)
        self._scratch.open()

    async def _started(self) -> None:
        self.watch.start(self._client, list(self._routes))
        logger.info("%s listens on %s", self.name, ", ".join(self._routes))

    async def _stop(self) -> None:
        self.watch.stop()
        if self._intake is not None:
            await self._intake.close()
        if self._in_work:
            logger.info("%s finishes %d message(s), then stops", self.name, len(self._in_work))
        self._hurry = asyncio.get_running_loop().call_later(self.settings.graceful_timeout_seconds, self.hand_over)

    async def _stopped(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
        self._scratch.close()
        await self.telemetry.stop()
        self._connected = None


async def run_services(
    apps: Sequence[FastStream],
    stop: asyncio.Event,
    *,
    hurry: asyncio.Event | None = None,
    on_ready: Callable[[], None] | None = None,
) -> None:
    """Run services in this process until `stop` is set; then drain them, or hand over at once when `hurry` is set.

    The host owns the signals. `on_ready` is called when all of them listen. Raises `NotReady` where one cannot start
    and `ServiceLost` where the bus loses what one reads from; the others are stopped in order.
    """
    lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def lose(reason: str) -> None:
        logger.critical(reason)
        if not lost.done():
            lost.set_exception(ServiceLost(reason))

    services = [app.service for app in apps if isinstance(app, ServiceApp)]
    for service in services:
        service.watch.on_lost = lose
    told_to_stop = asyncio.create_task(stop.wait())
    try:
        if await _all_started(apps, told_to_stop):
            if on_ready is not None:
                on_ready()
            await _first_of(told_to_stop, lost)
    finally:
        told_to_stop.cancel()
        await _stop_all(apps, services, hurry)
    if lost.done():
        lost.result()


async def _all_started(apps: Sequence[FastStream], told_to_stop: asyncio.Task[Any]) -> bool:
    """Start all at once; False where the host was told to stop before. Raises what the first of them raises."""
    starting = [asyncio.create_task(app.start()) for app in apps]
    together = asyncio.gather(*starting)
    try:
        await _first_of(told_to_stop, together)
        if not together.done():
            return False
        await together
    finally:
        for task in starting:
            task.cancel()
        await asyncio.gather(*starting, together, return_exceptions=True)
    return True


async def _stop_all(apps: Sequence[FastStream], services: Sequence[Service], hurry: asyncio.Event | None) -> None:
    stopping = asyncio.gather(*(app.stop() for app in apps), return_exceptions=True)
    if hurry is not None:
        told_to_hurry = asyncio.create_task(hurry.wait())
        await _first_of(told_to_hurry, stopping)
        told_to_hurry.cancel()
        if hurry.is_set():
            for service in services:
                service.hand_over()
    for error in await stopping:
        if isinstance(error, Exception):
            logger.error("a service did not stop in order: %s", describe(error))


async def _first_of(*futures: asyncio.Future[Any]) -> None:
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)
