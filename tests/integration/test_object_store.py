"""The object store keeps its word on any S3 server (`object_stores.py` says which), and so does the twin for tests."""

import asyncio
import hashlib
import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from fractions import Fraction
from functools import partial
from pathlib import Path

import minio
import psutil
import pytest
import pytest_asyncio
import urllib3
from minio.error import S3Error
from pydantic import BaseModel, SecretStr
from urllib3.exceptions import HTTPError

from shared.assets import Asset, derived_key
from shared.errors import Unrecoverable
from shared.servers import free_port, s3_server
from shared.store import DOCUMENT_LIMIT_BYTES, AssetStore, MinioStore, StoreSettings
from shared.testing import MemoryStore
from tests.integration.object_stores import (
    NO_MINIO,
    SERVERS,
    minio_binary,
    minio_server,
    named_server,
)

pytestmark = pytest.mark.integration


class Note(BaseModel):
    """A document."""

    text: str
    fps: Fraction


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def minio_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[StoreSettings]:
    """One MinIO for all tests."""
    async with minio_server(tmp_path_factory.mktemp("minio") / "data") as settings:
        yield settings


def root_of(server: str, request: pytest.FixtureRequest) -> StoreSettings:
    """The root's settings of a server; skips with a sentence where there is none of the kind."""
    if server == "named":
        return named_server()
    if server == "minio":
        if minio_binary() is None:
            pytest.skip(NO_MINIO)
        settings = request.getfixturevalue("minio_of_the_session")
    else:
        settings = request.getfixturevalue("s3").settings
    assert isinstance(settings, StoreSettings)
    return settings


def bucket_on(server: str, request: pytest.FixtureRequest) -> StoreSettings:
    """Settings for a bucket of this test's own on a server; it is not made yet."""
    return root_of(server, request).model_copy(update={"bucket": f"test-{uuid.uuid4().hex}"})


@pytest.fixture(params=SERVERS)
def store_settings(request: pytest.FixtureRequest) -> StoreSettings:
    """Every server in its turn."""
    return bucket_on(request.param, request)


@pytest.fixture(params=["memory", *SERVERS])
def either_store(request: pytest.FixtureRequest) -> AssetStore:
    """The store on every server, and its twin: what holds for one holds for all."""
    if request.param == "memory":
        return MemoryStore()
    settings = bucket_on(request.param, request)
    _plain_client(settings).make_bucket(settings.bucket)
    return MinioStore(settings)


@pytest_asyncio.fixture
async def clip(tmp_path: Path) -> AsyncIterator[Path]:
    """A file that is larger than one part of an upload."""
    path = tmp_path / "clip.mp4"
    await asyncio.to_thread(path.write_bytes, bytes(range(256)) * 48 * 1024)
    yield path


async def test_a_file_comes_back_as_it_was_put(either_store: AssetStore, clip: Path, tmp_path: Path) -> None:
    asset = await either_store.put_file(clip, "sources/clip.mp4", "video/mp4")
    content = await asyncio.to_thread(clip.read_bytes)
    assert asset == Asset(
        key="sources/clip.mp4",
        digest=hashlib.sha256(content).hexdigest(),
        media_type="video/mp4",
        size=len(content),
    )
    await either_store.fetch(asset, tmp_path / "back.mp4")
    assert await asyncio.to_thread((tmp_path / "back.mp4").read_bytes) == content


async def test_what_is_there_is_found_as_it_was_put(either_store: AssetStore, clip: Path) -> None:
    asset = await either_store.put_file(clip, "sources/clip.mp4", "video/mp4")
    assert await either_store.find("sources/clip.mp4") == asset


