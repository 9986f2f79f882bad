"""Scratch folders for handlers, which leave nothing behind, not even when their process is killed.

Every user of scratch space owns one folder and holds a file lock in it. A folder whose lock is free has lost its
owner and is swept by the next one that starts. A lock tells the dead from the living where a process id cannot:
in a container every process is number 1.
"""

import asyncio
import fcntl
import logging
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import cached_property
from pathlib import Path

logger = logging.getLogger("lockstep.scratch")

LOCK = "owner.lock"


class ScratchFolder:
    """One message's folder, empty and made when it is asked for: many messages, a join's above all, need none."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @cached_property
    def path(self) -> Path:
        """Where it is."""
        return Path(tempfile.mkdtemp(dir=self._root))

    async def remove(self) -> None:
        """Remove it, where it was made."""
        if "path" in vars(self):
            await asyncio.to_thread(shutil.rmtree, self.path, ignore_errors=True)


class Scratch:
    """One owner's scratch space below `parent`."""

    def __init__(self, parent: Path, owner: str) -> None:
        self._parent = parent
        self._prefix = f"lockstep-{owner}-"
        self._root: Path | None = None
        self._lock: int | None = None

    def open(self) -> None:
        """Sweep what dead owners of the same name left, and take a folder."""
        self._parent.mkdir(parents=True, exist_ok=True)
        self._sweep()
        self._root = Path(tempfile.mkdtemp(prefix=f"{self._prefix}{os.getpid()}-", dir=self._parent))
        # The lock file gets its name when it is locked, so a sweeper never sees it free while its owner lives.
        newborn = self._root / f"{LOCK}.new"
        self._lock = os.open(newborn, os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        newborn.rename(self._root / LOCK)

    def close(self) -> None:
        """Remove the folder."""
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
            self._root = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @asynccontextmanager
    async def folder(self) -> AsyncIterator[ScratchFolder]:
        """A folder that is gone afterwards, whatever happens."""
        assert self._root is not None, "open() comes first"
        folder = ScratchFolder(self._root)
        try:
            yield folder
        finally:
            await asyncio.shield(folder.remove())

    def _sweep(self) -> None:
        for folder in self._parent.glob(f"{self._prefix}*"):
            with suppress(OSError):
                lock = os.open(folder / LOCK, os.O_RDWR)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                    logger.info("removed scratch space of a process that died: %s", folder.name)
                finally:
                    os.close(lock)
