"""The folder where the embedded stack keeps what it made, and the note that says whether one is running."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs
from pydantic import BaseModel, ConfigDict

from cli.edge import Refused
from shared.store import StoreSettings

SPANS = "spans.db"
"""The file of the home in which the stack's processes keep where the time went."""


class RunningStack(BaseModel):
    """How to reach a stack that runs on this machine. The file that holds it is readable by its owner only."""

    model_config = ConfigDict(frozen=True)

    process_id: int
    nats_url: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str
    bucket: str

    def store_settings(self) -> StoreSettings:
        """The stack's object store."""
        return StoreSettings.model_validate(
            {
                "endpoint": self.s3_endpoint,
                "access_key": self.s3_access_key,
                "secret_key": self.s3_secret_key,
                "bucket": self.bucket,
            }
        )


def home_folder() -> Path:
    """`LOCKSTEP_HOME`, or the user's cache folder: everything in it can be made again."""
    folder = Path(os.environ.get("LOCKSTEP_HOME") or platformdirs.user_cache_dir("lockstep"))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def running_stack(home: Path) -> RunningStack | None:
    """The stack that holds this home, or None. A note left by a killed process is ignored: its lock is free."""
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            note = home / "stack.json"
            return RunningStack.model_validate_json(note.read_text()) if note.exists() else None
    return None


@contextmanager
def held_home(home: Path) -> Iterator[None]:
    """Hold the home for one stack. Raises `Refused` when another one has it."""
    with (home / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Refused(
                f"Another Lockstep is just starting or stopping in {home}. "
                "Wait for it, or set LOCKSTEP_HOME to another folder."
            ) from None
        try:
            yield
        finally:
            (home / "stack.json").unlink(missing_ok=True)


def note_stack(home: Path, stack: RunningStack) -> None:
    """Leave the note that lets `submit`, `watch`, `status` and `render` find this stack."""
    path = home / "stack.json"
    path.touch(mode=0o600)
    path.write_text(stack.model_dump_json())
