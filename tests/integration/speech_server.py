"""A local server with the documented shapes of speech services, over real sockets."""

import asyncio
import base64
import io
import json
import math
import wave
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
from pydantic import JsonValue

CHARACTER_MS = 60
EDGE_MS = 200
"""Silence before and after the words, as models leave it."""


@dataclass(frozen=True)
class Reply:
    """What the server answers to one request."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    after_seconds: float = 0
    broken_off: bool = False
    """The connection ends in the middle of the body."""


@dataclass(frozen=True)
class Heard:
    """A request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: Mapping[str, JsonValue]


@dataclass
class SpeechServer:
    """Answers with `replies` in turn, and where there is none left, speaks the text in tones."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    pause_seconds: float = 0
    at_once: int = 0
    most_at_once: int = 0
    answering: set[asyncio.Task[None]] = field(default_factory=set)
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the first request has arrived."""

    @property
    def texts(self) -> list[JsonValue]:
        return [heard.body.get("text", heard.body.get("input")) for heard in self.heard]

    def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answering = asyncio.create_task(self._serve(reader, writer))
        self.answering.add(answering)
        answering.add_done_callback(self.answering.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            heard = await _read(reader)
            self.heard.append(heard)
            self.begun.set()
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            reply = self.replies.pop(0) if self.replies else self._speak(heard)
            await asyncio.sleep(reply.after_seconds)
            self.at_once -= 1
            headers = {**self.headers, **reply.headers, "content-length": str(len(reply.body)), "connection": "close"}
            lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            writer.write(reply.body[: len(reply.body) // 2] if reply.broken_off else reply.body)
            await writer.drain()
        finally:
            writer.close()

    def _speak(self, heard: Heard) -> Reply:
        if heard.path.endswith("/audio/speech"):
            return Reply(body=spoken_wav(str(heard.body["input"])), after_seconds=self.pause_seconds)
        return Reply(body=spoken_answer(str(heard.body["text"])), after_seconds=self.pause_seconds)


async def _read(reader: asyncio.StreamReader) -> Heard:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Heard(first.split()[1], headers, json.loads(body))


@asynccontextmanager
async def speech_server() -> AsyncIterator[SpeechServer]:
    """A server on a free port of this machine."""
    served = SpeechServer()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield served
    finally:
        server.close()
        for answering in served.answering:
            answering.cancel()
        await asyncio.gather(*served.answering, return_exceptions=True)


def spoken_pcm(text: str) -> bytes:
    """Each letter a tone of 60 ms, each space silence, at 24 kHz."""
    letters = np.repeat([not character.isspace() for character in text], CHARACTER_MS * 24)
    tone = np.sin(np.arange(letters.size) * 2 * math.pi * 300 / 24_000) * 8_000 * letters
    edge = np.zeros(EDGE_MS * 24)
    return np.concatenate([edge, tone, edge]).astype("<i2").tobytes()


def spoken_answer(text: str, **changes: JsonValue) -> bytes:
    """ElevenLabs' answer with timestamps, `changes` in place of its keys."""
    starts = [(EDGE_MS + at * CHARACTER_MS) / 1000 for at in range(len(text))]
    alignment: JsonValue = {
        "characters": [*text],
        "character_start_times_seconds": [*starts],
        "character_end_times_seconds": [start + CHARACTER_MS / 1000 for start in starts],
    }
    answer: dict[str, JsonValue] = {
        "audio_base64": base64.b64encode(spoken_pcm(text)).decode(),
        "alignment": alignment,
        "normalized_alignment": alignment,
    }
    return json.dumps(answer | changes).encode()


def spoken_wav(text: str) -> bytes:
    """The same as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(24_000)
        sound.writeframes(spoken_pcm(text))
    return file.getvalue()


def refused(status: int, detail: JsonValue, **headers: str) -> Reply:
    """An error in one of the shapes that occur."""
    return Reply(status, json.dumps({"detail": detail}).encode(), {k.replace("_", "-"): v for k, v in headers.items()})
