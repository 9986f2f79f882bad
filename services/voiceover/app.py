"""The voiceover as a running service."""

from functools import partial

from faststream import FastStream

from services.voiceover.espeak import open_espeak
from services.voiceover.handlers import Handlers
from services.voiceover.recorded import open_recorded
from services.voiceover.settings import Settings
from services.voiceover.voice import OpenVoice
from shared.events import ProjectSubmitted
from shared.service import Service
from shared.store import AssetStore, MinioStore


def create_app(settings: Settings | None = None) -> FastStream:
    """Settings to adapters to handlers to app."""
    settings = settings or Settings()
    service = Service("voiceover", settings.bus)
    service.on(ProjectSubmitted, create_handlers(MinioStore(settings.store), settings).record_voiceover)
    return service.app


def create_handlers(store: AssetStore, settings: Settings) -> Handlers:
    """The handlers with every voice there is, by the name of its engine in the project file."""
    voices: dict[str, OpenVoice] = {
        "espeak": partial(
            open_espeak, library=settings.espeak_library, timeout_seconds=settings.espeak_timeout_seconds
        ),
        "recorded": partial(open_recorded, store=store),
    }
    return Handlers(store, voices, settings)
