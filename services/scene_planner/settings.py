"""What the scene planner reads from the environment: `LOCKSTEP_SCENE_PLANNER_*`."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.service import BusSettings
from shared.store import StoreSettings


class Settings(BaseSettings):
    """Where the bus and the store are. What a plan is like is decided by the project alone."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_SCENE_PLANNER_", extra="ignore")

    bus: BusSettings = Field(default_factory=BusSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
