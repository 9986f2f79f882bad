"""A running service leaves its signs of life, and leaves none that is not true."""

import os
import signal
from pathlib import Path

import pytest

from shared.events import Event, ScenesPlanned
from shared.service import Service, Step
from tests.integration.bus_bench import Bus, until

pytestmark = pytest.mark.integration


async def take(event: Event, step: Step) -> None:
    return


def mixer(bus: Bus, folder: Path) -> Service:
    quick = {"health_dir": folder, "watchdog_seconds": 0.05, "publish_timeout_seconds": 0.3}
    service = Service("mixer", bus.settings.model_copy(update=quick))
    service.on(ScenesPlanned, take)
    return service


def given(folder: Path, sign: str) -> float:
    return float((folder / sign).read_text())


async def follows(folder: Path, sign: str, earlier: float) -> None:
    async def later() -> bool:
        return given(folder, sign) > earlier

    await until(later, f"the sign {sign} was not given again")


async def test_a_service_that_listens_is_alive_and_ready_and_goes_on_saying_so(bus: Bus, tmp_path: Path) -> None:
    async with bus.running(mixer(bus, tmp_path).app):
        for sign in ("alive", "ready"):
            await follows(tmp_path, sign, given(tmp_path, sign))


async def test_a_service_whose_bus_does_not_answer_is_alive_and_not_ready(bus: Bus, tmp_path: Path) -> None:
    async with bus.running(mixer(bus, tmp_path).app):
        os.kill(bus.server.process_id, signal.SIGSTOP)  # its sockets stay open, as those of a bus that hangs do
        try:
            await follows(tmp_path, "alive", given(tmp_path, "alive"))
            ready = given(tmp_path, "ready")
            await follows(tmp_path, "alive", given(tmp_path, "alive"))
            await follows(tmp_path, "alive", given(tmp_path, "alive"))
            assert given(tmp_path, "ready") == ready
        finally:
            os.kill(bus.server.process_id, signal.SIGCONT)
        await follows(tmp_path, "ready", ready)
