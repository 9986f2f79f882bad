"""What is missing on a machine, and the command that installs it."""

from pathlib import Path

import pytest

from cli.doctor import findings, install_command, missing_programs, report


def test_nothing_is_missing_where_the_tests_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert report() == 0
    assert "Nothing is missing." in capsys.readouterr().out


def test_a_missing_program_is_named_with_its_command(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manager = tmp_path / "apt-get"
    manager.write_text("#!/bin/sh\n")
    manager.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert {finding.name for finding in missing_programs()} >= {"ffmpeg", "ffprobe", "espeak-ng"}
    assert report() == 1
    assert "sudo apt-get install -y espeak-ng" in capsys.readouterr().out


def test_the_install_command_is_that_of_the_machines_own_package_manager(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    manager = tmp_path / "dnf"
    manager.write_text("#!/bin/sh\n")
    manager.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install_command(["ffmpeg"]) == "sudo dnf install -y ffmpeg"


def test_every_finding_says_what_it_is_for() -> None:
    assert all(finding.purpose and finding.remedy for finding in findings())
