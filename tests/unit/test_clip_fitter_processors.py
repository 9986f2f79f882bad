"""A fitter takes the processors that its container is given, not those of the machine."""

import os
from pathlib import Path

import pytest

from services.clip_fitter.processors import processors_given, threads_of_one_encode


@pytest.fixture(autouse=True)
def eight_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)))


@pytest.mark.parametrize(
    ("limits", "given"), [("max 100000", 8), ("200000 100000", 2), ("150000 100000", 2), ("10000 100000", 1)]
)
def test_the_quota_of_version_2(tmp_path: Path, limits: str, given: int) -> None:
    (tmp_path / "cpu.max").write_text(f"{limits}\n")
    assert processors_given(tmp_path) == given


@pytest.mark.parametrize(("quota", "given"), [("-1", 8), ("300000", 3)])
def test_the_quota_of_version_1(tmp_path: Path, quota: str, given: int) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(f"{quota}\n")
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000\n")
    assert processors_given(tmp_path) == given


def test_without_control_groups_it_is_what_the_process_may_run_on(tmp_path: Path) -> None:
    assert processors_given(tmp_path) == 8


@pytest.mark.parametrize(
    ("asked_for", "at_once", "processors", "threads"), [(None, 1, 1, 1), (None, 1, 4, 4), (None, 4, 2, 1), (3, 1, 8, 3)]
)
def test_the_encodes_of_a_fitter_share_its_processors(
    asked_for: int | None, at_once: int, processors: int, threads: int
) -> None:
    assert threads_of_one_encode(asked_for, at_once, processors) == threads
