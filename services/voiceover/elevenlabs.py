"""The voice `elevenlabs`: one request for each scene, every answer bought once."""

import asyncio
import wave
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
import numpy as np
from numpy.typing import NDArray

from services.voiceover.elevenlabs_answers import PCM_RATE, Answer, BrokenAnswer, read_answer
from services.voiceover.elevenlabs_requests import SpeechRequest, requests_for
from services.voiceover.joined_passages import join_passages
from services.voiceover.line import Line
from services.voiceover.voice import SpokenTake
from shared import project
from shared.assets import Determinant, derived_key
from shared.elevenlabs import ElevenLabsSettings
from shared.elevenlabs_post import post_once
from shared.purchases import OutcomeUnknown, Purchases
from shared.turnstile import Turnstile

REQUEST_VERSION = 1
"""Of what is sent. A new one makes every answer be bought again."""
JOIN_VERSION = 1

_OUTPUT_FORMAT = f"pcm_{PCM_RATE}"


@dataclass(frozen=True)
class ElevenLabsVoice:
    """A voice of ElevenLabs with its settings in the project."""

    voice: project.Voice
    account: ElevenLabsSettings
    purchases: Purchases
    turnstile: Turnstile

    def determinants(self, line: Line) -> Mapping[str, Determinant]:
        """The requests, word for word, and the pauses between them. Neither the account nor the host."""
        asked = requests_for(line, self.voice)
        return {
            "engine": "elevenlabs",
            "name": self.voice.name,
            "format": _OUTPUT_FORMAT,
            "requests": [one.request.json_text() for one in asked],
            "pauses_ms": [one.pause_after_ms for one in asked],
            "join_version": JOIN_VERSION,
        }

    async def speak(self, line: Line, folder: Path) -> SpokenTake:
        """Say the line with what was bought before, or buy it. The words are the service's own, where believable."""
        answers = [
            (await self._answer(one.request, line.scene_id, folder), one.pause_after_ms)
            for one in requests_for(line, self.voice)
        ]
        take = await asyncio.to_thread(join_passages, answers)
        audio = folder / "elevenlabs.wav"
        await asyncio.to_thread(_write_wave, audio, take.samples)
        return SpokenTake(audio, take.words)

    async def _answer(self, request: SpeechRequest, scene_id: str | None, folder: Path) -> Answer:
        body = request.json_text()
        key = derived_key(
            "answers",
            "json",
            recipe_version=REQUEST_VERSION,
            service="elevenlabs",
            voice=self.voice.name,
            format=_OUTPUT_FORMAT,
            request=body,
        )

        async def post() -> bytes:
            return await self._post(request, scene_id)

        async with self.turnstile.pass_through():
            bought = await self.purchases.buy(
                key,
                post,
                seller="ElevenLabs",
                timeout_seconds=self.account.timeout_seconds,
                buy_again=self.voice.buy_again or (),
                scene_id=scene_id,
                folder=folder,
            )
        return await asyncio.to_thread(read_answer, bought, request.text)

    async def _post(self, request: SpeechRequest, scene_id: str | None) -> bytes:
        """A whole answer. Raises `OutcomeUnknown` for one that cannot be used, and what `post_once` raises."""

        async def send(client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> httpx.Response:
            return await client.post(
                url,
                params={"output_format": _OUTPUT_FORMAT},
                content=request.json_text(),
                headers={**headers, "content-type": "application/json"},
            )

        path = f"/v1/text-to-speech/{self.voice.name}/with-timestamps"
        body = await post_once(self.account, self.turnstile, path, send, scene_id=scene_id, section="voice")
        try:
            read_answer(body, request.text)
        except BrokenAnswer as broken:
            raise OutcomeUnknown(str(broken)) from None
        return body


def _write_wave(path: Path, samples: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(PCM_RATE)
        sound.writeframes(samples.astype("<i2").tobytes())


async def open_elevenlabs(
    voice: project.Voice, *, account: ElevenLabsSettings, purchases: Purchases, turnstile: Turnstile
) -> ElevenLabsVoice:
    """The voice that the project names. A key is looked for when something is bought, not before."""
    return ElevenLabsVoice(voice, account, purchases, turnstile)
