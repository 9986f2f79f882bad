"""In-memory twins for tests: a store that keeps bytes in a dictionary, a step that records, and a scene of a plan."""

import asyncio
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from shared.assets import Asset
from shared.events import Event
from shared.plan import PlannedScene
from shared.store import note_text, read_note
from shared.timeline import FrameGrid, Span
from shared.transcript import Word

DocumentType = TypeVar("DocumentType", bound=BaseModel)
EventType = TypeVar("EventType", bound=Event)


@dataclass
class MemoryStore:
    """An `AssetStore` in memory. `put_keys` records every write, so a test can see that nothing was made twice."""

    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    put_keys: list[str] = field(default_factory=list)

    async def find(self, key: str) -> Asset | None:
        if key not in self.objects:
            return None
        return self._asset(key)

    async def find_noted(self, key: str, note_type: type[DocumentType]) -> tuple[Asset, DocumentType] | None:
        note = read_note(self.notes.get(key), note_type)
        return None if note is None else (self._asset(key), note)

    async def put_file(self, path: Path, key: str, media_type: str, note: BaseModel | None = None) -> Asset:
        self.notes.pop(key, None)
        if note is not None:
            self.notes[key] = note_text(note)
        return self._put(key, await asyncio.to_thread(path.read_bytes), media_type)

    async def fetch(self, asset: Asset, path: Path) -> None:
        await asyncio.to_thread(path.write_bytes, self.objects[asset.key][0])

    async def put_document(self, document: BaseModel, key: str) -> Asset:
        return self._put(key, document.model_dump_json().encode(), "application/json")

    async def get_document(self, asset: Asset, document_type: type[DocumentType]) -> DocumentType:
        return document_type.model_validate_json(self.objects[asset.key][0])

    def _put(self, key: str, data: bytes, media_type: str) -> Asset:
        self.objects[key] = (data, media_type)
        self.put_keys.append(key)
        return self._asset(key)

    def _asset(self, key: str) -> Asset:
        data, media_type = self.objects[key]
        return Asset(key=key, digest=hashlib.sha256(data).hexdigest(), media_type=media_type, size=len(data))


@dataclass
class RecordedStep:
    """A `shared.service.Step` for handler tests: a scratch folder, a made-up history, and the progress it was told."""

    scratch: Path
    past: list[Event] = field(default_factory=list)
    percents: list[int] = field(default_factory=list)

    def report_progress(self, percent: int) -> None:
        self.percents.append(percent)

    async def holds(self, subject: str) -> bool:
        return any(event.address == subject for event in self.past)

    async def events(self, event_class: type[EventType]) -> list[EventType]:
        return [event for event in self.past if isinstance(event, event_class)]


def planned_scene(
    number: int, window: Span, fps: Fraction, words: Iterable[Word] = (), *, scene_id: str | None = None
) -> PlannedScene:
    """A scene of a plan, cut in silence. Without words, somebody speaks for all of its window."""
    grid, words = FrameGrid(fps), tuple(words)
    speech = Span(words[0].span.start, words[-1].span.end) if words else window
    return PlannedScene(
        number=number,
        scene_id=scene_id or f"scene-{number}",
        window=window,
        first_frame=grid.frame_at(window.start),
        frame_count=grid.frame_count(window),
        speech=speech,
        words=words,
        gap_after=Span(speech.end, window.end),
        cut_kind="silence",
        confidence=1,
        clip_ms_to_ask_for=window.length,
    )
