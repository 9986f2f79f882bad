"""The transcriber as an application."""

from faststream import FastStream

from services.transcriber.handlers import Handlers
from services.transcriber.settings import Settings
from services.transcriber.workers import PocketsphinxEngine
from shared.events import VoiceoverRecorded
from shared.service import Service
from shared.store import MinioStore


def create_app(settings: Settings | None = None) -> FastStream:
    """Settings to adapters to handlers to app."""
    settings = settings or Settings()
    service = Service("transcriber", settings.bus)
    engine = PocketsphinxEngine(settings.most_workers, settings.worker_timeout_seconds)
    handlers = Handlers(MinioStore(settings.store), {engine.name: engine})
    service.on(VoiceoverRecorded, handlers.time_words)
    return service.app
