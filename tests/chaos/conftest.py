"""A bus that can be killed, and services as processes of their own that can be killed too."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.chaos.processes import Services
from tests.chaos.table import ROWS, table
from tests.integration.bus_bench import Bus, provisioned_bus


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    """A bus of this test's own."""
    async with provisioned_bus(tmp_path) as bus:
        yield bus


@pytest_asyncio.fixture
async def services(bus: Bus, tmp_path: Path) -> AsyncIterator[Services]:
    """Starts services as processes; whatever still runs at the end is killed."""
    async with Services(bus.settings, tmp_path) as services:
        yield services


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what became of every batch."""
    if ROWS:
        terminalreporter.section("what became of every batch")
        for line in table(ROWS):
            terminalreporter.write_line(line)
