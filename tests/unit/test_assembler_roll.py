"""The roll of a project's parts: assembly is due when all are there, and asking costs no more than there are parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.assembler.core import awaited_subjects
from services.assembler.handlers import Handlers
from services.assembler.settings import Settings
from shared.assets import Asset
from shared.events import AssemblyDue, Event, SceneFitted, ScenesPlanned, SoundtrackMixed
from shared.roll import PROJECTS_KEPT, Rolls
from shared.testing import MemoryStore, RecordedStep

PROJECT = "lighthouse-1"


class CountingStep(RecordedStep):
    """Counts what the history is asked."""

    asked: int = 0

    async def holds(self, subject: str) -> bool:
        self.asked += 1
        return await super().holds(subject)


def asset(name: str) -> Asset:
    return Asset(key=f"made/{name}", digest="0" * 64, media_type="video/mp4", size=1)


def planned(scene_count: int, project_id: str = PROJECT) -> ScenesPlanned:
    return ScenesPlanned(
        project_id=project_id,
        project=asset("project"),
        recording=asset("recording"),
        plan=asset("plan"),
        scene_count=scene_count,
        frame_count=24 * scene_count,
    )


def part(place: int, project_id: str = PROJECT) -> SceneFitted | SoundtrackMixed:
    """The soundtrack for 0, else the scene of that number."""
    if place == 0:
        return SoundtrackMixed(
            project_id=project_id,
            soundtrack=asset("soundtrack"),
            sample_count=1,
            loudness_lufs=-14,
            true_peak_dbtp=-1,
            from_store=False,
        )
    return SceneFitted(
        project_id=project_id,
        scene_number=place,
        scene_id=f"scene-{place}",
        segment=asset(f"segment-{place}"),
        frame_count=24,
        clip_ms=1000,
        fit="as it is",
        from_store=False,
    )


def handlers() -> Handlers:
    return Handlers(MemoryStore(), Settings())


def test_the_soundtrack_and_each_scene_by_number_are_awaited() -> None:
    assert awaited_subjects(PROJECT, 3) == tuple(part(place).address for place in range(4))


@given(st.data())
async def test_the_last_part_makes_assembly_due_whatever_was_heard_twice_or_by_another(data: st.DataObject) -> None:
    scene_count = data.draw(st.integers(1, 8))
    order = data.draw(st.permutations(range(scene_count + 1)))
    replicas = [handlers(), handlers()]
    past: list[Event] = [planned(scene_count)]
    for place in order:
        past.append(part(place))
        complete = len(past) == scene_count + 2
        # Heard at least once, by any replica, and perhaps again later.
        for again in [place, *data.draw(st.lists(st.sampled_from(order[: order.index(place) + 1]), max_size=2))]:
            step = RecordedStep(scratch=Settings().bus.scratch_dir, past=past)
            answer = await data.draw(st.sampled_from(replicas)).judge_completeness(part(again), step)
            assert answer == (AssemblyDue(project_id=PROJECT) if complete else None)


async def test_an_event_that_is_stored_while_others_are_judged_is_not_missed() -> None:
    """Two replicas hear the last two parts at once: both are in the history before either is heard."""
    first, second = handlers(), handlers()
    step = RecordedStep(scratch=Settings().bus.scratch_dir, past=[planned(2), part(0), part(1), part(2)])
    answers = [await first.judge_completeness(part(1), step), await second.judge_completeness(part(2), step)]
    assert answers == [AssemblyDue(project_id=PROJECT)] * 2  # the bus admits one


async def test_a_scene_that_the_plan_does_not_have_stands_in_for_no_other() -> None:
    step = RecordedStep(
        scratch=Settings().bus.scratch_dir, past=[planned(3), part(0), part(1), part(2), part(4), part(3, "another")]
    )
    assert await handlers().judge_completeness(part(4), step) is None


@pytest.mark.parametrize("backwards", [False, True])
async def test_a_thousand_scenes_cost_questions_in_proportion_in_either_order(backwards: bool) -> None:
    asked = {}
    for scene_count in (100, 1000):
        judge = handlers()
        step = CountingStep(scratch=Settings().bus.scratch_dir, past=[planned(scene_count)])
        places = range(scene_count + 1)
        for place in reversed(places) if backwards else places:
            step.past.append(part(place))
            await judge.judge_completeness(part(place), step)
        asked[scene_count] = step.asked
    assert asked == {100: 100, 1000: 1000}


async def test_a_replica_that_starts_late_asks_for_each_part_once() -> None:
    step = CountingStep(scratch=Settings().bus.scratch_dir, past=[planned(50), *(part(place) for place in range(51))])
    late = handlers()
    assert await late.judge_completeness(part(50), step) is not None
    assert step.asked == 50
    assert await late.judge_completeness(part(7), step) is not None
    assert step.asked == 50


def test_only_the_projects_heard_of_last_are_kept() -> None:
    rolls = Rolls()
    first = rolls.of("project-0")
    for number in range(1, PROJECTS_KEPT):
        rolls.of(f"project-{number}")
    assert rolls.of("project-0") is first
    rolls.of("one-more")
    assert rolls.of("project-0") is first
    assert rolls.of("project-1") is not first
