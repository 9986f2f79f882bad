"""Services as processes of their own, run by `faststream run` like everywhere else."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import Process
from pathlib import Path
from types import TracebackType

from shared.bus import BusSettings
from tests.chaos.voiceover_service import FOLDER_VARIABLE
from tests.integration.bus_bench import until


class Services:
    """Copies of the voiceover service in `voiceover_service.py`."""

    def __init__(self, settings: BusSettings, folder: Path) -> None:
        self._folder = folder
        self._processes: list[Process] = []
        self.environment = {
            **os.environ,
            "LOCKSTEP_NATS_URL": settings.url,
            "LOCKSTEP_NATS_WATCHDOG_SECONDS": "0.2",
            "LOCKSTEP_NATS_STARTUP_TIMEOUT_SECONDS": "20",
            "LOCKSTEP_SCRATCH_DIR": str(settings.scratch_dir),
            FOLDER_VARIABLE: str(folder),
        }

    async def __aenter__(self) -> "Services":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self._processes:
            if process.returncode is None:
                process.kill()
            await process.wait()

    async def start(self) -> Process:
        """Start one more copy; returns at once."""
        with (self._folder / f"service-{len(self._processes)}.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "faststream", "run", "tests.chaos.voiceover_service:create_app", "--factory"),
                env=self.environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._processes.append(process)
        return process

    def log(self, process: Process) -> str:
        """What the process printed."""
        return (self._folder / f"service-{self._processes.index(process)}.log").read_text()

    def hold(self) -> None:
        """From now on work does not end."""
        (self._folder / "hold").touch()

    def let_go(self) -> None:
        """Let work end."""
        (self._folder / "hold").unlink()

    def journal(self) -> list[str]:
        """What was begun and ended, and by which process, in order."""
        journal = self._folder / "journal"
        return journal.read_text().splitlines() if journal.exists() else []

    async def noted(self, line: str) -> None:
        """Wait until the journal has a line that starts so."""

        async def there() -> bool:
            return any(noted.startswith(line) for noted in self.journal())

        await until(there, f"{line!r} is not in the journal: {self.journal()}")

    @staticmethod
    async def ended(process: Process) -> int:
        """Wait for the process's end; its exit code, negative for a signal."""
        async with asyncio.timeout(60):
            return await process.wait()

    @staticmethod
    def kill(process: Process) -> None:
        """End it with no chance to say anything."""
        os.kill(process.pid, signal.SIGKILL)
