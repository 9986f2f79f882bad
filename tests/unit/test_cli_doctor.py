"""What is missing on a machine, and the command that installs it."""

from pathlib import Path

import pytest

from cli.check import checked_project
from cli.doctor import findings, install_command, missing_encoder, missing_programs, report
from cli.edge import Refused
from shared.segments import CODECS, Codec


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


def test_an_ffmpeg_that_lacks_a_project_s_encoder_is_told_before_anything_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert missing_encoder("h264") is None
    (tmp_path / "ffmpeg").write_text("#!/bin/sh\necho ' V....D libx264  libx264 H.264 (codec h264)'\n")
    (tmp_path / "ffmpeg").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
    assert missing_encoder("h264") is None
    missing = missing_encoder("h265")
    assert missing is not None
    assert (missing.name, missing.purpose) == ("libx265", "encodes H.265")


async def test_check_names_the_line_of_a_codec_that_cannot_be_encoded(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(CODECS, "av1", Codec("libnone", "av1", "av01"))
    (tmp_path / "clip.mp4").write_bytes(b"media")
    project = tmp_path / "project.yaml"
    project.write_text(
        "name: film\noutput:\n  encoder: {codec: av1}\n"
        "scenes:\n  - {id: one, narration: Hello there., clips: [clip.mp4]}\n"
    )
    with pytest.raises(Refused) as caught:
        await checked_project(project)
    told = str(caught.value)
    assert "project.yaml:3:20: output.encoder.codec: This ffmpeg lacks libnone, which encodes AV1." in told
    assert "or write `codec: h264`." in told
