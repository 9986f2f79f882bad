"""Processes held to a part of a core by the kernel, as if each ran on a small machine of its own.

So what many machines do together can be measured on one. Wants root, on Linux: control groups of either version. Shared
processors are twice as fast in one minute as in the next: a `Yardstick` on such a machine of its own tells how fast
they are meanwhile.
"""

import contextlib
import hashlib
import multiprocessing
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Self

import psutil

PERIOD_US = 100_000
"""The kernel's own: in each of these a process gets its part, and then waits for the next."""

GROUPS = Path("/sys/fs/cgroup")


def _limit(cores: float) -> tuple[Path, str, str]:
    """Below which folder groups are made, and which file of a group is given which text."""
    quota = round(cores * PERIOD_US)
    if (GROUPS / "cgroup.controllers").exists():
        return GROUPS, "cpu.max", f"{quota} {PERIOD_US}"
    return GROUPS / "cpu", "cpu.cfs_quota_us", str(quota)


@contextlib.contextmanager
def held_to(cores: float, process_ids: Iterable[int]) -> Iterator[None]:
    """Hold each process, with all that it starts, to so many cores.

    Raises `LookupError` where the kernel has no control groups for processors, or they may not be made.
    """
    above, limit, text = _limit(cores)
    groups: list[Path] = []
    try:
        for process_id in process_ids:
            group = above / f"lockstep-{os.getpid()}-{process_id}"
            group.mkdir()
            groups.append(group)
            (group / limit).write_text(text)
            (group / "cgroup.procs").write_text(str(process_id))
    except OSError as error:
        _release(above, groups)
        raise LookupError(f"Processes cannot be held to a part of a core here ({error}): run this as root.") from error
    try:
        yield
    finally:
        _release(above, groups)


def _hash_on_and_on(count: "Synchronized[int]") -> None:
    block = bytes(64 * 1024)
    while True:
        hashlib.sha256(block).digest()
        with count.get_lock():
            count.value += 1


class Yardstick:
    """A process that does the same over and over."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._count: Synchronized[int] = context.Value("q", 0)
        self._process = context.Process(target=_hash_on_and_on, args=(self._count,), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    @property
    def process_id(self) -> int:
        """To hold it to its part of a core."""
        assert self._process.pid is not None
        return self._process.pid

    def reading(self) -> "Reading":
        """What it has done up to now."""
        times = psutil.Process(self.process_id).cpu_times()
        return Reading(self._count.value, times.user + times.system)


@dataclass(frozen=True)
class Reading:
    """What a yardstick has done."""

    blocks: int
    cpu_seconds: float

    def speed_since(self, earlier: "Reading") -> float:
        """How fast the cores were: blocks in a second of processor time."""
        return (self.blocks - earlier.blocks) / (self.cpu_seconds - earlier.cpu_seconds)


def _release(above: Path, groups: Iterable[Path]) -> None:
    for group in groups:
        for process_id in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                (above / "cgroup.procs").write_text(process_id)
        group.rmdir()
