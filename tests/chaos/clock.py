"""A clock that can be set while a process reads it: libfaketime, between the process and the C library.

Only the time of day moves. The monotonic clock goes on, as it does where a real clock is set.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

LIBRARY = "faketime/libfaketimeMT.so.1"


@dataclass
class Clock:
    """One process's clock, and that of the processes that it starts."""

    setting: Path

    def __post_init__(self) -> None:
        self.jump(0)

    def jump(self, seconds: int) -> None:
        """From now on it is so far ahead of the machine's clock."""
        fresh = self.setting.with_suffix(".new")
        fresh.write_text(f"{seconds:+d}\n")
        fresh.replace(self.setting)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process has to be started with. Raises `LookupError` where the library is missing."""
        return {
            "LD_PRELOAD": str(_library()),
            "FAKETIME_TIMESTAMP_FILE": str(self.setting),
            "FAKETIME_CACHE_DURATION": "1",  # seconds until a jump is noticed
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
            "PYTHONPATH": str(Path(__file__).with_name("asleep")),
        }


def _library() -> Path:
    for folder in (Path("/usr/lib"), Path("/usr/lib64"), Path("/usr/local/lib")):
        for found in sorted((*folder.glob(LIBRARY), *folder.glob(f"*/{LIBRARY}"))):
            return found
    raise LookupError("A clock cannot be made to jump without libfaketime: `apt-get install libfaketime`.")
