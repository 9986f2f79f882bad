"""What was read from a segment or from the finished file, as plain values: packets, their times and their digests."""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Packet:
    """One encoded frame. Times are ticks of its track's clock; packets stand in the order in which they are decoded."""

    shown_at: int
    decoded_at: int
    lasts: int
    is_key: bool
    digest: str


@dataclass(frozen=True)
class PictureTrack:
    """The video track of the finished file. `tick` is its clock's unit in seconds.

    `decoder_setup` is the digest of the parameter sets that the file hands to a decoder before the first packet.
    """

    tick: Fraction
    decoder_setup: str
    packets: tuple[Packet, ...]

    @property
    def length(self) -> Fraction:
        """Seconds from 0 to where the last frame's showing ends."""
        return max((packet.shown_at + packet.lasts for packet in self.packets), default=0) * self.tick


@dataclass(frozen=True)
class SoundTrack:
    """The audio track of the finished file. The encoder's priming and padding are counted out.

    packets   [ priming |...................| padding ]
    heard               [   sample_count    )
                        ^ first_sample_at
    """

    first_sample_at: Fraction
    sample_count: int
    is_continuous: bool


@dataclass(frozen=True)
class SegmentTrack:
    """The one video track of a segment file. `decode_lead` is how many ticks before it is shown its first frame is
    decoded: the room that reordered frames need."""

    tick: Fraction
    decoder_setup: str
    decode_lead: int
    digests: tuple[str, ...]
    shown_at: tuple[int, ...] = ()
    """The tick at which each packet is shown, in the order of `digests`; the first frame's may be any."""
    codec: str = "h264"
    """ffmpeg's name of it."""

    def packet_of_frame(self, frame: int, ticks_per_frame: int) -> int | None:
        """Which packet is shown as the segment's frame `frame`; None where there is none."""
        first = min(self.shown_at, default=0)
        wanted = first + frame * ticks_per_frame
        return self.shown_at.index(wanted) if wanted in self.shown_at else None
