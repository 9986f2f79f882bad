"""What the mixer reads from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.service import BusSettings
from shared.store import StoreSettings


class Settings(BaseSettings):
    """Read from `LOCKSTEP_MIXER_*`."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_MIXER_", extra="ignore")

    bus: BusSettings = Field(default_factory=BusSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    ffmpeg_timeout_seconds: float = Field(default=900, gt=0)
    """For one run of ffmpeg; a soundtrack of an hour takes it about a minute."""
