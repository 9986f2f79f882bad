"""Processes held to a part of a core by the kernel, as if each ran on a small machine of its own.

So what many machines do together can be measured on one. Wants root, on Linux: control groups of either version.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

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


def _release(above: Path, groups: Iterable[Path]) -> None:
    for group in groups:
        for process_id in (group / "cgroup.procs").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                (above / "cgroup.procs").write_text(process_id)
        group.rmdir()
