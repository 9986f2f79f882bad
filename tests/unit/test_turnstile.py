"""A service that tells its limit is never asked more at the same time."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from shared.turnstile import Turnstile


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.integers(1, 30))
def test_no_more_are_inside_than_the_limit_that_was_told_last(limits: list[int], comers: int) -> None:
    inside, passed = 0, 0
    told = 1

    async def come(turnstile: Turnstile) -> None:
        nonlocal inside, passed, told
        async with turnstile.pass_through():
            inside += 1
            assert inside <= told
            await asyncio.sleep(0)
            inside -= 1
            told = limits[passed % len(limits)]
            turnstile.learn(told)
            passed += 1

    async def all_come() -> None:
        turnstile = Turnstile()
        await asyncio.gather(*(come(turnstile) for _ in range(comers)))

    asyncio.run(all_come())
    assert passed == comers


def test_until_the_limit_is_known_one_goes_alone() -> None:
    async def two_come() -> list[str]:
        turnstile, seen = Turnstile(), list[str]()

        async def come(name: str) -> None:
            async with turnstile.pass_through():
                seen.append(f"{name} in")
                await asyncio.sleep(0)
                seen.append(f"{name} out")

        await asyncio.gather(come("a"), come("b"))
        return seen

    assert asyncio.run(two_come()) == ["a in", "a out", "b in", "b out"]
