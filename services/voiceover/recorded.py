"""The voice `recorded`: the user's own file, one for each scene or one for all."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.voiceover.line import Line
from services.voiceover.recording import RECORDING_GUARD, declared_length, unreadable_recording
from services.voiceover.sides import OpposedSides, compare_sides_arguments, opposed_sides
from services.voiceover.voice import SpokenTake
from shared import project
from shared.assets import Asset, Determinant
from shared.ffmpeg import FfmpegError, probe_media, run_ffmpeg
from shared.media import MediaFacts
from shared.store import AssetStore

RECORDED_RECIPE_VERSION = 2


@dataclass(frozen=True)
class RecordedVoice:
    """A voice that has spoken already: the words of a line are wherever the user said them."""

    store: AssetStore
    ffmpeg_timeout_seconds: float

    def determinants(self, line: Line) -> Mapping[str, Determinant]:
        """The recording's own bytes; what the script says does not change them."""
        return {"engine": "recorded", "digest": _recording(line).digest, "recipe_version": RECORDED_RECIPE_VERSION}

    async def speak(self, line: Line, folder: Path) -> SpokenTake:
        """Fetch the recording and compare its sides. Raises `Unrecoverable` where it is no sound that ffmpeg reads."""
        audio = folder / "recording"
        await self.store.fetch(_recording(line), audio)
        try:
            facts = await probe_media(audio, guard=RECORDING_GUARD)
            opposed = await self._compare_sides(audio, facts)
        except FfmpegError as error:
            if error.exit_code < 0:
                raise
            size = await asyncio.to_thread(lambda: audio.stat().st_size)
            raise unreadable_recording(line.scene_id, error.cause, size=size) from error
        return SpokenTake(audio, declared_ms=declared_length(line.scene_id, facts), opposed=opposed)

    async def _compare_sides(self, audio: Path, facts: MediaFacts) -> OpposedSides | None:
        if facts.audio is None or facts.audio.channels != 2:
            return None
        printed = await run_ffmpeg(
            [*RECORDING_GUARD, *compare_sides_arguments(str(audio))], timeout_seconds=self.ffmpeg_timeout_seconds
        )
        return opposed_sides(printed, length_ms=facts.duration_ms)


def _recording(line: Line) -> Asset:
    if line.recording is None:
        raise ValueError("a recorded voice is asked for a line that nobody recorded")
    return line.recording


async def open_recorded(voice: project.Voice, *, store: AssetStore, ffmpeg_timeout_seconds: float) -> RecordedVoice:
    """The user's own voice; a project of it names its recordings, not a voice."""
    return RecordedVoice(store, ffmpeg_timeout_seconds)
