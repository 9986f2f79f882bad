"""Purchases with a real object store, and with processes that are killed while they buy."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr

from shared.elevenlabs import ElevenLabsSettings
from shared.errors import Unrecoverable
from shared.store import MinioStore, StoreSettings
from tests.integration.speech_server import Reply, SpeechServer, speech_server, spoken_answer
from tests.integration.voiceover_buyer import buy_line

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
KEY = "sk_0123456789"


@pytest_asyncio.fixture
async def server() -> AsyncIterator[SpeechServer]:
    async with speech_server() as served:
        yield served


async def start_buyer(server: SpeechServer, settings: StoreSettings) -> asyncio.subprocess.Process:
    environment = {
        "LOCKSTEP_S3_ENDPOINT": settings.endpoint,
        "LOCKSTEP_S3_ACCESS_KEY": settings.access_key,
        "LOCKSTEP_S3_SECRET_KEY": settings.secret_key.get_secret_value(),
        "LOCKSTEP_S3_BUCKET": settings.bucket,
        "ELEVENLABS_BASE_URL": server.url,
        "ELEVENLABS_API_KEY": KEY,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "tests.integration.voiceover_buyer"),
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def account(server: SpeechServer, timeout_seconds: float = 300) -> ElevenLabsSettings:
    return ElevenLabsSettings(api_key=SecretStr(KEY), base_url=server.url, timeout_seconds=timeout_seconds)


async def test_a_process_killed_while_it_buys_is_followed_by_a_question_and_not_by_a_purchase(
    server: SpeechServer, store: MinioStore, store_settings: StoreSettings, tmp_path: Path
) -> None:
    server.replies.append(Reply(body=spoken_answer("The sea."), after_seconds=600))
    buyer = await start_buyer(server, store_settings)
    await server.begun.wait()
    buyer.kill()
    await buyer.wait()
    with pytest.raises(Unrecoverable, match="the answer was lost") as lost:
        await buy_line(store, account(server, timeout_seconds=0.5), tmp_path)
    assert len(server.heard) == 1
    ticket = re.findall(r"buy_again: \[(\w+)\]", lost.value.remedy)[0]
    assert (await buy_line(store, account(server), tmp_path, ticket=ticket)).words
    assert len(server.heard) == 2


async def test_what_one_process_has_bought_another_finds(
    server: SpeechServer, store: MinioStore, store_settings: StoreSettings, tmp_path: Path
) -> None:
    buyer = await start_buyer(server, store_settings)
    assert await buyer.wait() == 0
    assert [word.text for word in (await buy_line(store, account(server), tmp_path)).words] == ["The", "sea."]
    assert len(server.heard) == 1