async def test_what_is_noted_with_a_file_is_found_with_it(either_store: AssetStore, clip: Path) -> None:
    note = Note(text='slowed to 0.93x,  "étude" 海', fps=Fraction(30_000, 1_001))
    asset = await either_store.put_file(clip, "segments/noted.mp4", "video/mp4", note)
    assert await either_store.find_noted("segments/noted.mp4", Note) == (asset, note)
    assert await either_store.find("segments/noted.mp4") == asset
    await either_store.put_file(clip, "segments/plain.mp4", "video/mp4")
    assert await either_store.find_noted("segments/plain.mp4", Note) is None
    assert await either_store.find_noted("segments/none.mp4", Note) is None
    assert await either_store.find_noted("segments/noted.mp4", Asset) is None, "a note of another version is none"
    await either_store.put_file(clip, "segments/noted.mp4", "video/mp4")
    assert await either_store.find_noted("segments/noted.mp4", Note) is None, "a note goes with its file"


async def test_a_note_that_would_not_fit_beside_a_file_is_refused(either_store: AssetStore, clip: Path) -> None:
    with pytest.raises(ValueError, match="at most 1800"):
        await either_store.put_file(clip, "segments/noted.mp4", "video/mp4", Note(text="ö" * 400, fps=Fraction(1)))


async def test_what_is_not_there_is_not_found(either_store: AssetStore) -> None:
    assert await either_store.find("sources/clip.mp4") is None


