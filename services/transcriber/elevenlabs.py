"""The engines `elevenlabs-scribe` and `elevenlabs-alignment`: one request a passage, every answer bought once."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import httpx

from services.transcriber.elevenlabs_answers import BrokenAnswer, read_alignment, read_transcription
from services.transcriber.passage import Passage
from services.transcriber.reporter import Inquiry
from services.transcriber.reports import Report
from services.transcriber.voiceover_file import sound_digest, write_for_hearing
from shared import project
from shared.assets import derived_key
from shared.elevenlabs import ElevenLabsSettings
from shared.elevenlabs_post import post_once
from shared.purchases import OutcomeUnknown, Purchases
from shared.turnstile import Turnstile

DEFAULT_MODEL = "scribe_v2"

REQUEST_VERSION = 1
"""Of what is sent. A new one makes every answer be bought again."""

READING_VERSION = 1
"""Of what is made of an answer. A new one costs nothing."""


@dataclass(frozen=True)
class _Endpoint:
    path: str
    fields: Callable[[Passage, project.Words], dict[str, str]]
    read: Callable[[bytes], Report]


def _transcription_fields(_: Passage, words: project.Words) -> dict[str, str]:
    fields = {
        "model_id": words.model or DEFAULT_MODEL,
        "timestamps_granularity": "word",
        "tag_audio_events": "false",  # a described cough would be a word that nobody said
        "diarize": "false",
    }
    return fields if words.language is None else fields | {"language_code": words.language}


def _alignment_fields(passage: Passage, _: project.Words) -> dict[str, str]:
    return {"text": " ".join(passage.tokens)}


_ENDPOINTS: Mapping[str, _Endpoint] = {
    "elevenlabs-scribe": _Endpoint("/v1/speech-to-text", _transcription_fields, read_transcription),
    "elevenlabs-alignment": _Endpoint("/v1/forced-alignment", _alignment_fields, read_alignment),
}


@dataclass(frozen=True)
class ElevenLabsReporter:
    """Words by ElevenLabs: `elevenlabs-scribe` recognises them, `elevenlabs-alignment` finds the script's."""

    name: Literal["elevenlabs-scribe", "elevenlabs-alignment"]
    account: ElevenLabsSettings
    purchases: Purchases
    turnstile: Turnstile

    def version(self, words: project.Words) -> str:
        """What is asked and how the answer is read. Neither the account nor the host."""
        asked = f"{words.model or DEFAULT_MODEL}/{words.language}" if self.name == "elevenlabs-scribe" else "-"
        return f"{self.name}/{asked}/{REQUEST_VERSION}.{READING_VERSION}"

    async def report(self, inquiry: Inquiry) -> tuple[Report, ...]:
        """Ask about each passage, or take what was bought before. The first failure stops what has not begun."""
        heard_ms = 0

        async def ask(number: int, passage: Passage) -> Report:
            nonlocal heard_ms
            async with self.turnstile.pass_through():
                report = await self._ask(inquiry, number, passage)
            heard_ms += passage.span.length
            inquiry.on_heard(heard_ms)
            return report

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(number, each)) for number, each in enumerate(inquiry.passages)]
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # whether to try again is decided by what it is
        return tuple(task.result() for task in tasks)

    async def _ask(self, inquiry: Inquiry, number: int, passage: Passage) -> Report:
        endpoint = _ENDPOINTS[self.name]
        fields = endpoint.fields(passage, inquiry.words)
        scene_id = passage.scene_ids[0] if len(passage.scene_ids) == 1 else None
        folder = inquiry.folder / f"elevenlabs-{number}"
        await asyncio.to_thread(folder.mkdir)
        key = derived_key(
            "answers",
            "json",
            recipe_version=REQUEST_VERSION,
            service=endpoint.path,
            fields=fields,
            sound=await asyncio.to_thread(sound_digest, inquiry.voiceover, passage.span),
        )

        async def post() -> bytes:
            sound = folder / "sound.wav"
            await asyncio.to_thread(write_for_hearing, inquiry.voiceover, passage.span, sound)
            return await self._post(endpoint, fields, sound, scene_id)

        bought = await self.purchases.buy(
            key,
            post,
            seller="ElevenLabs",
            timeout_seconds=self.account.timeout_seconds,
            buy_again=inquiry.words.buy_again or (),
            scene_id=scene_id,
            folder=folder,
            section="words",
        )
        return endpoint.read(bought)

    async def _post(self, endpoint: _Endpoint, fields: Mapping[str, str], sound: Path, scene_id: str | None) -> bytes:
        async def send(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> httpx.Response:
            with sound.open("rb") as stream:  # read by httpx as it is sent
                files = {"file": ("sound.wav", stream, "audio/wav")}
                return await client.post(url, data=dict(fields), files=files, headers=dict(headers))

        body = await post_once(self.account, self.turnstile, endpoint.path, send, scene_id=scene_id, section="words")
        try:
            endpoint.read(body)
        except BrokenAnswer as broken:
            raise OutcomeUnknown(str(broken)) from None
        return body
