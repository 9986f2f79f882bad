"""How many processors this process may use: what the container is given, not what the machine has."""

import os
from pathlib import Path

CONTROL_GROUPS = Path("/sys/fs/cgroup")


def processors_given(control_groups: Path = CONTROL_GROUPS) -> int:
    """The processors that the kernel grants this process, at least 1.

    The smaller of the processors that it may run on and the quota of its control group, version 2 (`cpu.max`) or
    version 1 (`cpu.cfs_quota_us`); a part of a processor counts as a whole one.
    """
    mine = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(control_groups)
    return mine if quota is None else max(1, min(mine, quota))


def threads_of_one_encode(asked_for: int | None, at_once: int, processors: int) -> int:
    """How many threads an encode gets: what is asked for, or else its share of the processors, at least 1."""
    return asked_for or max(1, processors // at_once)


def _quota(control_groups: Path) -> int | None:
    try:
        if (limits := control_groups / "cpu.max").exists():
            allowed, period = limits.read_text().split()
        else:
            allowed = (control_groups / "cpu" / "cpu.cfs_quota_us").read_text()
            period = (control_groups / "cpu" / "cpu.cfs_period_us").read_text()
        return None if allowed == "max" or int(allowed) <= 0 else -(-int(allowed) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return None  # no control groups here
