"""The voiceover as a running service."""

from functools import partial

from faststream import FastStream

from services.voiceover.elevenlabs import open_elevenlabs
from services.voiceover.espeak import open_espeak
from services.voiceover.handlers import Handlers
from services.voiceover.openai_speech import open_openai_speech
from services.voiceover.recorded import open_recorded
from services.voiceover.settings import Settings
from services.voiceover.voice import OpenVoice
from shared.events import ProjectSubmitted
from shared.purchases import Purchases
from shared.service import Service
from shared.store import AssetStore, MinioStore
from shared.turnstile import Turnstile


def create_app(settings: Settings | None = None) -> FastStream:
    """Settings to adapters to handlers to app."""
    settings = settings or Settings()
    service = Service("voiceover", settings.bus)
    service.on(ProjectSubmitted, create_handlers(MinioStore(settings.store), settings).record_voiceover)
    return service.app


def create_handlers(store: AssetStore, settings: Settings) -> Handlers:
    """The handlers with every voice there is, by the name of its engine in the project file."""
    purchases = Purchases(store)
    voices: dict[str, OpenVoice] = {
        "elevenlabs": partial(open_elevenlabs, account=settings.elevenlabs, purchases=purchases, turnstile=Turnstile()),
        "espeak": partial(
            open_espeak, library=settings.espeak_library, timeout_seconds=settings.espeak_timeout_seconds
        ),
        "openai-speech": partial(open_openai_speech, server=settings.speech_server, purchases=purchases),
        "recorded": partial(open_recorded, store=store, ffmpeg_timeout_seconds=settings.ffmpeg_timeout_seconds),
    }
    return Handlers(store, voices, settings)
