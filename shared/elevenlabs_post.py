"""Sends a paid request to ElevenLabs: once, unless it was turned away before any work."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import httpx

from shared.elevenlabs import ElevenLabsSettings, header_number, read_refusal, refusal
from shared.purchases import NotCharged, OutcomeUnknown
from shared.telemetry_stages import note_provider_answer, stage
from shared.turnstile import Turnstile

_LIMIT_IF_NOT_TOLD = 2  # what the smallest plan may do at the same time (documents of August 2025)
_LONGEST_WAIT_SECONDS = 30.0

Send = Callable[[httpx.AsyncClient, str, Mapping[str, str]], Awaitable[httpx.Response]]
"""Given a client, the address and the headers that hold the key."""


async def post_once(
    account: ElevenLabsSettings,
    turnstile: Turnstile,
    path: str,
    send: Send,
    *,
    scene_id: str | None,
    section: Literal["voice", "words"],
) -> bytes:
    """The body of a good answer. Nothing but a 429 is asked again: it is refused before any work.

    Raises `Unrecoverable` for a refusal, `NotCharged` where the service is busy or out of reach, `OutcomeUnknown` for
    anything after which there may have been a charge.
    """
    key = account.key().get_secret_value()
    headers = {"xi-api-key": key}
    url = f"{account.base_url.rstrip('/')}{path}"
    # Within 10 s there is a connection or nothing was sent: that must be told from an answer that is late.
    timeout = httpx.Timeout(account.timeout_seconds, connect=10)
    async with httpx.AsyncClient(timeout=timeout) as client:
        for pause_seconds in (*account.busy_pauses_seconds, None):
            with stage("provider"):
                response = await _answer(send, client, url, headers)
            note_provider_answer("elevenlabs", *_outcome(response))
            turnstile.learn(header_number(response.headers.get("maximum-concurrent-requests")) or _LIMIT_IF_NOT_TOLD)
            if response.status_code != httpx.codes.TOO_MANY_REQUESTS:
                return _usable(response, key, scene_id, section)
            told_seconds = header_number(response.headers.get("retry-after"))
            if pause_seconds is None or (told_seconds or 0) > _LONGEST_WAIT_SECONDS:
                break
            await asyncio.sleep(told_seconds or pause_seconds)
    raise NotCharged("ElevenLabs is busy (429); nothing was charged")


def _outcome(response: httpx.Response) -> tuple[Literal["answered", "busy", "refused"], int | None]:
    """How it answered, and what that cost in its credits."""
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return "busy", None
    return "answered" if response.is_success else "refused", header_number(response.headers.get("character-cost"))


async def _answer(send: Send, client: httpx.AsyncClient, url: str, headers: Mapping[str, str]) -> httpx.Response:
    try:
        return await send(client, url, headers)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        raise NotCharged(f"ElevenLabs cannot be reached ({type(error).__name__})") from error
    except httpx.TimeoutException as error:
        raise OutcomeUnknown("ElevenLabs took the request and gave no answer in time.") from error
    except httpx.TransportError as error:
        raise OutcomeUnknown("The connection to ElevenLabs broke before the answer was whole.") from error


def _usable(response: httpx.Response, key: str, scene_id: str | None, section: Literal["voice", "words"]) -> bytes:
    status, body = response.status_code, response.content
    if status != httpx.codes.OK:
        body = body.replace(key.encode(), b"(key)")  # a message may quote it
    if httpx.codes.is_server_error(status) or status == httpx.codes.REQUEST_TIMEOUT:
        _, message = read_refusal(body)
        raise OutcomeUnknown(f"ElevenLabs failed with {status}{f' ({message})' if message else ''}.")
    if status != httpx.codes.OK:
        raise refusal(status, body, scene_id=scene_id, section=section)
    return body
