"""Whether a file can be a recording of the voice, and the sentences for one that cannot. Pure."""

from shared.errors import Unrecoverable
from shared.media import MediaFacts

RECORDING_GUARD = (
    *("-protocol_whitelist", "file", "-format_whitelist"),
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,eac3,flac,flv,matroska,mov,mp3,mpeg,mpegts,ogg,tta,voc,w64,wav,wv",
)
"""Stands before a recording: containers that hold sound and name no other file. A playlist called `voice.mp3` would be
opened without it, and whatever the playlist names."""

_CLAIMS_ITS_LENGTH = {"flac", "mov", "matroska"}
"""Containers that state their length. MP3 without a header is guessed from its first frames, the rest is measured."""

_ANOTHER_FILE = "Use a sound file, e.g. WAV, MP3, M4A or FLAC."
_AGAIN = "Export or copy it again."


def unreadable_recording(scene_id: str | None, cause: str, *, size: int) -> Unrecoverable:
    """The failure for a file of `size` bytes that ffprobe or ffmpeg refused; `cause` is what it said."""
    if size == 0:
        return Unrecoverable("The recording is empty: a file of 0 bytes.", remedy=_AGAIN, scene_id=scene_id)
    if "whitelist" in cause or "Invalid argument" in cause:
        return Unrecoverable(
            "The recording is not sound but a playlist, a script or an unusual format, and such files are not opened.",
            remedy=_ANOTHER_FILE,
            scene_id=scene_id,
        )
    said = cause.rpartition(": ")[2]  # before it stands the path of our copy, which tells the user nothing
    return Unrecoverable(f"The recording cannot be read as sound ({said}).", remedy=_ANOTHER_FILE, scene_id=scene_id)


def declared_length(scene_id: str | None, facts: MediaFacts) -> int | None:
    """How long the recording claims to be, in milliseconds, where its container knows. Raises `Unrecoverable`."""
    if facts.audio is None:
        raise Unrecoverable("The recording has no sound.", remedy=_ANOTHER_FILE, scene_id=scene_id)
    return facts.duration_ms if _CLAIMS_ITS_LENGTH & set(facts.container.split(",")) else None


def require_whole_recording(scene_id: str | None, *, declared_ms: int | None, decoded_ms: int) -> None:
    """Raises `Unrecoverable` where far less could be decoded than the file claims to hold."""
    # A video's sound may well end some frames before its picture, whose length the container states.
    if declared_ms is not None and decoded_ms < declared_ms * 0.95 - 500:
        raise Unrecoverable(
            f"The recording is cut off: it claims {declared_ms / 1000:.1f} s and holds {decoded_ms / 1000:.1f} s.",
            remedy=_AGAIN,
            scene_id=scene_id,
        )
