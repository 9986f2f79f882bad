"""What the clip fitter reads from the environment: `LOCKSTEP_CLIP_FITTER_*`."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.clip_fitter.clip import ClipLimits
from services.clip_fitter.clip_cache import FOLDER, ClipCache
from shared.service import BusSettings
from shared.store import StoreSettings


class Settings(BaseSettings):
    """How many clips are fitted at once, with how many threads, and what a clip may be at most."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_CLIP_FITTER_", extra="ignore")

    bus: BusSettings = Field(default_factory=BusSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)

    at_once: int = Field(default=1, ge=1, le=64, description="Scenes that one process fits at the same time.")
    encoder_threads: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Threads of one encode. Unset: the processors that this process may use, shared by `at_once`."
        " Several encodes of one thread each need less processor time than one encode of several.",
    )
    time_limit_seconds: float = Field(default=3_600, gt=0, description="The longest that one encode may take.")
    probe_limit_seconds: float = Field(
        default=60, gt=0, description="The longest that reading a clip's facts may take."
    )

    most_pixels: int = Field(default=40_000_000, ge=256, description="Of one picture; 8K has 33 million.")
    most_streams: int = Field(default=64, ge=1)
    longest_clip_seconds: int = Field(default=3_600, ge=1)
    longest_picture_seconds: int = Field(default=10, ge=1, description="How long a clip may show one picture.")
    most_animation_pictures: int = Field(
        default=3_000, ge=1, description="Of an animated WebP; a minute at 50 a second."
    )

    clip_cache_mebibytes: int = Field(
        default=0,
        ge=0,
        description="Source clips that stay in the scratch space for further scenes, of all fitters that share it; 0"
        " keeps none. Never more than half of the disk that is left.",
    )

    video_models_file: Path = Field(
        default=Path(__file__).with_name("video_models.toml"),
        description="The clip lengths that video models offer, for advice where footage is missing.",
    )

    @property
    def clip_limits(self) -> ClipLimits:
        """What a clip may be at most."""
        return ClipLimits(
            pixels=self.most_pixels,
            streams=self.most_streams,
            length_ms=self.longest_clip_seconds * 1000,
            picture_ms=self.longest_picture_seconds * 1000,
            animation_pictures=self.most_animation_pictures,
        )

    @property
    def clip_cache(self) -> ClipCache:
        """The source clips that stay on this machine."""
        return ClipCache(self.bus.scratch_dir / FOLDER, self.clip_cache_mebibytes * 1024 * 1024)
