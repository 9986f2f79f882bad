"""How the embedded stack spreads the machine's processors over its fitters."""

import pytest

from cli import stack


@pytest.mark.parametrize(("processors", "fitters", "threads"), [(2, 2, "1"), (8, 2, "4"), (2, 4, "1"), (4, 0, "4")])
def test_each_fitter_encodes_with_its_share_of_the_processors(
    monkeypatch: pytest.MonkeyPatch, processors: int, fitters: int, threads: str
) -> None:
    monkeypatch.delenv(stack.ENCODER_THREADS, raising=False)
    monkeypatch.setattr(stack, "processors_given", lambda: processors)
    assert stack.threads_of_each(fitters) == threads


def test_a_number_of_threads_that_is_asked_for_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(stack.ENCODER_THREADS, "3")
    assert stack.threads_of_each(2) == "3"
