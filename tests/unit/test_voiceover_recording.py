"""Which files can be a recording of the voice, and what is said of those that cannot."""

import pytest

from services.voiceover.recording import declared_length, require_whole_recording, unreadable_recording
from shared.errors import Unrecoverable
from shared.media import AudioFacts, MediaFacts

AUDIO = AudioFacts(codec="pcm_s16le", sample_rate=44_100, channels=2, duration_ms=1000)


def test_an_empty_file_is_called_empty() -> None:
    assert "0 bytes" in str(unreadable_recording("s1", "Invalid data", size=0))


def test_a_playlist_is_called_one() -> None:
    assert "playlist" in str(unreadable_recording("s1", "x.mp3: Invalid argument", size=40))


def test_what_ffprobe_said_is_told_without_our_path() -> None:
    failure = unreadable_recording("s1", "/somewhere/recording: Invalid data found when processing input", size=40)
    assert failure.reason == "The recording cannot be read as sound (Invalid data found when processing input)."


def test_a_film_without_sound_is_refused() -> None:
    with pytest.raises(Unrecoverable, match="no sound"):
        declared_length("s1", facts("mov,mp4,m4a", audio=None))


@pytest.mark.parametrize(("container", "length"), [("mov,mp4,m4a", 1000), ("flac", 1000), ("mp3", None), ("wav", None)])
def test_only_containers_that_state_their_length_are_held_to_it(container: str, length: int | None) -> None:
    assert declared_length("s1", facts(container, audio=AUDIO)) == length


def test_a_file_that_holds_far_less_than_it_claims_is_cut_off() -> None:
    with pytest.raises(Unrecoverable, match=r"claims 20\.0 s and holds 9\.6 s"):
        require_whole_recording("s1", declared_ms=20_000, decoded_ms=9_600)
    require_whole_recording("s1", declared_ms=20_000, decoded_ms=19_900)
    require_whole_recording("s1", declared_ms=None, decoded_ms=10)


def facts(container: str, audio: AudioFacts | None) -> MediaFacts:
    return MediaFacts(container=container, duration_ms=1000, stream_count=1, video=None, audio=audio)
