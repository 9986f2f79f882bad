"""An answer of a paid service is bought once, whatever becomes of whoever bought it."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from pydantic import BaseModel

from shared.assets import Asset, derived_key
from shared.errors import Unrecoverable
from shared.purchases import NotCharged, OutcomeUnknown, PurchaseNote, Purchases
from shared.testing import MemoryStore

ANSWER_KEY = "answers/a.json"
NOTE_KEY = derived_key("purchases", "json", recipe_version=1, answer=ANSWER_KEY)


@dataclass
class Seller:
    """Counts what it is asked, and answers or fails in turn."""

    failures: list[Exception] = field(default_factory=list)
    asked: int = 0

    async def answer(self) -> bytes:
        self.asked += 1
        await asyncio.sleep(0)
        if self.failures:
            raise self.failures.pop(0)
        return b"sound"


async def buy(
    purchases: Purchases, seller: Seller, folder: Path, *, buy_again: Sequence[str] = (), timeout_seconds: float = 9
) -> bytes:
    return await purchases.buy(
        ANSWER_KEY,
        seller.answer,
        seller="The seller",
        timeout_seconds=timeout_seconds,
        buy_again=buy_again,
        scene_id="dusk",
        folder=folder,
    )


def note_in(store: MemoryStore) -> PurchaseNote:
    return PurchaseNote.model_validate_json(store.objects[NOTE_KEY][0])


async def test_the_same_is_bought_once_even_at_the_same_time(tmp_path: Path) -> None:
    purchases, seller = Purchases(MemoryStore()), Seller()
    assert await asyncio.gather(*(buy(purchases, seller, tmp_path) for _ in range(5))) == [b"sound"] * 5
    assert await buy(Purchases(purchases.store), seller, tmp_path) == b"sound"
    assert seller.asked == 1


async def test_the_note_is_kept_before_the_request_and_the_answer_before_anything_else(tmp_path: Path) -> None:
    store = MemoryStore()
    await buy(Purchases(store), Seller(), tmp_path)
    assert store.put_keys == [NOTE_KEY, ANSWER_KEY]


@pytest.mark.parametrize("failure", [NotCharged("busy"), Unrecoverable("No.", remedy="Change it.")])
async def test_what_cost_nothing_may_be_asked_again(tmp_path: Path, failure: Exception) -> None:
    store, seller = MemoryStore(), Seller([failure])
    with pytest.raises(type(failure)):
        await buy(Purchases(store), seller, tmp_path)
    assert note_in(store).state == "settled"
    assert await buy(Purchases(store), seller, tmp_path) == b"sound"


@pytest.mark.parametrize("failure", [OutcomeUnknown("It broke."), TimeoutError()])
async def test_what_may_have_cost_something_needs_its_ticket(tmp_path: Path, failure: Exception) -> None:
    store, seller = MemoryStore(), Seller([failure])
    for _ in range(3):
        with pytest.raises(Unrecoverable, match="may have been charged") as lost:
            await buy(Purchases(store), seller, tmp_path)
        assert lost.value.scene_id == "dusk"
        assert f"`buy_again: [{note_in(store).ticket}]`" in lost.value.remedy
    assert seller.asked == 1
    assert await buy(Purchases(store), seller, tmp_path, buy_again=[note_in(store).ticket]) == b"sound"
    assert seller.asked == 2


async def test_after_a_bug_nobody_knows_what_was_charged(tmp_path: Path) -> None:
    store, seller = MemoryStore(), Seller([KeyError("a bug")])
    with pytest.raises(KeyError):
        await buy(Purchases(store), seller, tmp_path)
    with pytest.raises(Unrecoverable, match="was asked before, and the answer was lost"):
        await buy(Purchases(store), seller, tmp_path, timeout_seconds=0.1)
    assert seller.asked == 1


async def test_another_replicas_request_is_waited_for(tmp_path: Path) -> None:
    store, seller = MemoryStore(), Seller()
    await store.put_document(PurchaseNote(ticket="bcdfgh", noted_at=time.time()), NOTE_KEY)
    waiting = asyncio.create_task(buy(Purchases(store), seller, tmp_path))
    await asyncio.sleep(0.05)
    await asyncio.to_thread((tmp_path / "other").write_bytes, b"theirs")
    await store.put_file(tmp_path / "other", ANSWER_KEY, "application/octet-stream")
    assert await waiting == b"theirs"
    assert seller.asked == 0


async def test_a_clock_that_jumps_back_makes_nobody_wait_longer_than_a_request_takes(tmp_path: Path) -> None:
    store, seller = MemoryStore(), Seller()
    tomorrow = PurchaseNote(ticket="bcdfgh", noted_at=time.time() + 86_400)
    await store.put_document(tomorrow, NOTE_KEY)
    async with asyncio.timeout(30):
        with pytest.raises(Unrecoverable, match="may have been charged"):
            await buy(Purchases(store), seller, tmp_path, timeout_seconds=0.2)
    assert seller.asked == 0


async def test_another_replica_that_was_refused_leaves_the_purchase_to_us(tmp_path: Path) -> None:
    store, seller = MemoryStore(), Seller()
    note = PurchaseNote(ticket="bcdfgh", noted_at=time.time())
    await store.put_document(note, NOTE_KEY)
    waiting = asyncio.create_task(buy(Purchases(store), seller, tmp_path))
    await asyncio.sleep(0.05)
    await store.put_document(note.model_copy(update={"state": "settled"}), NOTE_KEY)
    assert await waiting == b"sound"


class ShakyStore(MemoryStore):
    """A store that fails to keep a file the first time."""

    async def put_file(self, path: Path, key: str, media_type: str, note: BaseModel | None = None) -> Asset:
        if key not in self.put_keys:
            self.put_keys.append(key)
            raise ConnectionError
        return await super().put_file(path, key, media_type, note)


async def test_what_was_paid_for_is_kept_at_a_second_try(tmp_path: Path) -> None:
    store, seller = ShakyStore(), Seller()
    assert await buy(Purchases(store), seller, tmp_path) == b"sound"
    assert store.objects[ANSWER_KEY][0] == b"sound"
