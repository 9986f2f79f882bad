"""Source clips that stay on a fitter's machine: taken from there, checked, bounded, and shared by all fitters on it."""

import asyncio
import hashlib
import multiprocessing
import random
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider

from services.clip_fitter.clip_cache import ClipCache, fair_share_bytes
from services.clip_fitter.settings import Settings
from shared.assets import Asset, source_key
from shared.telemetry_metrics import Instruments
from shared.telemetry_stages import StageRecorder, recording_stages
from shared.testing import MemoryStore

CLIP_BYTES = 1000


@dataclass
class CountingStore(MemoryStore):
    """A store that notes what was fetched from it."""

    fetched: list[str] = field(default_factory=list)

    async def fetch(self, asset: Asset, path: Path) -> None:
        self.fetched.append(asset.key)
        await super().fetch(asset, path)


def content(number: int) -> bytes:
    return random.Random(number).randbytes(CLIP_BYTES)


def with_clips(count: int) -> tuple[CountingStore, list[Asset]]:
    """A store with as many source clips."""
    store, assets = CountingStore(), []
    for data in map(content, range(count)):
        digest = hashlib.sha256(data).hexdigest()
        store.objects[source_key(digest, "mp4")] = (data, "video/mp4")
        assets.append(Asset(key=source_key(digest, "mp4"), digest=digest, media_type="video/mp4", size=len(data)))
    return store, assets


@pytest.fixture
def cache(tmp_path: Path) -> ClipCache:
    """Room for three clips and a half."""
    return ClipCache(tmp_path / "clips", 3 * CLIP_BYTES + CLIP_BYTES // 2)


def held(cache: ClipCache) -> set[str]:
    return {path.name for path in cache.folder.iterdir()} if cache.folder.exists() else set()


async def show(cache: ClipCache, store: CountingStore, asset: Asset, scratch: Path) -> bytes:
    """Fetch a clip as a step does, which removes its copy when it ends."""
    path = scratch / f"clip-{random.randrange(2**64):x}"
    await cache.fetch(store, asset, path)
    data = await asyncio.to_thread(path.read_bytes)
    await asyncio.to_thread(path.unlink)
    return data


async def test_a_clip_that_was_shown_before_is_not_fetched_again(cache: ClipCache, tmp_path: Path) -> None:
    store, [clip] = with_clips(1)
    assert [await show(cache, store, clip, tmp_path) for _ in range(3)] == [content(0)] * 3
    assert store.fetched == [clip.key]


async def test_what_was_not_shown_for_longest_makes_room(cache: ClipCache, tmp_path: Path) -> None:
    store, clips = with_clips(4)
    for shown in (0, 1, 2, 0, 3):
        await show(cache, store, clips[shown], tmp_path)
    assert held(cache) == {clips[number].digest for number in (0, 2, 3)}
    assert len(store.fetched) == 4


async def test_a_clip_that_is_put_out_stays_with_the_step_that_works_on_it(cache: ClipCache, tmp_path: Path) -> None:
    store, clips = with_clips(5)
    await cache.fetch(store, clips[0], tmp_path / "in-work")
    for clip in clips[1:]:
        await show(cache, store, clip, tmp_path)
    assert clips[0].digest not in held(cache)
    assert await asyncio.to_thread((tmp_path / "in-work").read_bytes) == content(0)


async def test_a_clip_that_is_larger_than_all_the_room_puts_nothing_out(cache: ClipCache, tmp_path: Path) -> None:
    store, [small] = with_clips(1)
    await show(cache, store, small, tmp_path)
    data = bytes(cache.most_bytes + 1)
    large = Asset(key="sources/large.mp4", digest=hashlib.sha256(data).hexdigest(), media_type="", size=len(data))
    store.objects[large.key] = (data, "video/mp4")
    assert await show(cache, store, large, tmp_path) == data
    assert held(cache) == {small.digest}


async def test_bytes_that_went_bad_on_this_machine_are_fetched_anew(cache: ClipCache, tmp_path: Path) -> None:
    store, [clip] = with_clips(1)
    await show(cache, store, clip, tmp_path)
    await asyncio.to_thread((cache.folder / clip.digest).write_bytes, b"rotten")
    assert [await show(cache, store, clip, tmp_path) for _ in range(2)] == [content(0)] * 2
    assert len(store.fetched) == 2


async def test_without_room_nothing_is_kept(tmp_path: Path) -> None:
    store, [clip] = with_clips(1)
    cache = ClipCache(tmp_path / "clips", 0)
    assert [await show(cache, store, clip, tmp_path) for _ in range(2)] == [content(0)] * 2
    assert len(store.fetched) == 2
    assert held(cache) == set()


def test_a_disk_that_others_fill_is_given_back() -> None:
    assert fair_share_bytes(free_bytes=0, kept_bytes=100) == 50
    assert fair_share_bytes(free_bytes=900, kept_bytes=100) == 500


async def test_only_sources_are_kept_since_only_their_bytes_are_their_name(cache: ClipCache, tmp_path: Path) -> None:
    store = CountingStore()
    (tmp_path / "segment.mp4").write_bytes(b"segment")
    segment = await store.put_file(tmp_path / "segment.mp4", "segments/one.mp4", "video/mp4")
    await show(cache, store, segment, tmp_path)
    assert held(cache) == set()


async def test_hits_and_the_bytes_that_they_save_are_measured(cache: ClipCache, tmp_path: Path) -> None:
    store, [clip] = with_clips(1)
    reader = InMemoryMetricReader()
    instruments = Instruments(MeterProvider([reader]).get_meter("test"))
    with recording_stages(StageRecorder(TracerProvider().get_tracer("test"), instruments, {})):
        for _ in range(3):
            await show(cache, store, clip, tmp_path)
    data = reader.get_metrics_data()
    assert data is not None
    values = {
        metric.name: [getattr(point, "value", None) for point in metric.data.data_points]
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
    }
    assert values["lockstep.clip_cache.hits"] == [2]
    assert values["lockstep.clip_cache.saved"] == [2 * CLIP_BYTES]


def _show_many(folder: Path, scratch: Path, seed: int) -> int:
    """One fitter among several: shows clips in an order of its own; how often it had to fetch."""
    store, clips = with_clips(6)
    cache = ClipCache(folder, 3 * CLIP_BYTES + CLIP_BYTES // 2)
    scratch.mkdir()

    async def work() -> int:
        for number in random.Random(seed).choices(range(6), k=200):
            assert await show(cache, store, clips[number], scratch) == content(number)
        return len(store.fetched)

    return asyncio.run(work())


def test_fitters_that_share_a_machine_share_its_clips(tmp_path: Path) -> None:
    folder = tmp_path / "clips"
    with multiprocessing.get_context("spawn").Pool(3) as fitters:
        fetched = fitters.starmap(_show_many, [(folder, tmp_path / f"scratch-{n}", n) for n in range(3)])
    assert all(count < 200 for count in fetched)
    kept = list(folder.iterdir())
    assert sum(path.stat().st_size for path in kept) <= 3 * CLIP_BYTES + CLIP_BYTES // 2
    assert all(hashlib.sha256(path.read_bytes()).hexdigest() == path.name for path in kept)


def test_it_lies_in_the_scratch_space_and_is_bounded_by_the_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LOCKSTEP_SCRATCH_DIR", str(tmp_path))
    assert Settings().clip_cache.most_bytes == 0
    monkeypatch.setenv("LOCKSTEP_CLIP_FITTER_CLIP_CACHE_MEBIBYTES", "3")
    assert Settings().clip_cache == ClipCache(tmp_path / "lockstep-clips", 3 * 1024 * 1024)
