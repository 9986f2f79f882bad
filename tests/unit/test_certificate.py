"""The certificate as a document: it says what it says in JSON too, and cannot contradict itself."""

from fractions import Fraction

import pytest
from pydantic import ValidationError

from shared.certificate import (
    Certificate,
    CertificateFailure,
    CertifiedScene,
    CertifiedSoundtrack,
    VoiceOffset,
)
from shared.timeline import Span

SCENE = CertifiedScene(
    number=1,
    scene_id="lamp",
    window=Span(0, 1001),
    planned_first_frame=0,
    planned_frame_count=30,
    first_frame_at=Fraction(0),
    frame_count=30,
    starts_with_key_frame=True,
    is_intact=True,
    error_ms=0.0,
    frame_error_ms=0.0,
)

CERTIFICATE = Certificate(
    fps=Fraction(30000, 1001),
    planned_frame_count=30,
    frame_count=30,
    largest_spacing_error_ms=0.0,
    scenes=(SCENE,),
    soundtrack=CertifiedSoundtrack(
        planned_sample_count=48_048,
        sample_count=48_048,
        first_sample_at=Fraction(0),
        is_continuous=True,
        voice=(VoiceOffset(heard_at=Span(0, 1001), offset_samples=24, likeness=0.98),),
    ),
    video_length=Fraction(1001, 1000),
    audio_length=Fraction(1001, 1000),
    length_difference_ms=0.0,
    largest_error_ms=0.5,
    holds=True,
)


def test_a_certificate_survives_the_store_without_losing_a_fraction() -> None:
    read_back = Certificate.model_validate_json(CERTIFICATE.model_dump_json())
    assert read_back == CERTIFICATE
    assert read_back.video_length == Fraction(1001, 1000)


def test_a_certificate_with_a_failure_cannot_say_that_it_holds() -> None:
    failure = CertificateFailure(scene_id=None, message="it has 29 frames, not 30")
    with pytest.raises(ValidationError, match="holds where nothing failed"):
        Certificate.model_validate({**CERTIFICATE.model_dump(), "failures": [failure]})
    with pytest.raises(ValidationError, match="holds where nothing failed"):
        Certificate.model_validate({**CERTIFICATE.model_dump(), "holds": False})


def test_a_certificate_says_in_one_line_what_was_measured() -> None:
    assert CERTIFICATE.sentence == (
        "In sync: 30 of 30 frames, every scene and the voice within 0.5 ms (a frame is 33.4 ms),"
        " soundtrack +0.0 ms against the picture."
    )


def test_a_certificate_that_does_not_hold_says_why_in_one_line() -> None:
    failure = CertificateFailure(scene_id=None, message="it has 29 frames, not 30")
    failed = Certificate.model_validate({**CERTIFICATE.model_dump(), "failures": [failure], "holds": False})
    assert failed.sentence == "The certificate does not hold: it has 29 frames, not 30."


def test_an_offset_in_samples_is_an_offset_in_milliseconds() -> None:
    assert CERTIFICATE.soundtrack.voice[0].offset_ms == 0.5
    assert VoiceOffset(heard_at=Span(0, 1), offset_samples=None, likeness=0).offset_ms is None
