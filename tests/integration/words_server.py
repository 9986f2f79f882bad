"""A local server with the documented shapes of ElevenLabs' speech to text and forced alignment, over real sockets."""

import asyncio
import io
import json
import wave
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message

import numpy as np
from numpy.typing import NDArray
from pydantic import JsonValue

from shared.timeline import SAMPLES_PER_MS, Span
from tests.integration.speech_server import Reply

LETTER_MS = 60
SPACE_MS = 120
EDGE_MS = 200
"""Silence before and after the words of a take."""


def word_spans(text: str) -> list[tuple[str, Span]]:
    """Where each word of a text sounds in its take."""
    found, at = [], EDGE_MS
    for word in text.split():
        found.append((word, Span(at, at + len(word) * LETTER_MS)))
        at += len(word) * LETTER_MS + SPACE_MS
    return found


def take_ms(text: str) -> int:
    """How long a take lasts."""
    return word_spans(text)[-1][1].end + EDGE_MS


def tones(text: str) -> NDArray[np.int16]:
    """The take at 48 kHz: a tone for each word, silence between."""
    samples = np.zeros(take_ms(text) * SAMPLES_PER_MS, dtype=np.int16)
    for _, span in word_spans(text):
        times = np.arange(span.length * SAMPLES_PER_MS)
        tone = (np.sin(times * 2 * np.pi * 300 / 48_000) * 8_000).astype(np.int16)
        samples[span.start * SAMPLES_PER_MS : span.end * SAMPLES_PER_MS] = tone
    return samples


@dataclass(frozen=True)
class Form:
    """A multipart request as it arrived."""

    path: str
    headers: Mapping[str, str]
    fields: Mapping[str, str]
    sound: bytes

    @property
    def sound_ms(self) -> int:
        """How long the file in it lasts."""
        with wave.open(io.BytesIO(self.sound)) as file:
            return int(file.getnframes() * 1000 // file.getframerate())


@dataclass
class WordsServer:
    """Answers with `replies` in turn, and where there is none left, with the words of the take of that length."""

    url: str = ""
    said: Sequence[str] = ()
    heard: list[Form] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            form = await _read(reader)
            self.heard.append(form)
            reply = self.replies.pop(0) if self.replies else self._answer(form)
            await asyncio.sleep(reply.after_seconds)
            headers = {**reply.headers, "content-length": str(len(reply.body)), "connection": "close"}
            lines = [f"HTTP/1.1 {reply.status} X", *(f"{name}: {value}" for name, value in headers.items())]
            writer.write("\r\n".join([*lines, "", ""]).encode())
            writer.write(reply.body[: len(reply.body) // 2] if reply.broken_off else reply.body)
            await writer.drain()
        finally:
            writer.close()

    def _answer(self, form: Form) -> Reply:
        if form.path == "/v1/forced-alignment":
            return Reply(body=alignment(form.fields["text"]))
        (text,) = (text for text in self.said if take_ms(text) == form.sound_ms)
        return Reply(body=transcription(text))


async def _read(reader: asyncio.StreamReader) -> Form:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers["content-length"]))
    whole = message_from_bytes(f"content-type: {headers['content-type']}\r\n\r\n".encode() + body)
    parts = {str(part.get_param("name", header="content-disposition")): part for part in whole.walk() if part != whole}
    fields = {name: _content(part).decode() for name, part in parts.items() if name != "file"}
    return Form(first.split()[1], headers, fields, _content(parts["file"]))


def _content(part: Message) -> bytes:
    content = part.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content


@asynccontextmanager
async def words_server() -> AsyncIterator[WordsServer]:
    """A server on a free port of this machine."""
    served = WordsServer()
    server = await asyncio.start_server(served.serve, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield served


def transcription(text: str, changes: Mapping[int, Mapping[str, JsonValue]] | None = None) -> bytes:
    """The answer of speech to text, `changes` in place of keys of single words; spacing overlaps as it really does."""
    words: list[JsonValue] = []
    for place, (word, span) in enumerate(word_spans(text)):
        timed: dict[str, JsonValue] = {"start": span.start / 1000, "end": span.end / 1000}
        heard: dict[str, JsonValue] = {"text": word, **timed, "type": "word", "speaker_id": None, "logprob": -0.05}
        words.append({**heard, **(changes or {}).get(place, {})})
        words.append({"text": " ", "start": span.end / 1000 - 0.02, "end": span.end / 1000 + 0.1, "type": "spacing"})
    words.append({"text": "(wind)", "start": 0.0, "end": 0.3, "type": "audio_event"})
    return json.dumps(
        {"language_code": "eng", "language_probability": 0.99, "text": text, "words": words, "transcription_id": "t"}
    ).encode()


def alignment(text: str, changes: Mapping[int, Mapping[str, JsonValue]] | None = None) -> bytes:
    """The answer of forced alignment, `changes` in place of keys of single words."""
    words: list[JsonValue] = [
        {
            "text": word,
            "start": span.start / 1000,
            "end": span.end / 1000,
            "loss": 0.1,
            **(changes or {}).get(place, {}),
        }
        for place, (word, span) in enumerate(word_spans(text))
    ]
    characters: list[JsonValue] = [{"text": text[0], "start": 0.2, "end": 0.26}]
    return json.dumps({"characters": characters, "words": words, "loss": 0.1}).encode()
