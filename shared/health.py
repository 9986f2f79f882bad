"""Two files that a service touches while it is well, and the probe that looks at them.

    python -m shared.health alive    # its event loop turns: otherwise kill it
    python -m shared.health ready    # and the bus says, over the service's own connection, that its consumers stand

The watch over the connection touches them, every few seconds. So the probe asks the service and not a socket: a service
that is stuck, or whose consumer was deleted, keeps its sockets open and answers any ping. A probe that connected to the
bus itself would find the bus well and not the service, and would cost a process with a connection every few seconds;
this one reads a file of twenty bytes.

A bus that is away leaves `alive` as it is: to start a service anew does not bring the bus back.
"""

import logging
import os
import sys
import time
from pathlib import Path

logger = logging.getLogger("lockstep.health")

FOLDER_VARIABLE = "LOCKSTEP_HEALTH_DIR"
"""Where the two files are. Where it is not set, none are written."""

STALE_SECONDS = 60.0
"""Twelve times the pause between two signs of life: a machine that swaps is not a service that is stuck."""

SIGNS = ("alive", "ready")


def show_signs(folder: Path | None, *signs: str) -> None:
    """Note that the signs are given now. Never raises: a full disk is no reason to stop watching."""
    if folder is None:
        return
    for sign in signs:
        # The time since boot, which all processes of a machine share and no clock that is set moves. Not rounded: a
        # probe that asks within the same millisecond would find a sign of the future, and believe none of those.
        fresh = folder / f".{sign}.new"
        try:
            fresh.write_text(f"{time.monotonic()!r}\n")
            fresh.replace(folder / sign)
        except OSError as error:
            logger.warning("no sign of life could be left: %s", error.strerror)


def remove_signs(folder: Path | None) -> None:
    """Be neither alive nor ready before the first sign: a container that starts again finds its old files."""
    if folder is None:
        return
    for sign in SIGNS:
        (folder / sign).unlink(missing_ok=True)


def is_fresh(folder: Path, sign: str, *, now_seconds: float, stale_seconds: float = STALE_SECONDS) -> bool:
    """Whether the sign was given within the last `stale_seconds`; one from before the machine's start was not."""
    try:
        given_seconds = float((folder / sign).read_text())
    except (OSError, ValueError):
        return False
    return 0 <= now_seconds - given_seconds <= stale_seconds


def main(arguments: list[str]) -> int:
    """The probe: 0 where the sign is fresh, 1 where it is not, 2 where it was asked wrongly."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if len(arguments) != 1 or arguments[0] not in SIGNS or not folder:
        sys.stderr.write(f"usage: {FOLDER_VARIABLE}=<folder> python -m shared.health {'|'.join(SIGNS)}\n")
        return 2
    if is_fresh(Path(folder), arguments[0], now_seconds=time.monotonic()):
        return 0
    sys.stderr.write(f"not {arguments[0]} for {STALE_SECONDS:g} s\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
