"""The S3 servers that we keep our promises on: SeaweedFS always, a MinIO where there is one, and one that is named.

A MinIO is taken where its binary is on the PATH (`make minio` builds one). `LOCKSTEP_TEST_S3_ENDPOINT` names a server
that runs already, `LOCKSTEP_TEST_S3_ACCESS_KEY` and `LOCKSTEP_TEST_S3_SECRET_KEY` its root's keys; the tests make
buckets there.
"""

import asyncio
import contextlib
import json
import os
import secrets
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import minio
import pytest
import urllib3
from pydantic import SecretStr

from shared.servers import free_port, s3_server
from shared.store import MinioStore, StoreSettings
from shared.store_permissions import KINDS, SEAWEEDFS
from shared.store_users import StoreKeys, make_users
from tests.integration.bus_bench import until

SERVERS = ("seaweedfs", "minio", *(("named",) if os.environ.get("LOCKSTEP_TEST_S3_ENDPOINT") else ()))

NO_MINIO = "no minio is on the PATH; `make minio` builds one where there is a Go toolchain"


def minio_binary() -> str | None:
    """The MinIO on this machine."""
    return shutil.which("minio")


def named_server() -> StoreSettings:
    """The server that the environment names."""
    return StoreSettings(
        endpoint=os.environ["LOCKSTEP_TEST_S3_ENDPOINT"],
        access_key=os.environ["LOCKSTEP_TEST_S3_ACCESS_KEY"],
        secret_key=SecretStr(os.environ["LOCKSTEP_TEST_S3_SECRET_KEY"]),
        secure=os.environ.get("LOCKSTEP_TEST_S3_SECURE", "").lower() == "true",
    )


@asynccontextmanager
async def minio_server(
    folder: Path, *, access_key: str | None = None, secret_key: str | None = None
) -> AsyncIterator[StoreSettings]:
    """A MinIO on `folder`, on loopback, until the block is left. Its keys are its root's."""
    binary, port = minio_binary(), free_port()
    assert binary is not None, NO_MINIO
    settings = StoreSettings(
        endpoint=f"127.0.0.1:{port}",
        access_key=access_key or secrets.token_hex(10),
        secret_key=SecretStr(secret_key or secrets.token_hex(20)),
    )
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    with (folder.parent / f"{folder.name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            binary,
            *("server", str(folder), "--address", settings.endpoint, "--console-address", f"127.0.0.1:{free_port()}"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={
                **os.environ,
                "MINIO_ROOT_USER": settings.access_key,
                "MINIO_ROOT_PASSWORD": settings.secret_key.get_secret_value(),
                "MINIO_UPDATE": "off",
                "MINIO_CALLHOME_ENABLE": "off",
            },
        )

    async def answers() -> bool:
        assert process.returncode is None, f"the MinIO died; its log is beside {folder}"
        with contextlib.suppress(urllib3.exceptions.HTTPError):
            health = f"http://{settings.endpoint}/minio/health/ready"
            answer = await asyncio.to_thread(urllib3.request, "GET", health, timeout=2, retries=False)
            return answer.status == 200
        return False

    try:
        await until(answers, "the MinIO does not start")
        yield settings
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


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


@asynccontextmanager
async def guarded_store(server: str, folder: Path) -> AsyncIterator[Guarded]:
    """A new server with a bucket and a user for each, as they are deployed; skips where there is no MinIO."""
    keys = made_up()
    root = keys.pop("root")
    secret = root.secret_key.get_secret_value()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    if server == "seaweedfs":
        users = folder / "users.json"
        await asyncio.to_thread(users.write_text, users_file({**keys, "root": root}))
        async with s3_server(folder / "s3", users=users, access_key=root.access_key, secret_key=secret) as running:
            await MinioStore(running.settings).ensure_bucket()
            yield Guarded(running.settings, keys)
        return
    if minio_binary() is None:
        pytest.skip(NO_MINIO)
    async with minio_server(folder / "s3", access_key=root.access_key, secret_key=secret) as settings:
        await MinioStore(settings).ensure_bucket()
        for _ in range(2):  # as with every release
            await make_users(settings, keys)
        yield Guarded(settings, keys)
