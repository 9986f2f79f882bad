"""The mixer as a running service."""

from faststream import FastStream

from services.mixer.handlers import Handlers
from services.mixer.settings import Settings
from shared.events import SceneSounded, ScenesPlanned
from shared.service import Service
from shared.store import MinioStore


def create_app(settings: Settings | None = None) -> FastStream:
    """Settings to adapters to handlers to app."""
    settings = settings or Settings()
    service = Service("mixer", settings.bus)
    handlers = Handlers(MinioStore(settings.store), settings.ffmpeg_timeout_seconds)
    service.on(ScenesPlanned, handlers.mix_soundtrack)
    service.on(SceneSounded, handlers.mix_kept_sound)
    return service.app
