"""When a service counts as alive and as ready, by the signs that it leaves."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared.health import FOLDER_VARIABLE, STALE_SECONDS, is_fresh, main, remove_signs, show_signs

ROOT = Path(__file__).parents[2]


def test_a_sign_is_fresh_until_it_is_stale(tmp_path: Path) -> None:
    before = time.monotonic()
    show_signs(tmp_path, "alive")
    given = float((tmp_path / "alive").read_text())
    assert before <= given + 0.001
    assert is_fresh(tmp_path, "alive", now_seconds=given)
    assert is_fresh(tmp_path, "alive", now_seconds=given + STALE_SECONDS)
    assert not is_fresh(tmp_path, "alive", now_seconds=given + STALE_SECONDS + 0.1)


def test_a_service_that_is_alive_may_not_be_ready(tmp_path: Path) -> None:
    show_signs(tmp_path, "alive")
    assert is_fresh(tmp_path, "alive", now_seconds=time.monotonic() + 1)
    assert not is_fresh(tmp_path, "ready", now_seconds=time.monotonic() + 1)


def test_a_sign_from_before_the_machine_started_is_not_fresh(tmp_path: Path) -> None:
    (tmp_path / "ready").write_text("90000.0\n")
    assert not is_fresh(tmp_path, "ready", now_seconds=12.0)


@pytest.mark.parametrize("text", ["", "soon", "\x00"])
def test_a_sign_that_cannot_be_read_is_not_fresh(tmp_path: Path, text: str) -> None:
    (tmp_path / "ready").write_text(text)
    assert not is_fresh(tmp_path, "ready", now_seconds=1.0)


def test_the_signs_of_an_earlier_start_are_removed(tmp_path: Path) -> None:
    show_signs(tmp_path, "alive", "ready")
    remove_signs(tmp_path)
    assert list(tmp_path.iterdir()) == []
    remove_signs(tmp_path)


def test_where_no_folder_is_named_nothing_is_written() -> None:
    show_signs(None, "alive", "ready")
    remove_signs(None)


def test_a_folder_that_cannot_be_written_stops_nobody(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    show_signs(tmp_path / "nowhere", "alive")
    assert "no sign of life could be left" in caplog.text


def test_the_probe_answers_with_its_exit_code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path))
    assert main(["ready"]) == 1
    show_signs(tmp_path, "ready")
    assert main(["ready"]) == 0
    assert main(["well"]) == 2


def test_the_probe_without_a_folder_says_how_it_is_used(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(FOLDER_VARIABLE, raising=False)
    assert main(["ready"]) == 2
    assert "python -m shared.health alive|ready" in capsys.readouterr().err


def test_the_probe_reads_what_another_process_wrote_and_loads_no_library(tmp_path: Path) -> None:
    show_signs(tmp_path, "alive")
    probe = [sys.executable, "-X", "importtime", "-m", "shared.health", "alive"]
    done = subprocess.run(
        probe, cwd=ROOT, env={FOLDER_VARIABLE: str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "pydantic" not in done.stderr
    assert "nats" not in done.stderr
