"""The object store: what services may ask of it, and how it is reached over the MinIO SDK."""

import asyncio
import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol, TypeVar

import urllib3
from minio.datatypes import Object as StoredObject
from minio.error import S3Error
from pydantic import BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.assets import Asset, is_source
from shared.errors import Unrecoverable
from shared.store_clock import MinioOnTheStoresClock
from shared.telemetry_stages import note_moved, staged

DocumentType = TypeVar("DocumentType", bound=BaseModel)

DOCUMENT_LIMIT_BYTES = 64 * 1024 * 1024
"""A document is words and numbers: a plan of 1,000 scenes is under 2 MiB. Anything larger is not a document."""

BLOCK_BYTES = 1024 * 1024

DIGEST_HEADER = "x-amz-meta-sha256"
"""Where the store says what was put: with every answer about an object."""

NOTE_HEADER = "x-amz-meta-note"
"""Where it says what was noted with a file."""

NOTE_LIMIT_BYTES = 1_800
"""S3 keeps 2 KB beside an object, names and the digest included."""


def file_digest(path: Path) -> str:
    """The SHA-256 of a file, read in blocks."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class StoreSettings(BaseSettings):
    """Where the object store is. Read from `LOCKSTEP_S3_*`."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_S3_", extra="ignore")

    endpoint: str = Field(default="127.0.0.1:8333", description="host:port, no scheme")
    access_key: str = ""
    secret_key: SecretStr = SecretStr("")
    bucket: str = "lockstep"
    region: str = "us-east-1"
    secure: bool = False
    connect_timeout_seconds: float = 2.0
    read_timeout_seconds: float = 30.0


def http_pool(settings: StoreSettings) -> urllib3.PoolManager:
    """Connections to the store, as patient as the settings say."""
    # The SDK's own defaults are 5 minute time-outs and 5 retries: a dead store would look like a hang.
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=settings.connect_timeout_seconds, read=settings.read_timeout_seconds),
        maxsize=32,
        retries=urllib3.Retry(3, backoff_factor=0.3, status_forcelist=[500, 502, 503, 504]),
    )


class AssetStore(Protocol):
    """What services may ask of the object store. `shared.testing.MemoryStore` is its twin for tests."""

    async def find(self, key: str) -> Asset | None:
        """The asset under `key`, or None. This is the question "is the work done?"."""

    async def find_noted(self, key: str, note_type: type[DocumentType]) -> tuple[Asset, DocumentType] | None:
        """The asset under `key` and what was noted with it; None where it is not there or has no such note."""

    async def put_file(self, path: Path, key: str, media_type: str, note: BaseModel | None = None) -> Asset:
        """Store a file under `key`; streams from disk.

        A few words about it may be noted with it (`NOTE_LIMIT_BYTES`): both are there, or neither.
        """

    async def fetch(self, asset: Asset, path: Path) -> None:
        """Write the asset's bytes to `path`; streams to disk. Raises when the bytes are not whole."""

    async def put_document(self, document: BaseModel, key: str) -> Asset:
        """Store a document as JSON under `key`."""

    async def get_document(self, asset: Asset, document_type: type[DocumentType]) -> DocumentType:
        """Read a document back."""


