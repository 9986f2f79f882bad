"""The engine `whisper`: recognises the words offline in a child process, by faster-whisper."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from services.transcriber.child import run_child
from services.transcriber.passage import Passage
from services.transcriber.reporter import Inquiry
from services.transcriber.reports import Report
from services.transcriber.voiceover_file import sound_digest
from services.transcriber.whisper_worker import MISSING_EXIT_CODE, NO_MODEL_EXIT_CODE, WhisperRequest
from shared import project
from shared.assets import derived_key
from shared.errors import Unrecoverable
from shared.store import AssetStore
from shared.transcript import Document

RECIPE_VERSION = 1
_REPORT = TypeAdapter(Report)


class KeptReport(Document):
    """What was recognised in one passage, as it is kept in the store."""

    report: Report


@dataclass(frozen=True)
class WhisperReporter:
    """Words by a Whisper model on this machine. A passage that sounds as before is not listened to again."""

    store: AssetStore
    model: str
    """A name, or the folder that holds the model, where the project names none."""
    download_folder: Path | None
    timeout_seconds: float

    name = "whisper"

    def version(self, words: project.Words) -> str:
        """The model and the language, by their names."""
        return f"whisper/{words.model or self.model}/{words.language}/{RECIPE_VERSION}"

    async def report(self, inquiry: Inquiry) -> tuple[Report, ...]:
        """Recognise each passage. Raises `Unrecoverable` where faster-whisper or the model is not there."""
        keys = await asyncio.to_thread(self._keys, inquiry)
        known: dict[str, Report] = {}
        for key in keys:
            asset = await self.store.find(key)
            if asset is not None:
                known[key] = (await self.store.get_document(asset, KeptReport)).report
        new = {key: each for key, each in zip(keys, inquiry.passages, strict=True) if key not in known}
        if new:
            reports = await self._recognise(inquiry, list(new.values()))
            for key, report in zip(new, reports, strict=True):
                await self.store.put_document(KeptReport(report=report), key)
                known[key] = report
        return tuple(known[key] for key in keys)

    def _keys(self, inquiry: Inquiry) -> list[str]:
        return [
            derived_key(
                "recognitions",
                "json",
                recipe_version=RECIPE_VERSION,
                engine=self.version(inquiry.words),
                sound=sound_digest(inquiry.voiceover, passage.span),
            )
            for passage in inquiry.passages
        ]

    async def _recognise(self, inquiry: Inquiry, passages: Sequence[Passage]) -> list[Report]:
        request = WhisperRequest(
            voiceover=inquiry.voiceover,
            spans=tuple(passage.span for passage in passages),
            model=inquiry.words.model or self.model,
            download_folder=self.download_folder,
            language=inquiry.words.language,
        )
        found: list[Report] = []
        async with asyncio.timeout(self.timeout_seconds):
            code, complaint = await run_child(
                "services.transcriber.whisper_worker",
                request.model_dump_json(),
                _noting(found, passages, inquiry.on_heard),
            )
        if code == MISSING_EXIT_CODE:
            raise Unrecoverable(
                "faster-whisper is not installed where the transcriber runs.",
                remedy="Install it there: pip install 'lockstep[whisper]', or choose another engine under `words`.",
            )
        if code == NO_MODEL_EXIT_CODE:
            raise Unrecoverable(
                f"There is no Whisper model `{request.model}`.",
                remedy="Write a name such as `small.en` as `model` under `words`, or a folder that holds model.bin.",
            )
        if code != 0 or len(found) != len(passages):
            raise RuntimeError(f"the recognising worker stopped with {code}: {complaint or 'it printed nothing'}")
        return found


def _noting(
    found: list[Report], passages: Sequence[Passage], on_heard: Callable[[int], None]
) -> Callable[[bytes], None]:
    def note(line: bytes) -> None:
        found.append(_REPORT.validate_json(line))
        on_heard(sum(passage.span.length for passage in passages[: len(found)]))

    return note
