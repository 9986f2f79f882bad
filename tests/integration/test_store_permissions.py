"""With its own keys of the store a user makes and reads what its work needs, and nothing of another's."""

import io
import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import minio
import pytest
import pytest_asyncio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from shared.store import MinioStore
from shared.store_permissions import KINDS
from shared.store_users import make_users
from tests.integration.object_stores import Guarded, guarded_store

pytestmark = pytest.mark.integration

EACH = pytest.mark.parametrize("user", KINDS)
LARGER_THAN_A_PART = 6 * 1024 * 1024


@pytest_asyncio.fixture(params=["seaweedfs", "minio"], scope="module", loop_scope="module")
async def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    async with guarded_store(request.param, tmp_path_factory.mktemp(request.param)) as guarded:
        yield guarded


def put(client: minio.Minio, key: str, size: int = 3) -> None:
    client.put_object("lockstep", key, io.BytesIO(bytes(size)), size, part_size=5 * 1024 * 1024)


def is_refused(answer: S3Error) -> bool:
    return answer.code == "AccessDenied"


@EACH
async def test_a_user_makes_what_is_its_own(guarded: Guarded, user: str, tmp_path: Path) -> None:
    store = MinioStore(guarded.settings_of(user))
    (tmp_path / "large").write_bytes(bytes(LARGER_THAN_A_PART))
    for kind in KINDS[user].makes:
        key = f"{kind}/{user}.bin"
        assert await store.find(key) is None
        asset = await store.put_file(tmp_path / "large", key, "application/octet-stream")
        assert await store.find(key) == asset
        await store.fetch(asset, tmp_path / "back")


@EACH
async def test_a_user_reads_what_it_needs_of_others(guarded: Guarded, user: str, tmp_path: Path) -> None:
    root, store = MinioStore(guarded.root), MinioStore(guarded.settings_of(user))
    (tmp_path / "one").write_bytes(b"one")
    for kind in KINDS[user].reads:
        assert await store.find(f"{kind}/not-there") is None
        asset = await root.put_file(tmp_path / "one", f"{kind}/of-another.bin", "application/octet-stream")
        await store.fetch(asset, tmp_path / "back")


@EACH
def test_a_user_reads_nothing_else(guarded: Guarded, user: str) -> None:
    client = guarded.client_of(user)
    closed = {kind for kinds in KINDS.values() for kind in kinds.makes} - {*KINDS[user].makes, *KINDS[user].reads}
    for kind in closed:
        put(guarded.client_of(None), f"{kind}/secret")
        with pytest.raises(S3Error) as refused:
            client.get_object("lockstep", f"{kind}/secret")
        assert is_refused(refused.value)
        with pytest.raises(S3Error) as refused:
            client.copy_object("lockstep", f"{KINDS[user].makes[0]}/mine", CopySource("lockstep", f"{kind}/secret"))
        assert is_refused(refused.value)


@EACH
def test_a_user_writes_nothing_of_anothers(guarded: Guarded, user: str) -> None:
    client = guarded.client_of(user)
    for kind in {kind for kinds in KINDS.values() for kind in kinds.makes} - set(KINDS[user].makes):
        for size in (3, LARGER_THAN_A_PART):
            with pytest.raises(S3Error) as refused:
                put(client, f"{kind}/forged", size)
            assert is_refused(refused.value)


@EACH
def test_a_user_deletes_nothing_not_even_its_own(guarded: Guarded, user: str) -> None:
    client, root = guarded.client_of(user), guarded.client_of(None)
    for kind in {kind for kinds in KINDS.values() for kind in kinds.makes}:
        key = f"{kind}/kept"
        put(root, key)
        with pytest.raises(S3Error) as refused:
            client.remove_object("lockstep", key)
        assert is_refused(refused.value)
        list(client.remove_objects("lockstep", [DeleteObject(key)]))
        assert root.stat_object("lockstep", key).size == 3


@EACH
def test_a_user_cannot_touch_the_bucket_or_make_one(guarded: Guarded, user: str) -> None:
    client = guarded.client_of(user)
    policy = json.dumps({"Version": "2012-10-17", "Statement": []})
    attempts = [
        partial(client.make_bucket, "mine"),
        partial(client.remove_bucket, "lockstep"),
        partial(client.set_bucket_policy, "lockstep", policy),
        partial(client.delete_bucket_lifecycle, "lockstep"),
    ]
    for attempt in attempts:
        with pytest.raises(S3Error) as refused:
            attempt()
        assert is_refused(refused.value)


async def test_a_user_that_is_none_of_ours_is_not_made(guarded: Guarded) -> None:
    with pytest.raises(LookupError, match="LOCKSTEP_S3_USERS names intruder"):
        await make_users(guarded.root, {"intruder": guarded.keys["mixer"]})
