"""What the assembler reads from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.service import BusSettings
from shared.store import StoreSettings


class Settings(BaseSettings):
    """Read from `LOCKSTEP_ASSEMBLER_*`."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_ASSEMBLER_", extra="ignore")

    bus: BusSettings = Field(default_factory=BusSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    fetches_at_once: int = Field(default=4, gt=0)
    """How many segments are fetched from the store at the same time."""
    segments_read_at_once: int = Field(default=25, gt=0)
    """How many segment files one ffmpeg opens to read their packets: 25 of 1920x1080 take 106 MB."""
    ffmpeg_timeout_seconds: float = Field(default=900, gt=0)
    """For one run of ffmpeg or ffprobe; joining an hour of video takes seconds, plus the time to copy its bytes."""
