"""The voice `openai-speech`: any server with OpenAI's `/v1/audio/speech`, on this machine or elsewhere."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import httpx
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.voiceover.line import Line
from services.voiceover.passages import plain_text
from services.voiceover.voice import SpokenTake
from shared import project
from shared.api_key import read_api_key
from shared.assets import Determinant, derived_key
from shared.errors import Unrecoverable
from shared.purchases import NotCharged, OutcomeUnknown, Purchases
from shared.telemetry_stages import note_provider_answer, stage

DEFAULT_MODEL = "tts-1"


class SpeechServerSettings(BaseSettings):
    """Read from `LOCKSTEP_SPEECH_*`."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_SPEECH_", env_ignore_empty=True, extra="ignore")

    url: str = Field(default="", pattern=r"^(https?://[^\s?#@]+)?$")
    """The server where a project names none, e.g. https://api.openai.com/v1."""
    api_key: SecretStr = SecretStr("")
    """Sent to `url` above and to no other: a project file must not lead it elsewhere."""
    api_key_file: Path | None = None
    timeout_seconds: float = Field(default=300, gt=0)


@dataclass(frozen=True)
class OpenAISpeechVoice:
    """A voice of a server, which returns a WAV file and no word times."""

    voice: project.Voice
    url: str
    key: SecretStr | None
    timeout_seconds: float
    purchases: Purchases

    def determinants(self, line: Line) -> Mapping[str, Determinant]:
        """The server and what it is asked. Raises `Unrecoverable` for what no such server can be told."""
        return {"engine": "openai-speech", "url": self.url, **self._request(line)}

    async def speak(self, line: Line, folder: Path) -> SpokenTake:
        """Say the line. What may cost money, which is what wants a key, is bought once."""
        if self.key is None:
            answer = await self._post(line)
        else:
            answer = await self.purchases.buy(
                derived_key("answers", "wav", recipe_version=1, **self.determinants(line)),
                lambda: self._post(line),
                seller=self.url,
                timeout_seconds=self.timeout_seconds,
                buy_again=self.voice.buy_again or (),
                scene_id=line.scene_id,
                folder=folder,
            )
        audio = folder / "speech.wav"
        await asyncio.to_thread(audio.write_bytes, answer)
        return SpokenTake(audio)

    def _request(self, line: Line) -> dict[str, str]:
        return {
            "model": self.voice.model or DEFAULT_MODEL,
            "voice": self.voice.name,
            "input": plain_text(line, engine="openai-speech"),
            "speed": str(self.voice.speed),
        }

    async def _post(self, line: Line) -> bytes:
        body = {**self._request(line), "speed": self.voice.speed, "response_format": "wav"}
        headers = {"authorization": f"Bearer {self.key.get_secret_value()}"} if self.key is not None else {}
        try:
            async with httpx.AsyncClient(timeout=httpx.Timeout(self.timeout_seconds, connect=10)) as client:
                with stage("provider"):
                    response = await client.post(f"{self.url}/audio/speech", json=body, headers=headers)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            raise NotCharged(f"{self.url} cannot be reached ({type(error).__name__})") from error
        except httpx.TransportError as error:
            raise OutcomeUnknown(f"{self.url} gave no whole answer ({type(error).__name__}).") from error
        busy = response.status_code == httpx.codes.TOO_MANY_REQUESTS
        # Such a server does not say what it charges; the characters are what a price list is written in.
        cost = len(str(body["input"])) if response.is_success and self.key is not None else None
        note_provider_answer(
            "openai-speech", "busy" if busy else "answered" if response.is_success else "refused", cost
        )
        if busy:
            raise NotCharged(f"{self.url} is busy (429)")
        if response.is_server_error:
            raise OutcomeUnknown(f"{self.url} failed with {response.status_code}.")
        if not response.is_success:
            raise Unrecoverable(
                f"{self.url} refused the request with {response.status_code}.",
                remedy="Check `url`, `name` and `model` under `voice`, and LOCKSTEP_SPEECH_API_KEY if it wants a key.",
                scene_id=line.scene_id,
            )
        if response.content[:4] != b"RIFF":
            raise OutcomeUnknown(f"{self.url} answered with something that is no WAV file.")
        return response.content


async def open_openai_speech(
    voice: project.Voice, *, server: SpeechServerSettings, purchases: Purchases
) -> OpenAISpeechVoice:
    """The voice that the project names, at the project's server or else the service's."""
    own_url, url = server.url.rstrip("/"), (voice.url or server.url).rstrip("/")
    if not url:
        raise Unrecoverable(
            "No server is named for the voice openai-speech.",
            remedy="Write its `url` under `voice`, or set LOCKSTEP_SPEECH_URL where the voiceover service runs.",
        )
    key = read_api_key(server.api_key, server.api_key_file, variable="LOCKSTEP_SPEECH_API_KEY")
    return OpenAISpeechVoice(voice, url, key if url == own_url else None, server.timeout_seconds, purchases)
