"""Buys an answer of a paid service once, whatever crashes in between.

    note: open ─▶ request ─▶ answer kept      found first, the next time; the note no longer matters
                     ├─▶ refused: note settled, nothing was charged, the next time starts anew
                     └─▶ nothing usable: note says lost, and nobody asks again until the user says so

The services have no idempotency keys: a repeated request is a second charge. So before a request is sent a note of it
is kept, and the answer is kept before anything is made of it. Whoever finds a note that is lost, or open for longer
than an answer may take, cannot know whether there was a charge, and stops the project. The user looks at the account
and names the note's ticket under `buy_again`, which permits one further request: the next note has another ticket.
docs/decisions/0004 has the reasons.
"""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from weakref import WeakValueDictionary

from pydantic import BaseModel, ConfigDict

from shared.assets import derived_key
from shared.errors import Unrecoverable
from shared.store import AssetStore

_CONSONANTS = "bcdfghjkmnpqrstvwxz"
"""A ticket of these is no word of YAML (`no`, `null`) and no number (`1e5`)."""

_CLOCK_SLACK_SECONDS = 15
_LOOK_SECONDS = 1.0
_KEEP_PAUSES_SECONDS = (1.0, 5.0, 15.0)


class NotCharged(Exception):
    """The request did not reach the service, or was turned away before any work: it may be made again."""


class OutcomeUnknown(Exception):
    """The request was sent and there is no usable answer; it may have been charged. The text is a sentence."""


class PurchaseNote(BaseModel):
    """That a request is about to be made."""

    model_config = ConfigDict(frozen=True)

    ticket: str
    noted_at: float
    """Seconds since 1970."""
    state: Literal["open", "settled", "lost"] = "open"
    """Open while an answer may still come; settled where nothing was charged; lost where no answer will come."""


@dataclass(frozen=True)
class Purchases:
    """What was bought, and what is being bought. One for a process."""

    store: AssetStore
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary)

    async def buy(
        self,
        key: str,
        request: Callable[[], Awaitable[bytes]],
        *,
        seller: str,
        timeout_seconds: float,
        buy_again: Collection[str],
        scene_id: str | None,
        folder: Path,
        section: str = "voice",
    ) -> bytes:
        """The answer under `key`, from the store or else by `request`, which is called at most once.

        `section` is the one of the project file that `buy_again` stands in.
        `request` returns an answer that is worth keeping, or raises `NotCharged`, `Unrecoverable` (refused, not
        charged) or `OutcomeUnknown`. Raises the first two as they are, and `Unrecoverable` for an answer that is lost.
        A purchase that was begun is finished and kept, even where the caller is cancelled.
        """
        deal = _Deal(self.store, key, request, seller, timeout_seconds, frozenset(buy_again), scene_id, folder, section)
        turn = self._turns.setdefault(key, asyncio.Lock())  # two scenes may say the same
        async with turn:
            task = asyncio.create_task(deal.close())
            try:
                return await asyncio.shield(task)
            except asyncio.CancelledError:
                await asyncio.wait([task])
                if not task.cancelled():
                    task.exception()  # looked at: the caller is gone, and the note says what happened
                raise


@dataclass(frozen=True)
class _Deal:
    store: AssetStore
    key: str
    request: Callable[[], Awaitable[bytes]]
    seller: str
    timeout_seconds: float
    buy_again: frozenset[str]
    scene_id: str | None
    folder: Path
    section: str

    async def close(self) -> bytes:
        found = await self._find_answer()
        if found is not None:
            return found
        earlier = await self._note()
        if earlier is not None and earlier.ticket not in self.buy_again:
            found = await self._await_other(earlier)
            if found is not None:
                return found
        return await self._buy()

    async def _buy(self) -> bytes:
        ticket = "".join(secrets.choice(_CONSONANTS) for _ in range(6))
        note = PurchaseNote(ticket=ticket, noted_at=time.time())
        await self._write(note, "open")
        try:
            async with asyncio.timeout(self.timeout_seconds):
                answer = await self.request()
        except (NotCharged, Unrecoverable):
            await self._write(note, "settled")
            raise
        except TimeoutError:
            await self._write(note, "lost")
            raise self._lost(f"{self.seller} gave no answer within {self.timeout_seconds:g} s.", note) from None
        except OutcomeUnknown as unknown:
            await self._write(note, "lost")
            raise self._lost(str(unknown), note) from unknown
        await self._keep(answer)
        return answer

    async def _write(self, note: PurchaseNote, state: Literal["open", "settled", "lost"]) -> None:
        await self.store.put_document(note.model_copy(update={"state": state}), self._note_key)

    async def _keep(self, answer: bytes) -> None:
        """Worth more tries than other writes: what is lost here was paid for."""
        path = self.folder / "answer"
        await asyncio.to_thread(path.write_bytes, answer)
        for pause_seconds in _KEEP_PAUSES_SECONDS:
            try:
                await self.store.put_file(path, self.key, "application/octet-stream")
            except Exception:
                await asyncio.sleep(pause_seconds)
            else:
                return
        await self.store.put_file(path, self.key, "application/octet-stream")

    async def _find_answer(self) -> bytes | None:
        found = await self.store.find(self.key)
        if found is None:
            return None
        path = self.folder / "answer"
        await self.store.fetch(found, path)
        return await asyncio.to_thread(path.read_bytes)

    async def _await_other(self, note: PurchaseNote) -> bytes | None:
        """The answer that another replica may be waiting for. Raises `Unrecoverable` where none comes."""
        patience_seconds = self.timeout_seconds + min(self.timeout_seconds, _CLOCK_SLACK_SECONDS)
        # No longer than a request may take, whatever the two clocks say: one of them may have jumped.
        give_up = time.monotonic() + patience_seconds
        while note.state == "open" and time.time() < note.noted_at + patience_seconds and time.monotonic() < give_up:
            await asyncio.sleep(_LOOK_SECONDS)
            found = await self._find_answer()
            if found is not None:
                return found
            current = await self._note()
            if current is None:
                return None
            note = current
        raise self._lost(f"{self.seller} was asked before, and the answer was lost.", note)

    async def _note(self) -> PurchaseNote | None:
        """The note of a request that may have been charged."""
        found = await self.store.find(self._note_key)
        if found is None:
            return None
        note = await self.store.get_document(found, PurchaseNote)
        return None if note.state == "settled" else note

    @property
    def _note_key(self) -> str:
        return derived_key("purchases", "json", recipe_version=1, answer=self.key)

    def _lost(self, sentence: str, note: PurchaseNote) -> Unrecoverable:
        return Unrecoverable(
            f"{sentence} The request may have been charged.",
            remedy=f"See your history at {self.seller}; to request it once more, write `buy_again: [{note.ticket}]` "
            f"under `{self.section}` and render again.",
            scene_id=self.scene_id,
        )
