"""A batch of projects runs, something goes wrong, and an independent reader finds nothing lost and nothing done twice.

`make chaos` runs all of it with 20 projects a batch; `make test` a small part with a few. Most projects of a batch say
what those of earlier batches have said, so that work which is done already is met as well; LOCKSTEP_CHAOS_NEW says how
many do not.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.chaos import faults
from tests.chaos.batch import make_footage
from tests.chaos.commands import begin_errands, run_errands
from tests.chaos.crew import running_crew
from tests.chaos.field import (
    IN_FULL,
    LOST_ANSWER,
    PROJECTS,
    SEED,
    SLOWEST_SECONDS,
    Field,
    assert_all_assembled,
    at_length,
)

pytestmark = [pytest.mark.chaos, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(SLOWEST_SECONDS)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def batches(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Field]:
    folder = tmp_path_factory.mktemp("chaos")
    async with running_crew(folder) as crew:
        yield Field(crew, make_footage(folder / "footage"))
    assert not list(crew.scratch.iterdir()), "a service that stopped in order left something behind"


@pytest.mark.parametrize("service", ["clip_fitter", "transcriber", "scene_planner", "mixer", "assembler"])
@at_length
async def test_a_service_killed_in_the_middle_of_a_message_only_delays_the_batch(batches: Field, service: str) -> None:
    found = await batches.survive(faults.kill_a_service(batches.crew, batches.chance, service), begin=False)
    assert_all_assembled(found)


@at_length
async def test_a_voiceover_killed_while_it_buys_never_buys_twice(batches: Field) -> None:
    batches.crew.paid_voice.pause_seconds = 0.3  # so that it is met while it waits for an answer
    killed = faults.kill_a_service(batches.crew, batches.chance, "voiceover")
    # All new: an answer that is lost stays lost for every later project that says the same.
    found = await batches.survive(killed, begin=False, new=PROJECTS)
    batches.crew.paid_voice.pause_seconds = 0
    assert all(LOST_ANSWER in reason for reason in found.failed)


async def test_a_busy_fitter_that_is_terminated_finishes_first(batches: Field) -> None:
    assert_all_assembled(await batches.survive(faults.terminate_a_busy_fitter(batches.crew, batches.chance)))


@at_length
async def test_a_second_signal_hands_a_scene_to_another_fitter(batches: Field) -> None:
    assert_all_assembled(await batches.survive(faults.terminate_a_busy_fitter_twice(batches.crew, batches.chance)))


@at_length
async def test_a_bus_that_is_killed_and_comes_back_forgets_nothing(batches: Field) -> None:
    found = await batches.survive(faults.kill_the_bus(batches.crew, batches.chance))
    assert all(LOST_ANSWER in reason for reason in found.failed)


@at_length
async def test_a_store_that_is_killed_and_comes_back_has_everything(batches: Field) -> None:
    found = await batches.survive(faults.kill_the_store(batches.crew, batches.chance))
    assert all(LOST_ANSWER in reason for reason in found.failed)


@at_length
async def test_a_store_that_is_away_for_a_while_only_delays_the_batch(batches: Field) -> None:
    found = await batches.survive(faults.cut_off_the_store(batches.crew, batches.chance))
    assert all(LOST_ANSWER in reason for reason in found.failed)


@at_length
async def test_a_full_store_only_delays_the_batch(batches: Field) -> None:
    found = await batches.survive(faults.fill_the_store(batches.crew, batches.chance))
    assert all(LOST_ANSWER in reason for reason in found.failed)


@at_length
async def test_a_slow_store_loses_nothing(batches: Field) -> None:
    assert_all_assembled(await batches.survive(faults.slow_the_store_down(batches.crew, batches.chance)))


@at_length
async def test_a_fitter_whose_disk_is_full_only_delays_the_batch(batches: Field) -> None:
    assert_all_assembled(await batches.survive(faults.fill_the_disk_of_a_fitter(batches.crew, batches.chance)))


@at_length
async def test_a_message_delivered_twice_and_out_of_order_is_done_once(batches: Field) -> None:
    found = await batches.survive(faults.deliver_twice_and_out_of_order(batches.crew, batches.chance))
    assert_all_assembled(found)


@at_length
async def test_two_assemblers_that_race_make_one_video(batches: Field) -> None:
    found = await batches.survive(faults.race_two_assemblers(batches.crew, batches.chance), begin=False)
    assert_all_assembled(found)


async def test_poison_is_put_aside_and_the_batch_goes_on(batches: Field) -> None:
    assert_all_assembled(await batches.survive(faults.poison(batches.crew, batches.chance)))


@at_length
async def test_a_handler_that_hangs_is_given_up_and_its_scene_done_anew(batches: Field) -> None:
    assert_all_assembled(await batches.survive(faults.hang_a_handler(batches.crew, batches.chance), begin=False))


@at_length
async def test_an_ffmpeg_that_is_killed_for_memory_is_run_again(batches: Field) -> None:
    assert_all_assembled(await batches.survive(faults.kill_an_encoder(batches.crew, batches.chance), begin=False))


@at_length
async def test_fitters_whose_consumer_is_deleted_come_back_and_miss_nothing(batches: Field) -> None:
    found = await batches.survive(faults.delete_a_consumer(batches.crew, batches.chance))
    assert_all_assembled(found)
    assert {member.exit_codes[-1] for member in batches.crew.of("clip_fitter")} == {1}  # by themselves, with a sentence


@at_length
async def test_a_provider_that_answers_too_late_is_not_asked_again(batches: Field) -> None:
    late = faults.answer_after_the_client_gave_up(batches.crew, batches.chance)
    found = await batches.survive(late, begin=False, new=PROJECTS)
    assert len(found.failed) == 1
    assert LOST_ANSWER in found.failed[0]
    assert re.search(r"gave no answer within", found.failed[0])


@pytest.mark.parametrize("round_number", range(3 if IN_FULL else 1))
async def test_any_combination_of_faults_loses_nothing(batches: Field, round_number: int) -> None:
    chance = random.Random(SEED + round_number)
    drawn = chance.sample(sorted(faults.COMBINED), 4 if IN_FULL else 2)

    async def one(name: str) -> None:
        await asyncio.sleep(chance.uniform(0, 5))
        await faults.COMBINED[name](batches.crew, chance)

    async def several() -> None:
        await asyncio.gather(*(one(name) for name in drawn))

    found = await batches.survive(several())
    assert all(LOST_ANSWER in reason for reason in found.failed), f"{drawn}: {found.failed}"


@at_length
async def test_the_command_works_while_things_break(batches: Field) -> None:
    crew, chance = batches.crew, batches.chance

    async def one_after_the_other() -> None:
        for fault in (faults.kill_any_service, faults.kill_the_bus, faults.poison, faults.slow_the_store_down):
            await fault(crew, chance)

    async def all_at_once() -> None:
        errands = await begin_errands(crew, batches.footage, chance, crew.folder)
        batches.also += errands.projects
        _, again = await asyncio.gather(one_after_the_other(), run_errands(crew, errands))
        batches.also += again

    found = await batches.survive(all_at_once(), begin=False)
    told = [reason for reason in found.failed if LOST_ANSWER not in reason]
    cancelled, spoiled, *broken = sorted(told, key=lambda reason: ("cancelled" not in reason, "message" not in reason))
    assert cancelled == "The project was cancelled."
    assert spoiled.startswith("A message for clip_fitter cannot be read")
    assert len(broken) == 2  # the same clip fails the same way again
    assert all("cannot be read as a video" in reason for reason in broken)
