"""Batches that need a crew of their own: with the patience that is the default, and with clocks that can be set."""

from pathlib import Path

import pytest

from tests.chaos import faults
from tests.chaos.batch import make_footage
from tests.chaos.crew import PATIENCE, running_crew
from tests.chaos.field import LOST_ANSWER, SLOWEST_SECONDS, Field, assert_all_assembled, at_length

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(SLOWEST_SECONDS)]

BY_DEFAULT = {name: value for name, value in PATIENCE.items() if name != "LOCKSTEP_NATS_RETRY_DELAYS_SECONDS"}


@at_length
async def test_clocks_that_jump_only_delay_the_batch(tmp_path: Path) -> None:
    async with running_crew(tmp_path, own_clocks=True) as crew:
        field = Field(crew, make_footage(tmp_path / "footage"))
        found = await field.survive(faults.let_clocks_jump(crew, field.chance), begin=False)
    assert_all_assembled(found)


@at_length
async def test_a_store_that_is_away_for_half_a_minute_only_delays_the_batch(tmp_path: Path) -> None:
    async with running_crew(tmp_path, environment=BY_DEFAULT) as crew:
        field = Field(crew, make_footage(tmp_path / "footage"))
        found = await field.survive(faults.cut_off_the_store_for_long(crew, field.chance))
    assert all(LOST_ANSWER in reason for reason in found.failed)
