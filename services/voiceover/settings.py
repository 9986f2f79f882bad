"""What the voiceover service reads from the environment."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.voiceover.openai_speech import SpeechServerSettings
from shared.elevenlabs import ElevenLabsSettings
from shared.service import BusSettings
from shared.store import StoreSettings


class Settings(BaseSettings):
    """Read from `LOCKSTEP_VOICEOVER_*`."""

    model_config = SettingsConfigDict(env_prefix="LOCKSTEP_VOICEOVER_", extra="ignore")

    bus: BusSettings = Field(default_factory=BusSettings)
    store: StoreSettings = Field(default_factory=StoreSettings)
    elevenlabs: ElevenLabsSettings = Field(default_factory=ElevenLabsSettings)
    speech_server: SpeechServerSettings = Field(default_factory=SpeechServerSettings)
    takes_at_once: int = Field(default=2, ge=1, le=64)
    """How many takes of one project are spoken at the same time, where a paid service allows as many."""
    longest_take_minutes: int = Field(default=20, ge=1)
    """One scene's take; its loudness curve is held in memory, 0.5 MB a minute."""
    longest_recording_minutes: int = Field(default=180, ge=1)
    """One recording of all scenes."""
    espeak_library: str = ""
    """The path of libespeak-ng where it is in no usual place."""
    espeak_timeout_seconds: float = Field(default=120, gt=0)
    """For one take; 20 minutes of speech take espeak-ng about 4 s."""
    ffmpeg_timeout_seconds: float = Field(default=900, gt=0)
    """For decoding one recording."""
