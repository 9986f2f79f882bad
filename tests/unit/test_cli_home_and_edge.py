"""The folder that one stack holds at a time, and the edge where failures become words."""

import asyncio
import subprocess
import sys
from pathlib import Path

import nats.errors
import pytest
from urllib3.exceptions import HTTPError

from cli.edge import FAILED, INTERRUPTED, Refused, run_to_exit
from cli.home import RunningStack, held_home, note_stack, running_stack
from shared.errors import Unrecoverable

STACK = RunningStack(
    process_id=1,
    nats_url="nats://127.0.0.1:1",
    s3_endpoint="127.0.0.1:2",
    s3_access_key="a",
    s3_secret_key="b",
    bucket="c",
)


def test_a_running_stack_is_found_while_its_home_is_held(tmp_path: Path) -> None:
    with held_home(tmp_path):
        note_stack(tmp_path, STACK)
        assert running_stack(tmp_path) == STACK
    assert running_stack(tmp_path) is None


def test_the_note_of_a_killed_stack_is_not_believed(tmp_path: Path) -> None:
    note_stack(tmp_path, STACK)
    assert running_stack(tmp_path) is None


def test_the_note_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    note_stack(tmp_path, STACK)
    assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0


def test_a_second_stack_in_the_same_home_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with held_home(tmp_path), pytest.raises(Refused, match="LOCKSTEP_HOME"), held_home(tmp_path):
        pass


def test_a_refusal_is_one_sentence_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        raise Refused("The clip is missing. Put it there.")

    assert run_to_exit(work()) == FAILED
    assert capsys.readouterr().err == "The clip is missing. Put it there.\n"


def test_an_unrecoverable_failure_names_scene_cause_and_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        raise Unrecoverable("The clip is empty.", remedy="Make it again.", scene_id="storm")

    assert run_to_exit(work()) == FAILED
    assert capsys.readouterr().err == "Scene 'storm': The clip is empty. Make it again.\n"


@pytest.mark.parametrize(
    ("error", "server"), [(nats.errors.TimeoutError(), "bus"), (HTTPError("no route"), "object store")]
)
def test_a_server_that_goes_away_in_the_middle_is_told_in_a_sentence(
    capsys: pytest.CaptureFixture[str], error: Exception, server: str
) -> None:
    async def work() -> None:
        raise error

    assert run_to_exit(work()) == FAILED
    assert capsys.readouterr().err.startswith(f"The {server} does not answer just now (")


def test_an_interrupted_command_says_that_nothing_is_lost(capsys: pytest.CaptureFixture[str]) -> None:
    async def work() -> None:
        raise asyncio.CancelledError

    assert run_to_exit(work()) == INTERRUPTED
    assert "kept" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    heavy = "('nats', 'minio', 'pydantic', 'rich')"
    program = f"import sys; from cli.main import lockstep; print([name for name in {heavy} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
