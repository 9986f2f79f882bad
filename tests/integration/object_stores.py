"""The S3 servers that we keep our promises on: SeaweedFS always, a MinIO where there is one, and one that is named.

A MinIO is taken where its binary is on the PATH (`make minio` builds one). `LOCKSTEP_TEST_S3_ENDPOINT` names a server
that runs already, `LOCKSTEP_TEST_S3_ACCESS_KEY` and `LOCKSTEP_TEST_S3_SECRET_KEY` its root's keys; the tests make
buckets there.
"""

import asyncio
import contextlib
import os
import secrets
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import urllib3
from pydantic import SecretStr

from shared.servers import free_port
from shared.store import StoreSettings
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
