"""Source clips that stay on a fitter's machine, so that the next scene that shows one does not fetch it again.

    <scratch space>/lockstep-clips/<digest>      the bytes; its modification time is when it was last used

All fitters with the same scratch space share them, and no lock is needed: a clip comes in, is taken and goes out by
single steps of the file system (link, link, unlink). A step has a link of its own, so what is put out while it works
stays until it has finished; and clip and copy are the same bytes on the disk once.
"""

import asyncio
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shared.assets import Asset, is_source
from shared.store import AssetStore, file_digest
from shared.telemetry_stages import note_clip_kept, staged

FOLDER = "lockstep-clips"


def fair_share_bytes(free_bytes: int, kept_bytes: int) -> int:
    """Half of the disk that nobody else uses: what is in work needs the room more than what may be shown again."""
    return (free_bytes + kept_bytes) // 2


@dataclass(frozen=True)
class ClipCache:
    """A folder with at most so many bytes of source clips; those that were used last stay. 0 bytes keep none."""

    folder: Path
    most_bytes: int

    async def fetch(self, store: AssetStore, asset: Asset, path: Path) -> None:
        """Write a clip's bytes to `path`, where only reading is allowed: from here, or else from `store`.

        Raises what the store raises. `path` and the folder have to be on one file system; otherwise nothing is kept.
        """
        if self.most_bytes == 0 or not is_source(asset.key):
            await store.fetch(asset, path)
            return
        await asyncio.to_thread(self._put_out)
        if await self._take(asset, path):
            note_clip_kept(asset.size)
            return
        await store.fetch(asset, path)
        await asyncio.to_thread(self._keep, asset, path)

    @staged("fetch")
    async def _take(self, asset: Asset, path: Path) -> bool:
        return await asyncio.to_thread(self._link, asset, path)

    def _link(self, asset: Asset, path: Path) -> bool:
        kept = self.folder / asset.digest
        try:
            os.link(kept, path)
        except OSError:
            return False
        if file_digest(path) != asset.digest:
            # A disk that fails, or somebody who wrote where only reading is allowed.
            path.unlink()
            kept.unlink(missing_ok=True)
            return False
        with suppress(FileNotFoundError):
            os.utime(kept)
        return True

    def _keep(self, asset: Asset, path: Path) -> None:
        if asset.size > self.most_bytes:
            return  # it would put out all others
        with suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            os.link(path, self.folder / asset.digest)
        self._put_out()

    def _put_out(self) -> None:
        """Remove what was not used for longest, until the rest is within its bound."""
        kept = sorted(self._kept(), reverse=True)
        if not kept:
            return
        free_bytes = shutil.disk_usage(self.folder).free
        most_bytes = min(self.most_bytes, fair_share_bytes(free_bytes, sum(size for _, size, _ in kept)))
        held = 0
        for _, size, path in kept:
            held += size
            if held > most_bytes:
                path.unlink(missing_ok=True)

    def _kept(self) -> Iterator[tuple[int, int, Path]]:
        """When each clip was last used, its size, and where it is."""
        with suppress(FileNotFoundError):
            for path in self.folder.iterdir():
                with suppress(FileNotFoundError):
                    if re.fullmatch("[0-9a-f]{64}", path.name):
                        yield (status := path.stat()).st_mtime_ns, status.st_size, path
