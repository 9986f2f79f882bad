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
from shared.elevenlabs import ElevenLabsSettings, header_number, read_refusal, refusal
from shared.purchases import NotCharged, OutcomeUnknown, Purchases
from shared.turnstile import Turnstile

REQUEST_VERSION = 1
"""Of what is sent. A new one makes every answer be bought again."""
JOIN_VERSION = 1

_LIMIT_IF_NOT_TOLD = 2  # what the smallest plan may do at the same time (documents of August 2025)
_LONGEST_WAIT_SECONDS = 30.0
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
        """Ask until the service has time. Nothing but a 429 is asked again: it is refused before any work."""
        key = self.account.key().get_secret_value()
        url = f"{self.account.base_url.rstrip('/')}/v1/text-to-speech/{self.voice.name}/with-timestamps"
        # Within 10 s there is a connection or nothing was sent: that must be told from an answer that is late.
        timeout = httpx.Timeout(self.account.timeout_seconds, connect=10)
        async with httpx.AsyncClient(timeout=timeout) as client:
            for pause_seconds in (*self.account.busy_pauses_seconds, None):
                response = await _send(client, url, request, key)
                limit = header_number(response.headers.get("maximum-concurrent-requests"))
                self.turnstile.learn(limit or _LIMIT_IF_NOT_TOLD)
                if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                    return _usable(response, request, scene_id, key)
                told_seconds = header_number(response.headers.get("retry-after"))
                if pause_seconds is None or (told_seconds or 0) > _LONGEST_WAIT_SECONDS:
                    break
                await asyncio.sleep(told_seconds or pause_seconds)
        raise NotCharged("ElevenLabs is busy (429); nothing was charged")


async def _send(client: httpx.AsyncClient, url: str, request: SpeechRequest, key: str) -> httpx.Response:
    headers = {"xi-api-key": key, "content-type": "application/json"}
    try:
        return await client.post(
            url, params={"output_format": _OUTPUT_FORMAT}, content=request.json_text(), headers=headers
        )
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise NotCharged(f"ElevenLabs cannot be reached ({type(error).__name__})") from error
    except httpx.TimeoutException as error:
        raise OutcomeUnknown("ElevenLabs took the request and gave no answer in time.") from error
    except httpx.TransportError as error:
        raise OutcomeUnknown("The connection to ElevenLabs broke before the answer was whole.") from error


def _usable(response: httpx.Response, request: SpeechRequest, scene_id: str | None, key: str) -> bytes:
    """The body of a good answer. Raises `Unrecoverable` for a refusal and `OutcomeUnknown` for the rest."""
    status, body = response.status_code, response.content
    if status != httpx.codes.OK:
        body = body.replace(key.encode(), b"(key)")  # a message may quote it
    if httpx.codes.is_server_error(status) or status == httpx.codes.REQUEST_TIMEOUT:
        _, message = read_refusal(body)
        raise OutcomeUnknown(f"ElevenLabs failed with {status}{f' ({message})' if message else ''}.")
    if status != httpx.codes.OK:
        raise refusal(status, body, scene_id=scene_id)
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
