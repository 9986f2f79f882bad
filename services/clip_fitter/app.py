"""The clip fitter as an application."""

from faststream import FastStream

from services.clip_fitter.footage_advice import read_models
from services.clip_fitter.handlers import Handlers
from services.clip_fitter.processors import processors_given, threads_of_one_encode
from services.clip_fitter.settings import Settings
from shared.events import ScenePlanned
from shared.service import Service
from shared.store import MinioStore


def create_app(settings: Settings | None = None) -> FastStream:
    """Settings to adapters to handlers to app."""
    settings = settings or Settings()
    service = Service("clip_fitter", settings.bus)
    threads = threads_of_one_encode(settings.encoder_threads, settings.at_once, processors_given())
    models = read_models(settings.video_models_file.read_text())
    handlers = Handlers(MinioStore(settings.store), settings, threads, models)
    service.on(ScenePlanned, handlers.fit_scene, at_once=settings.at_once)
    return service.app
