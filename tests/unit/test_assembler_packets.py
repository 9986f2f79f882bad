"""What ffmpeg and ffprobe print about packets, read as values."""

from fractions import Fraction

from services.assembler.packets import VideoReading, segment_tracks
from services.assembler.tracks import Packet, SegmentTrack, SoundTrack

LISTING = """\
#format: frame checksums
#version: 2
#hash: murmur3
#extradata 0,                              42, 90a8e21ff71ed0bffaf17ccc7807be45
#extradata 1,                              42, 90a8e21ff71ed0bffaf17ccc7807be45
#software: Lavf59.27.100
#tb 0: 1/30000
#media_type 0: video
#tb 1: 1/30000
#stream#, dts,        pts, duration,     size, hash
0,      -2002,          0,     1001,     1184, 70232e81b4989f5c8287f84e502407c5
1,          0,          0,     1001,     1177, 5e30d359d5f5f37105ffdff2e5e07e84
0,      -1001,       3003,     1001,       18, fb838027c41d2605726fb64085d82a03
"""


def report(*sound: str) -> VideoReading:
    reading = VideoReading()
    picture = [
        "packet|codec_type=video|pts=0|dts=-1024|duration=512|flags=K_|data_hash=murmur3:aa",
        "packet|codec_type=video|pts=1024|dts=-512|duration=512|flags=__|data_hash=murmur3:bb",
        "packet|codec_type=video|pts=512|dts=0|duration=512|flags=__|data_hash=murmur3:cc",
    ]
    streams = [
        "stream|codec_type=video|time_base=1/12288|extradata_hash=murmur3:5e",
        "stream|codec_type=audio|time_base=1/48000|extradata_hash=murmur3:d3",
    ]
    for line in (*picture, *sound, *streams):
        reading.take(line)
    return reading


def heard(*, at: int, lasts: int = 1024, extra: str = "") -> str:
    return f"packet|codec_type=audio|pts={at}|dts={at}|duration={lasts}|flags=K_{extra}|data_hash=murmur3:0"


PRIMING = "|side_data|skip_samples=1024|discard_padding=0"


def test_several_segments_are_told_apart_in_one_listing() -> None:
    assert segment_tracks(LISTING, count=2) == (
        SegmentTrack(
            Fraction(1, 30000),
            "90a8e21ff71ed0bffaf17ccc7807be45",
            2002,
            ("70232e81b4989f5c8287f84e502407c5", "fb838027c41d2605726fb64085d82a03"),
            (0, 3003),
        ),
        SegmentTrack(
            Fraction(1, 30000), "90a8e21ff71ed0bffaf17ccc7807be45", 0, ("5e30d359d5f5f37105ffdff2e5e07e84",), (0,)
        ),
    )


def test_pictures_are_read_in_the_order_in_which_they_are_decoded() -> None:
    picture = report(heard(at=0)).picture
    assert picture.tick == Fraction(1, 12288)
    assert picture.decoder_setup == "5e"
    assert picture.packets == (
        Packet(0, -1024, 512, is_key=True, digest="aa"),
        Packet(1024, -512, 512, is_key=False, digest="bb"),
        Packet(512, 0, 512, is_key=False, digest="cc"),
    )
    assert picture.length == Fraction(3, 24)


def test_a_frame_that_an_edit_list_hides_is_no_frame() -> None:
    reading = report(heard(at=0))
    reading.take("packet|codec_type=video|pts=1536|dts=512|duration=512|flags=_D|data_hash=murmur3:dd")
    assert len(reading.picture.packets) == 3


def test_the_encoders_priming_and_padding_are_not_heard() -> None:
    last = "|side_data|skip_samples=0|discard_padding=200"
    sound = report(heard(at=-1024, extra=PRIMING), heard(at=0), heard(at=1024, extra=last)).sound
    assert sound == SoundTrack(first_sample_at=Fraction(0), sample_count=2048 - 200, is_continuous=True)


def test_a_shortened_last_packet_is_heard_only_as_far_as_it_lasts() -> None:
    sound = report(heard(at=-1024, extra=PRIMING), heard(at=0), heard(at=1024, lasts=512)).sound
    assert sound.sample_count == 1536


def test_a_late_soundtrack_is_seen_in_its_first_sample() -> None:
    sound = report(heard(at=1376, extra=PRIMING), heard(at=2400)).sound
    assert sound.first_sample_at == Fraction(50, 1000)


def test_a_hole_in_the_soundtrack_is_seen() -> None:
    assert not report(heard(at=-1024, extra=PRIMING), heard(at=0), heard(at=2048)).sound.is_continuous
