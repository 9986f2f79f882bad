"""When a step is tried again and when it is given up, and what is told of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from minio.error import S3Error
from urllib3 import HTTPResponse

from shared.errors import Unrecoverable
from shared.retry import (
    REASON_LENGTH,
    GiveUp,
    RetryPolicy,
    TryAgain,
    Unreadable,
    WornOut,
    describe,
    one_line,
    retry_decision,
)
from shared.timeline import Span

POLICY = RetryPolicy(max_attempts=4, delays_seconds=(1.0, 10.0))


def test_pauses_grow_and_the_last_one_repeats() -> None:
    decisions = [retry_decision(POLICY, "mixer", attempt, OSError("disk")) for attempt in (1, 2, 3)]
    assert decisions == [TryAgain(1.0), TryAgain(10.0), TryAgain(10.0)]


def test_the_last_attempt_is_the_end() -> None:
    assert retry_decision(POLICY, "mixer", 4, OSError("disk full")) == GiveUp(
        reason="The step mixer failed 4 times, the last time with OSError: disk full.",
        remedy="See the service's log for the cause; when it is gone, submit the project again.",
        scene_id=None,
        dead_letter=True,
    )


@given(st.integers(1, 100), st.integers(1, 100), st.lists(st.floats(0, 600), max_size=5))
def test_a_step_is_tried_as_often_as_the_policy_says(attempt: int, most: int, delays: list[float]) -> None:
    policy = RetryPolicy(max_attempts=most, delays_seconds=tuple(delays))
    decision = retry_decision(policy, "mixer", attempt, ValueError())
    assert isinstance(decision, TryAgain) == (attempt < most)
    if isinstance(decision, TryAgain):
        assert decision.delay_seconds in (*delays, 0)


@given(st.integers(1, 100))
def test_what_is_unrecoverable_is_never_tried_again(attempt: int) -> None:
    error = Unrecoverable("Clip a.mp4 is empty.", remedy="Export it again.", scene_id="intro", span=Span(200, 300))
    assert retry_decision(POLICY, "clip_fitter", attempt, error) == GiveUp(
        "Clip a.mp4 is empty.", "Export it again.", "intro", dead_letter=False, span=Span(200, 300)
    )


def test_what_cannot_be_read_is_never_tried_again() -> None:
    decision = retry_decision(POLICY, "mixer", 1, Unreadable("lockstep.a.b.c: body: Invalid JSON"))
    assert isinstance(decision, GiveUp)
    assert decision.dead_letter
    assert decision.reason == "A message for mixer cannot be read: lockstep.a.b.c: body: Invalid JSON."


def test_a_message_that_never_came_to_an_end_is_given_up() -> None:
    decision = retry_decision(POLICY, "mixer", 21, WornOut())
    assert isinstance(decision, GiveUp)
    assert decision.reason == "The step mixer was begun 20 times and never came to an end."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("two\n\n  lines\t", "two lines"),
        ("nats://user:secret@host:4222 refused", "nats://host:4222 refused"),
        ("GET http://s3/bucket/key?X-Amz-Signature=abc&x=1 failed", "GET http://s3/bucket/key failed"),
        ("why? because", "why? because"),
        ("x" * 1000, "x" * (REASON_LENGTH - 1) + "…"),
    ],
)
def test_an_error_is_told_on_one_short_line_without_secrets(text: str, told: str) -> None:
    assert one_line(text) == told


@given(st.text())
def test_whatever_an_error_says_it_is_one_line(text: str) -> None:
    line = one_line(text)
    assert len(line) <= REASON_LENGTH
    assert len(line.splitlines()) <= 1


def test_an_error_without_words_is_told_by_its_class() -> None:
    assert describe(TimeoutError()) == "TimeoutError"
    assert describe(ValueError("no")) == "ValueError: no"


@pytest.mark.parametrize(("code", "said"), [("RequestTimeTooSkewed", "clock"), ("AccessDenied", "policy")])
def test_what_the_store_refuses_is_said_in_words_that_an_operator_can_act_on(code: str, said: str) -> None:
    refused = S3Error(HTTPResponse(), code, "S3 operation failed", "/bucket/key", "request", "host")
    assert describe(refused).startswith(f"S3Error {code}: ")
    assert said in describe(refused)