async def test_an_empty_file_is_a_file(either_store: AssetStore, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    await asyncio.to_thread(empty.touch)
    asset = await either_store.put_file(empty, "sources/empty.bin", "application/octet-stream")
    assert asset.size == 0
    assert await either_store.find("sources/empty.bin") == asset
    await either_store.fetch(asset, tmp_path / "back")
    assert await asyncio.to_thread((tmp_path / "back").read_bytes) == b""


async def test_a_document_comes_back_as_it_was_put(either_store: AssetStore) -> None:
    note = Note(text="Møwe — 海鷗\n\0", fps=Fraction(30000, 1001))
    asset = await either_store.put_document(note, "notes/one.json")
    assert await either_store.get_document(asset, Note) == note
    assert await either_store.find("notes/one.json") == asset


async def test_the_same_determinants_find_the_same_work(either_store: AssetStore) -> None:
    def key() -> str:
        return derived_key("notes", "json", recipe_version=1, text="lighthouse", fps=Fraction(25))

    made = await either_store.put_document(Note(text="lighthouse", fps=Fraction(25)), key())
    assert await either_store.find(key()) == made


async def test_many_at_once_do_not_mix(either_store: AssetStore) -> None:
    notes = [Note(text=str(number), fps=Fraction(number)) for number in range(1, 41)]
    assets = await asyncio.gather(*(either_store.put_document(note, f"notes/{note.text}.json") for note in notes))
    assert await asyncio.gather(*(either_store.get_document(asset, Note) for asset in assets)) == notes


async def test_bytes_that_are_not_those_that_were_put_are_refused(
    store: MinioStore, clip: Path, tmp_path: Path
) -> None:
    asset = await store.put_file(clip, "sources/clip.mp4", "video/mp4")
    with (tmp_path / "other").open("wb") as other:
        other.write(b"something else")
    await store.put_file(tmp_path / "other", "sources/clip.mp4", "video/mp4")
    with pytest.raises(RuntimeError, match="not the ones that were put there"):
        await store.fetch(asset, tmp_path / "back.mp4")


async def test_a_derived_asset_that_two_copies_made_with_other_bytes_is_as_good_as_the_first(
    store: MinioStore, clip: Path, tmp_path: Path
) -> None:
    first = await store.put_file(clip, "segments/same-recipe.mp4", "video/mp4")
    with (tmp_path / "other").open("wb") as other:
        other.write(b"the same pictures in other bytes")
    await store.put_file(tmp_path / "other", "segments/same-recipe.mp4", "video/mp4")
    await store.fetch(first, tmp_path / "back.mp4")
    assert await asyncio.to_thread((tmp_path / "back.mp4").read_bytes) == b"the same pictures in other bytes"


async def test_an_asset_that_is_gone_cannot_be_fetched(store: MinioStore, tmp_path: Path) -> None:
    gone = Asset(key="sources/gone.mp4", digest="0" * 64, media_type="video/mp4", size=1)
    with pytest.raises(S3Error, match="NoSuchKey"):
        await store.fetch(gone, tmp_path / "back.mp4")
    assert await asyncio.to_thread(os.listdir, tmp_path) == []


async def test_what_somebody_else_put_is_not_taken_for_finished_work(
    store: MinioStore, store_settings: StoreSettings, clip: Path
) -> None:
    client = _plain_client(store_settings)
    await asyncio.to_thread(client.fput_object, store_settings.bucket, "sources/clip.mp4", str(clip))
    assert await store.find("sources/clip.mp4") is None


async def test_a_document_that_is_no_document_is_not_read(store: MinioStore) -> None:
    huge = Asset(key="notes/huge.json", digest="0" * 64, media_type="application/json", size=DOCUMENT_LIMIT_BYTES + 1)
    with pytest.raises(Unrecoverable, match=r"notes/huge\.json is \d+ bytes"):
        await store.get_document(huge, Note)


async def test_making_the_bucket_again_keeps_what_is_in_it(store: MinioStore) -> None:
    asset = await store.put_document(Note(text="kept", fps=Fraction(25)), "notes/kept.json")
    await store.ensure_bucket()
    assert await store.find("notes/kept.json") == asset


async def test_a_wrong_key_is_refused(store: MinioStore, store_settings: StoreSettings) -> None:
    stranger = MinioStore(store_settings.model_copy(update={"secret_key": SecretStr("wrong")}))
    with pytest.raises(S3Error, match="SignatureDoesNotMatch"):
        await stranger.put_document(Note(text="", fps=Fraction(25)), "notes/one.json")


async def test_nobody_can_read_without_a_key(store: MinioStore, store_settings: StoreSettings) -> None:
    await store.put_document(Note(text="", fps=Fraction(25)), "notes/one.json")
    anonymous = MinioStore(store_settings.model_copy(update={"access_key": "", "secret_key": SecretStr("")}))
    with pytest.raises((S3Error, ValueError)):
        await anonymous.find("notes/one.json")


async def test_a_store_that_is_away_is_an_error_and_no_hang() -> None:
    away = StoreSettings(
        endpoint=f"127.0.0.1:{free_port()}",
        access_key="key",
        secret_key=SecretStr("secret"),
        connect_timeout_seconds=0.5,
    )
    with pytest.raises(HTTPError):
        await MinioStore(away).find("notes/one.json")


async def test_a_part_of_an_object_can_be_read(store: MinioStore, store_settings: StoreSettings, clip: Path) -> None:
    """A reader takes a range, as a browser does that jumps into a video."""
    await store.put_file(clip, "videos/one.mp4", "video/mp4")
    content = await asyncio.to_thread(clip.read_bytes)
    client = _plain_client(store_settings)
    for offset, length in ((0, 10), (6_000_000, 100_000), (len(content) - 7, 7)):
        answer = await asyncio.to_thread(
            partial(client.get_object, store_settings.bucket, "videos/one.mp4", offset=offset, length=length)
        )
        assert answer.status == 206
        assert answer.data == content[offset : offset + length]
        answer.release_conn()


async def test_whoever_has_a_signed_address_gets_that_object_for_a_while(
    store: MinioStore, store_settings: StoreSettings
) -> None:
    await store.put_document(Note(text="shown", fps=Fraction(25)), "notes/shown.json")
    await store.put_document(Note(text="hidden", fps=Fraction(25)), "notes/hidden.json")
    address = _plain_client(store_settings).presigned_get_object(
        store_settings.bucket, "notes/shown.json", expires=timedelta(minutes=5)
    )
    answer = await asyncio.to_thread(urllib3.request, "GET", address)
    assert (answer.status, Note.model_validate_json(answer.data).text) == (200, "shown")
    other = await asyncio.to_thread(urllib3.request, "GET", address.replace("shown.json", "hidden.json"))
    assert other.status == 403
    late = _plain_client(store_settings).presigned_get_object(
        store_settings.bucket, "notes/shown.json", expires=timedelta(seconds=1)
    )
    await asyncio.sleep(2.5)
    assert (await asyncio.to_thread(urllib3.request, "GET", late)).status == 403


async def test_of_two_who_create_the_same_object_only_one_can(store: MinioStore, store_settings: StoreSettings) -> None:
    """`If-None-Match: *`: the store says no to the second instead of taking both."""
    client = _plain_client(store_settings)

    def create(content: bytes) -> int:
        address = client.presigned_put_object(store_settings.bucket, "claims/one", expires=timedelta(minutes=5))
        return urllib3.request("PUT", address, body=content, headers={"If-None-Match": "*"}).status

    assert await asyncio.to_thread(create, b"first") == 200
    assert await asyncio.to_thread(create, b"second") == 412
    answer = await asyncio.to_thread(client.get_object, store_settings.bucket, "claims/one")
    assert answer.data == b"first"
    answer.release_conn()


@asynccontextmanager
async def restartable(server: str, folder: Path) -> AsyncIterator[StoreSettings]:
    if server == "minio":
        async with minio_server(folder, access_key="key", secret_key="secret-of-this-test") as settings:
            yield settings
    else:
        async with s3_server(folder, access_key="key", secret_key="secret-of-this-test") as running:
            yield running.settings


@pytest.mark.parametrize("server", ["seaweedfs", "minio"])
async def test_assets_outlive_the_server_and_the_ports_that_it_had(server: str, tmp_path: Path) -> None:
    if server == "minio" and minio_binary() is None:
        pytest.skip(NO_MINIO)
    note = Note(text="kept", fps=Fraction(25))
    assets = []
    for _ in range(2):
        async with restartable(server, tmp_path / "s3") as settings:
            store = MinioStore(settings)
            await store.ensure_bucket()
            assets.append(await store.find("notes/kept.json") or await store.put_document(note, "notes/kept.json"))
            assert await store.get_document(assets[0], Note) == note
    assert assets[0] == assets[1]


async def test_the_server_listens_on_loopback_only(tmp_path: Path) -> None:
    async with s3_server(tmp_path / "s3") as server:
        sockets = await asyncio.to_thread(psutil.Process(server.process_id).net_connections, "tcp")
        listening = {socket.laddr for socket in sockets if socket.status == psutil.CONN_LISTEN}
        assert {address.ip for address in listening} == {"127.0.0.1"}
        assert {address.port for address in listening} <= set(server.ports)


@pytest.mark.parametrize("days", [-400, 400])
async def test_a_machine_whose_clock_is_wrong_dates_its_requests_by_the_store_s(
    store_settings: StoreSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, days: int
) -> None:
    _plain_client(store_settings).make_bucket(store_settings.bucket)
    store, right = MinioStore(store_settings), minio.time.utcnow
    note, source = Note(text="late", fps=Fraction(25)), tmp_path / "source"
    source.write_bytes(b"bytes")
    monkeypatch.setattr(minio.time, "utcnow", lambda: right() + timedelta(days=days))
    assert await store.find("notes/late.json") is None
    stored = await store.put_document(note, "notes/late.json")
    assert await store.get_document(stored, Note) == note
    await store.fetch(await store.put_file(source, "sources/late", "text/plain"), tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == b"bytes"
    monkeypatch.undo()
    assert await store.find("notes/late.json") == stored, "the clock is set right, and that is noticed, too"


async def test_a_wrong_key_is_refused_however_the_clock_stands(
    store_settings: StoreSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = minio.time.utcnow
    monkeypatch.setattr(minio.time, "utcnow", lambda: right() + timedelta(days=400))
    store = MinioStore(store_settings.model_copy(update={"secret_key": SecretStr("another-one")}))
    with pytest.raises(S3Error):
        await store.find("notes/late.json")


def _plain_client(settings: StoreSettings) -> minio.Minio:
    return minio.Minio(
        settings.endpoint,
        access_key=settings.access_key,
        secret_key=settings.secret_key.get_secret_value(),
        secure=settings.secure,
        region=settings.region,
    )
