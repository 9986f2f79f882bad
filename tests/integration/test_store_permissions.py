"""With its own keys of the store a user makes and reads what its work needs, and nothing of another's."""

import asyncio
import io
import json
import secrets
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import minio
import pytest
import pytest_asyncio
from minio.commonconfig import CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from pydantic import SecretStr

from shared.servers import s3_server
from shared.store import MinioStore, StoreSettings
from shared.store_permissions import KINDS, SEAWEEDFS
from shared.store_users import StoreKeys, make_users
from tests.integration.object_stores import NO_MINIO, minio_binary, minio_server

pytestmark = pytest.mark.integration

EACH = pytest.mark.parametrize("user", KINDS)
LARGER_THAN_A_PART = 6 * 1024 * 1024


@dataclass(frozen=True)
class Guarded:
    """A store with a user for each service, and everybody's keys."""

    root: StoreSettings
    keys: Mapping[str, StoreKeys]

    def client_of(self, user: str | None) -> minio.Minio:
        """The bare SDK with a user's keys, or the root's: what somebody has who took over a service."""
        settings = self.settings_of(user) if user else self.root
        return minio.Minio(
            settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key.get_secret_value(),
            secure=False,
            region=settings.region,
        )

    def settings_of(self, user: str) -> StoreSettings:
        keys = self.keys[user]
        return self.root.model_copy(update={"access_key": keys.access_key, "secret_key": keys.secret_key})


def made_up() -> dict[str, StoreKeys]:
    return {
        user: StoreKeys(access_key=f"p{secrets.token_hex(16)}", secret_key=SecretStr(f"p{secrets.token_hex(16)}"))
        for user in (*KINDS, "root")
    }


def users_file(keys: Mapping[str, StoreKeys]) -> str:
    """The deployed file, with keys where the variables stand."""
    text = SEAWEEDFS.read_text()
    for user, pair in keys.items():
        name = "S3_" if user == "root" else f"S3_{user.upper()}_"
        text = text.replace(f"${{{name}ACCESS_KEY}}", pair.access_key)
        text = text.replace(f"${{{name}SECRET_KEY}}", pair.secret_key.get_secret_value())
    assert "$" not in text
    json.loads(text)
    return text


@pytest_asyncio.fixture(params=["seaweedfs", "minio"], scope="module", loop_scope="module")
async def guarded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Guarded]:
    folder, keys = tmp_path_factory.mktemp(request.param), made_up()
    root = keys.pop("root")
    root_keys = {"access_key": root.access_key, "secret_key": root.secret_key.get_secret_value()}
    if request.param == "seaweedfs":
        users = folder / "users.json"
        await asyncio.to_thread(users.write_text, users_file({**keys, "root": root}))
        async with s3_server(folder / "s3", users=users, **root_keys) as server:
            await MinioStore(server.settings).ensure_bucket()
            yield Guarded(server.settings, keys)
    else:
        if minio_binary() is None:
            pytest.skip(NO_MINIO)
        async with minio_server(folder / "s3", **root_keys) as settings:
            await MinioStore(settings).ensure_bucket()
            for _ in range(2):  # as with every release
                await make_users(settings, keys)
            yield Guarded(settings, keys)


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
