"""Opposed sides of a stereo recording: found in what ffmpeg prints, told as a few stretches, the louder side kept."""

import pytest

from services.voiceover.core import TakeCut, decode_arguments, report_opposed
from services.voiceover.sides import OpposedSides, opposed_sides
from shared.timeline import Span

SYLLABLE = "[aphasemeter @ 0x5] out_phase_end: 3.46 | out_phase_duration: 0.26\n"
WORD = "[aphasemeter @ 0x5] out_phase_end: 4.911 | out_phase_duration: 0.9\n"
SENTENCE = "[aphasemeter @ 0x5] out_phase_end: 9.0 | out_phase_duration: 2.5\n"


def levels(left: str, right: str) -> str:
    lines = [
        f"[astats @ 0x6] Channel: {n}\n[astats @ 0x6] RMS level dB: {level}\n" for n, level in ((1, left), (2, right))
    ]
    return "".join(lines)


def test_opposed_sides_are_told_where_they_last_a_second_altogether() -> None:
    assert opposed_sides(levels("-20.0", "-20.0"), length_ms=20_000) is None
    assert opposed_sides("mono_start: 0\n" + SYLLABLE + levels("-20", "-20"), length_ms=20_000) is None
    found = opposed_sides(SYLLABLE + WORD + SENTENCE + levels("-20.5", "-21.5"), length_ms=20_000)
    assert found == OpposedSides((Span(3_200, 4_911), Span(6_500, 9_000)), "left")


def test_half_of_a_very_short_recording_is_enough() -> None:
    assert opposed_sides(SYLLABLE + levels("-20", "-20"), length_ms=500) is not None
    assert opposed_sides(SYLLABLE + levels("-20", "-20"), length_ms=None) is None


@pytest.mark.parametrize(
    ("left", "right", "louder"), [("-20.5", "-20.4", "right"), ("-20", "-20", "left"), ("-inf", "-60", "right")]
)
def test_the_louder_side_is_kept_and_the_left_of_equals(left: str, right: str, louder: str) -> None:
    found = opposed_sides(SENTENCE + levels(left, right), length_ms=20_000)
    assert found is not None
    assert found.louder == louder


def test_one_side_is_decoded_alone() -> None:
    assert "pan=mono|c0=c1" in " ".join(decode_arguments("in", "out", 1_000, side="right"))
    assert "pan" not in " ".join(decode_arguments("in", "out", 1_000))


def test_opposed_stretches_move_with_the_take_and_what_was_cut_off_is_not_told() -> None:
    cut = TakeCut(lead_ms=300, source_span=Span(1_000, 5_000), tail_ms=0)
    opposed = OpposedSides((Span(0, 900), Span(500, 2_000), Span(4_000, 9_000)), "left")
    assert report_opposed(opposed, cut) == (Span(300, 1_300), Span(3_300, 4_300))
    assert report_opposed(None, cut) == ()
