"""The scene planner as an application."""

from faststream import FastStream

from services.scene_planner.handlers import Handlers
from services.scene_planner.settings import Settings
from shared.events import WordsTimed
from shared.service import Service
from shared.store import MinioStore


def create_app(settings: Settings | None = None) -> FastStream:
    """Settings to adapters to handlers to app."""
    settings = settings or Settings()
    service = Service("scene_planner", settings.bus)
    handlers = Handlers(MinioStore(settings.store))
    service.on(WordsTimed, handlers.plan_project)
    return service.app
