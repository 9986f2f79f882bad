"""Real servers for the tests: one S3 server for all of them with a bucket for each, one bus for each."""

import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from shared.servers import S3Server, s3_server
from shared.store import MinioStore, StoreSettings
from tests.integration.bus_bench import Bus, provisioned_bus


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def s3(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[S3Server]:
    """One S3 server for all tests."""
    async with s3_server(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture
def store_settings(s3: S3Server) -> StoreSettings:
    """Settings for a bucket of this test's own; it is not made yet."""
    return s3.settings.model_copy(update={"bucket": f"test-{uuid.uuid4().hex}"})


@pytest_asyncio.fixture
async def store(store_settings: StoreSettings) -> MinioStore:
    """A store of this test's own."""
    store = MinioStore(store_settings)
    await store.ensure_bucket()
    return store


@pytest_asyncio.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    """A bus of this test's own: a server takes 0.1 s to start, and nothing left by another test is on it."""
    async with provisioned_bus(tmp_path) as bus:
        yield bus