class MinioStore:
    """The object store over the MinIO SDK. The SDK blocks, so every call runs in a thread."""

    def __init__(self, settings: StoreSettings) -> None:
        self._bucket = settings.bucket
        self._client = MinioOnTheStoresClock(
            settings.endpoint,
            access_key=settings.access_key,
            secret_key=settings.secret_key.get_secret_value(),
            secure=settings.secure,
            region=settings.region,  # spares the GetBucketLocation call that restrictive policies deny
            http_client=http_pool(settings),
        )

    async def ensure_bucket(self) -> None:
        """Create the bucket where it is missing. The provisioner calls it; services do not."""

        def ensure() -> None:
            if not self._client.bucket_exists(self._bucket):
                self._client.make_bucket(self._bucket)

        await asyncio.to_thread(ensure)

    @staged("find")
    async def find(self, key: str) -> Asset | None:
        found = await asyncio.to_thread(self._stat, key)
        return None if found is None else _asset_of(found)

    @staged("find")
    async def find_noted(self, key: str, note_type: type[DocumentType]) -> tuple[Asset, DocumentType] | None:
        found = await asyncio.to_thread(self._stat, key)
        if found is None:
            return None
        asset, note = _asset_of(found), read_note((found.metadata or {}).get(NOTE_HEADER), note_type)
        return None if asset is None or note is None else (asset, note)

    def _stat(self, key: str) -> StoredObject | None:
        try:
            return self._client.stat_object(self._bucket, key)
        except S3Error as error:
            if error.code in {"NoSuchKey", "NoSuchObject"}:
                return None
            raise

    @staged("store")
    async def put_file(self, path: Path, key: str, media_type: str, note: BaseModel | None = None) -> Asset:
        noted = {} if note is None else {"note": note_text(note)}

        def put() -> Asset:
            digest, size = file_digest(path), path.stat().st_size
            metadata: dict[str, str | list[str] | tuple[str]] = {"sha256": digest, **noted}
            self._client.fput_object(self._bucket, key, str(path), content_type=media_type, metadata=metadata)
            note_moved(size, "store")
            return Asset(key=key, digest=digest, media_type=media_type, size=size)

        return await asyncio.to_thread(put)

    @staged("fetch")
    async def fetch(self, asset: Asset, path: Path) -> None:
        def get() -> bool:
            # One request: the bytes are digested as they come, and the answer's head says what was noted of them. (The
            # SDK's own `fget_object` asks for the head first, in a request of its own.)
            response = self._client.get_object(self._bucket, asset.key)
            try:
                digest = _write_down(response.stream(BLOCK_BYTES), path)
                noted = response.headers.get(DIGEST_HEADER)
            finally:
                response.close()
                response.release_conn()
            note_moved(path.stat().st_size, "fetch")
            # Two copies of a service that raced may have made the same derived asset with other bytes, and the later
            # ones stand there now: as good as the first, since the key says what they are, if they arrived whole.
            if digest == asset.digest or (digest == noted and not is_source(asset.key)):
                return True
            path.unlink()
            return False

        if not await asyncio.to_thread(get):
            raise RuntimeError(f"the store's bytes of {asset.key} are not the ones that were put there")

    @staged("store")
    async def put_document(self, document: BaseModel, key: str) -> Asset:
        def put() -> Asset:
            data = document.model_dump_json().encode()
            digest = hashlib.sha256(data).hexdigest()
            self._client.put_object(
                self._bucket,
                key,
                io.BytesIO(data),
                len(data),
                content_type="application/json",
                metadata={"sha256": digest},
            )
            note_moved(len(data), "store")
            return Asset(key=key, digest=digest, media_type="application/json", size=len(data))

        return await asyncio.to_thread(put)

    @staged("fetch")
    async def get_document(self, asset: Asset, document_type: type[DocumentType]) -> DocumentType:
        if asset.size > DOCUMENT_LIMIT_BYTES:
            raise Unrecoverable(f"The document {asset.key} is {asset.size} bytes.", remedy="Submit the project again.")

        def get() -> bytes:
            response = self._client.get_object(self._bucket, asset.key)
            try:
                data = response.read()
                note_moved(len(data), "fetch")
                return data
            finally:
                response.close()
                response.release_conn()

        return document_type.model_validate_json(await asyncio.to_thread(get))


def note_text(note: BaseModel) -> str:
    """A note as the store keeps it: JSON in ASCII. Raises `ValueError` where it is too long to stand beside a file."""
    text = json.dumps(note.model_dump(mode="json"), separators=(",", ":"))
    if len(text) > NOTE_LIMIT_BYTES:
        raise ValueError(f"a note of {len(text)} bytes is a document: at most {NOTE_LIMIT_BYTES} stand beside a file")
    return text


def read_note(text: str | None, note_type: type[DocumentType]) -> DocumentType | None:
    """A note that was kept as text; None where there is none, or another version's that says something else."""
    try:
        return None if text is None else note_type.model_validate_json(text)
    except ValidationError:
        return None


def _asset_of(found: StoredObject) -> Asset | None:
    """None where somebody else put it, so that its bytes are not known to be whole."""
    digest = (found.metadata or {}).get(DIGEST_HEADER)
    if digest is None:
        return None
    key, media_type = str(found.object_name), str(found.content_type)
    return Asset(key=key, digest=str(digest), media_type=media_type, size=int(found.size or 0))


def _write_down(blocks: Iterable[bytes], path: Path) -> str:
    """Write the blocks to the file; their SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as stream:
        for block in blocks:
            digest.update(block)
            stream.write(block)
    return digest.hexdigest()
