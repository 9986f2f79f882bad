"""What the transcriber reads from the environment: `LOCKSTEP_TRANSCRIBER_*`."""

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.elevenlabs import ElevenLabsSettings
from shared.service import BusSettings
from shared.store import StoreSettings


class Settings(BaseSettings):
    """Where the bus and the store are, and how many processes may align at once."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_TRANSCRIBER_", extra="ignore")

    bus: BusSettings = Field(default_factory=BusSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    elevenlabs: ElevenLabsSettings = Field(default_factory=ElevenLabsSettings)
    most_workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1, le=64)
    worker_timeout_seconds: float = Field(default=1800, gt=0)
    whisper_model: str = "small.en"
    """For `engine: whisper` where a project names no model: a name, or the folder that holds the model."""
    whisper_download_folder: Path | None = None
    """Where models that are named are kept once they are downloaded; faster-whisper's own place if not set."""
